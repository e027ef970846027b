"""What deploy, update and undeploy have in common."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Collection, Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from openesc.events import types
from openesc.inventory import store as inventory
from openesc.inventory.records import Interface, Vm
from openesc.lifecycle import intent
from openesc.lifecycle.context import Work
from openesc.lifecycle.errors import OperationFailed, StepFailed
from openesc.lifecycle.leftovers import record_leftover
from openesc.lifecycle.operation import Operation
from openesc.lifecycle.steps import volumes
from openesc.lifecycle.steps.interfaces import Interfaces, kept_interfaces
from openesc.lifecycle.steps.lookup import look_up
from openesc.lifecycle.steps.networks import Networking, Scope
from openesc.lifecycle.steps.servers import VmSteps, remove_from_cloud
from openesc.lifecycle.steps.tenants import ensure_tenant
from openesc.store import Tx

T = TypeVar("T")


async def together(coroutines: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Run all to their ends, then raise the first refusal of the cloud: a failure inside one kind lets its siblings
    finish (developer guide, deploy workflow). Anything else (a stop, a defect) ends the siblings at once.
    """
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    pending = set(tasks)
    try:
        while pending:
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                if (error := task.exception()) is not None and not isinstance(error, StepFailed):
                    raise error
    finally:
        for task in pending:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return [task.result() for task in tasks]


async def closed(op: Operation) -> bool:
    """Whether an earlier life wrote the operation's closing event ("close", kept with the reason of its failure) and
    died before the operation was over.

    Raises: as that life would have: OperationFailed, or Interrupted where it was told to stop.
    """
    if not op.done("close"):
        return False
    reason: str | None = await op.commit("close", lambda tx: None)
    if reason is not None:
        op.check()
        raise OperationFailed(reason)
    return True


async def ensure_project(work: Work) -> None:
    """The deployment's tenant is there, and the deployment's row knows its id."""
    project = work.deployment.project
    project_id = await ensure_tenant(work.op, work.services, work.vim, project)
    if work.deployment.project_id != project_id:
        await work.op.commit(
            "project", lambda tx: inventory.update_deployment(tx, work.deployment.id, project_id=project_id)
        )
        await work.refresh()


async def ensure_networks(work: Work, networks: Iterable[intent.Network]) -> None:
    """Ephemeral networks, then their subnets."""
    networks = list(networks)
    if not networks:
        return
    networking = Networking(work.op, work.services, await work.cloud(), Scope(deployment=work.deployment))
    ids = await together(networking.ensure_network(network) for network in networks)
    await together(
        networking.ensure_subnet(network.name, network_id, subnet)
        for network, network_id in zip(networks, ids, strict=True)
        for subnet in network.subnets
    )


async def remove_networks(work: Work, names: Iterable[str] | None = None) -> None:
    """Ephemeral networks (None: all), their subnets first."""
    rows = await work.services.store.read(lambda c: inventory.resources(c, deployment_id=work.deployment.id))
    networks = [row for row in rows if row.kind == "network" and (names is None or row.name in set(names))]
    if not networks:
        return
    keys = {row.key for row in networks}
    networking = Networking(work.op, work.services, await work.cloud(), Scope(deployment=work.deployment))
    await together(networking.remove_subnet(row) for row in rows if row.kind == "subnet" and row.parent in keys)
    await together(networking.remove_network(row) for row in networks)


class Startup:
    """Groups start together, unless policies/startup lets one wait until others are alive (user guide,
    dependencies).
    """

    def __init__(self, order: Mapping[str, frozenset[str]], members: Mapping[str, int]) -> None:
        self._order = order
        self._left = dict(members)
        self._changed = asyncio.Condition()
        self._failed: set[str] = set()

    async def turn(self, group: str) -> None:
        """Wait until every group this one depends on is alive. Raises: StepFailed when one of them failed."""
        needed = self._order.get(group, frozenset())
        async with self._changed:
            await self._changed.wait_for(
                lambda: needed & self._failed or not any(self._left.get(name, 0) for name in needed)
            )
        failed = ", ".join(sorted(needed & self._failed))
        if failed:
            raise StepFailed(f"vm_group {group} was not started: vm_group {failed}, which it depends on, failed")

    async def one_alive(self, group: str) -> None:
        """A VM of `group` is alive (or needs no sign of life)."""
        async with self._changed:
            self._left[group] -= 1
            self._changed.notify_all()

    async def one_failed(self, group: str) -> None:
        async with self._changed:
            self._failed.add(group)
            self._changed.notify_all()


