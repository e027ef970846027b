"""These servers give up a cloud that does not answer soon."""

from __future__ import annotations

from collections.abc import Mapping

import pytest


@pytest.fixture(scope="module")
def server_settings() -> Mapping[str, str]:
    return {"OPENESC_ENGINE__CLOUD_PATIENCE_S": "5"}
