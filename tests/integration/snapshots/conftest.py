"""These servers ask the cloud often and give up soon."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

POLLS = {
    "vim.asyncpoller.snapshot.create.poll.secs": "0.1",
    "vim.asyncpoller.snapshot.create.timeout.mins": "0.066666667",
    "vim.asyncpoller.snapshot.delete.poll.secs": "0.1",
    "vim.asyncpoller.snapshot.delete.timeout.mins": "0.05",
    "OPENESC_ENGINE__CLOUD_PATIENCE_S": "5",
}


@pytest.fixture(scope="module")
def server_settings() -> Mapping[str, str]:
    return POLLS
