"""One simulated cloud for all tests here; each test leaves it without faults and with the settings it found."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import openstack
import pytest
from tests import cloudsim_process
from tests.cloudsim_process import CloudsimProcess

HELD = 10_000.0
"""A `latency_factor` with which nothing goes on by itself; `Maker.watched` does each step."""

DEFAULTS: dict[str, Any] = {
    "latency_factor": 0.0,
    "boot_seconds": 0.0,
    "token_seconds": 3600.0,
    "auto_confirm": False,
    "same_host_resize": False,
    "shared_storage": True,
    "root_volume_swap": False,
    "page_limit": 1000,
}


@pytest.fixture(scope="session")
def _process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudsimProcess]:
    process = cloudsim_process.start(tmp_path_factory.mktemp("cloud"))
    yield process
    process.stop()


@pytest.fixture
def cloudsim(_process: CloudsimProcess) -> Iterator[CloudsimProcess]:
    """The cloud, without delays."""
    _process.settings(**DEFAULTS)
    yield _process
    _process.clear_faults()


@pytest.fixture(scope="session")
def admin(_process: CloudsimProcess) -> Iterator[Any]:
    """openstacksdk as the admin."""
    connection = openstack.connect(**_process.connect_args)
    yield connection
    connection.close()


@pytest.fixture(scope="session")
def connect_as(_process: CloudsimProcess, admin: Any) -> Iterator[Callable[..., Any]]:
    """Makes a user with these roles in the project ``vim`` and connects as that user."""
    made: list[Any] = []
    project = admin.identity.create_project(name="vim", domain_id="default")

    def connect(name: str, *roles: str) -> Any:
        user = admin.identity.create_user(name=name, password="secret", domain_id="default")
        for role in roles:
            admin.identity.assign_project_role_to_user(project, user, admin.identity.find_role(role))
        login = {**_process.connect_args, "username": name, "password": "secret", "project_name": "vim"}
        made.append(openstack.connect(**login))
        return made[-1]

    yield connect
    for connection in made:
        connection.close()


@pytest.fixture(scope="session")
def member(connect_as: Callable[..., Any]) -> Any:
    """openstacksdk as a member of another project."""
    return connect_as("vim-member", "member")


class Maker:
    """Makes servers and removes them after the test."""

    def __init__(self, admin: Any, cloudsim: CloudsimProcess) -> None:
        self.admin = admin
        self.cloudsim = cloudsim
        self.image = admin.image.find_image("SolTest-Cirros-Image", ignore_missing=False)
        self.flavor = admin.compute.find_flavor("SolTest-Cirros-Flavor", ignore_missing=False)
        self.bigger = admin.compute.find_flavor("SolTest-Cirros-Flavor-v2", ignore_missing=False)
        self.network = admin.network.find_network("SolTest-Network", ignore_missing=False)
        self._made: list[str] = []

    def accepted(self, name: str, connection: Any | None = None, **more: Any) -> Any:
        """What create_server returned."""
        given: dict[str, Any] = {
            "name": name,
            "image_id": self.image.id,
            "flavor_id": self.flavor.id,
            "networks": [{"uuid": self.network.id}],
            **more,
        }
        given = {key: value for key, value in given.items() if value is not None}
        server = (connection or self.admin).compute.create_server(**given)
        self._made.append(server.id)
        return server

    def __call__(self, name: str, connection: Any | None = None, **more: Any) -> Any:
        """A server that is ACTIVE or in ERROR."""
        return self.settled(self.accepted(name, connection, **more).id, "ACTIVE", "ERROR")

    def settled(self, server_id: str, *statuses: str) -> Any:
        """Wait for a status without a task; at most 10 seconds."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            server = self.admin.compute.get_server(server_id)
            if server.status in statuses and server.task_state is None:
                return server
            time.sleep(0.005)
        raise AssertionError(f"{server_id} did not become {statuses} but {server.status}/{server.task_state}")

    def watched(self, server_id: str, *statuses: str) -> tuple[list[str], Any]:
        """Step by step to a status without a task: every STATUS/task on the way, and the server. Wants `HELD`."""
        seen: list[str] = []
        while True:
            server = self.admin.compute.get_server(server_id)
            state = f"{server.status}/{server.task_state or '-'}"
            if seen[-1:] != [state]:
                seen.append(state)
            if server.status in statuses and server.task_state is None:
                return seen, server
            assert self.cloudsim.advance(server_id), f"{server_id} did not become {statuses}: {seen}"

    def clean(self) -> None:
        """Delete everything made."""
        for server_id in self._made:
            self.admin.compute.delete_server(server_id)


@pytest.fixture
def boot(cloudsim: CloudsimProcess, admin: Any) -> Iterator[Maker]:
    """Makes servers: ``boot("name")``."""
    maker = Maker(admin, cloudsim)
    yield maker
    cloudsim.clear_faults()
    cloudsim.settings(**DEFAULTS)
    cloudsim.settings(**DEFAULTS)
    maker.clean()


def pytest_configure(config: pytest.Config) -> None:
    """openstacksdk warns of its own next release; that is not about us."""
    config.addinivalue_line("filterwarnings", "ignore::PendingDeprecationWarning:openstack")
    config.addinivalue_line("filterwarnings", "ignore::DeprecationWarning:openstack")
