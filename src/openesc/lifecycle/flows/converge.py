"""What deploy and update share: bring what is applied to what the document wants, and close the operation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from openesc.errors import OperationRefused
from openesc.inventory import states
from openesc.inventory import store as inventory
from openesc.inventory.door import move_service, move_vm
from openesc.inventory.records import Vm
from openesc.lifecycle import announce, journal, meets
from openesc.lifecycle.applied import changes, read_applied
from openesc.lifecycle.context import Services, Work
from openesc.lifecycle.errors import StepFailed
from openesc.lifecycle.flows.change import change_vms
from openesc.lifecycle.flows.parts import ensure_networks, ensure_project, make_vms, remove_networks, together
from openesc.lifecycle.flows.sweep import submit_if_doubted
from openesc.lifecycle.flows.undeploy import remove_vm
from openesc.lifecycle.flows.vm_parts import rest
from openesc.lifecycle.handover import first_to_go
from openesc.lifecycle.plan import plan_vms
from openesc.lifecycle.resizes import resize_step, scaling_rejected
from openesc.lifecycle.steps.placement import remove_server_groups
from openesc.store import Tx


async def converge(work: Work) -> None:
    """Make what is missing, then take away what is no longer wanted; before that only what others are to have of it.

    Raises: StepFailed.
    """
    plan = await work.op.commit("plan", lambda tx: make_plan(tx, work))
    await ensure_project(work)
    await ensure_networks(work, work.intent.networks)
    vms = await work.services.store.read(lambda connection: inventory.vms_of(connection, work.deployment.id))
    await _remove(work, _chosen(vms, plan.get("first", ())), "leaving/first")  # plans of earlier releases have none
    await change_vms(work, vms, plan["change"])
    await make_vms(work, _chosen(vms, plan["make"]), again=plan["again"])
    await _remove(work, _chosen(vms, plan["remove"]), "leaving")
    await remove_networks(work, plan["networks"])
    await remove_server_groups(work, keep=frozenset(rule.name for rule in work.intent.rules))


def make_plan(tx: Tx, work: Work) -> dict[str, Any]:
    """What is missing and what is too much: wanted against applied. VMs that went meanwhile get new rows.

    Rows of documents that were accepted later are left to their operations.
    Raises: StepFailed, also where the update was accepted in another state than the service has now.
    """
    known = inventory.vms_of(tx.connection, work.deployment.id)
    _require_possible(tx, work, known)
    try:
        wanted = plan_vms(tx, work.deployment.id, work.intent, known, until=work.op.row.position)
    except OperationRefused as error:  # room that was there when it was accepted is gone
        raise StepFailed(error.error_message) from error
    vms = inventory.vms_of(tx.connection, work.deployment.id)
    networks = inventory.resources(tx.connection, kind="network", deployment_id=work.deployment.id)
    names = {network.name for network in work.intent.networks}
    missing = [vm for vm in vms if vm.id in wanted and vm.state not in states.VM_THERE]
    staying = [vm for vm in vms if vm.id in wanted]
    leaving = [vm for vm in vms if vm.id not in wanted and vm.created_at <= work.op.row.position]
    changing = changes(tx.connection, work.deployment.id, staying, work.intent)
    first = _going_first(tx, work, staying, leaving)
    return {
        "change": {vm_id: change.to_json() for vm_id, change in changing.items()},
        "make": [vm.id for vm in missing],
        "again": [vm.id for vm in missing if vm.state != states.VM_UNDEF],
        "first": first,
        "remove": [vm.id for vm in leaving if vm.id not in first],
        "networks": [network.name for network in networks if network.name not in names],
    }


def _going_first(tx: Tx, work: Work, staying: Sequence[Vm], leaving: Sequence[Vm]) -> list[str]:
    """Those of `leaving` that have what another VM is to have."""
    if not leaving:
        return []
    applied = read_applied(tx.connection, work.deployment.id, [*staying, *leaving])
    return first_to_go(leaving, staying, work.intent, applied)


def _require_possible(tx: Tx, work: Work, vms: Sequence[Vm]) -> None:
    current = inventory.deployment(tx.connection, work.deployment.id)
    assert current is not None
    column = meets.service_column(current, vms, journal.open_operations(tx.connection, current.id))
    reasons = list(scaling_rejected(vms, work.intent, current, column))
    if reasons:
        raise StepFailed("; ".join(reasons))


def _chosen(vms: Sequence[Vm], ids: Sequence[str]) -> list[Vm]:
    return [vm for vm in vms if vm.id in set(ids)]


async def _remove(work: Work, leaving: Sequence[Vm], path: str) -> None:
    if leaving:
        await work.op.commit(path, lambda tx: [move_vm(tx, vm.id, "undeploy") for vm in leaving])
        await together(remove_vm(work, vm) for vm in leaving)


def close_failed(tx: Tx, work: Work, event_type: str, reason: str) -> str:
    """The operation failed; where an undeploy is on its way the states are that one's already."""
    current = inventory.deployment(tx.connection, work.deployment.id)
    assert current is not None
    if current.state != states.SERVICE_UNDEPLOYING:
        _into_error(tx, current.id, reason, goes_on=lambda vm: work.op.done(resize_step(vm)))
        submit_if_doubted(tx, work)
    work.tell(tx, announce.service(event_type, current, reason))
    return reason


def _into_error(tx: Tx, deployment_id: str, reason: str, goes_on: Callable[[Vm], bool] = lambda vm: False) -> None:
    """The service, and every VM that was being made; one whose monitor was off meanwhile is monitored again, unless its
    resize goes on.
    """
    current = inventory.deployment(tx.connection, deployment_id)
    assert current is not None
    for vm in inventory.vms_of(tx.connection, deployment_id):
        if vm.state == states.VM_DEPLOYING:
            move_vm(tx, vm.id, "fail", failure=reason)
        if not goes_on(vm):
            rest(tx, current, vm, reason, lost=False)
    move_service(tx, deployment_id, "fail", failure=reason)


def abandoned(tx: Tx, services: Services, row: journal.OperationRow, event_type: str, reason: str) -> None:
    """The operation is parked: close it as its own failure would."""
    current = inventory.deployment(tx.connection, row.deployment_id or "")
    if current is None:
        return
    if current.state != states.SERVICE_UNDEPLOYING:
        _into_error(tx, current.id, reason)
    services.events.append(tx, announce.service(event_type, current, reason), row.id)
