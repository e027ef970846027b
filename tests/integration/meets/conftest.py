"""One server for all cells, with a cloud that takes no time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest
from tests.integration.main_job.house import House


@pytest.fixture(scope="module")
def server_settings() -> Mapping[str, str]:
    return {
        "OPENESC_CLOUDSIM__BOOT_SECONDS": "0",
        "OPENESC_CLOUDSIM__LATENCY_FACTOR": "0.01",
        "OPENESC_VIM__POLL_INTERVAL_S": "0.05",
        "OPENESC_ENGINE__ACCEPT_WAIT_S": "0.3",
        "vim.asyncpoller.snapshot.create.poll.secs": "0.05",
    }


@pytest.fixture
def house(shared_house: House) -> Iterator[House]:
    """The module's server; its sessions stay for the next cell."""
    yield shared_house
    shared_house.sim("DELETE", "/sim/faults")
