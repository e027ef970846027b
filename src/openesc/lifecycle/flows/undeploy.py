"""Undeploy: VMs, then subnets, then networks; then the proof that nothing is left (developer guide, undeploy
workflow).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from sqlalchemy import Connection, select

from openesc.events import types
from openesc.inventory import states
from openesc.inventory import store as inventory
from openesc.inventory.door import move_service, move_vm
from openesc.inventory.records import Vm
from openesc.lifecycle import announce, intent, journal
from openesc.lifecycle.context import Services, Work, deployment_work
from openesc.lifecycle.errors import OperationFailed, StepFailed
from openesc.lifecycle.flows import strays
from openesc.lifecycle.flows.parts import closed, record_vm_leftover, remove_networks, together
from openesc.lifecycle.leftover_removal import in_order, removal_failure
from openesc.lifecycle.leftovers import record_leftover
from openesc.lifecycle.operation import Attempt, Operation
from openesc.lifecycle.pools import give_back
from openesc.lifecycle.reach import is_there
from openesc.lifecycle.steps import volumes
from openesc.lifecycle.steps.calls import persist
from openesc.lifecycle.steps.names import deployment_tag, vm_tag
from openesc.lifecycle.steps.placement import remove_server_groups
from openesc.lifecycle.steps.servers import remove_from_cloud
from openesc.store import Tx, now_ms
from openesc.store import tables as t
from openesc.vim.port import Cloud


async def undeploy(op: Operation, services: Services) -> None:
    """Take the deployment away. Closed by SERVICE_UNDEPLOYED; what the cloud would not give up is listed as
    leftovers.
    """
    if await closed(op):  # and its row is gone
        return
    work = await deployment_work(op, services)
    vms = await _begin(work)
    failures = await _from_its_project(work, vms)
    failure = "; ".join(dict.fromkeys(failures)) or None
    await op.commit("close", lambda tx: close(tx, work, failure))
    if failure is not None:
        raise OperationFailed(failure)


async def _begin(work: Work) -> list[Vm]:
    def begin(tx: Tx) -> list[dict[str, Any]]:
        vms = inventory.vms_of(tx.connection, work.deployment.id)
        for vm in vms:
            move_vm(tx, vm.id, "undeploy")
        return [{name: getattr(vm, name) for name in vm.__slots__} for vm in vms]

    return [Vm(**fields) for fields in await work.op.commit("begin", begin)]


async def _from_its_project(work: Work, vms: list[Vm]) -> list[str]:
    """Take everything away; a cloud that cannot be had leaves leftovers. Returns what the cloud refused."""
    try:
        await _reach(work)
    except StepFailed as failure:
        for vm in vms:
            await _vm_failed(work, vm, failure.reason, record_vm_leftover, volumes.record_left)
        return [failure.reason]
    return await _take_away(work, vms)


async def _reach(work: Work) -> None:
    """See the cloud from the deployment's project, or from where what it left can be reached. Raises: StepFailed."""

    async def act(_: Attempt) -> bool:
        return await persist(work.settings.patience, lambda: is_there(work.vim, work.deployment.project))

    if not await work.op.step("project", act):
        await work.reach_over()
    await work.cloud()


async def _take_away(work: Work, vms: list[Vm]) -> list[str]:
    failures = await _refusals(*(remove_vm(work, vm) for vm in vms))
    failures += await _refusals(_late_comers(work, vms))
    failures += await _refusals(remove_networks(work))
    its = strays.names(work.deployment.id, vms, await _documents(work))
    failures += await _refusals(strays.remove_strays(work, its, "late/strays"))
    failures += await _refusals(remove_server_groups(work))
    await _earlier_leftovers(work)
    return failures + await _prove_clean(work, vms, its)


async def _documents(work: Work) -> list[intent.Deployment]:
    """What the deployment wanted last, and when calls were given up whose sweep may not have come to its end."""

    def read(connection: Connection) -> list[str]:
        doubted = journal.doubted_operations(connection, work.deployment.id)
        return [row.arguments["document"] for row in doubted if "document" in row.arguments]

    earlier = await work.services.store.read(read)
    return [intent.parse(document) for document in {work.deployment.wanted, *(one.encode() for one in earlier)}]


async def _refusals(*tasks: Coroutine[Any, Any, None]) -> list[str]:
    """Run all to their ends. Returns what the cloud refused; anything else (a stop, a defect) is raised on."""
    results = await asyncio.gather(*tasks, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, StepFailed):
            raise result
    return [result.reason for result in results if isinstance(result, StepFailed)]


async def remove_vm(work: Work, vm: Vm) -> None:
    """One VM goes: VM_UNDEPLOYED. Raises: StepFailed after VM_UNDEPLOYED FAILURE; what may be left is recorded."""
    path = f"vm/{vm.name}"
    await _or_failed(work, vm, remove_from_cloud(work, vm, path), record_vm_leftover, volumes.record_left)
    await _or_failed(work, vm, volumes.remove(work, vm, path), volumes.record_left)
    await work.op.commit(f"{path}/gone", lambda tx: _vm_gone(tx, work, vm))


_Record = Callable[[Work, Vm, str, Tx], None]
"""Lists what may be left of a VM, and why."""


async def _or_failed(work: Work, vm: Vm, removal: Coroutine[Any, Any, None], *records: _Record) -> None:
    try:
        await removal
    except StepFailed as failure:
        await _vm_failed(work, vm, failure.reason, *records)
        raise


