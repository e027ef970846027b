"""Deploy: tenant, ephemeral networks, subnets, VMs, alive (developer guide, deploy workflow)."""

from __future__ import annotations

from openesc.events import types
from openesc.inventory.door import move_service
from openesc.lifecycle import announce
from openesc.lifecycle.context import Services, Work, deployment_work
from openesc.lifecycle.flows.document import bring_to_document
from openesc.lifecycle.flows.sweep import submit_if_doubted
from openesc.lifecycle.operation import Operation
from openesc.store import Tx, now_ms


async def deploy(op: Operation, services: Services) -> None:
    """Make the deployment, or what an earlier try left missing. Closed by SERVICE_ALIVE, SUCCESS or FAILURE."""
    work = await deployment_work(op, services)
    await bring_to_document(work, types.SERVICE_ALIVE, _begin, succeed)


async def _begin(work: Work) -> None:
    deployment_id = work.deployment.id
    await work.op.commit("begin", lambda tx: move_service(tx, deployment_id, "deploy", failure=None))


def succeed(tx: Tx, work: Work) -> None:
    deployment_id = work.deployment.id
    move_service(tx, deployment_id, "up")
    move_service(tx, deployment_id, "alive", alive_at=now_ms())
    work.tell(tx, announce.service(types.SERVICE_ALIVE, work.deployment))
    submit_if_doubted(tx, work)
