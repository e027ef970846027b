"""Bodies as XML: the resource with its `event_type`, in the namespace of ESC's REST API (REST guide, callbacks)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from lxml import etree
from sqlalchemy import Connection

from openesc.events.callbacks import facts
from openesc.events.escevent import SUCCESS, EscEvent, VmInfo, xml_safe
from openesc.events.types import CREATE_TENANT

NAMESPACE = "urn:ietf:params:xml:ns:netconf:base:1.0"
DATACENTER = "default"

_INTERFACE = {
    "network_uuid": "network",
    "ip_address": "ip_address",
    "mac_address": "mac_address",
    "nic_id": "nicid",
    "port_forwarding": "",
    "port_uuid": "port_id",
    "security_groups": "",
    "subnet_uuid": "subnet",
    "type": "type",
}
"""The leaves of an interface, in order, and what they are called in an event; the empty ones are kept nowhere."""


def deployment(event: EscEvent, connection: Connection) -> str:
    """A deployment: with the VM the event is about, or with all of them."""
    root = _root("deployment")
    _leaf(root, "datacenter", DATACENTER)
    for vm in _vms(event, connection):
        _details(root, vm)
    _leaf(root, "event_type", event.type)
    _leaf(root, "internal_deployment_id", event.depid)
    _leaf(root, "internal_tenant_id", facts.tenant_id(connection, event.tenant))
    _leaf(root, "service_state_machine_state", facts.service_state(connection, event.depid))
    return _text(root)


def _vms(event: EscEvent, connection: Connection) -> Sequence[VmInfo]:
    vm = event.vm_target or event.vm_source
    if vm is None:
        return facts.vms_of(connection, event.depid)
    return [replace(vm, interfaces=vm.interfaces or facts.interfaces_of(connection, vm.vmid))]


def _details(parent: etree._Element, vm: VmInfo) -> None:
    details = etree.SubElement(parent, f"{{{NAMESPACE}}}deployment_details")
    _leaf(details, "host_uuid", vm.hostid)
    _leaf(details, "host_name", vm.hostname)
    _leaf(details, "vm_uuid", vm.vmid)
    interfaces = etree.SubElement(details, f"{{{NAMESPACE}}}interfaces")
    for interface in vm.interfaces:
        entry = etree.SubElement(interfaces, f"{{{NAMESPACE}}}interface")
        for leaf, name in _INTERFACE.items():
            _leaf(entry, leaf, interface.get(name, ""))


def tenant(event: EscEvent, connection: Connection) -> str:
    """A tenant: `enabled` while it is there."""
    there = event.type == CREATE_TENANT and event.status == SUCCESS
    return _resource(
        "tenant",
        enabled=str(there).lower(),
        event_type=event.type,
        external_tenant_id=event.tenant_id,
        internal_tenant_id=facts.tenant_id(connection, event.tenant),
        name=event.tenant,
    )


def network(event: EscEvent, connection: Connection) -> str:
    """A network; without an id of a client's choice its internal id is tenant and name."""
    name = (event.network or "").removeprefix(event.tenant or facts.SHARED_TENANT)
    return _resource(
        "network",
        event_type=event.type,
        external_network_id=facts.external_id(connection, event, "network", name),
        internal_network_id=_network_id(event, connection, name),
        internal_tenant_id=facts.tenant_id(connection, event.tenant),
        name=name,
    )


def _network_id(event: EscEvent, connection: Connection, name: str) -> str | None:
    return facts.internal_id(connection, "network", (event.tenant,), name) or event.network


def subnet(event: EscEvent, connection: Connection) -> str:
    """A subnet; without an id of a client's choice its internal id is that of its network and its name."""
    network_name = (event.network or "").removeprefix(event.tenant or facts.SHARED_TENANT)
    name = (event.subnet or "").removeprefix(event.network or "")
    return _resource(
        "subnet",
        event_type=event.type,
        external_subnet_id=facts.external_id(connection, event, "subnet", name, network_name),
        internal_network_id=_network_id(event, connection, network_name),
        internal_subnet_id=facts.internal_id(connection, "subnet", (event.tenant, network_name), name) or event.subnet,
        internal_tenant_id=facts.tenant_id(connection, event.tenant),
        name=name,
    )


def image(event: EscEvent, connection: Connection) -> str:
    """An image: enabled while it is there."""
    found = facts.external_id(connection, event, "image", event.image)
    return _resource(
        "image",
        event_type=event.type,
        external_image_id=found,
        imageisenabled=str(found is not None).lower(),
        internal_image_id=facts.internal_id(connection, "image", (), event.image) or event.image,
        internal_tenant_id=facts.tenant_id(connection, event.tenant),
        name=event.image,
    )


def flavor(event: EscEvent, connection: Connection) -> str:
    """A flavor."""
    return _resource(
        "flavor",
        event_type=event.type,
        external_flavor_id=facts.external_id(connection, event, "flavor", event.flavor),
        internal_flavor_id=facts.internal_id(connection, "flavor", (), event.flavor) or event.flavor,
        internal_tenant_id=facts.tenant_id(connection, event.tenant),
        name=event.flavor,
    )


def _resource(element: str, **leaves: str | None) -> str:
    root = _root(element)
    for name, value in leaves.items():
        _leaf(root, name, value)
    return _text(root)


def _root(name: str) -> etree._Element:
    namespaces: Mapping[None, str] = {None: NAMESPACE}
    return etree.Element(f"{{{NAMESPACE}}}{name}", nsmap=namespaces)  # type: ignore[arg-type]


def _leaf(parent: etree._Element, name: str, value: str | None) -> None:
    """What is not known is left out."""
    if value is not None:
        etree.SubElement(parent, f"{{{NAMESPACE}}}{name}").text = xml_safe(value) or None


def _text(root: etree._Element) -> str:
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + etree.tostring(root, encoding="unicode")