async def _vm_failed(work: Work, vm: Vm, reason: str, *records: _Record) -> None:
    def write(tx: Tx) -> None:
        for record in records:
            record(work, vm, reason, tx)
        work.tell(tx, announce.vm(types.VM_UNDEPLOYED, work.deployment, vm, failure=reason))
        _forget(tx, vm)

    await work.op.commit(f"vm/{vm.name}/failed", write)


def _vm_gone(tx: Tx, work: Work, vm: Vm) -> None:
    work.tell(tx, announce.vm(types.VM_UNDEPLOYED, work.deployment, vm))
    _forget(tx, vm)


def _forget(tx: Tx, vm: Vm) -> None:
    move_vm(tx, vm.id, "gone")
    give_back(tx, vm.id)
    for row in inventory.resources(tx.connection, kind=volumes.KIND, parent=vm.id):
        if not row.owned:  # it was given to the VM, and stays as it is
            inventory.remove_resource(tx, row.key)
    inventory.remove_vm(tx, vm.id)


async def _late_comers(work: Work, vms: list[Vm]) -> None:
    """Calls of interrupted operations may still take effect: wait until they cannot, then look once more.

    Raises: StepFailed.
    """
    until = await work.op.commit("late/until", lambda tx: _settled_at(tx, work))
    if until > work.op.row.position:  # else it was to be seen already when the VMs were taken away
        await work.op.wait(asyncio.sleep(max(0, until - now_ms()) / 1000))
        await together(remove_from_cloud(work, vm, f"late/{vm.name}") for vm in vms)


def _settled_at(tx: Tx, work: Work) -> int:
    """When no call that an earlier operation gave up can take effect any more (UTC ms); 0: there is none.

    Given up are calls whose step has no result, and those whose answer was lost before it succeeded or failed.
    """
    s, o = t.steps.c, t.operations.c
    earlier = (o.deployment_id == work.deployment.id) & (o.id != work.op.id)
    joined = t.steps.join(t.operations, s.operation_id == o.id)
    rows = tx.execute(
        select(s.path, s.state, s.result, s.ended_at, o.ended_at.label("over")).select_from(joined).where(earlier)
    )
    given_up = [
        (row.over or now_ms()) if row.state == journal.INTENT else row.ended_at
        for row in rows
        if row.state == journal.INTENT or journal.StepRow(row.path, row.state, row.result, 0).doubted
    ]
    return max(given_up) + round(work.vim.http_timeout * 1000) if given_up else 0


async def _earlier_leftovers(work: Work) -> None:
    """One more try at what earlier operations of the deployment could not remove; what resists stays listed."""
    rows = await work.services.store.read(lambda c: inventory.leftovers_of(c, work.deployment.id))
    earlier = in_order(row for row in rows if not row.kept and row.created_at < work.op.row.position)
    if not earlier and not work.op.done("leftovers"):
        return

    async def act(_: Attempt) -> list[str]:
        return [row.id for row in earlier if await removal_failure(work.services.vims, row) is None]

    def record(tx: Tx, removed: list[str]) -> None:
        for leftover_id in removed:
            inventory.remove_leftover(tx, leftover_id)

    await work.op.step("leftovers", act, record)


async def _prove_clean(work: Work, vms: list[Vm], its: strays.Names) -> list[str]:
    """List what the cloud still has of the deployment; record it. Returns the reasons."""
    cloud = await work.cloud()

    async def act(_: Attempt) -> list[list[str]]:
        return await persist(work.settings.patience, lambda: _left(cloud, work, vms, its))

    def record(tx: Tx, left: list[list[str]]) -> None:
        for kind, external_id, name in left:
            record_leftover(work, tx, kind, external_id, name, "still in the cloud when the undeployment ended")

    try:
        left = await work.op.step("proof", act, record)
    except StepFailed as failure:
        return [f"the cloud could not be searched for leftovers: {failure.reason}"]
    return [f"{kind} {name} [{external_id}] is still in the cloud" for kind, external_id, name in left]


async def _left(cloud: Cloud, work: Work, vms: list[Vm], its: strays.Names) -> list[list[str]]:
    named = await asyncio.gather(*(cloud.servers_named(vm.name) for vm in vms))
    found = [["server", server.id, server.name] for servers in named for server in servers]
    marks = [deployment_tag(work.deployment.id), *(vm_tag(vm.id) for vm in vms)]
    marked = await asyncio.gather(*(cloud.ports_marked(mark) for mark in marks))
    found += [["port", *one] for one in {port.id: port.name for ports in marked for port in ports}.items()]
    left = await work.services.store.read(lambda connection: inventory.leftovers_of(connection, work.deployment.id))
    kept = {row.external_id for row in left if row.kept}
    return found + [list(one) for one in await strays.named(cloud, its) if one[1] not in kept]


def close(tx: Tx, work: Work, failure: str | None) -> str | None:
    """The entry vanishes with its event, whether or not the cloud gave everything up (developer guide, undeploy
    failure).
    """
    for row in inventory.resources(tx.connection, deployment_id=work.deployment.id):
        if row.external_id and row.owned:
            record_leftover(work, tx, row.kind, row.external_id, row.cloud_name, failure or "left by the undeployment")
        inventory.remove_resource(tx, row.key)
    move_service(tx, work.deployment.id, "gone")
    work.tell(tx, announce.service(types.SERVICE_UNDEPLOYED, work.deployment, failure))
    return failure


def abandoned(tx: Tx, services: Services, row: journal.OperationRow, reason: str) -> None:
    """A parked undeploy leaves the entry as it is: a retry goes on with it."""
    current = inventory.deployment(tx.connection, row.deployment_id or "")
    if current is not None and current.state == states.SERVICE_UNDEPLOYING:
        services.events.append(tx, announce.service(types.SERVICE_UNDEPLOYED, current, reason), row.id)
