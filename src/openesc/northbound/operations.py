"""Operations as people and scripts handle them: look, cancel, try again. For the command line and for REST."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, select

from openesc.errors import NotFound, OperationRefused
from openesc.events import callbacks
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

Visible = Callable[[journal.OperationRow], bool]


def everything(_row: journal.OperationRow) -> bool:
    """Who may open the control socket sees all."""
    return True


@dataclass(frozen=True, slots=True)
class Question:
    """Which operations are asked for, newest first; None: any."""

    state: str | None = None
    deployment_id: str | None = None
    transaction_id: str | None = None
    limit: int = 100


class Operations:
    """The operations of one store. What `visible` hides is not there for the caller."""

    def __init__(self, store: Store, engine: Engine, planner: Planner) -> None:
        self._store = store
        self._engine = engine
        self._planner = planner

    async def listed(self, question: Question, visible: Visible = everything) -> list[dict[str, Any]]:
        """The newest ones first."""
        return await self._store.read(lambda connection: _list(connection, question, visible))

    async def show(self, operation_id: str, visible: Visible = everything) -> dict[str, Any]:
        """One of them, with claims, what it waits for, and its journal. Raises: NotFound."""
        read = self._store.read
        row = await read(lambda connection: required(connection, operation_id, visible))
        steps = await read(lambda connection: _steps(connection, row.id))
        shown = await read(lambda connection: _described(connection, [row]))
        return {**shown[0], "claims": row.claims, "waiting_for": self._engine.waiting_for(row.id), "steps": steps}

    async def cancel(self, operation_id: str, reason: str, visible: Visible = everything) -> dict[str, Any]:
        """Tell it to stop. Raises: NotFound, OperationRefused for one that has ended or undeploys."""

        def work(tx: Tx) -> dict[str, Any]:
            row = required(tx.connection, operation_id, visible)
            if row.state not in journal.OPEN:
                raise OperationRefused(f"operation {operation_id} has ended: {row.state}")
            if row.kind in UNTOUCHABLE:
                raise OperationRefused(f"{row.kind} {row.subject} cannot be cancelled: it ends by itself")
            self._engine.cancel(tx, [row.id], reason)
            return {"id": row.id, "state": "cancelling"}

        return await self._store.write(work)

    async def retry(self, operation_id: str, visible: Visible = everything, by: str | None = None) -> dict[str, Any]:
        """Do after all what failed: the operation that goes on or is new. Raises: NotFound, OperationRefused."""

        def work(tx: Tx) -> dict[str, Any]:
            row = required(tx.connection, operation_id, visible)
            if row.state == journal.PARKED and row.kind not in PLANNED_AGAIN:
                self._engine.requeue(tx, row)
                return {"id": row.id, "state": journal.QUEUED}
            if row.state not in (journal.FAILED, journal.CANCELLED, journal.PARKED):
                raise OperationRefused(f"operation {operation_id} is {row.state}: only what failed can be tried again")
            return self._plan_again(tx, row, by)

        return await self._store.write(work)

    def _plan_again(self, tx: Tx, row: journal.OperationRow, by: str | None) -> dict[str, Any]:
        deployment = inventory.deployment(tx.connection, row.deployment_id or "")
        if deployment is None:
            raise OperationRefused(
                f"{row.kind} {row.subject} is not of a deployment that is still there: send it again"
            )
        planned = self._planner.retry(tx, deployment, by)
        if not planned:
            raise OperationRefused(f"{row.subject} lacks nothing, or an operation for it is on its way")
        return {"id": planned[0].id, "state": planned[0].state}


def required(connection: Connection, operation_id: str, visible: Visible) -> journal.OperationRow:
    """Raises: NotFound."""
    row = journal.operation(connection, operation_id)
    if row is None or not visible(row):
        raise NotFound(f"there is no operation {operation_id}; see openesc operation list")
    return row


def _list(connection: Connection, question: Question, visible: Visible) -> list[dict[str, Any]]:
    o = t.operations.c
    statement = select(o.id).order_by(o.position.desc())
    if question.state is not None:
        statement = statement.where(o.state == question.state)
    if question.deployment_id is not None:
        statement = statement.where(o.deployment_id == question.deployment_id)
    if question.transaction_id is not None:
        statement = statement.where(o.id.in_(callbacks.operations_of(connection, question.transaction_id)))
    return _described(connection, _seen(connection, statement, visible, question.limit))


def _seen(connection: Connection, statement: Any, visible: Visible, limit: int) -> list[journal.OperationRow]:
    """The first `limit` of the statement's operations that are visible."""
    found: list[journal.OperationRow] = []
    for page in connection.execute(statement).scalars().partitions(100):
        rows = {row.id: row for row in journal.operations(connection, t.operations.c.id.in_(page))}
        found += [rows[operation_id] for operation_id in page if visible(rows[operation_id])]
        if len(found) >= limit:
            break
    return found[:limit]


def _described(connection: Connection, rows: list[journal.OperationRow]) -> list[dict[str, Any]]:
    requests = callbacks.requests_of(connection, [row.id for row in rows])
    return [{**_leaves(row), **asdict(requests.get(row.id, callbacks.Request()))} for row in rows]


def _leaves(row: journal.OperationRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "kind": row.kind,
        "subject": row.subject,
        "state": row.state,
        "tenant": row.tenant,
        "deployment_id": row.deployment_id,
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
