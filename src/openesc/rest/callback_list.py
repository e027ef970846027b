"""Callbacks as they were and are to be delivered, and another try for those that failed."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection

from openesc.errors import InvalidRequest, NotFound
from openesc.events import callbacks
from openesc.events.callbacks import deliveries
from openesc.events.callbacks.deliveries import Delivery
from openesc.netconf import User
from openesc.northbound import access
from openesc.rest.answers import Answer, Json
from openesc.rest.call import Call
from openesc.store import Tx, iso

MOST: Final = 1000
STATES: Final = (deliveries.WAITING, deliveries.DELIVERED, deliveries.DEAD)


async def listed(call: Call) -> Answer:
    """GET /openesc/v1/callbacks?state=&deployment_id=, newest event first."""
    state, deployment_id = call.query("state"), call.query("deployment_id")
    if state is not None and state not in STATES:
        raise InvalidRequest(f"state: {state!r} is not one of {', '.join(STATES)}")
    limit = max(1, call.number("limit", 100, MOST))

    def read(connection: Connection) -> list[Delivery]:
        found = callbacks.listing(connection, state=state, deployment_id=deployment_id, limit=MOST)
        return [one for one in found if _may_see(call.user, one)][:limit]

    return Json({"callbacks": [_fields(one) for one in await call.context.store.read(read)]})


async def redeliver(call: Call) -> Answer:
    """POST /openesc/v1/callbacks/{callback}/redeliver. Raises: AccessDenied, NotFound, OperationRefused."""
    access.check_operation(call.user, "redeliver of callbacks")
    delivery_id = call.path("callback")

    def work(tx: Tx) -> None:
        found = deliveries.find(tx.connection, delivery_id)
        if found is None or not _may_see(call.user, found):
            raise NotFound(f"there is no callback {delivery_id}")
        callbacks.redeliver(tx, delivery_id)

    await call.context.store.write(work)
    return Json({"id": delivery_id, "state": deliveries.WAITING}, status=202)


def _may_see(user: User, delivery: Delivery) -> bool:
    """Who may use the tenant; what belongs to no tenant is for those who are not limited to some."""
    return user.tenants is None if delivery.tenant is None else access.may_use_tenant(user, delivery.tenant)


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
