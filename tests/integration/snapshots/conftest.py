"""One server for each module of tests, which asks the cloud often and gives up soon."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from tests.integration.main_job.conftest import make_house, schema_cache
from tests.integration.main_job.house import House, Session
from tests.integration.main_job.subscriber import Subscriber, subscribe

POLLS = {
    "OPENESC_ENGINE__SNAPSHOT_CREATE_POLL_S": "0.1",
    "OPENESC_ENGINE__SNAPSHOT_CREATE_TIMEOUT_S": "4",
    "OPENESC_ENGINE__SNAPSHOT_DELETE_POLL_S": "0.1",
    "OPENESC_ENGINE__SNAPSHOT_DELETE_TIMEOUT_S": "3",
    "OPENESC_ENGINE__CLOUD_PATIENCE_S": "5",
}


@pytest.fixture(scope="module")
def shared_house(make_house: Callable[..., House]) -> House:
    return make_house(**POLLS)


@pytest.fixture
def house(shared_house: House) -> Iterator[House]:
    """The module's server; sessions of the test are closed and faults removed after it."""
    yield shared_house
    shared_house.leave()
    shared_house.sim("DELETE", "/sim/faults")


@pytest.fixture
def admin(house: House) -> Session:
    return house.session()


@pytest.fixture
def subscriber(house: House) -> Subscriber:
    return subscribe(house)


__all__ = ["admin", "house", "make_house", "schema_cache", "shared_house", "subscriber"]
