"""A volume made from a volume snapshot: asked for once, found by its mark, waited for (user guide, create bootable
volume).

Names need not be unique: the volume carries the operation's id in its metadata, so that it is found after a lost
answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from openesc.lifecycle.context import Services
from openesc.lifecycle.errors import StepFailed
from openesc.lifecycle.operation import Attempt, Operation
from openesc.lifecycle.steps.calls import create_once, persist
from openesc.lifecycle.steps.volumes import became_available
from openesc.store import Tx, now_ms
from openesc.vim.port import Cloud, Volume, VolumeSpec

MARK = "openesc:operation"
"""The metadata key that holds the operation's id."""

Facts = dict[str, Any]
"""Of a volume that was asked for: its id, size (GiB), type, when, and whether an answer was lost (`doubt`)."""


@dataclass(frozen=True, slots=True)
class SnapshotVolumeSteps:
    """The steps of one operation. `http_timeout`: seconds after which a lost call is over."""

    op: Operation
    services: Services
    cloud: Cloud
    http_timeout: float

    @property
    def patience(self) -> float:
        return self.services.settings.patience

    async def look(self, volume_snapshot_id: str) -> int:
        """The size of the snapshot in GiB. Raises: StepFailed."""

        async def act(_: Attempt) -> int:
            found = await persist(self.patience, lambda: self.cloud.get_volume_snapshot(volume_snapshot_id))
            return found.size

        return int(await self.op.step("look", act))

    async def create(self, spec: VolumeSpec, record: Callable[[Tx, Facts], None]) -> Facts:
        """The volume is asked for. `record` writes what that means. Raises: StepFailed."""

        async def look() -> Volume | None:
            return next(iter(await self._marked(spec.name)), None)

        async def act(attempt: Attempt) -> Facts:
            volume, doubt = await create_once(attempt, self.patience, look, lambda: self.cloud.create_volume(spec))
            return {**facts_of(volume), "doubt": doubt, "at": now_ms()}

        made: Facts = await self.op.step("volume", act, record)
        return made

    async def _marked(self, name: str) -> list[Volume]:
        named = await self.cloud.volumes_named(name)
        return [volume for volume in named if volume.metadata.get(MARK) == self.op.id]

    async def remove_doubles(self, made: Facts, name: str) -> None:
        """Where an answer was lost: delete what else of this operation shows once no call can have effect any more.

        Raises: StepFailed.
        """
        over = made["at"] / 1000 + self.http_timeout
        await self.op.wait(asyncio.sleep(max(0.0, over - now_ms() / 1000)))

        async def find(_: Attempt) -> list[str]:
            marked = await persist(self.patience, lambda: self._marked(name))
            return [volume.id for volume in marked if volume.id != made["id"]]

        doubles: list[str] = await self.op.step("doubles/find", find)

        async def act(_: Attempt) -> None:
            for volume_id in doubles:
                await persist(self.patience, lambda volume_id=volume_id: self.cloud.delete_volume(volume_id))  # type: ignore[misc]

        await self.op.step("doubles", act)

    async def available(self, volume_id: str) -> None:
        """The volume can be used. Raises: StepFailed after the time-out, or with the cloud's words."""
        if not self.op.done("available"):
            since: int = await self.op.commit("available/started", lambda tx: now_ms())
            await became_available(self.op, self.cloud, self.services.settings.volume_create, volume_id, since)
            await self.op.commit("available", lambda tx: None)

    async def bootable(self, volume_id: str, bootable: bool) -> None:
        """It can be booted from, or not, as was asked for. Raises: StepFailed."""

        async def act(_: Attempt) -> None:
            await persist(self.patience, lambda: self._set_bootable(volume_id, bootable))

        await self.op.step("bootable", act)

    async def _set_bootable(self, volume_id: str, bootable: bool) -> None:
        """One made from a bootable volume's snapshot is bootable already."""
        if (await self.cloud.get_volume(volume_id)).bootable is not bootable:
            await self.cloud.set_volume_bootable(volume_id, bootable)


def facts_of(volume: Volume) -> Facts:
    """What is kept of a volume."""
    return {"id": volume.id, "size": volume.size, "type": volume.volume_type}


def not_found(snapshot_id: str) -> StepFailed:
    """The snapshot is not there any more."""
    return StepFailed(f"Snapshot image [{snapshot_id}] not found.", 404)
