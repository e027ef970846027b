"""A bootable volume from the snapshot of a boot volume (user guide, create bootable volume from volume snapshot).

The volume is not openesc's afterwards: nothing of it is kept, and it is never deleted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from openesc.events import types
from openesc.events.escevent import FAILURE, SUCCESS, EscEvent
from openesc.inventory import snapshots as inventory
from openesc.inventory.snapshots import Snapshot
from openesc.lifecycle import announce, journal
from openesc.lifecycle.context import Services
from openesc.lifecycle.errors import Interrupted, OperationFailed, StepFailed
from openesc.lifecycle.flows.parts import closed
from openesc.lifecycle.operation import Operation
from openesc.lifecycle.steps.calls import persist
from openesc.lifecycle.steps.snapshot_volume import MARK, Facts, SnapshotVolumeSteps, not_found
from openesc.store import Tx
from openesc.vim.errors import VimError
from openesc.vim.port import VolumeSpec

CODES = {types.VM_VOLUME_ACCEPTED: 202, types.VM_VOLUME_CREATED: 201}
"""Status codes of a success."""
BUS = "virtio"
"""What ESC tells of a volume that is attached to nothing."""


async def make(op: Operation, services: Services) -> None:
    """VM_VOLUME_ACCEPTED once the cloud took it, closed by VM_VOLUME_CREATED."""
    if await closed(op):
        return
    try:
        made = await _make(op, services)
        await op.commit("close", lambda tx: _tell(tx, services, op.row, types.VM_VOLUME_CREATED, made))
    except (StepFailed, Interrupted) as failure:
        reason = failure.reason
        await op.commit("close", lambda tx: fail(tx, services, op.row, reason), always=True)
        if isinstance(failure, Interrupted):
            raise
        raise OperationFailed(reason) from failure


async def _make(op: Operation, services: Services) -> Facts:
    record = await services.store.read(lambda c: inventory.snapshot(c, op.arguments["snapshot_id"]))
    if record is None or record.boot_volume_snapshot_id is None:
        raise not_found(op.arguments["snapshot_id"])
    steps = await _steps(op, services, record)
    size = await steps.look(record.boot_volume_snapshot_id)
    spec = _spec(op, record.boot_volume_snapshot_id, size)
    made = await steps.create(spec, lambda tx, facts: _tell(tx, services, op.row, types.VM_VOLUME_ACCEPTED, facts))
    op.accept()
    if made["doubt"]:
        await steps.remove_doubles(made, spec.name)
    await steps.available(made["id"])
    await steps.bootable(made["id"], op.arguments["bootable"])
    return made


async def _steps(op: Operation, services: Services, record: Snapshot) -> SnapshotVolumeSteps:
    vim = services.vims.get(record.vim_id)
    try:
        cloud = await op.wait(persist(services.settings.patience, lambda: vim.cloud(record.project)))
    except VimError as error:
        raise StepFailed(str(error), error.status) from error
    return SnapshotVolumeSteps(op, services, cloud, vim.http_timeout)


def _spec(op: Operation, volume_snapshot_id: str, size: int) -> VolumeSpec:
    return VolumeSpec(
        name=op.arguments["name"],
        size=size,
        volume_type=op.arguments["volume_type"],
        snapshot_id=volume_snapshot_id,
        metadata={MARK: op.id},
    )


def fail(tx: Tx, services: Services, row: journal.OperationRow, reason: str) -> str:
    """What there is of the volume stays and is named: it is not ours to delete."""
    step = journal.steps(tx.connection, row.id).get("volume")
    made = step.result if step is not None and step.state == journal.DONE else {}
    message = f"{reason}; volume [{made['id']}] is there and not deleted" if made else reason
    _tell(tx, services, row, types.VM_VOLUME_CREATED, made, message)
    return message


def _tell(
    tx: Tx, services: Services, row: journal.OperationRow, event_type: str, made: Facts, failure: str | None = None
) -> None:
    event = EscEvent(
        event_type,
        SUCCESS if failure is None else FAILURE,
        CODES[event_type] if failure is None else announce.FAILED,
        types.TEXTS[event_type] if failure is None else failure,
        tenant=row.tenant,
        volume=_volume(row.arguments, made),
    )
    services.events.append(tx, event, row.id)


def _volume(arguments: Mapping[str, Any], made: Facts) -> dict[str, str]:
    """The fields of the sample that are known; `made` is empty where the cloud refused it."""
    told = {
        "external_volume_id": made.get("id"),
        "size": str(made["size"]) if made else None,
        "bus": BUS,
        "type": made.get("type") or arguments["volume_type"],
        "outOfBand": "false",
        "name": arguments["name"],
    }
    return {name: value for name, value in told.items() if value is not None}


def abandoned(tx: Tx, services: Services, row: journal.OperationRow, reason: str) -> None:
    """The operation is parked: close it as its own failure would."""
    fail(tx, services, row, reason)
