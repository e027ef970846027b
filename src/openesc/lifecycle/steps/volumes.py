"""Volumes of a VM: existing ones are used, others are made and die with the VM."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from openesc.inventory import store as inventory
from openesc.inventory.records import Resource, Vm
from openesc.lifecycle import intent
from openesc.lifecycle.changes import asked_of_volume, boots
from openesc.lifecycle.context import Work
from openesc.lifecycle.errors import StepFailed
from openesc.lifecycle.leftovers import record_leftover
from openesc.lifecycle.operation import Attempt, Operation
from openesc.lifecycle.polling import Polling
from openesc.lifecycle.steps.calls import create_once, persist
from openesc.lifecycle.steps.names import volume_name
from openesc.store import Tx, now_ms
from openesc.vim.errors import VimBadRequest, VimConflict, VimError, VimNotFound
from openesc.vim.port import BlockDevice, Cloud, Volume, VolumeSpec

KIND = "volume"
PAUSE = 0.3
"""Seconds between two looks at a volume that a server lets go."""

LONGEST = 366 * 86400.0
"""Seconds: longer than any time-out that can be configured."""


@dataclass(frozen=True, slots=True)
class Devices:
    """Block devices for the server; `boots` when one of them is the boot volume."""

    devices: tuple[BlockDevice, ...] = ()

    @property
    def boots(self) -> bool:
        return any(device.boot_index == 0 for device in self.devices)


async def rows_of(work: Work, vm: Vm) -> dict[str, Resource]:
    """The volumes of a VM by their configured names: those made for it, and those it was given (not `owned`)."""
    rows = await work.services.store.read(lambda c: inventory.resources(c, kind=KIND, parent=vm.id))
    return {row.name: row for row in rows}


async def prepare(work: Work, vm: Vm, group: intent.Group, image_id: str | None, path: str) -> Devices:
    """Every volume of the group is there and available. Raises: StepFailed."""
    devices = [await _device(work, vm, volume, image_id, path) for volume in group.volumes]
    return Devices(tuple(devices))


async def _device(work: Work, vm: Vm, wanted: intent.Volume, image_id: str | None, path: str) -> BlockDevice:
    volume_id = await ensure(work, vm, wanted, image_id, path)
    boot_index = wanted.boot_index if wanted.boot_index is not None else -1
    return BlockDevice(volume_id, boot_index=boot_index, disk_bus=wanted.bus)


async def ensure(work: Work, vm: Vm, wanted: intent.Volume, image_id: str | None, path: str) -> str:
    """The volume the VM has had, while the cloud has it; else an existing one, or one made for it. It is available
    when this returns its id.

    `path`: the prefix of the steps. Raises: StepFailed.
    """
    path = f"{path}/volume/{wanted.name}"
    volume_id = await _kept(work, vm, wanted)
    if volume_id is None:
        volume_id = await (
            _existing(work, vm, wanted, path) if wanted.size is None else _made(work, vm, wanted, image_id, path)
        )
    if not work.op.done(f"{path}/available"):
        await available(work, volume_id)
        await work.op.commit(f"{path}/available", lambda tx: None)
    return volume_id


async def _kept(work: Work, vm: Vm, wanted: intent.Volume) -> str | None:
    row = (await rows_of(work, vm)).get(wanted.name)
    if row is None or row.external_id is None:
        return None
    there = row.facts.get("asked") or {}
    other = [leaf for leaf in _CONTENT if there.get(leaf, getattr(wanted, leaf)) != getattr(wanted, leaf)]
    if other:
        raise StepFailed(f"{', '.join(other)} of volume {wanted.name} cannot change: give it another name")
    cloud, volume_id = await work.cloud(), row.external_id
    return volume_id if await work.found(lambda: cloud.get_volume(volume_id)) is not None else None


_CONTENT = ("size", "type", "image")
"""Leaves that say what is in a volume: another one would have to be made."""


async def available(work: Work, volume_id: str) -> None:
    """Wait until the volume can be used. Raises: StepFailed, saying what it is instead when the time is up."""
    await became_available(work.op, await work.cloud(), work.settings.volume_create, volume_id, now_ms())


async def became_available(op: Operation, cloud: Cloud, polling: Polling, volume_id: str, since: int) -> None:
    """As `available`; the time runs from `since` (UTC milliseconds). Raises: StepFailed."""
    waiting = cloud.wait_volume(volume_id, "available", LONGEST)
    try:
        await op.wait(polling.limit(waiting, since))
    except TimeoutError:
        await _last_look(op, cloud, polling, volume_id)
    except VimError as error:
        raise StepFailed(str(error), error.status) from error


async def _last_look(op: Operation, cloud: Cloud, polling: Polling, volume_id: str) -> None:
    """The time may have run out while nobody looked. Raises: StepFailed, saying what the volume is."""
    try:
        status = (await op.wait(cloud.get_volume(volume_id))).status
    except VimError as error:
        status = f"not to be read ({error})"
    if status != "available":
        raise StepFailed(f"volume [{volume_id}] is {status} after {polling.timeout:g} seconds")


async def _existing(work: Work, vm: Vm, wanted: intent.Volume, path: str) -> str:
    cloud = await work.cloud()

    async def act(_: Attempt) -> dict[str, Any]:
        found = await persist(work.settings.patience, lambda: cloud.find_volume(wanted.name))
        if found is None:
            raise VimNotFound(f"volume {wanted.name} not found (give a size to have it made)")
        if wanted.boot_index == 0 and not found.bootable:
            raise VimBadRequest(f"volume {wanted.name} [{found.id}] is not bootable")
        await _require_free(work, vm, found)
        return {"id": found.id, "name": found.name}

    def record(tx: Tx, result: dict[str, Any]) -> None:
        _put(tx, _resource(tx, work, vm, wanted, result["name"], result["id"], owned=False))

    return str((await work.op.step(path, act, record))["id"])


async def _require_free(work: Work, vm: Vm, found: Volume) -> None:
    """Nobody waits for what another VM of the deployment keeps. Raises: VimConflict."""

    def holder(connection: Connection) -> Vm | None:
        rows = inventory.resources(
            connection, kind=KIND, deployment_id=work.deployment.id, external_id=found.id, owned=False
        )
        held = (row.parent for row in rows if row.parent != vm.id and row.facts.get("attached"))
        return next((other for one in held if (other := inventory.vm(connection, one or "")) is not None), None)

    other = await work.services.store.read(holder)
    if other is not None:
        raise VimConflict(f"volume {found.name} [{found.id}] is attached to VM [{other.name}]")


async def _made(work: Work, vm: Vm, wanted: intent.Volume, image_id: str | None, path: str) -> str:
    cloud = await work.cloud()
    name = volume_name(vm.name, wanted.name)

    async def act(attempt: Attempt) -> dict[str, Any]:
        async def look() -> Volume | None:
            return await cloud.find_volume(name)

        spec = _spec(work, vm, wanted, await _source(work, cloud, wanted, image_id))
        volume, doubt = await create_once(attempt, work.settings.patience, look, lambda: cloud.create_volume(spec))
        return {"id": volume.id, "doubt": doubt}

    def record(tx: Tx, result: dict[str, Any]) -> None:
        _put(tx, _resource(tx, work, vm, wanted, name, result["id"], owned=True))

    return str((await work.op.step(path, act, record))["id"])


def _spec(work: Work, vm: Vm, wanted: intent.Volume, image_id: str | None) -> VolumeSpec:
    assert wanted.size is not None
    return VolumeSpec(
        name=volume_name(vm.name, wanted.name),
        size=wanted.size,
        volume_type=wanted.type,
        image_id=image_id,
        metadata={"openesc:deployment": work.deployment.id, "openesc:vm": vm.id},
    )


async def _source(work: Work, cloud: Cloud, wanted: intent.Volume, image_id: str | None) -> str | None:
    """The image it is made from: its own, else for a boot volume the group's. Raises: VimNotFound."""
    name = wanted.image
    if name is None:
        return image_id if wanted.boot_index == 0 else None
    found = await persist(work.settings.patience, lambda: cloud.find_image(name))
    if found is None:
        raise VimNotFound(f"image {name} of volume {wanted.name} not found")
    return found.id


