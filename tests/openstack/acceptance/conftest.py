"""openesc with the lab's cloud behind it, driven by NETCONF and esc_nc_cli, and the cloud seen from outside."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.contract.test_images import web
from tests.integration.main_job.house import House, Session
from tests.integration.main_job.payloads import undeploy
from tests.integration.main_job.subscriber import Event, Subscriber
from tests.integration.rest.client import Rest
from tests.openstack.acceptance.callbacks import Callbacks
from tests.openstack.acceptance.outside import Outside
from tests.openstack.acceptance.proxied import Proxied, region
from tests.openstack.lab.settings import Settings
from tests.server_process import ServerProcess

from openesc.vimmanager import FILE

__all__ = ["web"]
"""A fixture of the contract's, for tests here too."""

SECONDS = 240.0
"""How long an event may take: two processors run all of OpenStack."""

RUN = uuid.uuid4().hex[:4]

POLLS = ("snapshot.create", "snapshot.delete", "volume.create")


class PatientSubscriber(Subscriber):
    """A subscriber that gives the real cloud its time."""

    def until(
        self, type: str, seconds: float = SECONDS, each: Callable[[Event], None] | None = None, **fields: str
    ) -> list[Event]:
        return super().until(type, seconds, each, **fields)


def settings_of(lab: Settings, **more: str) -> dict[str, str]:
    """The environment of a server that has the lab for its cloud."""
    return {
        "OS_CLIENT_CONFIG_FILE": str(lab.under("clouds.yaml")),
        "OPENESC_VIM__KIND": "openstack",
        "OPENESC_VIM__CLOUD": "lab-admin",
        "OPENESC_VIM__POLL_INTERVAL_S": "0.5",
        "OPENESC_VIM__HTTP_TIMEOUT_S": "60",
        "OPENESC_ENGINE__CLOUD_PATIENCE_S": "120",
        "OPENESC_ENGINE__ACCEPT_WAIT_S": "60",
        **more,
    }


@pytest.fixture(scope="session")
def outside() -> Iterator[Outside]:
    """The cloud, which is up."""
    found = Outside(Settings.from_environment())
    yield found
    found.close()


@pytest.fixture(scope="session")
def the_proxied(tmp_path_factory: pytest.TempPathFactory, outside: Outside) -> Iterator[Proxied]:
    """A second region, behind a proxy with TLS."""
    with region(outside, tmp_path_factory.mktemp("proxied")) as made:
        yield made


@pytest.fixture
def proxied(the_proxied: Proxied) -> Iterator[Proxied]:
    """The second region; a test that breaks its proxy need not mend it."""
    yield the_proxied
    the_proxied.mend()


@pytest.fixture(scope="session")
def the_house(tmp_path_factory: pytest.TempPathFactory, outside: Outside) -> Iterator[House]:
    """The server under test, for all tests."""
    folder: Path = tmp_path_factory.mktemp("openesc")
    house = House(ServerProcess(folder / "data", settings_of(outside.settings, OPENESC_REST__PORT="0")))
    house.server.data_dir.mkdir()
    polls = "".join(f"vim.asyncpoller.{of}.poll.secs=1\n" for of in POLLS)
    (house.server.data_dir / FILE).write_text(polls)
    house.server.start()
    yield house
    house.close()


@pytest.fixture
def house(the_house: House) -> Iterator[House]:
    """The server under test; sessions of the test are closed after it."""
    yield the_house
    the_house.leave()


@pytest.fixture
def admin(house: House) -> Session:
    return house.session()


@pytest.fixture
def subscriber(house: House) -> Subscriber:
    return PatientSubscriber(house.session())


@pytest.fixture
def rest(house: House) -> Iterator[Rest]:
    """A caller of REST on this machine, without credentials."""
    with Rest.of(house) as client:
        yield client


@pytest.fixture
def callbacks() -> Iterator[Callbacks]:
    with Callbacks() as receiver:
        yield receiver


@pytest.fixture
def own_name(outside: Outside) -> Iterator[str]:
    """A name of the test's own; nothing in the cloud may be named so after it."""
    made = f"{RUN}-{uuid.uuid4().hex[:4]}"
    yield made
    try:
        assert outside.is_empty(made)
    finally:
        outside.sweep(made)


@pytest.fixture
def name(own_name: str, the_house: House) -> Iterator[str]:
    """The name of the test's deployment, which is undeployed after the test."""
    yield own_name
    with_session = the_house.session()
    if with_session.config(own_name) is not None:
        watching = PatientSubscriber(the_house.session())
        with_session.edit(undeploy(own_name))
        watching.until("SERVICE_UNDEPLOYED", depname=own_name)
    the_house.leave()
