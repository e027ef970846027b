"""An update that changes nothing: whoever named a receiver for its result is told one all the same (REST's
``Callback``).
"""

from __future__ import annotations

from openesc.events import types
from openesc.inventory import states
from openesc.inventory import store as inventory
from openesc.lifecycle import announce, journal
from openesc.lifecycle.context import Services, Work, deployment_work
from openesc.lifecycle.errors import Interrupted, OperationFailed
from openesc.lifecycle.flows.parts import closed
from openesc.lifecycle.operation import Operation
from openesc.store import Tx


async def unchanged(op: Operation, services: Services) -> None:
    """Closed by SERVICE_UPDATED; FAILURE where what it waited for failed, or the deployment goes."""
    if await closed(op):
        return
    work = await deployment_work(op, services)
    try:
        reason = await op.commit("close", lambda tx: tell_result(tx, work))
    except Interrupted as stop:
        told_to_stop = stop.reason
        await op.commit("close", lambda tx: tell_failure(tx, work, told_to_stop), always=True)
        raise
    if reason is not None:
        raise OperationFailed(reason)


def tell_result(tx: Tx, work: Work) -> str | None:
    """As things are now. Returns the reason of a failure."""
    current = inventory.deployment(tx.connection, work.deployment.id)
    assert current is not None
    if current.state == states.SERVICE_ERROR:
        return tell_failure(tx, work, current.failure or f"the service is in {current.state}")
    work.tell(tx, announce.service(types.SERVICE_UPDATED, current))
    return None


def tell_failure(tx: Tx, work: Work, reason: str) -> str:
    """FAILURE, and no state changes: nothing was done. Returns the reason."""
    work.tell(tx, announce.service(types.SERVICE_UPDATED, work.deployment, reason))
    return reason


def abandoned(tx: Tx, services: Services, row: journal.OperationRow, reason: str) -> None:
    """The operation is parked."""
    current = inventory.deployment(tx.connection, row.deployment_id or "")
    if current is not None:
        services.events.append(tx, announce.service(types.SERVICE_UPDATED, current, reason), row.id)