def _put(tx: Tx, record: Resource) -> None:
    inventory.remove_resource(tx, record.key)
    inventory.add_resource(tx, record)


def _resource(
    tx: Tx, work: Work, vm: Vm, wanted: intent.Volume, cloud_name: str, volume_id: str, *, owned: bool
) -> Resource:
    return Resource(
        id=inventory.new_id(),
        kind=KIND,
        key=f"{KIND}:{vm.id}/{wanted.name}",
        name=wanted.name,
        tenant=work.deployment.tenant,
        deployment_id=work.deployment.id,
        parent=vm.id,
        cloud_name=cloud_name,
        external_id=volume_id,
        owned=owned,
        facts={"asked": asked_of_volume(wanted), "attached": False},
        failure=None,
        created_at=tx.clock.tick(),
    )


def attached(tx: Tx, vm_id: str, wanted: Iterable[intent.Volume]) -> None:
    """The VM's server has these volumes now."""
    leaves = {volume.name: asked_of_volume(volume) for volume in wanted}
    for row in inventory.resources(tx.connection, kind=KIND, parent=vm_id):
        if row.name in leaves:
            inventory.update_resource(tx, row.key, facts={"asked": leaves[row.name], "attached": True})


async def remove(work: Work, vm: Vm, path: str, *, unmade: bool = True) -> None:
    """Delete the volumes that were made for the VM; others stay.

    Args:
        unmade: wait for one that is still being made; else the cloud's refusal to delete it is told at once.

    Raises: StepFailed once all were tried.
    """
    failures = []
    for row in (await rows_of(work, vm)).values():
        if row.owned:
            try:
                await delete(work, row, path, busy=_BUSY if unmade else _USED)
            except StepFailed as failure:
                failures.append(f"volume {row.name}: {failure.reason}")
    if failures:
        raise StepFailed("; ".join(failures))


