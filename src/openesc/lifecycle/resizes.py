"""When a document asks for a resize, and what it may not ask for: wanted flavors against effective ones. Pure.

The effective flavor is the inventory's, which a revert sets back: running is never rewritten by the server. A flavor
that was reverted from is remembered with the VM (`Vm.declined_flavor`) and not asked for again until the document
has named another one in between.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from openesc.inventory import states
from openesc.inventory.records import Deployment, Vm
from openesc.lifecycle import intent

_MADE = states.VM_UP | {states.VM_SHUTOFF}


def changed(vms: Iterable[Vm], wanted: intent.Deployment) -> list[Vm]:
    """The VMs that are there and whose group names another flavor than they have."""
    flavors = {group.name: group.flavor for group in wanted.groups}
    return [vm for vm in vms if vm.state in _MADE and flavors.get(vm.vm_group) not in (None, vm.flavor)]


def to_resize(vms: Iterable[Vm], wanted: intent.Deployment) -> list[Vm]:
    """Those of `changed` that are to be resized: not after a revert from that flavor, not while one waits."""
    flavors = {group.name: group.flavor for group in wanted.groups}
    return [vm for vm in changed(vms, wanted) if vm.vim_status is None and flavors[vm.vm_group] != vm.declined_flavor]


def refusals(vms: Sequence[Vm], wanted: intent.Deployment, current: Deployment) -> Iterator[str]:
    """Why an update cannot be accepted: a resize of a group with several VMs, one while another waits, scaling of
    what is stopped.
    """
    pending = [vm for vm in changed(vms, wanted) if vm.vim_status == states.VERIFY_RESIZE]
    yield from (f"VM [{vm.name}] waits for CONFIRM_RESIZE or REVERT_RESIZE" for vm in pending)
    for vm in to_resize(vms, wanted):
        group = wanted.group(vm.vm_group)
        members = sum(other.vm_group == vm.vm_group for other in vms)
        most = max(members, group.min_active, group.max_active)
        if most > 1:
            yield (
                f"vm_group {group.name} has or may have {most} VMs: the flavor of a group can be changed only where "
                "it has one"
            )
    if current.state == states.SERVICE_STOPPED and _scales(vms, wanted):
        yield f"Service group [{current.name}] is stopped: it takes no scaling"


def _scales(vms: Sequence[Vm], wanted: intent.Deployment) -> bool:
    """Whether VMs would come or go."""
    groups = {group.name: group for group in wanted.groups}
    leaving = any(vm.vm_group not in groups for vm in vms)
    missing = any(sum(vm.vm_group == name for vm in vms) < group.min_active for name, group in groups.items())
    return leaving or missing


def forgiven(vms: Iterable[Vm], wanted: intent.Deployment) -> list[Vm]:
    """The VMs whose reverted flavor the document names no more: it may be asked for again later."""
    flavors = {group.name: group.flavor for group in wanted.groups}
    return [vm for vm in vms if vm.declined_flavor is not None and flavors.get(vm.vm_group) != vm.declined_flavor]
