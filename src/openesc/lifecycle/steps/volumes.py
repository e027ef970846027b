"""Volumes of a VM at its first boot: existing ones are used, others are made and die with the VM."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from openesc.inventory import store as inventory
from openesc.inventory.records import Resource, Vm
from openesc.lifecycle import intent
from openesc.lifecycle.context import Work
from openesc.lifecycle.errors import StepFailed
from openesc.lifecycle.operation import Attempt, Operation
from openesc.lifecycle.polling import Polling
from openesc.lifecycle.steps.calls import create_once, persist
from openesc.lifecycle.steps.names import volume_name
from openesc.store import Tx, now_ms
from openesc.vim.errors import VimError, VimNotFound
from openesc.vim.port import BlockDevice, Cloud, Volume, VolumeSpec

LONGEST = 366 * 86400.0
"""Seconds: longer than any time-out that can be configured."""


@dataclass(frozen=True, slots=True)
class Devices:
    """Block devices for the server; `boots` when one of them is the boot volume."""

    devices: tuple[BlockDevice, ...] = ()

    @property
    def boots(self) -> bool:
        return any(device.boot_index == 0 for device in self.devices)


async def prepare(work: Work, vm: Vm, group: intent.Group, image_id: str | None, path: str) -> Devices:
    """Every volume of the group is there and available. Raises: StepFailed."""
    devices = [await _device(work, vm, volume, image_id, f"{path}/volume/{volume.name}") for volume in group.volumes]
    return Devices(tuple(devices))


async def _device(work: Work, vm: Vm, wanted: intent.Volume, image_id: str | None, path: str) -> BlockDevice:
    volume_id = await (
        _existing(work, wanted, path) if wanted.size is None else _made(work, vm, wanted, image_id, path)
    )
    if not work.op.done(f"{path}/available"):
        await available(work, volume_id)
        await work.op.commit(f"{path}/available", lambda tx: None)
    boot_index = wanted.boot_index if wanted.boot_index is not None else -1
    return BlockDevice(volume_id, boot_index=boot_index, disk_bus=wanted.bus)


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


async def _existing(work: Work, wanted: intent.Volume, path: str) -> str:
    cloud = await work.cloud()

    async def act(_: Attempt) -> str:
        found = await persist(work.settings.patience, lambda: cloud.find_volume(wanted.name))
        if found is None:
            raise VimNotFound(f"volume {wanted.name} not found (give a size to have it made)")
        return found.id

    return str(await work.op.step(path, act))


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
        key = volume_key(vm, wanted.name)
        inventory.remove_resource(tx, key)
        inventory.add_resource(tx, _resource(tx, work, vm, wanted.name, name, result["id"]))

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


def volume_key(vm: Vm, name: str) -> str:
    return f"volume:{vm.id}/{name}"


def _resource(tx: Tx, work: Work, vm: Vm, name: str, cloud_name: str, volume_id: str) -> Resource:
    return Resource(
        id=inventory.new_id(),
        kind="volume",
        key=volume_key(vm, name),
        name=name,
        tenant=work.deployment.tenant,
        deployment_id=work.deployment.id,
        parent=vm.id,
        cloud_name=cloud_name,
        external_id=volume_id,
        owned=True,
        facts={},
        failure=None,
        created_at=tx.clock.tick(),
    )


async def remove(work: Work, vm: Vm, path: str) -> None:
    """Delete the volumes that were made for the VM; others stay. Raises: StepFailed."""
    made = await work.services.store.read(lambda c: inventory.resources(c, kind="volume", parent=vm.id))
    cloud = await work.cloud()
    for record in made:
        volume_id = record.external_id or ""

        async def act(_: Attempt, volume_id: str = volume_id) -> None:
            await persist(work.settings.patience, lambda: cloud.delete_volume(volume_id))

        def forget(tx: Tx, _: object, key: str = record.key) -> None:
            inventory.remove_resource(tx, key)

        await work.op.step(f"{path}/volume/{record.name}/delete", act, forget)
