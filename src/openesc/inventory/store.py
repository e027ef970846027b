"""Reads and writes of the inventory. States change through `openesc.inventory.door` alone."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import Connection, Select, Table, Update, and_, bindparam, select

from openesc.inventory.records import Deployment, Interface, Leftover, Resource, Vm
from openesc.store import Tx
from openesc.store import tables as t

R = TypeVar("R")


def _rows(connection: Connection, kind: type[R], statement: Any) -> list[R]:
    return [kind(**row._mapping) for row in connection.execute(statement)]


def _row(connection: Connection, kind: type[R], statement: Any) -> R | None:
    found = connection.execute(statement).first()
    return kind(**found._mapping) if found is not None else None


@cache
def _update(table: Table) -> Update:
    """Built once a table: statements of the hot path cost more to build than to run. Its values are the parameters."""
    return table.update().where(table.c.id == bindparam("row_id"))


@cache
def _selection(table: Table) -> Select[Any]:
    """Likewise, of one row."""
    return select(table).where(table.c.id == bindparam("row_id"))


def _by_id(connection: Connection, kind: type[R], table: Table, row_id: str) -> R | None:
    found = connection.execute(_selection(table), {"row_id": row_id}).first()
    return kind(**found._mapping) if found is not None else None


# deployments

_DEPLOYMENTS_NAMED = (
    select(t.deployments)
    .where(t.deployments.c.tenant == bindparam("tenant"), t.deployments.c.name == bindparam("name"))
    .order_by(t.deployments.c.created_at)
)
"""Built once: it runs in every edit of a deployment."""


def deployment(connection: Connection, deployment_id: str) -> Deployment | None:
    """By ESC's depid."""
    return _by_id(connection, Deployment, t.deployments, deployment_id)


def deployments_named(connection: Connection, tenant: str, name: str) -> list[Deployment]:
    """Oldest first: the entry that is going away stands before the one made again under its name."""
    found = connection.execute(_DEPLOYMENTS_NAMED, {"tenant": tenant, "name": name})
    return [Deployment(**row._mapping) for row in found]


def all_deployments(connection: Connection, tenant: str | None = None) -> list[Deployment]:
    """Of one tenant, or all, oldest first."""
    statement = select(t.deployments).order_by(t.deployments.c.created_at)
    return _rows(
        connection,
        Deployment,
        statement if tenant is None else statement.where(t.deployments.c.tenant == tenant),
    )


def has_deployments(connection: Connection, tenant: str) -> bool:
    """Whether anything is deployed in the tenant."""
    statement = select(t.deployments.c.id).where(t.deployments.c.tenant == tenant).limit(1)
    return connection.execute(statement).first() is not None


def add_deployment(tx: Tx, record: Deployment) -> None:
    tx.execute(t.deployments.insert(), asdict(record))


def update_deployment(tx: Tx, deployment_id: str, **values: Any) -> None:
    """Change leaves other than the state."""
    tx.execute(_update(t.deployments), {"row_id": deployment_id, **values})


def remove_deployment(tx: Tx, deployment_id: str) -> None:
    tx.execute(t.deployments.delete().where(t.deployments.c.id == deployment_id))


# VMs

_VMS_OF = (
    select(t.vms).where(t.vms.c.deployment_id == bindparam("deployment")).order_by(t.vms.c.vm_group, t.vms.c.ordinal)
)


def vm(connection: Connection, vm_id: str) -> Vm | None:
    """By our id."""
    return _by_id(connection, Vm, t.vms, vm_id)


def vm_named(connection: Connection, name: str) -> Vm | None:
    """By generated name."""
    return _row(connection, Vm, select(t.vms).where(t.vms.c.name == name))


def vms_of(connection: Connection, deployment_id: str) -> list[Vm]:
    """In the order of groups' names and ordinals."""
    return [Vm(**row._mapping) for row in connection.execute(_VMS_OF, {"deployment": deployment_id})]


def vms_with_deployments(connection: Connection, **where: str) -> list[tuple[Deployment, Vm]]:
    """VMs by host and name; `where`: hostname, tenant, deployment_id."""
    joined = t.deployments.c.id == t.vms.c.deployment_id
    wanted = [(t.deployments if name == "tenant" else t.vms).c[name] == value for name, value in where.items()]
    statement = select(t.vms).join(t.deployments, joined).where(*wanted).order_by(t.vms.c.hostname, t.vms.c.name)
    vms = _rows(connection, Vm, statement)
    theirs = select(t.deployments).join(t.vms, joined).where(*wanted)
    deployments = {row.id: row for row in _rows(connection, Deployment, theirs)}
    return [(deployments[vm.deployment_id], vm) for vm in vms]


