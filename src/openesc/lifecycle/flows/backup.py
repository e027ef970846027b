"""Backup of a VM: a snapshot that stays, or an export into a file (user guide, create VM snapshot)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from openesc.events import types
from openesc.inventory import snapshots as inventory
from openesc.inventory import store
from openesc.inventory.snapshots import Snapshot
from openesc.lifecycle import journal
from openesc.lifecycle.context import Services, Work, deployment_work
from openesc.lifecycle.errors import Interrupted, OperationFailed, StepFailed
from openesc.lifecycle.flows.actions import require
from openesc.lifecycle.flows.parts import closed
from openesc.lifecycle.leftovers import record_leftover
from openesc.lifecycle.operation import Operation
from openesc.lifecycle.snapshot_events import about, text
from openesc.lifecycle.steps.snapshots import Made, SnapshotSteps, volume_snapshot_name
from openesc.store import Tx, now_ms

EXPORT = "EXPORT"


async def backup(op: Operation, services: Services) -> None:
    """VM_BACKUP_INIT was sent with the request; then VM_BACKUP_CREATED, closed by VM_BACKUP_COMPLETE."""
    if await closed(op):
        return
    work = await deployment_work(op, services)
    record = Snapshot(**op.arguments["snapshot"])
    try:
        await op.commit("begin", lambda tx: begin(tx, work))
        steps = SnapshotSteps(op, services, await work.cloud(), record)
        await _FLOWS[op.arguments["action"]](work, steps)
    except (StepFailed, Interrupted) as failure:
        reason, keep = failure.reason, op.done("look") and not _refused(op, failure)
        await op.commit("close", lambda tx: fail(tx, services, op.row, reason, keep=keep), always=True)
        if isinstance(failure, Interrupted):
            raise
        raise OperationFailed(reason) from failure


async def _snapshot(work: Work, steps: SnapshotSteps) -> None:
    """Image and volume snapshots stay."""
    facts, record = await steps.look(), steps.record
    made = await _asked(work, steps, facts)
    volume_snapshots = await steps.volume_snapshots(made.image_id, facts["volumes"])
    await steps.active(made.image_id, [one["id"] for one in volume_snapshots])
    if made.doubt:
        await _undo(work, steps, facts, volume_snapshots, made, "an answer was lost, and it was asked for twice")
    message = text(types.VM_BACKUP_COMPLETE, record)
    await work.op.commit("close", lambda tx: succeed(tx, work, record, message))


async def _export(work: Work, steps: SnapshotSteps) -> None:
    """The image's bytes go into a file, the image itself is deleted again."""
    facts, record, folder = await steps.look(), steps.record, work.settings.export_folder
    if facts["volumes"]:
        raise StepFailed(
            f"VM [{record.vm_name}] boots from a volume: its snapshot has no bytes to export, make a SNAPSHOT"
        )
    if folder is None:
        raise StepFailed("there is no export folder: set engine.export_dir")
    made = await _asked(work, steps, facts)
    try:
        file = await _exported(work, steps, made, folder)
    except Interrupted as stop:
        reason = stop.reason
        if not work.op.done("temporary"):
            await work.op.commit("undo", lambda tx: _leave(work, tx, steps, made, reason), always=True)
        raise
    message = f"Snapshot image for VM [{record.vm_name}] has been exported to {file}."
    await work.op.commit("close", lambda tx: succeed(tx, work, record, message))


async def _exported(work: Work, steps: SnapshotSteps, made: Made, folder: Path) -> str:
    try:
        if not work.op.done("export"):  # later the image may be gone
            await steps.active(made.image_id, [])
        exported = await steps.export(made.image_id, folder)
    except StepFailed as failure:
        await _remove_temporary(work, steps, made, failure.reason)
        raise
    await _remove_temporary(work, steps, made, "the temporary image of an export")
    return str(exported["file"])


_FLOWS = {EXPORT: _export, "SNAPSHOT": _snapshot}


