"""The deliveries: what is to be posted, what was, and what was given up."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, select

from openesc.errors import NotFound, OperationRefused
from openesc.events.callbacks.target import Target
from openesc.store import Tx, now_ms
from openesc.store import tables as t

WAITING: Final = "waiting"
DELIVERED: Final = "delivered"
DEAD: Final = "dead"
"""Given up after the tries or the time that the settings allow; `redeliver` tries again."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One callback of one event. Times in UTC milliseconds; `position` is the event's.

    `began_at`: its time to be delivered runs from here. `due_at`: when it is tried next; None: it waits for an earlier
    one of its `lane` (receiver and deployment), or is settled. `header` is the request header that asked for it.
    """

    id: str
    position: int
    lane: str
    origin: str
    target: Target
    header: str
    event_type: str
    tenant: str | None
    deployment_id: str | None
    operation_id: str | None
    transaction_id: str
    status_code: int
    status_message: str
    content_type: str
    body: str
    state: str
    tries: int
    began_at: int
    due_at: int | None
    failure: str | None
    settled_at: int | None


def listing(
    connection: Connection,
    *,
    state: str | None = None,
    deployment_id: str | None = None,
    tenants: Collection[str] | None = None,
    limit: int = 1000,
) -> list[Delivery]:
    """Deliveries, newest event first; those of a `state`, a deployment or some tenants where they are given."""
    d = t.callback_deliveries.c
    where = [
        *([d.state == state] if state is not None else []),
        *([d.deployment_id == deployment_id] if deployment_id is not None else []),
        *([d.tenant.in_(tenants)] if tenants is not None else []),
    ]
    statement = select(t.callback_deliveries).where(*where).order_by(d.position.desc()).limit(limit)
    return [delivery(row) for row in connection.execute(statement)]


def find(connection: Connection, delivery_id: str) -> Delivery | None:
    """One delivery by its id."""
    table = t.callback_deliveries
    found = connection.execute(select(table).where(table.c.id == delivery_id)).first()
    return delivery(found) if found is not None else None


def redeliver(tx: Tx, delivery_id: str) -> None:
    """Try a dead or delivered one again, within a few seconds and with all its tries; it comes out of order.

    Raises: NotFound; OperationRefused while it is being tried.
    """
    found = find(tx.connection, delivery_id)
    if found is None:
        raise NotFound(f"there is no callback {delivery_id}")
    if found.state == WAITING:
        raise OperationRefused(f"callback {delivery_id} is being tried already")
    now = now_ms()
    update(tx, delivery_id, state=WAITING, tries=0, began_at=now, due_at=now, settled_at=None)


def update(tx: Tx, delivery_id: str, **values: Any) -> None:
    """Change columns of one."""
    table = t.callback_deliveries
    tx.execute(table.update().where(table.c.id == delivery_id).values(**values))


def delivery(row: Any) -> Delivery:
    """A row as a value."""
    values = dict(row._mapping)
    return Delivery(**{**values, "target": Target.from_fields(values["target"])})


def prune(tx: Tx, before: int) -> int:
    """Retention: what is settled goes with the events older than `before`; returns how many went."""
    d, c, o = t.callback_deliveries, t.operation_callbacks, t.operations
    ended = select(o.c.id).where(o.c.ended_at < before)
    tx.execute(c.delete().where(c.c.registered_at < before, c.c.operation_id.in_(ended)))
    return tx.execute(d.delete().where(d.c.position < before, d.c.state != WAITING)).rowcount
