"""The control commands on operations.

====================  ==================  ==============================================================
command               arguments           result
====================  ==================  ==============================================================
``operation.list``    state, limit        newest first: id, kind, subject, state, started_at, ended_at, failure
``operation.show``    id                  one of them, with claims, waiting_for and steps
``operation.cancel``  id, reason          {"id", "state"}
``operation.retry``   id                  {"id", "state"} of the operation that goes on or is new
====================  ==================  ==============================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select

from openesc.cli.control import Arguments, Handler
from openesc.errors import NotFound, OperationRefused
from openesc.inventory import store as inventory
from openesc.lifecycle import journal
from openesc.lifecycle.engine import Engine
from openesc.lifecycle.planner import Planner
from openesc.store import Store, Tx, iso
from openesc.store import tables as t

PLANNED_AGAIN = frozenset({"deploy", "update"})
"""What is closed in SERVICE_ERROR_STATE when it is parked: a new operation makes good what is missing."""
UNTOUCHABLE = frozenset({"undeploy"})
"""What is going away goes: an undeploy is not cancelled."""


def operation_handlers(store: Store, engine: Engine, planner: Planner) -> Mapping[str, Handler]:
    """The handlers of the commands above, by name."""

    async def listed(arguments: Arguments) -> Any:
        state, limit = arguments.get("state"), int(arguments.get("limit") or 100)
        return await store.read(lambda connection: _list(connection, state, limit))

    async def show(arguments: Arguments) -> Any:
        row = await store.read(lambda connection: _required(connection, arguments["id"]))
        steps = await store.read(lambda connection: _steps(connection, row.id))
        return {**_row(row), "claims": row.claims, "waiting_for": engine.waiting_for(row.id), "steps": steps}

    async def cancel(arguments: Arguments) -> Any:
        return await store.write(lambda tx: _cancel(tx, engine, arguments["id"], arguments["reason"]))

    async def retry(arguments: Arguments) -> Any:
        return await store.write(lambda tx: _retry(tx, engine, planner, arguments["id"]))

    return {
        "operation.list": listed,
        "operation.show": show,
        "operation.cancel": cancel,
        "operation.retry": retry,
    }


def _list(connection: Connection, state: str | None, limit: int) -> list[dict[str, Any]]:
    statement = select(t.operations.c.id).order_by(t.operations.c.position.desc()).limit(limit)
    if state is not None:
        statement = statement.where(t.operations.c.state == state)
    ids = list(connection.execute(statement).scalars())
    found = {row.id: row for row in journal.operations(connection, t.operations.c.id.in_(ids))}
    return [_row(found[operation_id]) for operation_id in ids]


def _row(row: journal.OperationRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "kind": row.kind,
        "subject": row.subject,
        "state": row.state,
        "accepted_at": iso(row.position),
        "started_at": iso(row.started_at) if row.started_at else None,
        "ended_at": iso(row.ended_at) if row.ended_at else None,
        "requested_by": row.requested_by,
        "cancel": row.cancel,
        "failure": row.failure,
    }


def _steps(connection: Connection, operation_id: str) -> list[dict[str, Any]]:
    rows = sorted(journal.steps(connection, operation_id).values(), key=lambda step: step.intent_at)
    return [{"step": step.path, "state": step.state, "at": iso(step.intent_at), "result": step.result} for step in rows]


def _required(connection: Connection, operation_id: str) -> journal.OperationRow:
    row = journal.operation(connection, operation_id)
    if row is None:
        raise NotFound(f"there is no operation {operation_id}; see openesc operation list")
    return row


def _cancel(tx: Tx, engine: Engine, operation_id: str, reason: str) -> dict[str, Any]:
    row = _required(tx.connection, operation_id)
    if row.state not in journal.OPEN:
        raise OperationRefused(f"operation {operation_id} has ended: {row.state}")
    if row.kind in UNTOUCHABLE:
        raise OperationRefused(f"{row.kind} {row.subject} cannot be cancelled: it ends by itself")
    engine.cancel(tx, [row.id], reason)
    return {"id": row.id, "state": "cancelling"}


def _retry(tx: Tx, engine: Engine, planner: Planner, operation_id: str) -> dict[str, Any]:
    row = _required(tx.connection, operation_id)
    if row.state == journal.PARKED and row.kind not in PLANNED_AGAIN:
        engine.requeue(tx, row)
        return {"id": row.id, "state": journal.QUEUED}
    if row.state not in (journal.FAILED, journal.CANCELLED, journal.PARKED):
        raise OperationRefused(f"operation {operation_id} is {row.state}: only what failed can be tried again")
    return _plan_again(tx, planner, row)


def _plan_again(tx: Tx, planner: Planner, row: journal.OperationRow) -> dict[str, Any]:
    deployment = inventory.deployment(tx.connection, row.deployment_id or "")
    if deployment is None:
        raise OperationRefused(f"{row.kind} {row.subject} is not of a deployment that is still there: send it again")
    planned = planner.retry(tx, deployment)
    if not planned:
        raise OperationRefused(f"{row.subject} lacks nothing, or an operation for it is on its way")
    return {"id": planned[0].id, "state": planned[0].state}
