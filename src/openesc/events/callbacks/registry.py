"""Who wants to be called: the `Callback` of an operation, the `Callback-ESC-Events` of a deployment."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, select

from openesc.events.callbacks.target import Target
from openesc.store import Tx
from openesc.store import tables as t


@dataclass(frozen=True, slots=True)
class Request:
    """The ids of the request that queued an operation; one by NETCONF has none."""

    transaction_id: str | None = None
    request_id: str | None = None


def register_operation(
    tx: Tx,
    operation_id: str,
    target: Target | None,
    transaction_id: str,
    *,
    events: Target | None = None,
    request_id: str | None = None,
) -> None:
    """In the transaction that queues the operation: its final result goes to `target`.

    Args:
        transaction_id: what the request was answered with; it comes back in ``ESC-Transaction-Id``.
        events: where its other events go, before what is registered for the deployment; for operations that belong to
            no deployment (tenants, images, snapshots, volumes) it is the only place for them.
        request_id: the request's ``X-Request-Id``.
    """
    tx.execute(
        t.operation_callbacks.insert(),
        {
            "operation_id": operation_id,
            "target": target.to_fields() if target is not None else None,
            "events_target": events.to_fields() if events is not None else None,
            "transaction_id": transaction_id,
            "request_id": request_id,
            "registered_at": tx.clock.tick(),
        },
    )


def register_deployment(tx: Tx, deployment_id: str, target: Target) -> None:
    """All events of the deployment that are no operation's own go to `target`: the newest wins.

    It ends with SERVICE_UNDEPLOYED, which is the last to be sent.
    """
    table = t.deployment_callbacks
    values = {"target": target.to_fields(), "registered_at": tx.clock.tick()}
    changed = tx.execute(table.update().where(table.c.deployment_id == deployment_id).values(**values))
    if not changed.rowcount:
        tx.execute(table.insert(), {"deployment_id": deployment_id, **values})


def requests_of(connection: Connection, operation_ids: Collection[str]) -> dict[str, Request]:
    """What these operations were queued by; those by NETCONF are not in it."""
    o = t.operation_callbacks.c
    columns = (o.operation_id, o.transaction_id, o.request_id)
    found = connection.execute(select(*columns).where(o.operation_id.in_(operation_ids)))
    return {row.operation_id: Request(row.transaction_id, row.request_id) for row in found}


def operations_of(connection: Connection, transaction_id: str) -> list[str]:
    """The operations that a request with this transaction queued."""
    o = t.operation_callbacks.c
    return list(connection.execute(select(o.operation_id).where(o.transaction_id == transaction_id)).scalars())
