"""Migration of a VM, live and cold (user guide, VM migrate). Success is read from the migration record and the host."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from openesc.events import types
from openesc.inventory import states
from openesc.inventory import store as inventory
from openesc.inventory.door import move_vm
from openesc.inventory.records import Vm
from openesc.lifecycle.context import Services
from openesc.lifecycle.flows.confirm import finish
from openesc.lifecycle.flows.vm_parts import on_vm, pause, placed, tell
from openesc.lifecycle.operation import Operation
from openesc.lifecycle.steps.moving import (
    RUNS_OR_OFF,
    Before,
    ask,
    look,
    migration_ended,
    newest_migration,
    not_moved,
    rested,
)
from openesc.lifecycle.steps.vm_actions import VmActions
from openesc.store import Tx
from openesc.vim.port import Cloud, Server

BLOCK = {"true": True, "false": False, "": None}
"""blockMigration as it is asked for; left out: the cloud chooses."""


async def migrate(op: Operation, services: Services) -> None:
    """Live: VM_MIGRATE_INIT, VM_MIGRATED, VM_MIGRATE_COMPLETE. Cold: the first two, then VM_VERIFY_RESIZE."""
    live = op.arguments["type"] == "live"
    row = "live migration" if live else "cold migration"
    await on_vm(op, services, row, _live if live else _cold, _event)


async def _live(vm: VmActions) -> None:
    arguments = vm.op.arguments
    block = BLOCK[arguments["block"]]
    before = await _begin(vm, lambda cloud, server_id: cloud.live_migrate(server_id, arguments["host"], block))
    if not vm.op.done(f"{vm.path}/migrated"):
        server = await rested(vm.work, vm.vm)
        record = await migration_ended(vm.work, vm.vm, before)
        if server.host_id == before.host_id or (record is not None and record.status != "completed"):
            ended = f"its migration ended as {record.status}" if record is not None else "it is where it was"
            raise await not_moved(vm.work, vm.vm, server, f"VM [{vm.vm.name}] was not migrated: {ended}")
        await vm.op.commit(f"{vm.path}/migrated", lambda tx: _migrated(tx, vm, server))
    state = await vm.op.commit(f"{vm.path}/resume", lambda tx: move_vm(tx, vm.vm.id, "resume"))
    watched = state == states.VM_INERT and vm.monitored
    if watched:
        await vm.wait_alive()
    await vm.op.commit(f"{vm.path}/alive", lambda tx: _complete(tx, vm, watched))


async def _cold(vm: VmActions) -> None:
    host = vm.op.arguments["host"]
    before = await _begin(vm, lambda cloud, server_id: cloud.cold_migrate(server_id, host))
    if not vm.op.done(f"{vm.path}/verify"):
        server = await rested(vm.work, vm.vm)
        if server.host_id == before.host_id:
            raise await not_moved(vm.work, vm.vm, server, f"VM [{vm.vm.name}] was not migrated: it is where it was")
        await vm.op.commit(f"{vm.path}/migrated", lambda tx: _migrated(tx, vm, server))
        await vm.op.commit(f"{vm.path}/verify", lambda tx: verify(tx, vm, server))
    if await vm.op.commit(f"{vm.path}/verify", lambda tx: "") in RUNS_OR_OFF:
        vm.vm = await fresh(vm)
        await finish(vm, types.VM_CONFIRM_RESIZE_COMPLETE)  # the cloud confirms by itself


async def fresh(vm: VmActions) -> Vm:
    """The VM's row as it is now."""
    found = await vm.work.services.store.read(lambda c: inventory.vm(c, vm.vm.id))
    assert found is not None
    return found


def verify(tx: Tx, vm: VmActions, server: Server) -> str:
    """It waits for confirm or revert: VM_VERIFY_RESIZE. Returns the cloud's status, which may be past it already."""
    waits = server.status == states.VERIFY_RESIZE
    inventory.update_vm(tx, vm.vm.id, vim_status=server.status if waits else None, **placed(server))
    tell(vm, tx, types.VM_VERIFY_RESIZE, vm_state=states.VERIFY_RESIZE)
    return server.status


async def _begin(vm: VmActions, call: Callable[[Cloud, str], Awaitable[None]]) -> Before:
    """Its monitor goes off and the cloud is asked: VM_MIGRATE_INIT once it took the request."""
    before = await look(vm.work, vm.vm, vm.path)
    await vm.op.commit(f"{vm.path}/pause", lambda tx: pause(tx, vm.vm))

    async def took_effect(cloud: Cloud, server: Server) -> bool:
        newest = await newest_migration(vm.work, cloud, server.id)
        recorded = newest is not None and newest.id != before.migration
        moving = server.status in ("RESIZE", "MIGRATING", states.VERIFY_RESIZE)
        return recorded or moving or server.host_id != before.host_id

    def record(tx: Tx) -> None:
        tell(vm, tx, types.VM_MIGRATE_INIT)

    await ask(vm.work, vm.vm, f"{vm.path}/migrate", call, took_effect, record)
    return before


def _migrated(tx: Tx, vm: VmActions, server: Server) -> None:
    inventory.update_vm(tx, vm.vm.id, host_id=server.host_id, hostname=server.hostname)
    tell(vm, tx, types.VM_MIGRATED)


def _complete(tx: Tx, vm: VmActions, watched: bool) -> None:
    if watched:
        move_vm(tx, vm.vm.id, "alive")
    tell(vm, tx, types.VM_MIGRATE_COMPLETE)


def _event(vm: VmActions) -> str:
    """The event that did not come."""
    order = (
        ("verify", types.VM_CONFIRM_RESIZE_COMPLETE),
        ("migrated", types.VM_MIGRATE_COMPLETE),
        ("migrate", types.VM_MIGRATED),
    )
    return next((event for step, event in order if vm.op.done(f"{vm.path}/{step}")), types.VM_MIGRATE_INIT)
