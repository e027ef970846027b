"""What an update changes of a VM in place: what its group wants against what is applied. Pure.

An interface that is gone, or that has another network, subnet, address or type, is taken from the VM with its port; a
new one is given to it. Security groups and allowed address pairs are changed on the port. Volumes come and go; a boot
volume gives its place to another (restore).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from openesc.inventory import states
from openesc.inventory.records import Interface, Resource, Vm
from openesc.lifecycle import intent
from openesc.lifecycle.pools import Held

ON_THE_PORT = frozenset({"allowed_address_pairs", "security_groups"})
"""Leaves of an interface that its port can change."""

CHANGEABLE = states.VM_UP | {states.VM_SHUTOFF}
"""States of VMs that are changed in place. One in error is made anew, unless `flows/sound.py` finds it in order."""

_MONITORED = frozenset({states.VM_ALIVE, states.VM_INERT, states.VM_MONITOR_DISABLED})
"""States in which a changed monitor is set at once. For what is off, or without a monitor by request, it waits."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What there is of a VM."""

    interfaces: Sequence[Interface]
    held: Held
    volumes: Sequence[Resource] = ()


@dataclass(frozen=True, slots=True)
class VmChange:
    """What is to be done to one VM. Interfaces by nicid: one that stands in `gone` and in `new` is exchanged.

    Volumes by name; `boot`: the boot volume that goes and the one that takes its place. `faults`: where, and why what
    is wanted cannot be had in place. `monitor`: its monitor is set anew, by other kpi_data or rules.
    """

    gone: tuple[int, ...] = ()
    new: tuple[int, ...] = ()
    changed: tuple[int, ...] = ()
    volumes_gone: tuple[str, ...] = ()
    volumes_new: tuple[str, ...] = ()
    boot: tuple[str, str] | None = None
    faults: tuple[tuple[str, str], ...] = ()
    monitor: bool = False

    @property
    def resources(self) -> bool:
        """Whether something of the VM in the cloud changes: VM_UPDATED tells it."""
        interfaces = self.gone or self.new or self.changed
        return bool(interfaces or self.volumes_gone or self.volumes_new or self.boot or self.faults)

    @property
    def gives_up(self) -> bool:
        """Whether the VM loses what another one may take."""
        return bool(self.gone or self.volumes_gone)

    def __bool__(self) -> bool:
        return self.resources or self.monitor

    def to_json(self) -> dict[str, Any]:
        """As the journal keeps it."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> VmChange:
        values: dict[str, Any] = {name: _tuple(value) for name, value in found.items()}
        return cls(**values)


def _tuple(value: Any) -> Any:
    return tuple(map(_tuple, value)) if isinstance(value, list | tuple) else value


def asked(interface: intent.Interface, held: Held) -> dict[str, Any]:
    """The configured leaves a port is made by, with the address the VM holds of a pool."""
    return {
        "network": interface.network,
        "subnet": interface.subnet,
        "type": interface.type,
        "ip_address": held.address(interface),
        "mac_address": held.mac(interface),
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
    found = _of_interfaces(group, applied)
    return replace(_of_volumes(found, group, applied.volumes), monitor=_other_monitor(vm, group))


def _of_interfaces(group: intent.Group, applied: Applied) -> VmChange:
    wanted = {nic.nicid: asked(nic, applied.held) for nic in group.interfaces}
    there = {row.nicid: row for row in applied.interfaces}
    kept = {nicid for nicid, row in there.items() if nicid in wanted and same_port(row, wanted[nicid])}
    pending = {nicid for nicid in kept if not there[nicid].attached}
    differing = {nicid for nicid in kept - pending if there[nicid].asked not in (None, wanted[nicid])}
    return VmChange(
        gone=tuple(sorted(there.keys() - kept)),
        new=tuple(sorted((wanted.keys() - kept) | pending)),
        changed=tuple(sorted(differing)),
    )


def _of_volumes(change: VmChange, group: intent.Group, rows: Sequence[Resource]) -> VmChange:
    there = {row.name: row for row in rows}
    wanted = {volume.name: volume for volume in group.volumes}
    gone = [name for name in there if name not in wanted]
    new = [name for name in wanted if name not in there or not there[name].facts.get("attached", True)]
    faults = [fault for name in wanted if name in there for fault in _volume_faults(group, there[name], wanted[name])]
    old_boot = next((name for name in gone if boots(there[name])), None)
    new_boot = next((name for name in new if wanted[name].boot_index == 0), None)
    if old_boot is not None and new_boot is not None:
        gone.remove(old_boot)
        new.remove(new_boot)
        return replace(
            change,
            volumes_gone=tuple(gone),
            volumes_new=tuple(new),
            boot=(old_boot, new_boot),
            faults=tuple(faults),
        )
    faults += _boot_faults(group, old_boot, new_boot)
    return replace(change, volumes_gone=tuple(gone), volumes_new=tuple(new), faults=tuple(faults))


VOLUME_LEAVES = ("size", "type", "bus", "image", "boot_index")
"""Leaves of a volume that an attached one does not change."""


def asked_of_volume(volume: intent.Volume) -> dict[str, Any]:
    """The configured leaves a volume is made and attached by."""
    return {name: getattr(volume, name) for name in VOLUME_LEAVES}


def boots(row: Resource) -> bool:
    """Whether a VM boots, or has booted, from this volume."""
    return bool(row.facts.get("attached") and (row.facts.get("asked") or {}).get("boot_index") == 0)


def _volume_faults(group: intent.Group, row: Resource, wanted: intent.Volume) -> Iterator[tuple[str, str]]:
    there = row.facts.get("asked")
    for leaf, value in asked_of_volume(wanted).items():
        if there is not None and row.facts.get("attached", True) and there[leaf] != value:
            yield (
                f"volumes/volume[name='{row.name}']/{leaf}",
                f"{leaf} of volume {row.name} in vm_group {group.name} cannot change: give it another name",
            )


def _boot_faults(group: intent.Group, gone: str | None, new: str | None) -> Iterator[tuple[str, str]]:
    if gone is not None:
        yield (
            "volumes",
            f"the boot volume {gone} of vm_group {group.name} goes and none takes its place: give the new one "
            "boot_index 0",
        )
    if new is not None:
        yield (
            f"volumes/volume[name='{new}']/boot_index",
            f"volume {new} cannot become the boot volume of vm_group {group.name}: its VMs boot from another, which "
            "must be deleted in the same request, or from an image",
        )


def _other_monitor(vm: Vm, group: intent.Group) -> bool:
    if vm.state not in _MONITORED or vm.vim_status is not None:
        return False
    return vm.state == states.VM_MONITOR_DISABLED or vm.monitor != monitor_mark(group)