def all_vms_in(connection: Connection, deployment_id: str, states: Collection[str]) -> bool:
    """Whether every VM of a deployment is in one of these states."""
    other = select(t.vms.c.id).where(t.vms.c.deployment_id == deployment_id, t.vms.c.state.not_in(states)).limit(1)
    return connection.execute(other).first() is None


def add_vm(tx: Tx, record: Vm) -> None:
    tx.execute(t.vms.insert(), asdict(record))


def update_vm(tx: Tx, vm_id: str, **values: Any) -> None:
    """Change leaves other than the state."""
    tx.execute(_update(t.vms), {"row_id": vm_id, **values})


def remove_vm(tx: Tx, vm_id: str) -> None:
    """With its interfaces."""
    tx.execute(t.interfaces.delete().where(t.interfaces.c.vm_id == vm_id))
    tx.execute(t.vms.delete().where(t.vms.c.id == vm_id))


def interfaces_of(connection: Connection, vm_ids: Sequence[str]) -> dict[str, list[Interface]]:
    """By VM, in the order of nicid."""
    statement = select(t.interfaces).where(t.interfaces.c.vm_id.in_(vm_ids)).order_by(t.interfaces.c.nicid)
    found: dict[str, list[Interface]] = {vm_id: [] for vm_id in vm_ids}
    for interface in _rows(connection, Interface, statement):
        found[interface.vm_id].append(interface)
    return found


def update_interface(tx: Tx, record: Interface, **values: Any) -> None:
    """Change leaves of it."""
    tx.execute(t.interfaces.update().where(_this_interface(record)).values(values))


def remove_interface(tx: Tx, record: Interface) -> None:
    tx.execute(t.interfaces.delete().where(_this_interface(record)))


def all_attached(tx: Tx, vm_id: str) -> None:
    """A server was made with all interfaces of the VM."""
    tx.execute(t.interfaces.update().where(t.interfaces.c.vm_id == vm_id).values(attached=True))


def _this_interface(record: Interface) -> Any:
    return and_(t.interfaces.c.vm_id == record.vm_id, t.interfaces.c.nicid == record.nicid)


def put_interface(tx: Tx, record: Interface) -> None:
    """Add it, or replace the one of the same nicid."""
    remove_interface(tx, record)
    tx.execute(t.interfaces.insert(), asdict(record))


# tenants, networks, subnets, images, flavors


def resource(connection: Connection, key: str) -> Resource | None:
    """By key."""
    return _row(connection, Resource, select(t.resources).where(t.resources.c.key == key))


def resources(connection: Connection, **where: Any) -> list[Resource]:
    """All whose columns have these values, in the order they were made."""
    statement = select(t.resources).order_by(t.resources.c.created_at)
    for column, value in where.items():
        statement = statement.where(t.resources.c[column] == value)
    return _rows(connection, Resource, statement)


def add_resource(tx: Tx, record: Resource) -> None:
    tx.execute(t.resources.insert(), {**asdict(record), "facts": dict(record.facts)})


def update_resource(tx: Tx, key: str, **values: Any) -> None:
    tx.execute(t.resources.update().where(t.resources.c.key == key).values(values))


def remove_resource(tx: Tx, key: str) -> None:
    tx.execute(t.resources.delete().where(t.resources.c.key == key))


# leftovers


def leftovers(connection: Connection) -> list[Leftover]:
    """All, oldest first."""
    return _rows(connection, Leftover, select(t.leftovers).order_by(t.leftovers.c.created_at))


def leftovers_of(connection: Connection, deployment_id: str) -> list[Leftover]:
    """Those of one deployment, oldest first."""
    rows = t.leftovers
    mine = select(rows).where(rows.c.deployment_id == deployment_id).order_by(rows.c.created_at)
    return _rows(connection, Leftover, mine)


def add_leftover(tx: Tx, values: Mapping[str, Any]) -> None:
    """Record it once: the same cloud object is not listed twice."""
    where = and_(t.leftovers.c.kind == values["kind"], t.leftovers.c.external_id == values["external_id"])
    if tx.execute(select(t.leftovers.c.id).where(where)).first() is None:
        tx.execute(t.leftovers.insert(), {"id": new_id(), "kept": False, "created_at": tx.clock.tick(), **values})


def remove_leftover(tx: Tx, leftover_id: str) -> None:
    tx.execute(t.leftovers.delete().where(t.leftovers.c.id == leftover_id))


def new_id() -> str:
    """A fresh UUID in text."""
    return str(uuid.uuid4())
