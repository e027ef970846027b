"""From an event to its delivery: who gets it, and with what body. Runs in the writer lane."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from openesc.events import types
from openesc.events.callbacks import bodies, final
from openesc.events.callbacks.deliveries import WAITING
from openesc.events.callbacks.target import Target
from openesc.events.log import Logged, logged_from
from openesc.store import Tx, now_ms
from openesc.store import tables as t

CALLBACK = "Callback"
EVENTS = "Callback-ESC-Events"
RUNNING = ("queued", "running")
"""States of an operation that has not ended."""


_OWING = (t.operation_callbacks.c.closed_at.is_(None), t.operations.c.state.not_in(RUNNING))
"""Registered for an operation that has ended, and not told."""


@dataclass(slots=True)
class Registration:
    """What is registered for one operation, and its kind."""

    operation_id: str
    kind: str
    target: Target | None
    events: Target | None
    transaction_id: str
    since: int
    """The operation's position: its events are later."""
    closed: bool

    def ended_by(self, logged: Logged) -> bool:
        """Whether this is its final result, and the first one."""
        return not self.closed and final.closes(self.kind, logged.event)


@dataclass(slots=True)
class Receivers:
    """Who is registered for the operations and deployments of some events."""

    operations: Mapping[str, Registration]
    deployments: dict[str, Target]

    def wants(self, logged: Logged) -> tuple[str, Target, Registration | None] | None:
        """The header that asked for this event, its target, and the operation's registration; None: nobody."""
        operation = self.operations.get(logged.operation_id or "")
        if operation is not None and operation.target is not None and operation.ended_by(logged):
            return CALLBACK, operation.target, operation
        events = operation.events if operation is not None else None
        target = events or self.deployments.get(logged.event.depid or "")
        return (EVENTS, target, operation) if target is not None else None


def route(tx: Tx, page: Sequence[Logged]) -> set[str]:
    """Write the deliveries of these events. Returns the origins that have something to do."""
    receivers = _receivers(tx, page)
    origins: set[str] = set()
    if not receivers.operations and not receivers.deployments:
        return origins
    for logged in page:
        wanted = receivers.wants(logged)
        if wanted is not None:
            header, target, operation = wanted
            _deliver(tx, logged, header, target, operation.transaction_id if operation is not None else None)
            origins.add(target.origin)
            if header == CALLBACK and operation is not None:
                _close(tx, operation)
        if logged.event.type == types.SERVICE_UNDEPLOYED:
            _forget(tx, receivers, logged.event.depid or "")
    return origins


def route_ended(tx: Tx, position: int) -> set[str]:
    """Operations that have ended without the event of the table: their `Callback` gets the last one they had.

    Only those whose events are all routed, which is up to `position`. What the same address has had already is not
    sent again.
    """
    origins: set[str] = set()
    for operation in _ended(tx):
        last = _last_event(tx, operation)
        if last is not None and last.position > position:
            continue
        if last is not None and operation.target is not None and not _was_sent(tx, last, operation.target):
            _deliver(tx, last, CALLBACK, operation.target, operation.transaction_id)
            origins.add(operation.target.origin)
        _close(tx, operation)
    return origins


def any_ended(connection: Connection) -> bool:
    """Whether there is anything for `route_ended` to look at."""
    c, o = t.operation_callbacks, t.operations
    joined = c.join(o, c.c.operation_id == o.c.id)
    statement = select(o.c.id).select_from(joined).where(*_OWING).limit(1)
    return connection.execute(statement).first() is not None


def _receivers(tx: Tx, page: Sequence[Logged]) -> Receivers:
    operation_ids = {logged.operation_id for logged in page if logged.operation_id is not None}
    deployment_ids = {logged.event.depid for logged in page if logged.event.depid is not None}
    d = t.deployment_callbacks.c
    rows = tx.execute(select(t.deployment_callbacks).where(d.deployment_id.in_(deployment_ids)))
    targets = {row.deployment_id: Target.from_fields(row.target) for row in rows}
    return Receivers(
        {one.operation_id: one for one in _registered(tx, t.operation_callbacks.c.operation_id.in_(operation_ids))},
        targets,
    )


def _registered(tx: Tx, *where: Any) -> Iterable[Registration]:
    c, o = t.operation_callbacks, t.operations
    joined = c.join(o, c.c.operation_id == o.c.id)
    for row in tx.execute(select(c, o.c.kind, o.c.position).select_from(joined).where(*where)).all():
        yield Registration(
            operation_id=row.operation_id,
            kind=row.kind,
            target=Target.from_fields(row.target) if row.target is not None else None,
            events=Target.from_fields(row.events_target) if row.events_target is not None else None,
            transaction_id=row.transaction_id,
            since=row.position,
            closed=row.closed_at is not None,
        )


def _ended(tx: Tx) -> Iterable[Registration]:
    return _registered(tx, *_OWING)


def _deliver(tx: Tx, logged: Logged, header: str, target: Target, transaction_id: str | None) -> None:
    event, delivery_id = logged.event, str(uuid.uuid4())
    transaction = transaction_id or logged.operation_id or delivery_id
    body = bodies.render(event, tx.connection, delivery_id, transaction)
    lane, now = f"{target.url} {event.depid or logged.operation_id or ''}", now_ms()
    tx.execute(
        t.callback_deliveries.insert(),
        {
            "id": delivery_id,
            "position": logged.position,
            "lane": lane,
            "origin": target.origin,
            "target": target.to_fields(),
            "header": header,
            "event_type": event.type,
            "tenant": event.tenant,
            "deployment_id": event.depid,
            "operation_id": logged.operation_id,
            "transaction_id": transaction,
            "status_code": event.status_code,
            "status_message": bodies.header_text(event.status_message),
            "content_type": body.content_type,
            "body": body.text,
            "state": WAITING,
            "tries": 0,
            "began_at": now,
            "due_at": None if _occupied(tx, lane) else now,
        },
    )


def _occupied(tx: Tx, lane: str) -> bool:
    d = t.callback_deliveries.c
    return tx.execute(select(d.id).where(d.lane == lane, d.state == WAITING).limit(1)).first() is not None


def _last_event(tx: Tx, operation: Registration) -> Logged | None:
    e = t.events.c
    statement = select(t.events).where(e.operation_id == operation.operation_id, e.position > operation.since)
    found = tx.execute(statement.order_by(e.position.desc()).limit(1)).first()
    return logged_from(found) if found is not None else None


def _was_sent(tx: Tx, logged: Logged, target: Target) -> bool:
    d = t.callback_deliveries.c
    found = tx.execute(select(d.target).where(d.position == logged.position)).scalars()
    return any(Target.from_fields(one).url == target.url for one in found)


def _close(tx: Tx, operation: Registration) -> None:
    operation.closed = True
    table = t.operation_callbacks
    tx.execute(table.update().where(table.c.operation_id == operation.operation_id).values(closed_at=now_ms()))


def _forget(tx: Tx, receivers: Receivers, deployment_id: str) -> None:
    """SERVICE_UNDEPLOYED was the last."""
    receivers.deployments.pop(deployment_id, None)
    table = t.deployment_callbacks
    tx.execute(table.delete().where(table.c.deployment_id == deployment_id))
