"""The cloud of the run, connectors to it, and what a test makes there and takes away again.

Names are the test's own and those of this run, for the lab keeps what it holds.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import AsyncIterator, Iterator

import pytest
from tests.contract.boot import Boot
from tests.contract.target import CLOUD, TARGETS, Target

from openesc.vim.openstack import OpenStackCloud, OpenStackVim
from openesc.vim.port import Flavor, FlavorSpec, Network, NetworkSpec, SubnetSpec

RUN = uuid.uuid4().hex[:6]


@pytest.fixture(scope="session", params=[CLOUD])
def target(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """The cloud under test."""
    with TARGETS[request.param](tmp_path_factory.mktemp("cloud")) as found:
        yield found


@pytest.fixture
async def vim(target: Target) -> AsyncIterator[OpenStackVim]:
    """A connector with an administrator's credentials."""
    connector = OpenStackVim(target.settings())
    yield connector
    await connector.close()


@pytest.fixture
async def cloud(vim: OpenStackVim) -> OpenStackCloud:
    """The cloud seen from the connector's own project."""
    return await vim.cloud("SystemAdminTenantId")


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A name for what this test makes."""
    return f"{RUN}-{hashlib.sha1(request.node.nodeid.encode()).hexdigest()[:8]}"


@pytest.fixture
async def network(cloud: OpenStackCloud, name: str) -> AsyncIterator[Network]:
    """A network with a subnet of its own for one test. In the lab, guests with an address of it answer pings."""
    made = await cloud.create_network(NetworkSpec(f"net-{name}", tag="openesc:test"))
    await cloud.create_subnet(SubnetSpec(f"net-{name}-subnet", made.id, "198.19.0.0/16", gateway="198.19.0.1"))
    yield made
    for subnet in await cloud.subnets(made.id):
        await cloud.delete_subnet(subnet.id)
    await cloud.delete_network(made.id)


@pytest.fixture
async def boot(target: Target, cloud: OpenStackCloud, network: Network, name: str) -> AsyncIterator[Boot]:
    """Makes servers, ports, volumes and takes them away."""
    maker = Boot(cloud, network, f"vm-{name}", target.patience)
    yield maker
    await maker.clean()


@pytest.fixture
async def small(cloud: OpenStackCloud) -> Flavor:
    """The flavor that servers get."""
    return await _flavor(cloud, "SolTest-Cirros-Flavor")


@pytest.fixture
async def bigger(cloud: OpenStackCloud) -> Flavor:
    """A flavor with more of everything."""
    return await _flavor(cloud, "SolTest-Cirros-Flavor-v2")


@pytest.fixture
async def too_big(cloud: OpenStackCloud, name: str) -> AsyncIterator[Flavor]:
    """A flavor no host has room for, within every quota."""
    made = await cloud.create_flavor(FlavorSpec(f"huge-{name}", 1, 512, 5000))
    yield made
    await cloud.delete_flavor(made.id)


async def _flavor(cloud: OpenStackCloud, name: str) -> Flavor:
    found = await cloud.find_flavor(name)
    assert found is not None
    return found
