"""One server for each module of tests. A folder whose tests want another server overrides `server_settings`."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from tests.integration.main_job.house import House, Session
from tests.integration.main_job.subscriber import Subscriber, subscribe
from tests.server_process import ServerProcess

from openesc.vimmanager import FILE

QUICK = {
    "OPENESC_CLOUDSIM__BOOT_SECONDS": "0.1",
    "OPENESC_ENGINE__CLOUD_PATIENCE_S": "20",
    "OPENESC_VIM__POLL_INTERVAL_S": "0.1",
}
SIMULATOR_SETTINGS = {"auto_confirm": False, "shared_storage": True}
"""What a test may change of the simulated cloud, as the next one expects it."""


@pytest.fixture(scope="session")
def schema_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compiling the YANG takes seconds: the servers of one run hand the result on."""
    return tmp_path_factory.mktemp("schema") / "cache"


@pytest.fixture(scope="module")
def make_house(tmp_path_factory: pytest.TempPathFactory, schema_cache: Path) -> Iterator[Callable[..., House]]:
    """Start servers, each with a cloud of its own; they end with the module.

    A name with a dot in it is a property of the vimmanager, any other one an environment variable.
    """
    made: list[House] = []

    def make(**given: str) -> House:
        data_dir = tmp_path_factory.mktemp("data")
        properties = [f"{name}={value}\n" for name, value in given.items() if "." in name]
        settings = {name: value for name, value in given.items() if "." not in name}
        (data_dir / FILE).write_text("".join(properties))
        if schema_cache.exists():
            shutil.copytree(schema_cache, data_dir / "cache")
        house = House(ServerProcess(data_dir, {**QUICK, **settings}))
        made.append(house)
        house.server.start()
        if not schema_cache.exists():
            shutil.copytree(data_dir / "cache", schema_cache)
        return house

    yield make
    for house in made:
        house.close()


@pytest.fixture(scope="module")
def server_settings() -> Mapping[str, str]:
    """Environment of the module's server, beyond `QUICK`."""
    return {}


@pytest.fixture(scope="module")
def shared_house(make_house: Callable[..., House], server_settings: Mapping[str, str]) -> House:
    return make_house(**server_settings)


@pytest.fixture
def house(shared_house: House) -> Iterator[House]:
    """The module's server; sessions of the test are closed and faults removed after it."""
    yield shared_house
    shared_house.leave()
    shared_house.sim("DELETE", "/sim/faults")
    shared_house.sim("PUT", "/sim/settings", SIMULATOR_SETTINGS)


@pytest.fixture
def admin(house: House) -> Session:
    return house.session()


@pytest.fixture
def subscriber(house: House) -> Subscriber:
    return subscribe(house)
