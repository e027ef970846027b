"""Clouds and connectors for the tests of the adapter."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterator

import pytest
from tests.contract.boot import Boot
from tests.integration.vim.simulator import Simulator, running
from tests.integration.vim.stub import Stub, start

from openesc.vim.openstack import OpenStackCloud, OpenStackVim
from openesc.vim.port import Network, NetworkSpec, SubnetSpec
from openesc.vim.settings import VimSettings


def auth(base: str, password: str = "secret") -> dict[str, str]:
    """The words to log into the stub."""
    return {
        "auth_url": f"{base}/identity/v3",
        "username": "vim",
        "password": password,
        "project_name": "vim",
        "user_domain_name": "Default",
        "project_domain_name": "Default",
    }


@pytest.fixture
def stub() -> Iterator[Stub]:
    """A cloud that answers what the test tells it to."""
    cloud, stop = start()
    yield cloud
    stop()


@pytest.fixture
async def vim(stub: Stub) -> AsyncIterator[OpenStackVim]:
    """A connector to the stub that loses patience after a second."""
    settings = VimSettings("stub", auth=auth(stub.base), http_timeout=1.0, poll_interval=0.2, threads=8)
    connector = OpenStackVim(settings)
    yield connector
    await connector.close()


@pytest.fixture
async def cloud(vim: OpenStackVim) -> OpenStackCloud:
    """The stub seen from its project."""
    return await vim.cloud("vim")


@pytest.fixture(scope="session")
def simulator_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """One simulated cloud for all tests; each names its things after itself."""
    with running(tmp_path_factory.mktemp("cloudsim")) as simulator:
        yield simulator


@pytest.fixture
def simulator(simulator_process: Simulator) -> Iterator[Simulator]:
    """The simulated cloud without faults."""
    yield simulator_process
    simulator_process.process.clear_faults()


@pytest.fixture
async def sim_vim(simulator: Simulator) -> AsyncIterator[OpenStackVim]:
    """A connector to the simulated cloud."""
    connector = OpenStackVim(simulator.settings())
    yield connector
    await connector.close()


@pytest.fixture
async def sim_cloud(sim_vim: OpenStackVim) -> OpenStackCloud:
    """The simulated cloud seen from the connector's own project."""
    return await sim_vim.cloud("SystemAdminTenantId")


@pytest.fixture
async def network(sim_cloud: OpenStackCloud, request: pytest.FixtureRequest) -> Network:
    """A network with a subnet of its own for one test."""
    name = f"net-{hashlib.sha1(request.node.nodeid.encode()).hexdigest()[:8]}"
    made = await sim_cloud.create_network(NetworkSpec(name, tag="openesc:test"))
    await sim_cloud.create_subnet(SubnetSpec(f"{name}-subnet", made.id, "10.9.0.0/16", gateway="10.9.0.1"))
    return made


@pytest.fixture
async def boot(sim_cloud: OpenStackCloud, network: Network) -> AsyncIterator[Boot]:
    """Makes servers and takes them away."""
    maker = Boot(sim_cloud, network, network.name.replace("net", "vm"))
    yield maker
    await maker.clean()


def pytest_configure(config: pytest.Config) -> None:
    """The SDK 4.22 warns of its own coming changes, of calls it makes itself."""
    config.addinivalue_line("filterwarnings", "ignore::PendingDeprecationWarning:openstack")
