"""Networks, subnets and ports: what they are called, what they hold, and what is refused."""

from __future__ import annotations

import pytest
from tests.contract.boot import Boot

from openesc.vim.errors import VimBadRequest, VimConflict, VimNotFound
from openesc.vim.openstack import OpenStackCloud, OpenStackVim
from openesc.vim.port import Network, NetworkSpec, PortSpec, SubnetSpec

NOBODY = "00000000-0000-4000-8000-000000000000"


class TestNetworks:
    async def test_made_found_and_deleted(self, cloud: OpenStackCloud, network: Network) -> None:
        assert await cloud.find_network(network.name) == network
        assert await cloud.find_network(network.id) == network
        (subnet,) = await cloud.subnets(network.id)
        assert (subnet.cidr, subnet.gateway, subnet.netmask) == ("198.19.0.0/16", "198.19.0.1", "255.255.0.0")
        assert await cloud.find_subnet(subnet.name, network.id) == subnet
        assert await cloud.find_subnet(subnet.id) == subnet
        await cloud.delete_subnet(subnet.id)
        await cloud.delete_network(network.id)
        assert await cloud.find_network(network.name) is None
        assert await cloud.find_network(network.id) is None

    async def test_of_another_project_is_not_found(self, vim: OpenStackVim, network: Network, name: str) -> None:
        """An admin is shown it; a member of the project could not use it."""
        project = await vim.create_project(f"other-{name}")
        other = await vim.cloud(project.name)
        assert await other.find_network(network.name) is None
        shared = await other.find_network("SolTest-Network")
        assert shared is not None and shared.shared
        await vim.delete_project(project.id)

    async def test_two_of_one_name_need_an_id(self, cloud: OpenStackCloud, name: str) -> None:
        one, two = [await cloud.create_network(NetworkSpec(f"twins-{name}")) for _ in range(2)]
        with pytest.raises(VimConflict, match=f"({one.id}|{two.id}).*by its id"):
            await cloud.find_network(f"twins-{name}")
        assert await cloud.find_network(one.id) == one
        assert {found.id for found in await cloud.networks_named(f"twins-{name}")} == {one.id, two.id}
        for twin in (one, two):
            await cloud.delete_network(twin.id)

    async def test_deleting_what_is_gone_is_success(self, cloud: OpenStackCloud) -> None:
        await cloud.delete_network(NOBODY)
        await cloud.delete_subnet(NOBODY)
        await cloud.delete_port(NOBODY)

    async def test_subnet_without_gateway_and_dhcp(self, cloud: OpenStackCloud, network: Network) -> None:
        spec = SubnetSpec("bare", network.id, "10.8.0.0/28", no_gateway=True, dhcp=False)
        subnet = await cloud.create_subnet(spec)
        assert (subnet.gateway, subnet.dhcp, subnet.netmask) == (None, False, "255.255.255.240")

    async def test_subnet_of_ipv6(self, cloud: OpenStackCloud, network: Network) -> None:
        subnet = await cloud.create_subnet(SubnetSpec("six", network.id, "2001:db8::/64", ip_version=6))
        assert (subnet.ip_version, subnet.netmask) == (6, "64")

    async def test_refusals(self, cloud: OpenStackCloud, network: Network, boot: Boot) -> None:
        with pytest.raises(VimBadRequest, match="overlaps with another subnet"):
            await cloud.create_subnet(SubnetSpec("again", network.id, "198.19.0.0/24"))
        with pytest.raises(VimBadRequest, match="nonsense"):
            await cloud.create_subnet(SubnetSpec("nonsense", network.id, "nonsense"))
        port = await boot.port()
        with pytest.raises(VimConflict, match="There are one or more ports still in use on the network") as caught:
            await cloud.delete_network(network.id)
        assert caught.value.status == 409 and (caught.value.request_id or "").startswith("req-")
        await cloud.delete_port(port.id)


class TestPorts:
    async def test_made_found_by_name_and_tag_and_deleted(self, cloud: OpenStackCloud, boot: Boot, name: str) -> None:
        tags = (f"openesc:{name}", "openesc:x")
        port = await boot.port(ip_address="198.19.0.50", tags=tags, description=tags[0])
        assert [ip.ip_address for ip in port.fixed_ips] == ["198.19.0.50"]
        assert [one.id for one in await cloud.ports_marked(tags[0])] == [port.id], "by its description if need be"
        assert sorted((await cloud.get_port(port.id)).tags) in ([], sorted(tags)), "as Neutron takes them or does not"
        assert (port.status, port.device_id) == ("DOWN", "")
        assert (await cloud.get_port(port.id)).mac_address == port.mac_address
        found = await cloud.find_port(port.name)
        assert found is not None and found.id == port.id
        assert [one.id for one in await cloud.ports_marked(f"openesc:{name}")] == [port.id]
        await cloud.delete_port(port.id)
        assert await cloud.find_port(port.name) is None
        with pytest.raises(VimNotFound, match=f"Port {port.id} could not be found"):
            await cloud.get_port(port.id)

    async def test_address_pairs_and_mac(self, boot: Boot) -> None:
        port = await boot.port(mac_address="fa:16:3e:11:22:33", allowed_address_pairs=(("198.19.0.99", None),))
        assert port.mac_address == "fa:16:3e:11:22:33"

    async def test_changed(self, cloud: OpenStackCloud, boot: Boot) -> None:
        """Security groups by name or id; None is the project's default one."""
        port = await boot.port(10)
        default = port.security_groups
        pairs = (("198.19.1.0/24", None), ("198.19.2.7", None))
        changed = await cloud.update_port(port.id, allowed_address_pairs=pairs, security_groups=default)
        assert changed.allowed_addresses == ("198.19.1.0/24", "198.19.2.7")
        assert changed.security_groups == default and len(default) == 1
        changed = await cloud.update_port(port.id, allowed_address_pairs=(), security_groups=())
        assert (changed.allowed_addresses, changed.security_groups) == ((), ())
        changed = await cloud.update_port(port.id, allowed_address_pairs=(), security_groups=None)
        assert changed.security_groups == default
        named = await boot.port(11, security_groups=("default",))
        assert named.security_groups == default
        with pytest.raises(VimNotFound, match="security group no-such not found"):
            await cloud.update_port(port.id, allowed_address_pairs=(), security_groups=("no-such",))

    async def test_refusals(self, cloud: OpenStackCloud, boot: Boot) -> None:
        await boot.port(1, ip_address="198.19.0.60")
        with pytest.raises(VimConflict, match=r"IP address 198\.19\.0\.60 already allocated in subnet"):
            await boot.port(2, ip_address="198.19.0.60")
        (subnet,) = await cloud.subnets(boot.network.id)
        with pytest.raises(VimBadRequest, match="is not a valid IP for the specified subnet"):
            await boot.port(3, ip_address="192.0.2.5", subnet_id=subnet.id)
        with pytest.raises(VimNotFound, match=r"Network .* could not be found"):
            await cloud.create_port(PortSpec("p", NOBODY))

    async def test_a_server_takes_it_and_gives_it_back(self, cloud: OpenStackCloud, boot: Boot) -> None:
        server = await boot.active()
        (port,) = boot.ports
        taken = await cloud.get_port(port.id)
        assert (taken.device_id, taken.status) == (server.id, "ACTIVE")
        await boot.gone(server)
        left = await cloud.get_port(port.id)
        assert (left.device_id, left.status) == ("", "DOWN")
