"""Rows of operations and of their journal, written in the lane under the owner's fence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, bindparam, select

from openesc.lifecycle.locks import Claim
from openesc.store import StaleOwner, Tx
from openesc.store import tables as t

QUEUED = "queued"
RUNNING = "running"
SUCCEEDED = "succeeded"
FAILED = "failed"
CANCELLED = "cancelled"
PARKED = "parked"
OPEN = (QUEUED, RUNNING)

INTENT = "intent"
DONE = "done"
FAILURE = "failed"


@dataclass(frozen=True, slots=True)
class OperationRow:
    """An operation as stored. Times are positions in UTC milliseconds."""

    id: str
    position: int
    kind: str
    subject: str
    tenant: str | None
    deployment_id: str | None
    vm_id: str | None
    claims: Sequence[Claim]
    arguments: Mapping[str, Any]
    state: str
    owner: str | None
    fence: int
    cancel: str | None
    version: int
    crashes: int
    deaths: int
    failure: str | None
    requested_by: str | None
    started_at: int | None
    ended_at: int | None


@dataclass(frozen=True, slots=True)
class StepRow:
    """A journal entry; `result` is what the step returned, or its failure."""

    path: str
    state: str
    result: Any
    intent_at: int

    @property
    def doubted(self) -> bool:
        """Whether a call of this step may still have an effect beside its result: an answer was lost before the step
        succeeded or was given up.
        """
        return isinstance(self.result, dict) and bool(self.result.get("doubt"))


@dataclass(frozen=True, slots=True)
class Ownership:
    """Who runs an operation: node and boot, and the fence that boot drew."""

    owner: str
    fence: int


def operation(connection: Connection, operation_id: str) -> OperationRow | None:
    found = connection.execute(select(t.operations).where(t.operations.c.id == operation_id)).first()
    return _operation(found) if found is not None else None


def operations(connection: Connection, *where: Any) -> list[OperationRow]:
    """Those that match, in the order of acceptance."""
    statement = select(t.operations).where(*where).order_by(t.operations.c.position)
    return [_operation(row) for row in connection.execute(statement)]


def open_operations(connection: Connection, deployment_id: str | None = None) -> list[OperationRow]:
    """Queued and running ones, of one deployment or all."""
    if deployment_id is None:
        return operations(connection, t.operations.c.state.in_(OPEN))
    return [_operation(row) for row in connection.execute(_OPEN_OF, {"deployment_id": deployment_id})]


_OPEN_OF = (
    select(t.operations)
    .where(t.operations.c.deployment_id == bindparam("deployment_id"), t.operations.c.state.in_(OPEN))
    .order_by(t.operations.c.position)
)
"""Built once: it runs in every edit of a deployment."""


def _operation(row: Any) -> OperationRow:
    values = dict(row._mapping)
    values["claims"] = [(key, mode) for key, mode in values["claims"]]
    return OperationRow(**values)


def steps(connection: Connection, operation_id: str) -> dict[str, StepRow]:
    """The journal of one operation, by path."""
    s = t.steps.c
    found = connection.execute(select(s.path, s.state, s.result, s.intent_at).where(s.operation_id == operation_id))
    return {row.path: StepRow(*row) for row in found}


def doubted_operations(connection: Connection, deployment_id: str) -> list[OperationRow]:
    """Those of the deployment with calls that have no result or may have an effect beside it."""
    s, o = t.steps.c, t.operations.c
    found = connection.execute(
        select(o.id, s.path, s.state, s.result, s.intent_at)
        .select_from(t.steps.join(t.operations, s.operation_id == o.id))
        .where(o.deployment_id == deployment_id)
    )
    ids = {row.id for row in found if row.state == INTENT or StepRow(*row[1:]).doubted}
    return operations(connection, o.id.in_(ids))


def doubts(connection: Connection, deployment_id: str) -> list[StepRow]:
    """Steps of any operation of the deployment that have an intent and no result: calls whose effect may still show."""
    s, o = t.steps.c, t.operations.c
    where = and_(o.deployment_id == deployment_id, s.state == INTENT)
    found = connection.execute(
        select(s.path, s.state, s.result, s.intent_at)
        .select_from(t.steps.join(t.operations, s.operation_id == o.id))
        .where(where)
    )
    return [StepRow(*row) for row in found]


def require(tx: Tx, operation_id: str, owned: Ownership) -> str | None:
    """Check the fence and return the cancel flag. Raises: StaleOwner."""
    o = t.operations.c
    where = and_(o.id == operation_id, o.owner == owned.owner, o.fence == owned.fence)
    found = tx.execute(select(o.cancel).where(where)).first()
    if found is None:
        raise StaleOwner(operation_id)
    cancel: str | None = found[0]
    return cancel


def write_intent(tx: Tx, operation_id: str, path: str) -> int:
    now = tx.clock.tick()
    tx.execute(
        t.steps.insert(),
        {"operation_id": operation_id, "path": path, "state": INTENT, "result": None, "intent_at": now},
    )
    return now


def write_result(tx: Tx, operation_id: str, path: str, state: str, result: Any) -> None:
    """Close an intent, or write the whole entry for a step that had none."""
    s = t.steps.c
    now = tx.clock.tick()
    changed = tx.execute(
        t.steps.update()
        .where(and_(s.operation_id == operation_id, s.path == path))
        .values(state=state, result=result, ended_at=now)
    )
    if not changed.rowcount:
        tx.execute(
            t.steps.insert(),
            {
                "operation_id": operation_id,
                "path": path,
                "state": state,
                "result": result,
                "intent_at": now,
                "ended_at": now,
            },
        )


def set_state(tx: Tx, operation_id: str, state: str, **values: Any) -> None:
    """Change an operation's state and other columns."""
    tx.execute(t.operations.update().where(t.operations.c.id == operation_id).values(state=state, **values))
