"""These servers ask the cloud often and give up soon."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

POLLS = {
    "OPENESC_ENGINE__SNAPSHOT_CREATE_POLL_S": "0.1",
    "OPENESC_ENGINE__SNAPSHOT_CREATE_TIMEOUT_S": "4",
    "OPENESC_ENGINE__SNAPSHOT_DELETE_POLL_S": "0.1",
    "OPENESC_ENGINE__SNAPSHOT_DELETE_TIMEOUT_S": "3",
    "OPENESC_ENGINE__CLOUD_PATIENCE_S": "5",
}


@pytest.fixture(scope="module")
def server_settings() -> Mapping[str, str]:
    return POLLS
