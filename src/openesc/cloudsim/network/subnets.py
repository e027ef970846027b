"""Neutron subnets."""

from __future__ import annotations

import ipaddress
from typing import Any

from openesc.cloudsim.core.call import Call, empty
from openesc.cloudsim.core.cloud import Cloud, iso, new_uuid
from openesc.cloudsim.core.faults import bad_request, conflict, forbidden, not_found
from openesc.cloudsim.core.http import Response
from openesc.cloudsim.core.records import Subnet
from openesc.cloudsim.core.routing import Routes
from openesc.cloudsim.network import networks
from openesc.cloudsim.network.listing import listed

routes = Routes("network", "/network/v2.0")
IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network


def view(subnet: Subnet, admin: bool) -> dict[str, Any]:
    """A subnet."""
    shown = {key: value for key, value in vars(subnet).items() if key not in ("created", "updated", "pools")}
    return {
        **shown, "tenant_id": subnet.project_id, "allocation_pools": subnet.pools, "subnetpool_id": None,
        "service_types": [], "segment_id": None, "dns_publish_fixed_ip": False, "revision_number": 0,
        "created_at": iso(subnet.created), "updated_at": iso(subnet.updated),
    }  # fmt: skip


def find(call: Call, identifier: str) -> Subnet:
    """The subnet, if the caller sees its network."""
    subnet = call.cloud.subnets.get(identifier)
    if subnet is not None and _visible(call, subnet):
        call.about(subnet.id, subnet.name)
        return subnet
    raise not_found(f"Subnet {identifier} could not be found.", "SubnetNotFound")


def _visible(call: Call, subnet: Subnet) -> bool:
    network = call.cloud.networks.get(subnet.network_id)
    return call.is_admin or subnet.project_id == call.project_id or (network is not None and network.shared)


def parse_cidr(text: Any) -> IpNetwork:
    """The network a CIDR stands for; raises Neutron's 400."""
    try:
        return ipaddress.ip_network(str(text), strict=False)
    except ValueError:
        raise bad_request(f"Invalid input for operation: {text} is not in a CIDR format.", "InvalidInput") from None


def default_pools(cidr: IpNetwork, gateway: str | None) -> list[dict[str, str]]:
    """All host addresses but the gateway's, as Neutron makes pools."""
    low, high = int(cidr.network_address) + 1, int(cidr.broadcast_address) - (1 if cidr.version == 4 else 0)
    if cidr.num_addresses <= 2:
        low, high = int(cidr.network_address), int(cidr.broadcast_address)
    gap = int(ipaddress.ip_address(gateway)) if gateway else None
    spans = [(low, high)] if gap is None or not low <= gap <= high else [(low, gap - 1), (gap + 1, high)]
    kind = ipaddress.IPv4Address if cidr.version == 4 else ipaddress.IPv6Address
    return [{"start": str(kind(a)), "end": str(kind(b))} for a, b in spans if a <= b]


@routes.add("GET", "/subnets", "subnet.list")
def list_subnets(call: Call) -> Response:
    """Subnets the caller sees."""
    rows: list[Subnet] = list(call.cloud.subnets)
    if call.arg("network_id") is not None:
        rows = [row for value in call.args("network_id") for row in call.cloud.subnets.by("network", value)]
    return listed(call, "subnets", [row for row in rows if _visible(call, row)], view)


@routes.add("POST", "/subnets", "subnet.create", "member", "create_subnet")
def create(call: Call) -> Response:
    """Make a subnet."""
    given = call.body("subnet")
    network = networks.find(call, given.get("network_id", ""))
    if not call.is_admin and network.project_id != call.project_id:
        raise forbidden("rule:create_subnet is disallowed by policy", "PolicyNotAuthorized")
    networks.check_quota(
        call.cloud, network.project_id, "subnet", call.cloud.subnets.count("project", network.project_id)
    )
    subnet = _made(call, given, network.id, network.project_id)
    call.cloud.subnets.put(subnet)
    call.about(subnet.id, subnet.name)
    return call.answer({"subnet": view(subnet, call.is_admin)}, 201)


