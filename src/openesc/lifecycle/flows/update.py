"""Service update: groups and ephemeral networks come and go (user guide, updating deployments)."""

from __future__ import annotations

from openesc.events import types
from openesc.inventory import store as inventory
from openesc.inventory.door import move_service
from openesc.lifecycle import announce
from openesc.lifecycle.context import Services, Work, deployment_work
from openesc.lifecycle.errors import Interrupted, OperationFailed, StepFailed
from openesc.lifecycle.flows.converge import close_failed, converge
from openesc.lifecycle.flows.parts import closed
from openesc.lifecycle.flows.resize import ask_resizes, await_resizes
from openesc.lifecycle.flows.sound import keep_sound_vms
from openesc.lifecycle.flows.sweep import submit_if_doubted
from openesc.lifecycle.operation import Operation
from openesc.store import Tx, now_ms


async def update(op: Operation, services: Services) -> None:
    """Bring a deployment to what its new document wants. Closed by SERVICE_UPDATED, SUCCESS or FAILURE."""
    work = await deployment_work(op, services)
    if not await closed(op):
        await _update(op, work)
    await await_resizes(work)


async def _update(op: Operation, work: Work) -> None:
    try:
        await keep_sound_vms(work)
        await converge(work)
        await ask_resizes(work)
        await op.commit("close", lambda tx: succeed(tx, work))
    except (StepFailed, Interrupted) as failure:
        reason = failure.reason
        await op.commit("close", lambda tx: close_failed(tx, work, types.SERVICE_UPDATED, reason), always=True)
        if isinstance(failure, Interrupted):
            raise
        raise OperationFailed(reason) from failure


def succeed(tx: Tx, work: Work) -> None:
    current = inventory.deployment(tx.connection, work.deployment.id)
    assert current is not None
    move_service(tx, work.deployment.id, "update", failure=None, alive_at=current.alive_at or now_ms())
    work.tell(tx, announce.service(types.SERVICE_UPDATED, work.deployment))
    submit_if_doubted(tx, work)
