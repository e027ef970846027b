"""Deletion of a snapshot: its image, then its volume snapshots (user guide, delete snapshots).

It belongs to no deployment any more: an undeployment neither stops it nor waits for it.
"""

from __future__ import annotations

from openesc.events import types
from openesc.inventory import snapshots as inventory
from openesc.inventory.snapshots import Snapshot
from openesc.lifecycle import journal
from openesc.lifecycle.context import Services
from openesc.lifecycle.errors import Interrupted, OperationFailed, StepFailed
from openesc.lifecycle.flows.parts import closed
from openesc.lifecycle.operation import Attempt, Operation
from openesc.lifecycle.reach import is_there
from openesc.lifecycle.snapshot_events import about
from openesc.lifecycle.steps.calls import persist
from openesc.lifecycle.steps.snapshots import SnapshotSteps
from openesc.store import Tx
from openesc.vim.errors import VimError
from openesc.vim.port import SHARED_PROJECT


async def delete(op: Operation, services: Services) -> None:
    """VM_SNAPSHOT_DELETING was sent with the request; closed by VM_SNAPSHOT_DELETED once all of it is gone."""
    if await closed(op):
        return
    record = await services.store.read(lambda c: inventory.snapshot(c, op.arguments["snapshot_id"]))
    assert record is not None
    try:
        await _take_away(op, services, record)
        await op.commit("close", lambda tx: succeed(tx, services, op.id, record))
    except (StepFailed, Interrupted) as failure:
        reason = failure.reason
        await op.commit("close", lambda tx: fail(tx, services, op, reason), always=True)
        if isinstance(failure, Interrupted):
            raise
        raise OperationFailed(reason) from failure


async def _take_away(op: Operation, services: Services, record: Snapshot) -> None:
    vim = services.vims.get(record.vim_id)
    project = record.project if await _project_is_there(op, services, record) else SHARED_PROJECT
    try:
        cloud = await op.wait(persist(services.settings.patience, lambda: vim.cloud(project)))
    except VimError as error:
        raise StepFailed(str(error), error.status) from error
    steps = SnapshotSteps(op, services, cloud, record)
    images = [record.image_id] if record.image_id is not None else []
    named = await steps.remove_images("image", images)
    op.accept()
    ids = sorted({one["id"] for one in [*record.volume_snapshots, *named]})
    await steps.remove_volume_snapshots("volume", ids)
    await steps.gone(images, ids)


async def _project_is_there(op: Operation, services: Services, record: Snapshot) -> bool:
    """One that is gone has left its snapshots in the cloud. Raises: StepFailed when they cannot be reached."""

    async def act(_: Attempt) -> bool:
        vim = services.vims.get(record.vim_id)
        return await persist(services.settings.patience, lambda: is_there(vim, record.project))

    return bool(await op.step("project", act))


def succeed(tx: Tx, services: Services, operation_id: str, record: Snapshot) -> None:
    inventory.remove_snapshot(tx, record.id)
    services.events.append(tx, about(types.VM_SNAPSHOT_DELETED, record), operation_id)


def fail(tx: Tx, services: Services, op: Operation, reason: str) -> str:
    """What is left can be deleted again; a snapshot of which nothing was taken is what it was before."""
    before = op.arguments["status"] if not op.done("image") else inventory.ERROR
    return _failed(tx, services, op.id, op.arguments["snapshot_id"], before, reason)


def _failed(tx: Tx, services: Services, operation_id: str, snapshot_id: str, status: str, reason: str) -> str:
    record = inventory.snapshot(tx.connection, snapshot_id)
    assert record is not None
    message = reason if status == inventory.ERROR else record.status_message
    inventory.update_snapshot(tx, record.id, status=status, status_message=message)
    services.events.append(tx, about(types.VM_SNAPSHOT_DELETED, record, reason), operation_id)
    return reason


def abandoned(tx: Tx, services: Services, row: journal.OperationRow, reason: str) -> None:
    """The operation is parked: the snapshot can be deleted again."""
    _failed(tx, services, row.id, row.arguments["snapshot_id"], inventory.ERROR, reason)
