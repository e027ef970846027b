"""Actions on one VM: start, stop, reboot, monitor on and off (user guide, VM operations)."""

from __future__ import annotations

from openesc.events import types
from openesc.inventory import states
from openesc.inventory import store as inventory
from openesc.inventory.door import move_service
from openesc.lifecycle import announce, journal
from openesc.lifecycle.context import Services, Work, deployment_work
from openesc.lifecycle.errors import Interrupted, OperationFailed, StepFailed
from openesc.lifecycle.flows import vm_parts
from openesc.lifecycle.flows.actions import ACTIONS, begin, chosen, guarded
from openesc.lifecycle.flows.parts import closed
from openesc.lifecycle.operation import Operation
from openesc.store import Tx


async def vm_action(op: Operation, services: Services) -> None:
    """Do it to the VM. Closed by its event: VM_STOPPED; VM_STARTED or VM_REBOOTED, then VM_ALIVE; VM_MONITOR_SET."""
    if await closed(op):
        return
    work = await deployment_work(op, services)
    name, vm_id = op.arguments["action"], op.row.vm_id
    action, row = ACTIONS[name], f"vm {name}"
    try:
        begun = await op.commit("begin", lambda tx: begin(tx, work, row, action, vm_id))
        for vm in await chosen(work, begun):
            await guarded(vm, action, action.event, action.run(vm))
        await op.commit("close", lambda tx: _succeed(tx, work, name))
    except (StepFailed, Interrupted) as failure:
        text = f"{types.FAILED[action.event]}: {failure.reason}"
        await op.commit("close", lambda tx: _close_failed(tx, work, action.event, text), always=True)
        if isinstance(failure, Interrupted):
            raise
        raise OperationFailed(failure.reason) from failure


def _succeed(tx: Tx, work: Work, name: str) -> None:
    """A service whose last stopped VM was started is in service again."""
    current = inventory.deployment(tx.connection, work.deployment.id)
    assert current is not None
    vms = inventory.vms_of(tx.connection, current.id)
    if current.state == states.SERVICE_STOPPED and all(vm.state in states.VM_UP for vm in vms):
        move_service(tx, current.id, "start", failure=None)
        move_service(tx, current.id, "alive")


def _close_failed(tx: Tx, work: Work, event_type: str, text: str) -> str:
    """Told once: by the VM's own failure where its steps had begun, else here."""
    vm = inventory.vm(tx.connection, work.op.row.vm_id or "")
    if vm is not None and not work.op.done(f"{vm.vm_group}/{vm.ordinal}/failed"):
        work.tell(tx, announce.vm(event_type, work.deployment, vm, failure=text))
    return text


def abandoned(tx: Tx, services: Services, row: journal.OperationRow, reason: str) -> None:
    """The operation is parked: close it as its own failure would."""
    vm_parts.abandoned(tx, services, row, ACTIONS[row.arguments["action"]].event, reason)
