"""What the flows of actions on a service and on one VM share: the look at the table, and the plan of each action."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from openesc.events import types
from openesc.inventory import states
from openesc.inventory import store as inventory
from openesc.inventory.door import move_vm
from openesc.inventory.records import Deployment, Vm
from openesc.lifecycle import intent, meets
from openesc.lifecycle.context import Work
from openesc.lifecycle.errors import StepFailed
from openesc.lifecycle.steps.vm_actions import VmActions
from openesc.store import Tx


@dataclass(frozen=True, slots=True)
class Action:
    """One action: what it does to each VM, the states of the VMs it is for, and what it tells.

    `trigger`: takes the VM (and the service) into the state of being acted upon; None: it has none. `closing` and
    `closing_trigger` end the action on a service.
    """

    run: Callable[[VmActions], Awaitable[None]]
    takes: frozenset[str]
    trigger: str | None
    event: str
    closing: str
    closing_trigger: str | None = None


_UP = frozenset({states.VM_ALIVE, states.VM_INERT, states.VM_MONITOR_UNSET, states.VM_ERROR})
_WATCHED = frozenset({states.VM_ALIVE, states.VM_INERT})

ACTIONS: Mapping[str, Action] = {
    "STOP": Action(
        VmActions.stop, _UP | {states.VM_STOPPING}, "stop", types.VM_STOPPED, types.SERVICE_STOPPED, "off"
    ),
    "START": Action(
        VmActions.start,
        frozenset({states.VM_SHUTOFF, states.VM_ERROR, states.VM_STARTING}),
        "start", types.VM_STARTED, types.SERVICE_ALIVE, "alive",
    ),
    "REBOOT": Action(
        VmActions.reboot,
        _UP | {states.VM_SHUTOFF, states.VM_REBOOTING},
        "reboot", types.VM_REBOOTED, types.SERVICE_ALIVE, "alive",
    ),
    "DISABLE_MONITOR": Action(
        VmActions.unset_monitor, _WATCHED, None, types.VM_MONITOR_UNSET, types.SERVICE_MONITOR_UNSET
    ),
    "ENABLE_MONITOR": Action(
        VmActions.set_monitor, frozenset({states.VM_MONITOR_UNSET}), None, types.VM_MONITOR_SET, types.SERVICE_ALIVE
    ),
}  # fmt: skip


def begin(tx: Tx, work: Work, row: str, action: Action, vm_id: str | None) -> dict[str, Any]:
    """Take the VMs into the state of being acted upon; which they are, and the document that holds.

    Raises: StepFailed where the table rejects what was accepted when the state was another one.
    """
    current = inventory.deployment(tx.connection, work.deployment.id)
    assert current is not None
    if not work.op.arguments["admitted"]:
        require(tx, current, row, vm_id)
    vms = [vm for vm in _vms(tx, current, vm_id) if vm.state in action.takes]
    if action.trigger is not None:
        for vm in vms:
            move_vm(tx, vm.id, action.trigger)
    return {"vms": [vm.id for vm in vms], "document": current.wanted.decode()}


def require(tx: Tx, current: Deployment, row: str, vm_id: str | None) -> None:
    """Raises: StepFailed with the table's words when the operation is rejected now."""
    vm = inventory.vm(tx.connection, vm_id) if vm_id is not None else None
    if vm is not None:
        text = meets.rejection(row, meets.column_of_vm(tx.connection, current, vm), f"VM [{vm.name}]")
    else:
        column = meets.column_of_service(tx.connection, current)
        text = meets.rejection(row, column, f"Service group [{current.name}]")
    if text is not None:
        raise StepFailed(text)


def _vms(tx: Tx, current: Deployment, vm_id: str | None) -> list[Vm]:
    return [vm for vm in inventory.vms_of(tx.connection, current.id) if vm_id in (None, vm.id)]


async def chosen(work: Work, begun: dict[str, Any]) -> list[VmActions]:
    """The VMs that `begin` named, as they are now."""
    wanted = intent.parse(begun["document"].encode())
    groups = {group.name: group for group in wanted.groups}
    vms = await work.services.store.read(lambda c: inventory.vms_of(c, work.deployment.id))
    return [VmActions(work, vm, groups.get(vm.vm_group)) for vm in vms if vm.id in begun["vms"]]


async def guarded(vm: VmActions, action: Action, event_type: str, awaitable: Awaitable[None]) -> None:
    """A failure takes the VM to error and is told with the event that would have come: `event_type`, or VM_ALIVE once
    the VM is up. Raises: StepFailed.
    """
    try:
        await awaitable
    except StepFailed as failure:
        up = vm.op.done(f"{vm.path}/up")
        event, prefix = (types.VM_ALIVE, "") if up else (event_type, types.FAILED[action.event])
        await vm.fail(event, failure, prefix)
        raise
