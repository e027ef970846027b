"""Resize by a service update that changes a group's flavor (user guide, VM resize).

Two halves of a deploy or update: `ask_resizes` before its closing event, which says that the cloud accepted them, and
`await_resizes` after it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from openesc.events import types
from openesc.inventory import states
from openesc.inventory import store as inventory
from openesc.lifecycle import announce
from openesc.lifecycle.context import Work
from openesc.lifecycle.errors import OperationFailed, StepFailed
from openesc.lifecycle.flows.confirm import finish
from openesc.lifecycle.flows.migrate import fresh, verify
from openesc.lifecycle.flows.parts import together
from openesc.lifecycle.flows.vm_parts import is_lost, pause, rest
from openesc.lifecycle.operation import Attempt
from openesc.lifecycle.resizes import asked_for, resize_rejected, resize_step
from openesc.lifecycle.steps.calls import persist
from openesc.lifecycle.steps.moving import RUNS_OR_OFF, ask, look, not_moved, rested
from openesc.lifecycle.steps.vm_actions import VmActions
from openesc.store import Tx
from openesc.vim.errors import VimNotFound
from openesc.vim.port import Cloud, Server

PLAN = "resize/plan"


@dataclass(frozen=True, slots=True)
class Flavor:
    """What a VM becomes."""

    id: str
    name: str


async def ask_resizes(work: Work) -> None:
    """Ask the cloud for every flavor that differs from the effective one. Raises: StepFailed when it refuses."""
    await together(_ask(vm) for vm in await _planned(work))


async def await_resizes(work: Work) -> None:
    """VM_VERIFY_RESIZE for each; a cloud that confirms by itself goes on to VM_ALIVE. Raises: OperationFailed."""
    try:
        await together(_await(vm) for vm in await _planned(work))
    except StepFailed as failure:
        raise OperationFailed(failure.reason) from failure


async def _planned(work: Work) -> list[VmActions]:
    """The VMs to resize, chosen once over all lives of the operation."""

    def choose(tx: Tx) -> list[str]:
        vms = inventory.vms_of(tx.connection, work.deployment.id)
        return [vm.id for vm in asked_for(vms, work.intent)]

    ids = await work.op.commit(PLAN, choose)
    if not ids:
        return []
    vms = await work.services.store.read(lambda c: inventory.vms_of(c, work.deployment.id))
    return [VmActions(work, vm, work.intent.group(vm.vm_group)) for vm in vms if vm.id in ids]


async def _flavor(vm: VmActions) -> Flavor:
    """The flavor the group names now. Raises: StepFailed when the cloud does not have it."""
    assert vm.group is not None
    name, cloud = vm.group.flavor or "", await vm.work.cloud()

    async def act(_: Attempt) -> dict[str, str]:
        found = await persist(vm.work.settings.patience, lambda: cloud.find_flavor(name))
        if found is None:
            raise VimNotFound(f"flavor {name} not found")
        return {"id": found.id, "name": found.name}

    return Flavor(**await vm.op.step(f"{vm.path}/flavor", act))


async def _ask(vm: VmActions) -> None:
    try:
        flavor = await _flavor(vm)
        before = await look(vm.work, vm.vm, vm.path)
        if before.flavor != flavor.name:  # else the document names by id what it has already
            await _ask_for(vm, flavor)
    except StepFailed as failure:
        reason = failure.reason
        await vm.op.commit(f"{vm.path}/resize/refused", lambda tx: _refused(tx, vm, reason))
        raise


async def _ask_for(vm: VmActions, flavor: Flavor) -> None:
    rejected = resize_rejected(vm.vm)  # it may wait for confirm since the update was accepted
    if rejected is not None:
        raise StepFailed(rejected)
    await vm.op.commit(f"{vm.path}/pause", lambda tx: pause(tx, vm.vm))

    async def took_effect(_: Cloud, server: Server) -> bool:
        return server.status in ("RESIZE", states.VERIFY_RESIZE) or server.flavor == flavor.name

    await ask(
        vm.work,
        vm.vm,
        resize_step(vm.vm),
        lambda cloud, server_id: cloud.resize_server(server_id, flavor.id),
        took_effect,
        lambda tx: None,
    )


async def _await(vm: VmActions) -> None:
    if not vm.op.done(resize_step(vm.vm)):
        return
    try:
        await _verified(vm, await _flavor(vm))
    except StepFailed as failure:
        reason = failure.reason
        lost = not vm.op.done(f"{vm.path}/verify") and await is_lost(vm)
        await vm.op.commit(f"{vm.path}/resize/failed", lambda tx: _failed(tx, vm, reason, lost=lost))
        raise


async def _verified(vm: VmActions, flavor: Flavor) -> None:
    if not vm.op.done(f"{vm.path}/verify"):
        server = await rested(vm.work, vm.vm)
        if server.flavor != flavor.name:
            text = f"VM [{vm.vm.name}] was not resized to {flavor.name}: it still has {server.flavor}"
            raise await not_moved(vm.work, vm.vm, server, text)
        await vm.op.commit(f"{vm.path}/verify", lambda tx: verify(tx, vm, server))
    if await vm.op.commit(f"{vm.path}/verify", lambda tx: "") in RUNS_OR_OFF:
        vm.vm = await fresh(vm)
        await finish(vm, types.VM_CONFIRM_RESIZE_COMPLETE)  # the cloud confirms by itself


def _refused(tx: Tx, vm: VmActions, reason: str) -> None:
    """Nothing was changed: the VM is monitored again, and says why it has the flavor it has; one that waits for confirm
    or revert goes on waiting.
    """
    if vm.vm.vim_status is None:
        _rest(tx, vm, reason, lost=False)
        inventory.update_vm(tx, vm.vm.id, failure=reason)


def _failed(tx: Tx, vm: VmActions, reason: str, *, lost: bool) -> None:
    """Told as the event that did not come."""
    row = inventory.vm(tx.connection, vm.vm.id) or vm.vm
    verified = vm.op.done(f"{vm.path}/verify")
    _rest(tx, vm, reason, lost=lost)
    inventory.update_vm(tx, vm.vm.id, failure=reason)
    event = types.VM_CONFIRM_RESIZE_COMPLETE if verified else types.VM_VERIFY_RESIZE
    told = announce.vm(event, vm.work.deployment, inventory.vm(tx.connection, vm.vm.id) or row, failure=reason)
    vm.work.tell(tx, replace(told, vm_state=None))


def _rest(tx: Tx, vm: VmActions, reason: str, **how: Any) -> None:
    row = inventory.vm(tx.connection, vm.vm.id)
    current = inventory.deployment(tx.connection, vm.work.deployment.id)
    if row is not None and current is not None and row.state != states.VM_UNDEPLOYING:
        rest(tx, current, row, reason, **how)
