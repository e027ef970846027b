"""Volumes given to and taken from a server that runs or is stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from openesc.inventory.records import Resource, Vm
from openesc.lifecycle import intent
from openesc.lifecycle.context import Work
from openesc.lifecycle.errors import StepFailed
from openesc.lifecycle.operation import Attempt
from openesc.lifecycle.steps.calls import change_once, persist
from openesc.lifecycle.steps.power import why
from openesc.lifecycle.steps.volumes import attached
from openesc.vim.port import Volume

PAUSE = 0.3
"""Seconds between two looks at a volume on its way."""
COMING = frozenset({"reserved", "attaching"})
GOING = "detaching"


async def attach(work: Work, vm: Vm, wanted: intent.Volume, volume_id: str, server_id: str, path: str) -> None:
    """Give the volume to the server, and wait until it has it. Raises: StepFailed."""
    cloud = await work.cloud()
    path = f"{path}/volume/{wanted.name}/attach"

    async def there() -> bool:
        volume = await cloud.get_volume(volume_id)
        return server_id in volume.attached_to or volume.status in COMING

    async def act(attempt: Attempt) -> None:
        call = cloud.attach_volume
        await change_once(attempt, work.settings.patience, there, lambda: call(server_id, volume_id), adopt=True)

    await work.op.step(path, act)
    done = f"{path}ed"
    if not work.op.done(done):
        await has(work, volume_id, server_id)
        await work.op.commit(done, lambda tx: attached(tx, vm.id, [wanted]))


async def has(work: Work, volume_id: str, server_id: str) -> None:
    """Wait until the server has the volume. Raises: StepFailed when the cloud takes that back, or in its time."""
    found = await _settled(work, volume_id, lambda volume: volume.status not in COMING)
    if server_id not in found.attached_to:
        reason = await why(work, await work.cloud(), server_id)
        raise StepFailed(f"volume {found.name} [{volume_id}] was not attached: it is {found.status}{reason}")


async def detach(work: Work, row: Resource, server_id: str, path: str) -> None:
    """Take the volume from the server, and wait until it is free. Raises: StepFailed."""
    cloud, volume_id = await work.cloud(), row.external_id or ""

    async def gone() -> bool:
        volume = await cloud.get_volume(volume_id)
        return server_id not in volume.attached_to or volume.status == GOING

    async def act(attempt: Attempt) -> None:
        call = cloud.detach_volume
        await change_once(attempt, work.settings.patience, gone, lambda: call(server_id, volume_id), adopt=True)

    path = f"{path}/volume/{row.name}/detach"
    await work.op.step(path, act)
    if not work.op.done(f"{path}ed"):
        await _free(work, volume_id, server_id)
        await work.op.commit(f"{path}ed", lambda tx: None)


async def _free(work: Work, volume_id: str, server_id: str) -> None:
    found = await _settled(work, volume_id, lambda volume: volume.status != GOING)
    if server_id in found.attached_to:
        reason = await why(work, await work.cloud(), server_id)
        raise StepFailed(f"volume {found.name} [{volume_id}] was not detached: it is {found.status}{reason}")


async def _settled(work: Work, volume_id: str, rests: Callable[[Volume], bool]) -> Volume:
    cloud, loop = await work.cloud(), asyncio.get_running_loop()
    end = loop.time() + work.settings.server_timeout
    while True:
        found = await work.answered(persist(work.settings.patience, lambda: cloud.get_volume(volume_id)))
        if rests(found):
            return found
        if loop.time() > end:
            raise StepFailed(f"volume {found.name} [{volume_id}] is still {found.status}")
        await work.op.wait(asyncio.sleep(PAUSE))
