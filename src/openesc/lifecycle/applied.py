"""Reads what is applied of a deployment's VMs, and what a document would change of them in place."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from sqlalchemy import Connection

from openesc.inventory import store as inventory
from openesc.inventory.records import Resource, Vm
from openesc.lifecycle import intent
from openesc.lifecycle.changes import CHANGEABLE, Applied, VmChange, change_of
from openesc.lifecycle.pools import Held


def changes(
    connection: Connection, deployment_id: str, vms: Iterable[Vm], wanted: intent.Deployment
) -> dict[str, VmChange]:
    """What is to be changed of each of `vms` that is there and stays, by its id; VMs without a change are left out."""
    groups = {group.name: group for group in wanted.groups}
    concerned = [vm for vm in vms if vm.state in CHANGEABLE and vm.vm_group in groups]
    applied = read_applied(connection, deployment_id, concerned)
    found = {vm.id: change_of(vm, groups[vm.vm_group], applied[vm.id]) for vm in concerned}
    return {vm_id: change for vm_id, change in found.items() if change}


def read_applied(connection: Connection, deployment_id: str, vms: Iterable[Vm]) -> dict[str, Applied]:
    """What there is of each VM, by its id."""
    ids = [vm.id for vm in vms]
    if not ids:
        return {}
    interfaces = inventory.interfaces_of(connection, ids)
    rows: defaultdict[str, list[Resource]] = defaultdict(list)
    for row in inventory.resources(connection, deployment_id=deployment_id):
        rows[row.parent or ""].append(row)
    return {vm_id: Applied(interfaces[vm_id], Held.of(rows[vm_id]), _volumes(rows[vm_id])) for vm_id in ids}


def _volumes(rows: Iterable[Resource]) -> list[Resource]:
    return [row for row in rows if row.kind == "volume"]
