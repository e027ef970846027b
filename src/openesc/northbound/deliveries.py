"""Callbacks as people and scripts handle them: look, send again. For the command line and for REST."""

from __future__ import annotations

from typing import Any, Final

from openesc.errors import InvalidRequest, NotFound
from openesc.events import callbacks
from openesc.events.callbacks import deliveries
from openesc.events.callbacks.deliveries import Delivery
from openesc.store import Store, Tx, iso

STATES: Final = (deliveries.WAITING, deliveries.DELIVERED, deliveries.DEAD)


class Deliveries:
    """The callbacks of one store. `tenants`: what of others is not there for the caller; None: he sees all."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def listed(
        self,
        state: str | None = None,
        deployment_id: str | None = None,
        limit: int = 100,
        tenants: frozenset[str] | None = None,
    ) -> list[dict[str, Any]]:
        """Those of the newest events first. Raises: InvalidRequest for a state that is none."""
        if state is not None and state not in STATES:
            raise InvalidRequest(f"state: {state!r} is not one of {', '.join(STATES)}")
        found = await self._store.read(
            lambda connection: callbacks.listing(
                connection, state=state, deployment_id=deployment_id, tenants=tenants, limit=limit
            )
        )
        return [_fields(one) for one in found]

    async def redeliver(self, delivery_id: str, tenants: frozenset[str] | None = None) -> dict[str, Any]:
        """Try a dead or delivered one again. Raises: NotFound; OperationRefused while it is being tried."""

        def work(tx: Tx) -> None:
            found = deliveries.find(tx.connection, delivery_id)
            if found is None or (tenants is not None and found.tenant not in tenants):
                raise NotFound(f"there is no callback {delivery_id}")
            callbacks.redeliver(tx, delivery_id)

        await self._store.write(work)
        return {"id": delivery_id, "state": deliveries.WAITING}


def _fields(delivery: Delivery) -> dict[str, Any]:
    return {
        "id": delivery.id,
        "position": delivery.position,
        "url": delivery.target.url,
        "header": delivery.header,
        "event_type": delivery.event_type,
        "tenant": delivery.tenant,
        "deployment_id": delivery.deployment_id,
        "operation_id": delivery.operation_id,
        "transaction_id": delivery.transaction_id,
        "status_code": delivery.status_code,
        "state": delivery.state,
        "tries": delivery.tries,
        "due_at": iso(delivery.due_at) if delivery.due_at is not None else None,
        "settled_at": iso(delivery.settled_at) if delivery.settled_at is not None else None,
        "failure": delivery.failure,
    }
