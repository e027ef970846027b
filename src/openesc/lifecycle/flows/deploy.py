"""Deploy: tenant, ephemeral networks, subnets, VMs, alive (developer guide, deploy workflow)."""

from __future__ import annotations

from openesc.events import types
from openesc.inventory.door import move_service
from openesc.lifecycle import announce
from openesc.lifecycle.context import Services, Work, deployment_work
from openesc.lifecycle.errors import Interrupted, OperationFailed, StepFailed
from openesc.lifecycle.flows.converge import close_failed, converge
from openesc.lifecycle.flows.parts import closed
from openesc.lifecycle.flows.resize import ask_resizes, await_resizes
from openesc.lifecycle.flows.sweep import submit_if_doubted
from openesc.lifecycle.operation import Operation
from openesc.store import Tx, now_ms


async def deploy(op: Operation, services: Services) -> None:
    """Make the deployment, or what an earlier try left missing. Closed by SERVICE_ALIVE, SUCCESS or FAILURE."""
    work = await deployment_work(op, services)
    if not await closed(op):
        await _deploy(op, work)
    await await_resizes(work)  # of what an earlier try had made with another flavor


async def _deploy(op: Operation, work: Work) -> None:
    try:
        await op.commit("begin", lambda tx: begin(tx, work))
        await converge(work)
        await ask_resizes(work)
        await op.commit("close", lambda tx: succeed(tx, work))
    except (StepFailed, Interrupted) as failure:
        reason = failure.reason
        await op.commit("close", lambda tx: close_failed(tx, work, types.SERVICE_ALIVE, reason), always=True)
        if isinstance(failure, Interrupted):
            raise
        raise OperationFailed(reason) from failure


def begin(tx: Tx, work: Work) -> None:
    move_service(tx, work.deployment.id, "deploy", failure=None)


def succeed(tx: Tx, work: Work) -> None:
    deployment_id = work.deployment.id
    move_service(tx, deployment_id, "up")
    move_service(tx, deployment_id, "alive", alive_at=now_ms())
    work.tell(tx, announce.service(types.SERVICE_ALIVE, work.deployment))
    submit_if_doubted(tx, work)
