"""Fills a data directory while no server runs on it: with deployments that are there, and with operations in flight.

Deployments are the rows the server writes itself, through the store's own writer; behind them there is nothing in the
simulated cloud, and no benchmark looks there. Operations in flight are copies of one that a killed server really left.
"""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from functools import cache
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from sqlalchemy import Table, select

from benchmarks import documents
from openesc.config import Vim
from openesc.inventory import states
from openesc.inventory.records import Deployment, Interface, Resource, Vm
from openesc.lifecycle import intent
from openesc.lifecycle.changes import monitor_mark
from openesc.store import Store, Tx
from openesc.store import tables as t

DATABASE = "openesc.db"
PROJECT_ID = uuid.UUID(int=1).hex
FIRST_ADDRESS = IPv4Address("10.77.1.0")
Row = dict[str, Any]


async def populate(data_dir: Path, numbers: range) -> None:
    """Write deployments of one VM with these numbers, and their tenant where it is not there."""
    await _write(data_dir, lambda tx: _deployments(tx, numbers))


async def multiply(data_dir: Path, number: int, copies: range) -> None:
    """Copy the deployment `number`, its VM, the operation on it and the operation's journal, under these numbers."""
    await _write(data_dir, lambda tx: _multiply(tx, number, copies))


def count(data_dir: Path, what: str) -> int:
    """How many rows ``TABLE where ...`` has, also while a server runs."""
    connection = sqlite3.connect(f"file:{data_dir / DATABASE}?mode=ro", uri=True)
    try:
        found: int = connection.execute(f"select count(*) from {what}").fetchone()[0]
        return found
    finally:
        connection.close()


async def _write(data_dir: Path, fn: Callable[[Tx], None]) -> None:
    store = Store(data_dir / DATABASE)
    try:
        await store.write(fn)
    finally:
        store.close()


def _deployments(tx: Tx, numbers: range) -> None:
    key = f"tenant:{documents.TENANT}"
    if tx.execute(select(t.units.c.key).where(t.units.c.key == key)).first() is None:
        tx.execute(t.units.insert(), _unit(tx, key, "tenant", documents.tenant()))
        tx.execute(t.resources.insert(), asdict(_tenant(tx)))
    rows: Iterable[tuple[Table, Callable[[int], Row]]] = (
        (t.units, lambda n: _unit(tx, _unit_key(n), "deployment", documents.deployment(n))),
        (t.deployments, lambda n: asdict(_deployment(tx, n))),
        (t.vms, lambda n: asdict(_vm(tx, n))),
        (t.interfaces, lambda n: asdict(_interface(n))),
    )
    for table, row in rows:
        tx.execute(table.insert(), [row(number) for number in numbers])


def _multiply(tx: Tx, number: int, copies: range) -> None:
    found = _rows_of(tx, number)
    ids = [found[table][0]["id"] for table in (t.deployments, t.vms, t.operations)]
    for copy in copies:
        names = {documents.name(number): documents.name(copy)} | {old: _id(old, copy) for old in ids}
        for table, rows in found.items():
            for row in rows:
                fresh = {"position": tx.clock.tick()} if table is t.operations else {}
                tx.execute(table.insert(), {name: _renamed(value, names) for name, value in row.items()} | fresh)


def _rows_of(tx: Tx, number: int) -> dict[Table, list[Row]]:
    """Everything of a deployment."""

    def rows(table: Table, column: str, value: str) -> list[Row]:
        return [dict(row._mapping) for row in tx.execute(select(table).where(table.c[column] == value))]

    deployments = rows(t.deployments, "name", documents.name(number))
    vms = rows(t.vms, "deployment_id", deployments[0]["id"])
    operations = rows(t.operations, "deployment_id", deployments[0]["id"])
    return {
        t.units: rows(t.units, "key", _unit_key(number)),
        t.deployments: deployments,
        t.vms: vms,
        t.interfaces: rows(t.interfaces, "vm_id", vms[0]["id"]),
        t.operations: operations,
        t.steps: rows(t.steps, "operation_id", operations[0]["id"]),
    }


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    """`value` with every old name in it replaced, at any depth."""
    if isinstance(value, bytes):
        return _renamed(value.decode(), names).encode()
    if isinstance(value, (list, dict)):
        return json.loads(_renamed(json.dumps(value), names))
    if isinstance(value, str):
        for old, new in names.items():
            value = value.replace(old, new)
    return value


def _unit_key(number: int) -> str:
    return f"deployment:{documents.TENANT}/{documents.name(number)}"


def _unit(tx: Tx, key: str, kind: str, document: bytes) -> Row:
    return {"key": key, "kind": kind, "document": document, "changed_at": tx.clock.tick()}


def deployment_id(number: int) -> str:
    """The depid of the deployment with this number."""
    return _id("deployment", number)


def vm_name(number: int) -> str:
    """The generated name of its VM."""
    return f"{documents.name(number)}_SolTes_0_{_id('name', number)}"


def _id(table: str, number: int) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{table} {number}"))


def _tenant(tx: Tx) -> Resource:
    """Adopted, so that nothing has to be asked of the cloud."""
    return Resource(
        id=_id("tenant", 0),
        kind="tenant",
        key=f"tenant:{documents.TENANT}",
        name=documents.TENANT,
        tenant=documents.TENANT,
        deployment_id=None,
        parent=None,
        cloud_name=documents.TENANT,
        external_id=PROJECT_ID,
        owned=False,
        facts={},
        failure=None,
        created_at=tx.clock.tick(),
    )


def _deployment(tx: Tx, number: int) -> Deployment:
    now = tx.clock.tick()
    return Deployment(
        id=deployment_id(number),
        tenant=documents.TENANT,
        name=documents.name(number),
        state=states.SERVICE_ACTIVE,
        vim_id=Vim().default_id,
        project=documents.TENANT,
        project_id=PROJECT_ID,
        wanted=documents.deployment(number),
        alive_at=now,
        failure=None,
        created_at=now,
    )


def _vm(tx: Tx, number: int) -> Vm:
    return Vm(
        id=_id("vm", number),
        deployment_id=_id("deployment", number),
        vm_group=documents.GROUP,
        ordinal=0,
        name=vm_name(number),
        state=states.VM_ALIVE,
        server_id=_id("server", number),
        host_id=_id("host", number % 2),
        hostname="Host-22",
        image="SolTest-Cirros-Image",
        flavor="SolTest-Cirros-Flavor",
        announced=True,
        failure=None,
        created_at=tx.clock.tick(),
        monitor=_mark(),
    )


@cache
def _mark() -> str | None:
    """Of the monitor that every deployment here has: an update finds nothing to set anew."""
    return monitor_mark(intent.parse(documents.deployment(0)).group(documents.GROUP))


def _interface(number: int) -> Interface:
    return Interface(
        vm_id=_id("vm", number),
        nicid=0,
        type="virtual",
        port_id=_id("port", number),
        network_id=_id("network", 0),
        subnet_id=_id("subnet", 0),
        ip_address=str(FIRST_ADDRESS + number),
        mac_address=f"fa:16:3e:00:{number // 256:02x}:{number % 256:02x}",
        netmask="255.255.0.0",
        gateway="10.77.0.1",
    )
