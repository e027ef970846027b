"""When a document asks for a resize, and what it may not ask for: wanted flavors against effective ones. Pure.

The effective flavor is the inventory's, which a revert sets back: running is never rewritten by the server. A flavor
that was reverted from is remembered with the VM (`Vm.declined_flavor`) and not asked for again until the document
has named another one in between.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from openesc.inventory import states
from openesc.inventory.records import Deployment, Vm
from openesc.lifecycle import intent, meets

_MADE = states.VM_UP | {states.VM_SHUTOFF}


def changed(vms: Iterable[Vm], wanted: intent.Deployment) -> list[Vm]:
    """The VMs that are there and whose group names another flavor than they have."""
    flavors = {group.name: group.flavor for group in wanted.groups}
    return [vm for vm in vms if vm.state in _MADE and flavors.get(vm.vm_group) not in (None, vm.flavor)]


def asked_for(vms: Iterable[Vm], wanted: intent.Deployment) -> list[Vm]:
    """Those of `changed` that the document asks to resize: not after a revert from that flavor."""
    flavors = {group.name: group.flavor for group in wanted.groups}
    return [vm for vm in changed(vms, wanted) if flavors[vm.vm_group] != vm.declined_flavor]


def to_resize(vms: Iterable[Vm], wanted: intent.Deployment) -> list[Vm]:
    """Those of `asked_for` that can be resized now: not while a resize waits for confirm or revert."""
    return [vm for vm in asked_for(vms, wanted) if vm.vim_status is None]


def refusals(vms: Sequence[Vm], wanted: intent.Deployment, current: Deployment, column: str) -> Iterator[str]:
    """Why an update cannot be accepted: what the table of what meets what rejects, and a resize of a group with
    several VMs. `column`: the service's in that table.
    """
    yield from scaling_rejected(vms, wanted, current, column)
    for vm in _named_anew(asked_for(vms, wanted), wanted, intent.parse(current.wanted)):
        rejected = resize_rejected(vm)
        if rejected is not None:
            yield rejected
        elif (most := _most(vms, wanted.group(vm.vm_group))) > 1:
            yield (
                f"vm_group {vm.vm_group} has or may have {most} VMs: the flavor of a group can be changed only where "
                "it has one"
            )


def _named_anew(vms: Iterable[Vm], wanted: intent.Deployment, before: intent.Deployment) -> Iterator[Vm]:
    """Those whose flavor this document changes, or whose last resize failed: what a document names by its id is not
    a change, though no effective flavor (a name) is equal to it.
    """
    names = {group.name: group.flavor for group in before.groups}
    for vm in vms:
        if vm.failure is not None or wanted.group(vm.vm_group).flavor != names.get(vm.vm_group):
            yield vm


def _most(vms: Iterable[Vm], group: intent.Group) -> int:
    """How many VMs the group has or may have."""
    return max(sum(vm.vm_group == group.name for vm in vms), group.min_active, group.max_active)


def resize_rejected(vm: Vm) -> str | None:
    """The table's words against another flavor; None: it takes one."""
    waits = vm.vim_status == states.VERIFY_RESIZE
    return meets.rejection("update of a flavor", meets.VERIFY_RESIZE, f"VM [{vm.name}]") if waits else None


def scaling_rejected(vms: Sequence[Vm], wanted: intent.Deployment, current: Deployment, column: str) -> Iterator[str]:
    """The table's words against VMs that would come or go; nothing where none would, or where they may."""
    text = meets.rejection("scaling", column, f"Service group [{current.name}]")
    if text is not None and _scales(vms, wanted):
        yield text


def _scales(vms: Sequence[Vm], wanted: intent.Deployment) -> bool:
    """Whether VMs would come or go. One that has its row but is not in the cloud is still to come."""
    groups = {group.name: group for group in wanted.groups}
    leaving = any(vm.vm_group not in groups for vm in vms)
    there = Counter(vm.vm_group for vm in vms if vm.state != states.VM_UNDEF)
    missing = any(there[name] < group.min_active for name, group in groups.items())
    return leaving or missing


def forgiven(vms: Iterable[Vm], wanted: intent.Deployment) -> list[Vm]:
    """The VMs whose reverted flavor the document names no more: it may be asked for again later."""
    flavors = {group.name: group.flavor for group in wanted.groups}
    return [vm for vm in vms if vm.declined_flavor is not None and flavors.get(vm.vm_group) != vm.declined_flavor]


def resize_step(vm: Vm) -> str:
    """The step of a deploy or update that has a result once the cloud has accepted the resize of the VM."""
    return f"{vm.vm_group}/{vm.ordinal}/resize"