def _made(call: Call, given: dict[str, Any], network_id: str, project_id: str) -> Subnet:
    cidr, now = parse_cidr(given.get("cidr")), call.cloud.now()
    version = given.get("ip_version", 4)
    if version != cidr.version:
        raise bad_request(
            f"Invalid input for operation: ip_version '{version}' does not match cidr {cidr}.", "InvalidInput"
        )
    _refuse_overlap(call.cloud, network_id, cidr)
    gateway = str(cidr.network_address + 1) if "gateway_ip" not in given else given["gateway_ip"] or None
    _refuse_gateway(cidr, gateway)
    pools = given.get("allocation_pools") or default_pools(cidr, gateway)
    for pool in pools:
        _refuse_pool(cidr, pool)
    kept = (
        "enable_dhcp",
        "dns_nameservers",
        "host_routes",
        "description",
        "ipv6_address_mode",
        "ipv6_ra_mode",
    )
    more = {key: given[key] for key in kept if given.get(key) is not None}
    name = given.get("name", "")
    return Subnet(new_uuid(), name, project_id, network_id, str(cidr), version, now, now, gateway, pools=pools, **more)


def _refuse_overlap(cloud: Cloud, network_id: str, cidr: IpNetwork) -> None:
    for other in cloud.subnets.by("network", network_id):
        there = ipaddress.ip_network(other.cidr)
        if there.version == cidr.version and cidr.overlaps(there):
            raise bad_request(
                f"Invalid input for operation: Requested subnet with cidr: {cidr} for network: {network_id} overlaps "
                "with another subnet.", "InvalidInput",
            )  # fmt: skip


def _refuse_gateway(cidr: IpNetwork, gateway: str | None) -> None:
    try:
        good = gateway is None or ipaddress.ip_address(gateway) in cidr
    except ValueError:
        good = False
    if not good:
        raise bad_request(
            f"Invalid input for gateway_ip. Reason: '{gateway}' is not a valid IP address.", "HTTPBadRequest"
        )


def _refuse_pool(cidr: IpNetwork, pool: dict[str, str]) -> None:
    try:
        low, high = ipaddress.ip_address(pool["start"]), ipaddress.ip_address(pool["end"])
        good = low in cidr and high in cidr and int(low) <= int(high)
    except (ValueError, KeyError):
        good = False
    if not good:
        text = f"The allocation pool {pool.get('start')}-{pool.get('end')} spans beyond the subnet cidr {cidr}."
        raise bad_request(text, "OutOfBoundsAllocationPool")


@routes.add("GET", "/subnets/{id}", "subnet.show")
def show(call: Call) -> Response:
    """One subnet."""
    return call.answer({"subnet": view(find(call, call.params["id"]), call.is_admin)})


@routes.add("PUT", "/subnets/{id}", "subnet.update", "member", "update_subnet")
def update(call: Call) -> Response:
    """Change a subnet's name, gateway, DHCP, DNS, routes, pools or description."""
    subnet, given = find(call, call.params["id"]), call.body("subnet")
    for key in ("name", "gateway_ip", "enable_dhcp", "dns_nameservers", "host_routes", "description"):
        if key in given:
            setattr(subnet, key, given[key])
    subnet.pools = given.get("allocation_pools", subnet.pools)
    subnet.updated = call.cloud.now()
    call.cloud.subnets.put(subnet)
    return call.answer({"subnet": view(subnet, call.is_admin)})


@routes.add("DELETE", "/subnets/{id}", "subnet.delete", "member", "delete_subnet")
def delete(call: Call) -> Response:
    """Forget a subnet none of whose addresses is in use."""
    subnet = find(call, call.params["id"])
    if call.cloud.addresses.used(subnet.id):
        raise conflict(
            f"Unable to complete operation on subnet {subnet.id}: One or more ports have an IP "
            f"allocation from this subnet.",
            "SubnetInUse",
        )
    call.cloud.subnets.drop(subnet.id)
    return empty(204)