async def _asked(work: Work, steps: SnapshotSteps, facts: dict[str, Any]) -> Made:
    """The cloud took the request: VM_BACKUP_CREATED. Where it did not, what it made on the way is taken away."""
    try:
        made = await steps.create(lambda tx, image_id: created(tx, work, steps.record, image_id))
    except StepFailed as failure:
        if facts["volumes"]:  # Nova snapshots them one after the other before it makes the image
            late = not _refused(work.op, failure)
            await _undo(work, steps, facts, [], None, failure.reason, late=late)
        raise
    work.op.accept()
    return made


async def _undo(
    work: Work,
    steps: SnapshotSteps,
    facts: dict[str, Any],
    own: Sequence[dict[str, Any]],
    made: Made | None,
    why: str,
    *,
    late: bool = True,
) -> None:
    """Take away what the call made beside its result. Never raises for a cloud's refusal: what resists is recorded."""
    name, found = steps.record.name, dict[str, list[str]]()
    try:
        found = await steps.find_doubles(facts, own, made, late=late)
        await steps.remove_doubles(found)
    except StepFailed as left:
        reason = f"{left.reason}; it was being removed because: {why}"

        def record(tx: Tx) -> None:
            for image_id in found.get("images", ()):
                record_leftover(work, tx, "image", image_id, name, reason)
            for one in found.get("volumes", ()):
                record_leftover(work, tx, "volume-snapshot", one, volume_snapshot_name(steps.record), reason)

        await work.op.commit("undo", record)


async def _remove_temporary(work: Work, steps: SnapshotSteps, made: Made, why: str) -> None:
    """Never raises for a cloud's refusal: what resists is recorded."""
    try:
        await steps.remove_images("temporary", [made.image_id])
    except StepFailed as left:
        reason = f"{left.reason}; it was being removed because: {why}"
        await work.op.commit("undo", lambda tx: _leave(work, tx, steps, made, reason))


def _leave(work: Work, tx: Tx, steps: SnapshotSteps, made: Made, reason: str) -> None:
    """The temporary image of an export is still there."""
    record_leftover(work, tx, "image", made.image_id, steps.record.name, reason)


def begin(tx: Tx, work: Work) -> None:
    """The table is looked up again: what the request waited for may have left the VM in another state.

    Raises: StepFailed.
    """
    current = store.deployment(tx.connection, work.deployment.id)
    vm_id = work.op.row.vm_id or ""
    assert current is not None
    if store.vm(tx.connection, vm_id) is None:
        raise StepFailed("the VM is gone")
    require(tx, current, "backup", vm_id)


def created(tx: Tx, work: Work, record: Snapshot, image_id: str) -> None:
    inventory.update_snapshot(tx, record.id, image_id=image_id)
    work.tell(tx, about(types.VM_BACKUP_CREATED, record))


def succeed(tx: Tx, work: Work, record: Snapshot, message: str) -> None:
    inventory.update_snapshot(tx, record.id, status=inventory.AVAILABLE, status_message=message, ended_at=now_ms())
    work.tell(tx, about(types.VM_BACKUP_COMPLETE, record, message=message))


def fail(tx: Tx, services: Services, row: journal.OperationRow, reason: str, *, keep: bool) -> str:
    """The half-made snapshot stays, named and to be deleted; one the cloud refused was never there."""
    asked = Snapshot(**row.arguments["snapshot"])
    record = inventory.snapshot(tx.connection, asked.id) or asked
    message = reason
    if record.image_id is not None:
        message = f"{reason}; what there is of snapshot [{record.id}] is image [{record.image_id}]"
    if keep:
        inventory.update_snapshot(tx, record.id, status=inventory.ERROR, status_message=message, ended_at=now_ms())
    else:
        inventory.remove_snapshot(tx, record.id)
    services.events.append(tx, about(types.VM_BACKUP_COMPLETE, record, message), row.id)
    return message


def _refused(op: Operation, failure: StepFailed | Interrupted) -> bool:
    """Whether the cloud clearly did not take the request: nothing of it can show up later."""
    status = getattr(failure, "status", None)
    return not op.done("image") and status is not None and 400 <= status < 500


def abandoned(tx: Tx, services: Services, row: journal.OperationRow, reason: str) -> None:
    """The operation is parked: close it as its own failure would."""
    fail(tx, services, row, reason, keep=True)