async def make_vms(work: Work, vms: Sequence[Vm], *, again: Collection[str]) -> None:
    """Deploy `vms`, groups in parallel but for the startup order. Raises: StepFailed once all have ended.

    `again`: ids of those an earlier operation may have left something of.
    """
    startup = Startup(work.intent.startup, Counter(vm.vm_group for vm in vms))
    await together(_make_in_turn(work, vm, startup, clear=vm.id in again) for vm in vms)


async def _make_in_turn(work: Work, vm: Vm, startup: Startup, *, clear: bool) -> None:
    steps = VmSteps(work, vm, work.intent.group(vm.vm_group))
    try:
        await _guarded(steps, types.VM_DEPLOYED, work.op.wait(startup.turn(vm.vm_group)))
        await _make_vm(work, vm, steps, clear=clear)
        await startup.one_alive(vm.vm_group)
    except StepFailed:
        await startup.one_failed(vm.vm_group)
        raise


async def _make_vm(work: Work, vm: Vm, steps: VmSteps, *, clear: bool) -> None:
    await steps.begin()
    booting = _boot(work, vm, steps, clear=clear)
    # what a VM had that was up once stays for the next try: its addresses, its data
    server_id, interfaces = await _guarded(steps, types.VM_DEPLOYED, booting, undo=not vm.announced)
    await _guarded(steps, types.VM_ALIVE, steps.alive(server_id, interfaces))


async def _boot(work: Work, vm: Vm, steps: VmSteps, *, clear: bool) -> tuple[str, list[Interface]]:
    facts = await look_up(work, steps.group)
    if clear:  # nothing of an earlier try may be in the way
        await remove_from_cloud(work, vm, f"{steps.path}/again", keep=await kept_interfaces(work, vm, steps.group))
        await volumes.drop_unwanted(work, vm, steps.group, f"{steps.path}/again")
    ports = Interfaces(work, vm, steps.group, steps.path)
    interfaces = [await ports.ensure(wanted, facts) for wanted in steps.group.interfaces]
    devices = await volumes.prepare(work, vm, steps.group, facts.image_id, steps.path)
    server_id = await steps.server(facts, interfaces, devices)
    await steps.up(server_id, interfaces)
    return server_id, interfaces


async def _guarded(steps: VmSteps, event_type: str, awaitable: Awaitable[T], *, undo: bool = False) -> T:
    """A failure is told as `event_type` FAILURE; with `undo` what was made of the VM is taken away first."""
    try:
        return await awaitable
    except StepFailed as failure:
        if undo:
            await undo_vm(steps.work, steps.vm, f"{steps.path}/undo", failure.reason)
        await steps.fail(event_type, failure)
        raise


async def undo_vm(work: Work, vm: Vm, path: str, why: str) -> None:
    """Take a failed VM out of the cloud; what resists is recorded as leftover. A volume that resists stays the VM's:
    the next try uses it, or an undeployment takes it away. Never raises for a cloud's refusal.
    """
    try:
        await remove_from_cloud(work, vm, path)
    except StepFailed as failure:
        reason = f"{failure.reason}; it was being removed because: {why}"
        await work.op.commit(f"{path}/leftover", lambda tx: record_vm_leftover(work, vm, reason, tx))
        return
    with suppress(StepFailed):
        await volumes.remove(work, vm, path, unmade=False)


def record_vm_leftover(work: Work, vm: Vm, reason: str, tx: Tx) -> None:
    """List what may be left of a VM: its server by id where it is known, else by name; and its ports."""
    fresh = inventory.vm(tx.connection, vm.id) or vm
    interfaces = inventory.interfaces_of(tx.connection, [vm.id])[vm.id]
    found = [("server", fresh.server_id or "", vm.name)]
    found += [("port", interface.port_id, f"{vm.name} nic {interface.nicid}") for interface in interfaces]
    for kind, external_id, name in found:
        record_leftover(work, tx, kind, external_id, name, reason)
