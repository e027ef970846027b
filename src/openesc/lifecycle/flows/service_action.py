"""Actions on a whole service: start, stop, reboot, monitors on and off (user guide, VNF operations)."""

from __future__ import annotations

from openesc.events import types
from openesc.inventory import states
from openesc.inventory import store as inventory
from openesc.inventory.door import move_service
from openesc.lifecycle import announce, journal
from openesc.lifecycle.context import Services, Work, deployment_work
from openesc.lifecycle.errors import Interrupted, OperationFailed, StepFailed
from openesc.lifecycle.flows.actions import ACTIONS, Action, begin, chosen, guarded
from openesc.lifecycle.flows.parts import closed, together
from openesc.lifecycle.operation import Operation
from openesc.lifecycle.steps.vm_actions import VmActions
from openesc.store import Tx


async def service_action(op: Operation, services: Services) -> None:
    """Do it to every VM it is for; siblings of one that fails go on. Closed by the action's service event."""
    if await closed(op):
        return
    work = await deployment_work(op, services)
    name = op.arguments["action"]
    action, row = ACTIONS[name], f"service {name}"
    try:
        begun = await op.commit("begin", lambda tx: _begin(tx, work, row, action))
        vms = await chosen(work, begun)
        await together(guarded(vm, action, _event(action), _run(action, vm)) for vm in vms)
        await op.commit("close", lambda tx: _succeed(tx, work, name, action))
    except (StepFailed, Interrupted) as failure:
        text = f"{types.FAILED.get(action.closing) or types.SERVICE_ALIVE_FAILED[name]}: {failure.reason}"
        await op.commit("close", lambda tx: close_failed(tx, work, action, text), always=True)
        if isinstance(failure, Interrupted):
            raise
        raise OperationFailed(failure.reason) from failure


def _begin(tx: Tx, work: Work, row: str, action: Action) -> dict[str, object]:
    found = begin(tx, work, row, action, None)
    if action.trigger is not None:
        move_service(tx, work.deployment.id, action.trigger, failure=None)
    return found


async def _run(action: Action, vm: VmActions) -> None:
    if action.event == types.VM_MONITOR_SET:
        await vm.set_monitor(_event(action))
    else:
        await action.run(vm)


def _event(action: Action) -> str:
    """On a service, VM_ALIVE tells that a monitor is set (developer guide, enable monitor)."""
    return types.VM_ALIVE if action.event == types.VM_MONITOR_SET else action.event


def _succeed(tx: Tx, work: Work, name: str, action: Action) -> None:
    if action.closing_trigger is not None:
        move_service(tx, work.deployment.id, action.closing_trigger, failure=None)
    text = types.SERVICE_ALIVE_AFTER.get(name)
    work.tell(tx, announce.service(action.closing, work.deployment, text=text))


def close_failed(tx: Tx, work: Work, action: Action, text: str) -> str:
    """The action failed; one that was rejected when its turn came has changed nothing."""
    current = inventory.deployment(tx.connection, work.deployment.id)
    assert current is not None
    if current.state != states.SERVICE_UNDEPLOYING and work.op.done("begin"):
        move_service(tx, current.id, "fail", failure=text)
    work.tell(tx, announce.service(action.closing, current, text))
    return text


def abandoned(tx: Tx, services: Services, row: journal.OperationRow, reason: str) -> None:
    """The operation is parked: close it as its own failure would."""
    current = inventory.deployment(tx.connection, row.deployment_id or "")
    if current is None:
        return
    if current.state != states.SERVICE_UNDEPLOYING:
        move_service(tx, current.id, "fail", failure=reason)
    event = ACTIONS[row.arguments["action"]].closing
    services.events.append(tx, announce.service(event, current, reason), row.id)
