"""These servers have REST, on a free port."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest
from tests.integration.main_job.house import House
from tests.integration.rest.client import Rest

SETTINGS = {
    "OPENESC_REST__PORT": "0",
    "OPENESC_ENGINE__CLOUD_PATIENCE_S": "5",
    "vim.asyncpoller.snapshot.create.poll.secs": "0.1",
    "vim.asyncpoller.snapshot.delete.poll.secs": "0.1",
}


@pytest.fixture(scope="module")
def server_settings() -> Mapping[str, str]:
    return SETTINGS


@pytest.fixture
def rest(house: House) -> Iterator[Rest]:
    """A caller on this machine, without credentials."""
    with Rest.of(house) as client:
        yield client
