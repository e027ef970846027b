"""Neutron ports: addresses, MACs, binding to servers."""

from __future__ import annotations

import ipaddress
import secrets
from typing import Any

from openesc.cloudsim.core.call import Call, empty
from openesc.cloudsim.core.cloud import Cloud, iso, new_uuid
from openesc.cloudsim.core.faults import bad_request, conflict, forbidden, not_found
from openesc.cloudsim.core.http import Response
from openesc.cloudsim.core.records import Port, Subnet
from openesc.cloudsim.core.routing import Routes
from openesc.cloudsim.network import networks
from openesc.cloudsim.network.listing import listed
from openesc.cloudsim.network.security import ensure_default_group

routes = Routes("network", "/network/v2.0")


def view(port: Port, admin: bool) -> dict[str, Any]:
    """A port; the binding only for an admin."""
    hidden = ("created", "updated", "host", "profile", "vnic_type", "made_by_nova")
    shown = {key: value for key, value in vars(port).items() if key not in hidden}
    shown |= {
        "tenant_id": port.project_id, "binding:vnic_type": port.vnic_type, "dns_name": "", "dns_assignment": [],
        "qos_policy_id": None, "revision_number": 1, "created_at": iso(port.created), "updated_at": iso(port.updated),
    }  # fmt: skip
    if admin:
        bound = bool(port.host)
        shown["binding:host_id"] = port.host
        shown["binding:vif_type"] = "ovs" if bound else "unbound"
        shown["binding:vif_details"] = {"port_filter": True} if bound else {}
        shown["binding:profile"] = port.profile
    return shown


def find(call: Call, identifier: str) -> Port:
    """The port, if the caller owns it or is an admin."""
    port = call.cloud.ports.get(identifier)
    if port is None or not (call.is_admin or port.project_id == call.project_id):
        raise not_found(f"Port {identifier} could not be found.", "PortNotFound")
    call.about(port.id, port.name)
    return port


@routes.add("GET", "/ports", "port.list")
def list_ports(call: Call) -> Response:
    """Ports of the project; all for an admin."""
    return listed(call, "ports", _candidates(call), view)


def _candidates(call: Call) -> list[Port]:
    table = call.cloud.ports
    rows: list[Port] | None = None
    if call.arg("id") is not None:
        rows = [row for value in call.args("id") if (row := table.get(value))]
    for argument, index in (
        ("device_id", "device"),
        ("name", "name"),
        ("mac_address", "mac"),
        ("network_id", "network"),
    ):
        if rows is None and call.arg(argument):
            rows = [row for value in call.args(argument) for row in table.by(index, value)]
    rows = list(table) if rows is None else rows
    return rows if call.is_admin else [row for row in rows if row.project_id == call.project_id]


@routes.add("POST", "/ports", "port.create", "member", "create_port")
def create(call: Call) -> Response:
    """Make a port, or several in one request."""
    if "ports" in call.document:
        made = [_create(call, given) for given in call.document["ports"]]
        return call.answer({"ports": [view(port, call.is_admin) for port in made]}, 201)
    return call.answer({"port": view(_create(call, call.body("port")), call.is_admin)}, 201)


def _create(call: Call, given: dict[str, Any]) -> Port:
    network = networks.find(call, given.get("network_id", ""))
    owner = given.get("project_id") or given.get("tenant_id") or call.project_id
    port = new_port(call.cloud, network.id, owner, given)
    call.about(port.id, port.name)
    return port


def new_port(cloud: Cloud, network_id: str, project_id: str, given: dict[str, Any]) -> Port:
    """Make and store a port; raises Neutron's errors on quota, MAC and addresses."""
    networks.check_quota(cloud, project_id, "port", cloud.ports.count("project", project_id))
    now = cloud.now()
    port = Port(new_uuid(), given.get("name") or "", project_id, network_id, _mac(cloud, network_id, given), now, now)
    _apply(cloud, port, given)
    if "security_groups" not in given and port.port_security_enabled:
        port.security_groups = [ensure_default_group(cloud, project_id).id]
    if cloud.settings.port_tags_at_birth:
        port.tags = list(given.get("tags") or [])
    port.fixed_ips = allocate(cloud, network_id, given.get("fixed_ips"), port.id)
    cloud.addresses.take_all(port)
    return cloud.ports.put(port)


def _mac(cloud: Cloud, network_id: str, given: dict[str, Any]) -> str:
    wanted = given.get("mac_address")
    if wanted is None:
        while cloud.ports.count("mac", mac := _random_mac()):
            pass
        return mac
    if any(port.network_id == network_id for port in cloud.ports.by("mac", wanted)):
        raise conflict(
            f"Unable to complete operation for network {network_id}. The mac address {wanted} is in use.",
            "MacAddressInUse",
        )
    return str(wanted)


def _random_mac() -> str:
    return "fa:16:3e:" + secrets.token_bytes(3).hex(":")


_ATTRIBUTES = {
    "name": "name", "admin_state_up": "admin_state_up", "device_id": "device_id", "device_owner": "device_owner",
    "security_groups": "security_groups", "allowed_address_pairs": "allowed_address_pairs",
    "description": "description",
    "port_security_enabled": "port_security_enabled", "binding:vnic_type": "vnic_type", "binding:host_id": "host",
    "binding:profile": "profile", "extra_dhcp_opts": "extra_dhcp_opts",
}  # fmt: skip


