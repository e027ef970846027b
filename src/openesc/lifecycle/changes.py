"""What an update changes of a VM in place: what its group wants against what is applied. Pure.

An interface that is gone, or that has another network, subnet, address or type, is taken from the VM with its port; a
new one is given to it. Security groups and allowed address pairs are changed on the port.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from openesc.inventory import states
from openesc.inventory.records import Interface, Vm
from openesc.lifecycle import intent
from openesc.lifecycle.pools import Held

ON_THE_PORT = frozenset({"allowed_address_pairs", "security_groups"})
"""Leaves of an interface that its port can change."""

CHANGEABLE = states.VM_UP | {states.VM_SHUTOFF}
"""States of VMs that are changed in place. One in error is made anew."""

_MONITORED = frozenset({states.VM_ALIVE, states.VM_INERT, states.VM_MONITOR_DISABLED})
"""States in which a changed monitor is set at once. For what is off, or without a monitor by request, it waits."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What there is of a VM."""

    interfaces: Sequence[Interface]
    held: Held


@dataclass(frozen=True, slots=True)
class VmChange:
    """What is to be done to one VM. Interfaces by nicid: one that stands in `gone` and in `new` is exchanged.

    `monitor`: its monitor is set anew, by other kpi_data or rules.
    """

    gone: tuple[int, ...] = ()
    new: tuple[int, ...] = ()
    changed: tuple[int, ...] = ()
    monitor: bool = False

    @property
    def resources(self) -> bool:
        """Whether something of the VM in the cloud changes: VM_UPDATED tells it."""
        return bool(self.gone or self.new or self.changed)

    def __bool__(self) -> bool:
        return self.resources or self.monitor

    def to_json(self) -> dict[str, Any]:
        """As the journal keeps it."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> VmChange:
        values: dict[str, Any] = {name: tuple(one) if isinstance(one, list) else one for name, one in found.items()}
        return cls(**values)


def asked(interface: intent.Interface, held: Held) -> dict[str, Any]:
    """The configured leaves a port is made by, with the address the VM holds of a pool."""
    return {
        "network": interface.network,
        "subnet": interface.subnet,
        "type": interface.type,
        "ip_address": held.address(interface),
        "mac_address": interface.mac_address,
        "allowed_address_pairs": [address for address, _ in interface.allowed_address_pairs],
        "security_groups": list(interface.security_groups),
    }


def same_port(row: Interface, wanted: Mapping[str, Any]) -> bool:
    """Whether the interface's port serves what is wanted, at most with a change on it."""
    return row.asked is None or all(row.asked[name] == wanted[name] for name in wanted if name not in ON_THE_PORT)


def monitor_mark(group: intent.Group) -> str | None:
    """What tells the monitors of two documents apart; None: the group's VMs are not monitored."""
    if group.alive_kpi is None:
        return None
    return hashlib.sha256(repr(group.kpis).encode()).hexdigest()


def change_of(vm: Vm, group: intent.Group, applied: Applied) -> VmChange:
    """What brings the VM to what its group wants."""
    wanted = {nic.nicid: asked(nic, applied.held) for nic in group.interfaces}
    there = {row.nicid: row for row in applied.interfaces}
    kept = {nicid for nicid, row in there.items() if nicid in wanted and same_port(row, wanted[nicid])}
    pending = {nicid for nicid in kept if not there[nicid].attached}
    differing = {nicid for nicid in kept - pending if there[nicid].asked not in (None, wanted[nicid])}
    return VmChange(
        gone=tuple(sorted(there.keys() - kept)),
        new=tuple(sorted((wanted.keys() - kept) | pending)),
        changed=tuple(sorted(differing)),
        monitor=_other_monitor(vm, group),
    )


def _other_monitor(vm: Vm, group: intent.Group) -> bool:
    if vm.state not in _MONITORED or vm.vim_status is not None:
        return False
    return vm.state == states.VM_MONITOR_DISABLED or vm.monitor != monitor_mark(group)
