"""Service update: what a deployment's document changes of it (user guide, updating deployments)."""

from __future__ import annotations

from openesc.events import types
from openesc.inventory import store as inventory
from openesc.inventory.door import move_service
from openesc.lifecycle import announce
from openesc.lifecycle.context import Services, Work, deployment_work
from openesc.lifecycle.flows.document import bring_to_document
from openesc.lifecycle.flows.sound import keep_sound_vms
from openesc.lifecycle.flows.sweep import submit_if_doubted
from openesc.lifecycle.operation import Operation
from openesc.store import Tx, now_ms


async def update(op: Operation, services: Services) -> None:
    """Bring a deployment to what its new document wants. Closed by SERVICE_UPDATED, SUCCESS or FAILURE."""
    work = await deployment_work(op, services)
    await bring_to_document(work, types.SERVICE_UPDATED, keep_sound_vms, succeed)


def succeed(tx: Tx, work: Work) -> None:
    current = inventory.deployment(tx.connection, work.deployment.id)
    assert current is not None
    move_service(tx, work.deployment.id, "update", failure=None, alive_at=current.alive_at or now_ms())
    work.tell(tx, announce.service(types.SERVICE_UPDATED, work.deployment))
    submit_if_doubted(tx, work)