def _apply(cloud: Cloud, port: Port, given: dict[str, Any]) -> None:
    for group in given.get("security_groups") or []:
        if group not in cloud.security_groups:
            raise not_found(f"Security group {group} does not exist", "SecurityGroupNotFound")
    for name, attribute in _ATTRIBUTES.items():
        if given.get(name) is not None:
            setattr(port, attribute, given[name])
    for pair in port.allowed_address_pairs:
        pair.setdefault("mac_address", port.mac_address)
    if not port.port_security_enabled and port.security_groups:
        raise conflict(
            "Port Security must be enabled in order to have allowed address pairs on a port.",
            "PortSecurityAndIPRequiredForSecurityGroups",
        )


def allocate(cloud: Cloud, network_id: str, wanted: Any, port_id: str) -> list[dict[str, str]]:
    """Addresses for a port: as asked for, or one of the first IPv4 and IPv6 subnet. Raises Neutron's errors."""
    subnets = cloud.subnets.by("network", network_id)
    if wanted is None:
        return _automatic(cloud, network_id, subnets)
    return [_requested(cloud, subnets, network_id, entry, port_id) for entry in wanted]


def _automatic(cloud: Cloud, network_id: str, subnets: list[Subnet]) -> list[dict[str, str]]:
    chosen = []
    for version in (4, 6):
        candidates = [subnet for subnet in subnets if subnet.ip_version == version]
        if candidates:
            chosen.append(_any_of(cloud, candidates, network_id))
    return chosen


def _any_of(cloud: Cloud, subnets: list[Subnet], network_id: str) -> dict[str, str]:
    for subnet in subnets:
        address = cloud.addresses.next_free(subnet)
        if address is not None:
            return {"subnet_id": subnet.id, "ip_address": address}
    raise conflict(f"No more IP addresses available on network {network_id}.", "IpAddressGenerationFailure")


def _requested(
    cloud: Cloud, subnets: list[Subnet], network_id: str, entry: dict[str, Any], port_id: str
) -> dict[str, str]:
    address, subnet_id = entry.get("ip_address"), entry.get("subnet_id")
    if subnet_id is not None:
        subnets = [subnet for subnet in subnets if subnet.id == subnet_id]
        if not subnets:
            raise bad_request(
                f"Invalid input for operation: Failed to create port on network {network_id}, because "
                f"fixed_ips included invalid subnet {subnet_id}.",
                "InvalidInput",
            )
    if address is None:
        return _any_of(cloud, subnets, network_id)
    subnet = next((s for s in subnets if _inside(address, s)), None)
    if subnet is None:
        text = (
            "IP address {} is not a valid IP for the specified subnet."
            if subnet_id
            else "IP address {} is not a valid IP for any of the subnets on the specified network."
        )
        raise bad_request(text.format(address), "InvalidIpForSubnet" if subnet_id else "InvalidIpForNetwork")
    if cloud.addresses.owner(subnet.id, address) not in (None, port_id):
        raise conflict(f"IP address {address} already allocated in subnet {subnet.id}", "IpAddressAlreadyAllocated")
    return {"subnet_id": subnet.id, "ip_address": str(ipaddress.ip_address(address))}


def _inside(address: str, subnet: Subnet) -> bool:
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(subnet.cidr)
    except ValueError:
        raise bad_request(
            f"Invalid input for operation: '{address}' is not a valid IP address.", "InvalidInput"
        ) from None


@routes.add("GET", "/ports/{id}", "port.show")
def show(call: Call) -> Response:
    """One port."""
    return call.answer({"port": view(find(call, call.params["id"]), call.is_admin)})


@routes.add("PUT", "/ports/{id}", "port.update", "member", "update_port")
def update(call: Call) -> Response:
    """Change a port."""
    port, given = find(call, call.params["id"]), call.body("port")
    if "mac_address" in given and not call.is_admin:
        raise forbidden(
            "(rule:update_port and rule:update_port:mac_address) is disallowed by policy",
            "PolicyNotAuthorized",
        )
    _apply(call.cloud, port, given)
    if "fixed_ips" in given:
        fresh = allocate(call.cloud, port.network_id, given["fixed_ips"], port.id)
        call.cloud.addresses.release_all(port)
        port.fixed_ips = fresh
        call.cloud.addresses.take_all(port)
    port.updated = call.cloud.now()
    call.cloud.ports.put(port)
    return call.answer({"port": view(port, call.is_admin)})


@routes.add("DELETE", "/ports/{id}", "port.delete", "member", "delete_port")
def delete(call: Call) -> Response:
    """Forget a port, its addresses and its place in its server."""
    port = find(call, call.params["id"])
    drop_port(call.cloud, port)
    return empty(204)


def drop_port(cloud: Cloud, port: Port) -> None:
    """Remove a port and free its addresses."""
    cloud.addresses.release_all(port)
    cloud.ports.drop(port.id)
    server = cloud.servers.get(port.device_id) if port.device_id else None
    if server is not None:
        for entries in server.addresses.values():
            entries[:] = [e for e in entries if e["OS-EXT-IPS-MAC:mac_addr"] != port.mac_address]
        server.addresses = {name: entries for name, entries in server.addresses.items() if entries}
        cloud.servers.put(server)


def bind(cloud: Cloud, port: Port, server_id: str, host: str, zone: str) -> None:
    """The port belongs to a server on a host and is up."""
    port.device_id, port.device_owner, port.host = server_id, f"compute:{zone}", host
    port.status, port.updated = "ACTIVE", cloud.now()
    cloud.ports.put(port)


def unbind(cloud: Cloud, port: Port) -> None:
    """The port belongs to nobody again."""
    port.device_id = port.device_owner = port.host = ""
    port.status, port.updated = "DOWN", cloud.now()
    cloud.ports.put(port)
