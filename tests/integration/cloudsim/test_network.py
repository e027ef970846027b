"""Networks, subnets, ports: addresses without doubles, filters, tags, security groups."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from openstack import exceptions
from tests.integration.main_job.house import until


def test_no_address_is_given_twice(admin: Any) -> None:
    network = admin.network.create_network(name="small")
    subnet = admin.network.create_subnet(network_id=network.id, ip_version=4, cidr="10.8.0.0/28")
    assert (subnet.gateway_ip, subnet.allocation_pools) == (
        "10.8.0.1",
        [{"start": "10.8.0.2", "end": "10.8.0.14"}],
    )
    with ThreadPoolExecutor(4) as pool:
        ports = list(pool.map(lambda n: admin.network.create_port(network_id=network.id, name=f"s{n}"), range(13)))
    addresses = {port.fixed_ips[0]["ip_address"] for port in ports}
    assert len(addresses) == 13
    assert len({port.mac_address for port in ports}) == 13
    with pytest.raises(exceptions.ConflictException) as full:
        admin.network.create_port(network_id=network.id)
    assert full.value.details == f"No more IP addresses available on network {network.id}."
    admin.network.delete_port(ports[5])
    again = admin.network.create_port(network_id=network.id)
    assert again.fixed_ips[0]["ip_address"] == ports[5].fixed_ips[0]["ip_address"]
    for port in admin.network.ports(network_id=network.id):
        admin.network.delete_port(port)
    admin.network.delete_network(network)
    assert admin.network.find_subnet(subnet.id) is None


def test_filters_and_tags(admin: Any) -> None:
    network = admin.network.create_network(name="tagged")
    admin.network.set_tags(network, ["a", "b"])
    assert [n.name for n in admin.network.networks(tags="a,b")] == ["tagged"]
    assert [n.name for n in admin.network.networks(tags="a,c")] == []
    assert [n.name for n in admin.network.networks(any_tags="a,c")] == ["tagged"]
    subnet = admin.network.create_subnet(network_id=network.id, ip_version=4, cidr="10.7.0.0/24", name="tagged-subnet")
    port = admin.network.create_port(network_id=network.id, name="f1", fixed_ips=[{"ip_address": "10.7.0.77"}])
    for wanted in (
        {"name": "f1"},
        {"mac_address": port.mac_address},
        {"fixed_ips": "ip_address=10.7.0.77"},
        {"network_id": network.id},
    ):
        assert [found.id for found in admin.network.ports(**wanted)] == [port.id]
    assert [found.id for found in admin.network.subnets(network_id=network.id)] == [subnet.id]
    admin.network.delete_port(port)
    admin.network.delete_network(network)


def test_port_attributes(admin: Any) -> None:
    network = admin.network.find_network("SolTest-Network")
    pairs = [{"ip_address": "10.77.9.9"}]
    port = admin.network.create_port(
        network_id=network.id, name="attrs", allowed_address_pairs=pairs, binding_vnic_type="direct",
        mac_address="fa:16:3e:00:00:01",
    )  # fmt: skip
    assert port.binding_vnic_type == "direct"
    assert port.allowed_address_pairs == [{"ip_address": "10.77.9.9", "mac_address": "fa:16:3e:00:00:01"}]
    with pytest.raises(exceptions.ConflictException, match="mac address fa:16:3e:00:00:01 is in use"):
        admin.network.create_port(network_id=network.id, mac_address="fa:16:3e:00:00:01")
    admin.network.update_port(port, name="other")
    assert admin.network.get_port(port.id).name == "other"
    admin.network.delete_port(port)


def test_ipv6_and_no_gateway(admin: Any) -> None:
    network = admin.network.create_network(name="six")
    subnet = admin.network.create_subnet(network_id=network.id, ip_version=6, cidr="2001:db8::/64", gateway_ip=None)
    port = admin.network.create_port(network_id=network.id)
    assert port.fixed_ips == [{"subnet_id": subnet.id, "ip_address": "2001:db8::1"}]
    admin.network.delete_port(port)
    admin.network.delete_network(network)


def test_provider_networks(admin: Any) -> None:
    wanted: dict[str, Any] = {
        "provider_network_type": "vlan", "provider_physical_network": "physnet1", "provider_segmentation_id": 100,
    }  # fmt: skip
    network = admin.network.create_network(name="vlan", is_shared=True, **wanted)
    assert (network.provider_segmentation_id, network.is_shared) == (100, True)
    with pytest.raises(exceptions.ConflictException, match="VLAN 100 on physical network physnet1 is in use"):
        admin.network.create_network(name="vlan2", **wanted)
    admin.network.delete_network(network)


def test_security_groups(admin: Any) -> None:
    group = admin.network.create_security_group(name="web")
    rule = admin.network.create_security_group_rule(
        security_group_id=group.id, direction="ingress", ethertype="IPv4", protocol="tcp", port_range_min=80,
        port_range_max=80,
    )  # fmt: skip
    with pytest.raises(exceptions.ConflictException, match="Security group rule already exists"):
        admin.network.create_security_group_rule(
            security_group_id=group.id, direction="ingress", ethertype="IPv4", protocol="tcp", port_range_min=80,
            port_range_max=80,
        )  # fmt: skip
    assert len(admin.network.get_security_group(group.id).security_group_rules) == 3
    admin.network.delete_security_group_rule(rule)
    admin.network.delete_security_group(group)


def test_a_port_plugged_into_a_running_server(boot: Any, admin: Any) -> None:
    server = boot("vm-plug")
    port = admin.network.create_port(network_id=boot.network.id)
    admin.compute.create_server_interface(server.id, port_id=port.id)
    assert len(list(admin.compute.server_interfaces(server.id))) == 2
    with pytest.raises(exceptions.ConflictException) as twice:
        admin.compute.create_server_interface(server.id, port_id=port.id)
    assert twice.value.details == f"Port {port.id} is still in use."
    admin.compute.delete_server_interface(port.id, server=server.id)
    until(lambda: admin.network.get_port(port.id).device_id == "", "the port is free")
    assert len(admin.compute.get_server(server.id).addresses["SolTest-Network"]) == 1
    admin.network.delete_port(port)
