"""The escEvent: what ESC tells its clients, as a value, as stored fields and as XML.

Field order is that of ESC 2.2 and later (developer guide, notifications): a client such as NSO validates against the
YANG, people compare with the printed samples.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lxml import etree

from openesc.events.types import CALLBACK_ONLY

ESC = "http://www.cisco.com/esc/esc"
SUCCESS = "SUCCESS"
FAILURE = "FAILURE"

_VM_LEAVES = (
    "vmid",
    "vmname",
    "generated_vmname",
    "vim_id",
    "vim_project",
    "vim_project_id",
    "hostid",
    "hostname",
)
_INTERFACE_LEAVES = (
    "nicid",
    "type",
    "port_id",
    "network",
    "subnet",
    "ip_address",
    "mac_address",
    "netmask",
    "gateway",
)
_HEAD_LEAVES = (
    "status",
    "status_code",
    "status_message",
    "image",
    "flavor",
    "network",
    "subnet",
    "depname",
    "tenant",
    "tenant_id",
    "depid",
    "vm_group",
)


@dataclass(frozen=True, slots=True)
class VmInfo:
    """What `vm_source` and `vm_target` say of a VM; `interfaces` are mappings of the leaves of an interface entry."""

    vmid: str | None = None
    vmname: str | None = None
    generated_vmname: str | None = None
    vim_id: str | None = None
    vim_project: str | None = None
    vim_project_id: str | None = None
    hostid: str | None = None
    hostname: str | None = None
    interfaces: Sequence[Mapping[str, str]] = ()


@dataclass(frozen=True, slots=True)
class EscEvent:
    """One event. `type` is of `openesc.events.types`; `vm_state` shows in the log block alone, `volume` (the leaves
    that are known of a volume) in REST callbacks alone.
    """

    type: str
    status: str
    status_code: int
    status_message: str
    image: str | None = None
    flavor: str | None = None
    network: str | None = None
    subnet: str | None = None
    depname: str | None = None
    tenant: str | None = None
    tenant_id: str | None = None
    depid: str | None = None
    vm_group: str | None = None
    vm_source: VmInfo | None = None
    vm_target: VmInfo | None = None
    vm_state: str | None = None
    volume: Mapping[str, str] | None = None

    @property
    def callback_only(self) -> bool:
        """Whether NETCONF and the log block are not told."""
        return self.type in CALLBACK_ONLY

    def to_fields(self) -> dict[str, Any]:
        """The stored form: a JSON object without the absent fields."""
        fields = {name: getattr(self, name) for name in self.__slots__ if getattr(self, name) is not None}
        for name in ("vm_source", "vm_target"):
            if name in fields:
                fields[name] = _vm_fields(fields[name])
        return fields

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> EscEvent:
        """The inverse of `to_fields`."""
        values = dict(fields)
        for name in ("vm_source", "vm_target"):
            if name in values:
                values[name] = VmInfo(**values[name])
        return cls(**values)

    def to_xml(self) -> bytes:
        """The ``escEvent`` element; `event/details` is absent on purpose: NSO reads it as a simulator's hint."""
        root = etree.Element(f"{{{ESC}}}escEvent", nsmap={None: ESC})  # type: ignore[dict-item]
        for name in _HEAD_LEAVES:
            _leaf(root, name, getattr(self, name))
        for name in ("vm_source", "vm_target"):
            if (vm := getattr(self, name)) is not None:
                _vm_element(root, name, vm)
        _leaf(etree.SubElement(root, f"{{{ESC}}}event"), "type", self.type)
        return etree.tostring(root)


def _vm_fields(vm: VmInfo) -> dict[str, Any]:
    fields: dict[str, Any] = {name: value for name in _VM_LEAVES if (value := getattr(vm, name)) is not None}
    if vm.interfaces:
        fields["interfaces"] = [dict(interface) for interface in vm.interfaces]
    return fields


def _vm_element(parent: etree._Element, name: str, vm: VmInfo) -> None:
    element = etree.SubElement(parent, f"{{{ESC}}}{name}")
    for leaf in _VM_LEAVES:
        _leaf(element, leaf, getattr(vm, leaf))
    if vm.interfaces:
        interfaces = etree.SubElement(element, f"{{{ESC}}}interfaces")
        for interface in vm.interfaces:
            entry = etree.SubElement(interfaces, f"{{{ESC}}}interface")
            for leaf in _INTERFACE_LEAVES:
                _leaf(entry, leaf, interface.get(leaf))


def _leaf(parent: etree._Element, name: str, value: object) -> None:
    if value is not None:
        etree.SubElement(parent, f"{{{ESC}}}{name}").text = xml_safe(str(value))


def xml_safe(text: str) -> str:
    """`text` without the characters XML 1.0 cannot carry: the cloud's words go into events as they come."""
    return "".join(_allowed(text))


def _allowed(text: str) -> Iterator[str]:
    for char in text:
        code = ord(char)
        legal = code in (9, 10, 13) or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or code >= 0x10000
        yield char if legal else "�"
