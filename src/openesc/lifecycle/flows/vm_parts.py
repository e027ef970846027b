"""What resize, migration, confirm and revert share: one VM, its monitor off meanwhile, its failure told once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from openesc.inventory import states
from openesc.inventory import store as inventory
from openesc.inventory.door import move_vm
from openesc.inventory.records import Deployment, Vm
from openesc.lifecycle import announce, intent, journal
from openesc.lifecycle.context import Services, Work, deployment_work
from openesc.lifecycle.errors import Interrupted, OperationFailed, StepFailed
from openesc.lifecycle.flows.actions import require
from openesc.lifecycle.flows.parts import closed
from openesc.lifecycle.operation import Operation
from openesc.lifecycle.steps.vm_actions import VmActions
from openesc.store import Tx
from openesc.vim.port import Server


async def on_vm(
    op: Operation,
    services: Services,
    row: str,
    run: Callable[[VmActions], Awaitable[None]],
    event: Callable[[VmActions], str],
) -> None:
    """Run a flow on the operation's VM; a failure is told with `event`, which knows how far it came.

    A VM that the cloud left as it was is monitored again; one that is lost there goes to error.
    """
    if await closed(op):
        return
    work = await deployment_work(op, services)
    vm: VmActions | None = None
    try:
        document = await op.commit("begin", lambda tx: _begin(tx, work, row))
        vm = await the_vm(work, document)
        await run(vm)
        await op.commit("close", lambda tx: None)
    except (StepFailed, Interrupted) as failure:
        reason, type = failure.reason, event(vm or await the_vm(work, None))
        lost = isinstance(failure, StepFailed) and await is_lost(await the_vm(work, None))
        await op.commit("close", lambda tx: close_failed(tx, work, type, reason, lost=lost), always=True)
        if isinstance(failure, Interrupted):
            raise
        raise OperationFailed(reason) from failure


def _begin(tx: Tx, work: Work, row: str) -> str:
    current = inventory.deployment(tx.connection, work.deployment.id)
    assert current is not None
    require(tx, current, row, work.op.row.vm_id)
    return current.wanted.decode()


async def the_vm(work: Work, document: str | None) -> VmActions:
    """The operation's VM as it is now, with its group as `document` has it."""
    vm_id = work.op.row.vm_id or ""
    vm = await work.services.store.read(lambda c: inventory.vm(c, vm_id))
    if vm is None:
        raise RuntimeError(f"VM {vm_id} of operation {work.op.id} is not in the inventory")
    groups = intent.parse(document.encode()).groups if document is not None else ()
    return VmActions(work, vm, next((group for group in groups if group.name == vm.vm_group), None))


async def is_lost(vm: VmActions) -> bool:
    """Whether the cloud reports the VM in ERROR. What cannot be asked is not known to be lost."""
    try:
        cloud = await vm.work.cloud()
        server = await vm.work.answered(cloud.get_server(vm.vm.server_id or ""))
    except StepFailed:
        return False
    return server.status == "ERROR"


def close_failed(tx: Tx, work: Work, event_type: str, reason: str, *, lost: bool) -> str:
    """Tell it. A VM whose monitor was off for the operation, and that waits for nothing, rests again."""
    vm = inventory.vm(tx.connection, work.op.row.vm_id or "")
    current = inventory.deployment(tx.connection, work.deployment.id)
    if vm is None or current is None:
        return reason
    if vm.state != states.VM_UNDEPLOYING:
        rest(tx, current, vm, reason, lost=lost)
    work.tell(tx, announce.vm(event_type, current, inventory.vm(tx.connection, vm.id) or vm, failure=reason))
    return reason


def rest(tx: Tx, current: Deployment, vm: Vm, reason: str | None, *, lost: bool) -> None:
    """The state of a VM after an operation that came to nothing: as before, or error with the reason where the cloud
    lost it or it gave no sign of life.
    """
    monitored = intent.is_monitored(current.wanted, vm.vm_group)
    if lost or (monitored and vm.state == states.VM_INERT):
        move_vm(tx, vm.id, "fail", failure=reason, vim_status=None)
    elif vm.state == states.VM_MONITOR_DISABLED and vm.vim_status is None:
        move_vm(tx, vm.id, "resume")
        if monitored:
            move_vm(tx, vm.id, "alive")


def tell(vm: VmActions, tx: Tx, event_type: str, *, vm_state: str | None = None) -> None:
    """An event about the VM as it is now; `vm_state` is the cloud's, for the log block."""
    row = inventory.vm(tx.connection, vm.vm.id) or vm.vm
    vm.work.tell(tx, replace(announce.vm(event_type, vm.work.deployment, row), vm_state=vm_state))


def placed(server: Server) -> dict[str, Any]:
    """Where the server is and what it is, for the VM's row."""
    return {"host_id": server.host_id, "hostname": server.hostname, "flavor": server.flavor}


def pause(tx: Tx, vm: Vm) -> None:
    """Its monitor is off; one that is off itself, or was not monitored, stays as it is."""
    move_vm(tx, vm.id, "pause", failure=None)


def abandoned(tx: Tx, services: Services, row: journal.OperationRow, event_type: str, reason: str) -> None:
    """The operation is parked: its VM is in error."""
    vm = inventory.vm(tx.connection, row.vm_id or "")
    current = inventory.deployment(tx.connection, row.deployment_id or "")
    if vm is None or current is None:
        return
    if current.state != states.SERVICE_UNDEPLOYING:
        move_vm(tx, vm.id, "fail", failure=reason)
    services.events.append(tx, announce.vm(event_type, current, vm, failure=reason), row.id)
