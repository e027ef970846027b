"""Confirm and revert of a resize or cold migration (user guide, confirm or revert request)."""

from __future__ import annotations

from openesc.events import types
from openesc.inventory import states
from openesc.inventory import store as inventory
from openesc.inventory.door import move_vm
from openesc.lifecycle.context import Services
from openesc.lifecycle.errors import StepFailed
from openesc.lifecycle.flows.vm_parts import on_vm, placed, tell
from openesc.lifecycle.operation import Operation
from openesc.lifecycle.steps.guest import tell_guest
from openesc.lifecycle.steps.moving import RUNS_OR_OFF, ask, newest_migration
from openesc.lifecycle.steps.power import required_server
from openesc.lifecycle.steps.vm_actions import VmActions
from openesc.store import Tx
from openesc.vim.port import Cloud, Server


async def confirm(op: Operation, services: Services) -> None:
    """VM_CONFIRM_RESIZE_INIT once the cloud took it, VM_CONFIRM_RESIZE_COMPLETE, VM_ALIVE; what is off stays so."""
    await on_vm(op, services, "vm CONFIRM_RESIZE", _confirm, _confirm_event)


async def revert(op: Operation, services: Services) -> None:
    """VM_REVERT_RESIZE_INIT once the cloud took it, VM_REVERT_RESIZE_COMPLETE, VM_ALIVE; one that is off stays off."""
    await on_vm(op, services, "vm REVERT_RESIZE", _revert, _revert_event)


async def _confirm(vm: VmActions) -> None:
    async def took_effect(cloud: Cloud, server: Server) -> bool:
        newest = await newest_migration(vm.work, cloud, server.id)
        under_way = newest is not None and newest.status in ("confirming", "confirmed")
        return under_way or is_confirmed(vm, server)

    await ask(
        vm.work,
        vm.vm,
        f"{vm.path}/confirm",
        lambda cloud, server_id: cloud.confirm_resize(server_id),
        took_effect,
        lambda tx: tell(vm, tx, types.VM_CONFIRM_RESIZE_INIT),
        adopt=True,  # a cloud that confirms by itself was quicker
    )
    await finish(vm, types.VM_CONFIRM_RESIZE_COMPLETE)


def is_confirmed(vm: VmActions, server: Server) -> bool:
    """Rests on the new host with the new flavor, as they were recorded when it began to wait."""
    same = server.flavor == vm.vm.flavor and server.host_id == vm.vm.host_id
    return server.status in RUNS_OR_OFF and server.task_state is None and same


def is_reverted(vm: VmActions, server: Server) -> bool:
    """Rests, and is not what was to be confirmed."""
    return server.status in RUNS_OR_OFF and server.task_state is None and not is_confirmed(vm, server)


async def _revert(vm: VmActions) -> None:
    async def took_effect(cloud: Cloud, server: Server) -> bool:
        newest = await newest_migration(vm.work, cloud, server.id)
        under_way = newest is not None and newest.status in ("reverting", "reverted")
        return under_way or server.status == "REVERT_RESIZE" or is_reverted(vm, server)

    await ask(
        vm.work,
        vm.vm,
        f"{vm.path}/revert",
        lambda cloud, server_id: cloud.revert_resize(server_id),
        took_effect,
        lambda tx: tell(vm, tx, types.VM_REVERT_RESIZE_INIT),
        adopt=True,  # somebody was quicker in the cloud
    )
    await finish(vm, types.VM_REVERT_RESIZE_COMPLETE)


async def finish(vm: VmActions, event_type: str) -> None:
    """Wait until the server rests, write what it is now, set its monitor. Raises: StepFailed."""
    path = f"{vm.path}/complete"
    if not vm.op.done(path):
        server = await _over(vm)
        if event_type == types.VM_CONFIRM_RESIZE_COMPLETE and not is_confirmed(vm, server):
            raise StepFailed(f"VM [{vm.vm.name}] is not what was confirmed: {server.flavor} on {server.hostname}")
        if event_type == types.VM_REVERT_RESIZE_COMPLETE and is_confirmed(vm, server):
            raise StepFailed(f"VM [{vm.vm.name}] was not reverted: {server.flavor} on {server.hostname}")
        await vm.op.commit(path, lambda tx: _complete(tx, vm, server, event_type))
    watched = await vm.op.commit(path, lambda tx: "") == states.VM_INERT
    told = "confirm_resize" if event_type == types.VM_CONFIRM_RESIZE_COMPLETE else "revert_resize"
    await tell_guest(vm.work, vm.vm, vm.path, told, monitored=watched and vm.monitored)
    if watched:
        await vm.alive()


async def _over(vm: VmActions) -> Server:
    """While the cloud confirms, the server shows VERIFY_RESIZE without a task, as before."""
    cloud = await vm.work.cloud()
    waiting = cloud.wait_server(
        required_server(vm.vm),
        lambda server: server.status in RUNS_OR_OFF and server.task_state is None,
        vm.work.settings.server_timeout,
    )
    return await vm.work.answered(waiting)


def _complete(tx: Tx, vm: VmActions, server: Server, event_type: str) -> str:
    """A flavor that was taken back is remembered, so that the same document does not ask for it again."""
    row = inventory.vm(tx.connection, vm.vm.id)
    assert row is not None
    reverted = event_type == types.VM_REVERT_RESIZE_COMPLETE and server.flavor != row.flavor
    values = {"declined_flavor": row.flavor if reverted else None, "vim_status": None, **placed(server)}
    state = move_vm(tx, vm.vm.id, "resume", failure=None, **values)
    tell(vm, tx, event_type)
    return state


def _confirm_event(vm: VmActions) -> str:
    return _next(vm, "confirm", types.VM_CONFIRM_RESIZE_INIT, types.VM_CONFIRM_RESIZE_COMPLETE)


def _revert_event(vm: VmActions) -> str:
    return _next(vm, "revert", types.VM_REVERT_RESIZE_INIT, types.VM_REVERT_RESIZE_COMPLETE)


def _next(vm: VmActions, asked: str, init: str, complete: str) -> str:
    """The event that did not come."""
    if vm.op.done(f"{vm.path}/complete"):
        return types.VM_ALIVE
    return complete if vm.op.done(f"{vm.path}/{asked}") else init