def record_left(work: Work, vm: Vm, reason: str, tx: Tx) -> None:
    """List the volumes that were made for a VM which goes and that the cloud keeps. They are nobody's any more."""
    for row in inventory.resources(tx.connection, kind=KIND, parent=vm.id):
        if row.owned and row.external_id:
            record_leftover(work, tx, KIND, row.external_id, row.cloud_name, reason)
            inventory.remove_resource(tx, row.key)


_USED = frozenset({"in-use", "detaching", "attaching", "reserved"})
_BUSY = _USED | {"creating", "downloading"}
"""Statuses in which Cinder deletes no volume, and that pass."""


async def delete(work: Work, row: Resource, path: str, *, busy: Collection[str] = _BUSY) -> None:
    """Delete a volume that was made for a VM, once it is in none of the statuses `busy`; it is gone and forgotten when
    this returns. Raises: StepFailed.
    """
    cloud, volume_id = await work.cloud(), row.external_id or ""
    path = f"{path}/volume/{row.name}"

    async def act(_: Attempt) -> None:
        await persist(work.settings.patience, lambda: cloud.delete_volume(volume_id))

    if not work.op.done(f"{path}/delete"):
        await _idle(work, volume_id, busy)
    await work.op.step(f"{path}/delete", act)
    if not work.op.done(f"{path}/deleted"):
        await work.answered(cloud.wait_volume(volume_id, "deleted", work.settings.delete_timeout))
    await work.op.commit(f"{path}/deleted", lambda tx: inventory.remove_resource(tx, row.key))


async def drop_unwanted(work: Work, vm: Vm, group: intent.Group, path: str) -> None:
    """The volumes of a VM without a server that its document wants no more: those made for it are deleted, others
    forgotten. A boot volume that gave its place to another is kept.

    Raises: StepFailed.
    """
    wanted = {volume.name for volume in group.volumes}
    for row in (await rows_of(work, vm)).values():
        if row.name not in wanted:
            await let_go(work, row, path)


async def let_go(work: Work, row: Resource, path: str) -> None:
    """A volume that no server has any more: see `drop_unwanted`."""
    if row.owned and not boots(row):
        await delete(work, row, path)
    else:
        await work.op.commit(f"{path}/volume/{row.name}/left", lambda tx: leave(tx, work, row))


async def _idle(work: Work, volume_id: str, busy: Collection[str]) -> None:
    """Wait until nothing is under way with it, or it is gone: an earlier life may have deleted it.

    Raises: StepFailed.
    """
    cloud, loop = await work.cloud(), asyncio.get_running_loop()
    end = loop.time() + work.settings.delete_timeout
    while (found := await work.found(lambda: cloud.get_volume(volume_id))) is not None and found.status in busy:
        if loop.time() > end:
            raise StepFailed(f"volume {found.name} [{volume_id}] is still {found.status}")
        await work.op.wait(asyncio.sleep(PAUSE))


def leave(tx: Tx, work: Work, row: Resource) -> None:
    """It stays in the cloud. A boot volume that was replaced is listed (user guide, restore): somebody else cleans it
    up.
    """
    if boots(row):
        reason = f"the boot volume {row.name} was replaced by a restore: it is kept on purpose"
        record_leftover(work, tx, KIND, row.external_id or "", row.cloud_name, reason, kept=True)
    inventory.remove_resource(tx, row.key)
