"""A snapshot in the cloud: asked for once, found by its mark, waited for, deleted (user guide, VM snapshots).

Nova makes an image; for a server that boots from a volume an empty image and a volume snapshot of each volume, which
the image's property `block_device_mapping` names. The image carries our id in a property, so that it is found after a
lost answer among others of the same name.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openesc.inventory import snapshots as inventory
from openesc.inventory.snapshots import Snapshot
from openesc.lifecycle.context import Services
from openesc.lifecycle.errors import StepFailed
from openesc.lifecycle.operation import Attempt, Operation
from openesc.lifecycle.polling import Polling
from openesc.lifecycle.steps.calls import create_once, persist
from openesc.store import Tx, now_ms
from openesc.vim import goals
from openesc.vim.errors import VimBadRequest, VimError, VimNotFound
from openesc.vim.port import Cloud, Image

MARK = "openesc_snapshot"
"""The image property that holds our id."""
FAILED_IMAGE = frozenset({"killed", "deleted", "pending_delete", "deactivated"})
"""Statuses an image does not become active from."""

Look = Callable[[], Coroutine[Any, Any, str | None]]


@dataclass(frozen=True, slots=True)
class Made:
    """An image that was asked for, at this time (UTC ms). `doubt`: an answer was lost: there may be another one."""

    image_id: str
    doubt: bool
    at: int


@dataclass(frozen=True, slots=True)
class SnapshotSteps:
    """The steps on one snapshot in one operation."""

    op: Operation
    services: Services
    cloud: Cloud
    record: Snapshot

    @property
    def patience(self) -> float:
        return self.services.settings.patience

    async def look(self) -> dict[str, Any]:
        """The volumes a server boots with, and volume snapshots of the name that are none of this one's."""

        async def act(_: Attempt) -> dict[str, Any]:
            return await persist(self.patience, self._volumes_and_others)

        found: dict[str, Any] = await self.op.step("look", act)
        return found

    async def _volumes_and_others(self) -> dict[str, Any]:
        server = await self.cloud.get_server(self.record.server_id)
        others = await self.cloud.find_volume_snapshots(volume_snapshot_name(self.record))
        volumes = list(server.volume_ids) if server.image_id is None else []  # else Nova leaves them alone
        return {"volumes": volumes, "others": [one.id for one in others]}

    async def create(self, record: Callable[[Tx, str], None]) -> Made:
        """The image is asked for. `record` writes what its id means. Raises: StepFailed."""

        async def look() -> str | None:
            return next((image.id for image in await self.marked()), None)

        async def create() -> str:
            mark = {MARK: self.record.id}
            return await self.cloud.create_server_image(self.record.server_id, self.record.name, mark)

        async def act(attempt: Attempt) -> dict[str, Any]:
            image_id, doubt = await create_once(attempt, self.patience, look, create)
            return {"id": image_id, "doubt": doubt, "at": now_ms()}

        made = await self.op.step("image", act, lambda tx, result: record(tx, result["id"]))
        return Made(made["id"], made["doubt"], made["at"])

    async def marked(self) -> list[Image]:
        """The images that carry our id, in any status."""
        named = await self.cloud.images_named(self.record.name)
        return [image for image in named if image.properties.get(MARK) == self.record.id]

    async def volume_snapshots(self, image_id: str, volumes: Sequence[str]) -> list[dict[str, Any]]:
        """The volume snapshots that came with the image; [] where the server boots from an image. Raises:
        StepFailed.
        """

        async def act(_: Attempt) -> list[dict[str, Any]]:
            return await persist(self.patience, lambda: self._mapped(image_id)) if volumes else []

        def record(tx: Tx, found: list[dict[str, Any]]) -> None:
            inventory.update_snapshot(tx, self.record.id, volume_snapshots=found)

        found: list[dict[str, Any]] = await self.op.step("volumes", act, record)
        return found

    async def _mapped(self, image_id: str) -> list[dict[str, Any]]:
        return [await self._volume_snapshot(one) for one in mapping(await self.cloud.get_image(image_id))]

    async def _volume_snapshot(self, device: dict[str, Any]) -> dict[str, Any]:
        found = await self.cloud.get_volume_snapshot(device["snapshot_id"])
        return {"id": found.id, "volume_id": found.volume_id, "boot": device.get("boot_index") == 0}

    async def find_doubles(
        self, facts: dict[str, Any], own: Sequence[dict[str, Any]], made: Made | None, *, late: bool
    ) -> dict[str, list[str]]:
        """Other images that carry our id, and volume snapshots of the name and of the server's volumes that were not
        there before and are not `own`. `late`: only once a lost call can have no effect any more. Raises: StepFailed.
        """
        since: int = await self.op.commit("doubles/since", lambda tx: made.at if made is not None else now_ms())
        over = since / 1000 + self.services.vims.get(self.record.vim_id).http_timeout
        await self.op.wait(asyncio.sleep(max(0.0, over - now_ms() / 1000) if late else 0.0))
        image_id, known = made.image_id if made is not None else None, {one["id"] for one in own}

        async def act(_: Attempt) -> dict[str, list[str]]:
            return await persist(self.patience, lambda: self._doubles(facts, known, image_id))

        found: dict[str, list[str]] = await self.op.step("doubles/find", act)
        return found

    async def _doubles(self, facts: dict[str, Any], own: set[str], image_id: str | None) -> dict[str, list[str]]:
        images = [image.id for image in await self.marked() if image.id != image_id]
        if not facts["volumes"]:
            return {"images": images, "volumes": []}
        named = await self.cloud.find_volume_snapshots(volume_snapshot_name(self.record))
        known = {*facts["others"], *own}
        volumes = [one.id for one in named if one.volume_id in facts["volumes"] and one.id not in known]
        return {"images": images, "volumes": volumes}

    async def remove_doubles(self, found: dict[str, list[str]]) -> None:
        """Delete what `find_doubles` found. Raises: StepFailed."""

        async def act(_: Attempt) -> None:
            for image_id in found["images"]:
                await persist(self.patience, lambda image_id=image_id: self.cloud.delete_image(image_id))  # type: ignore[misc]
            for one in found["volumes"]:
                await persist(self.patience, lambda one=one: self.cloud.delete_volume_snapshot(one))  # type: ignore[misc]

        await self.op.step("doubles", act)

    async def active(self, image_id: str, volume_snapshot_ids: Sequence[str]) -> None:
        """Image and volume snapshots are usable, and the server is at rest. Raises: StepFailed after the time-out."""

        async def look() -> str | None:
            return await self._image_missing(image_id) or await self._volumes_missing(volume_snapshot_ids)

        await self.poll("active", self.services.settings.snapshot_create, look)
        await self._rested()

    async def _image_missing(self, image_id: str) -> str | None:
        """What is still to come of the image."""
        try:
            image = await self.cloud.get_image(image_id)
        except VimNotFound as error:
            raise StepFailed(await self._why_gone(image_id)) from error
        if image.status in FAILED_IMAGE:
            raise StepFailed(f"snapshot image [{image_id}] became {image.status} in OpenStack")
        return None if image.status == "active" else f"image [{image_id}] is {image.status}"

    async def _volumes_missing(self, ids: Sequence[str]) -> str | None:
        for found in await asyncio.gather(*map(self.cloud.get_volume_snapshot, ids)):
            if found.status.startswith("error"):
                raise StepFailed(f"volume snapshot [{found.id}] became {found.status} in OpenStack")
            if found.status != "available":
                return f"volume snapshot [{found.id}] is {found.status}"
        return None

    async def _why_gone(self, image_id: str) -> str:
        """A snapshot that fails shows in that its image is gone; the reason is in the action's events, for admins."""
        reason = f"snapshot image [{image_id}] was not made: OpenStack removed it"
        try:
            for action in await self.cloud.server_actions(self.record.server_id):
                if action.action == "createImage":
                    events = await self.cloud.action_events(self.record.server_id, action.request_id)
                    details = [event.details for event in events if event.details]
                    return "; ".join([reason, *details[:1]]) + f" ({action.request_id})"
        except VimError:
            return reason
        return reason

    async def _rested(self) -> None:
        """Nova clears the task a moment after the image is active; until then it refuses the next request."""
        try:
            waiting = self.cloud.wait_server(
                self.record.server_id, goals.settled, self.services.settings.server_timeout, fault_on_error=False
            )
            await self.op.wait(waiting)
        except VimError:
            return  # the server's own trouble is not the snapshot's

    async def poll(self, path: str, polling: Polling, look: Look) -> None:
        """Look until nothing is missing.

        Raises: StepFailed saying what is missing when the time is up, or what the cloud refuses.
        """
        since: int = await self.op.commit(f"{path}/started", lambda tx: now_ms())
        while True:
            try:
                missing = await self.op.wait(persist(self.patience, look))
            except VimError as error:
                raise StepFailed(str(error), error.status) from error
            if missing is None:
                return
            if polling.left(since) <= 0:
                raise StepFailed(f"{missing} after {polling.timeout:g} seconds")
            await self.op.wait(polling.pause(since))

    async def export(self, image_id: str, folder: Path) -> dict[str, Any]:
        """The image's bytes are in a file of `folder`, checked, with the request's document beside it: the file and
        its size. Raises: StepFailed.
        """

        async def act(_: Attempt) -> dict[str, Any]:
            image = await persist(self.patience, lambda: self.cloud.get_image(image_id))
            file = await asyncio.to_thread(prepare, folder, self.record, image.disk_format)
            partial = file.with_name(f"{file.name}.partial")
            size = await persist(self.patience, lambda: self.cloud.download_image(image_id, partial))
            await asyncio.to_thread(finish, partial, file, self.record.document)
            return {"file": str(file), "size": size}

        found: dict[str, Any] = await self.op.step("export", act)
        return found

    async def remove_images(self, path: str, known: Sequence[str] = ()) -> list[dict[str, Any]]:
        """Delete the known image and every one that carries our id. Returns the volume snapshots they name, which
        the cloud leaves. Raises: StepFailed.
        """

        async def find(_: Attempt) -> dict[str, Any]:
            return await persist(self.patience, lambda: self._found(known))

        found = await self.op.step(f"{path}/find", find)

        async def act(_: Attempt) -> None:
            for image_id in found["images"]:
                await persist(self.patience, lambda image_id=image_id: self.cloud.delete_image(image_id))  # type: ignore[misc]

        await self.op.step(path, act)
        return list(found["volumes"])

    async def _found(self, known: Sequence[str]) -> dict[str, Any]:
        images = await self.marked()
        snapshots = [{"id": one["snapshot_id"]} for image in images for one in mapping(image)]
        return {"images": sorted({*known, *(image.id for image in images)}), "volumes": snapshots}

    async def remove_volume_snapshots(self, path: str, ids: Sequence[str]) -> None:
        """Delete volume snapshots; what is gone is success. Raises: StepFailed."""
        for snapshot_id in ids:

            async def act(_: Attempt, snapshot_id: str = snapshot_id) -> None:
                await persist(self.patience, lambda: self.cloud.delete_volume_snapshot(snapshot_id))

            await self.op.step(f"{path}/{snapshot_id}", act)

    async def gone(self, image_ids: Sequence[str], volume_snapshot_ids: Sequence[str]) -> None:
        """Image and volume snapshots are gone. Raises: StepFailed after the time-out."""

        async def look() -> str | None:
            for image_id in image_ids:
                if missing := await self._still(f"image [{image_id}]", self.cloud.get_image(image_id)):
                    return missing
            for snapshot_id in volume_snapshot_ids:
                found = self.cloud.get_volume_snapshot(snapshot_id)
                if missing := await self._still(f"volume snapshot [{snapshot_id}]", found):
                    return missing
            return None

        await self.poll("gone", self.services.settings.snapshot_delete, look)

    async def _still(self, what: str, reading: Coroutine[Any, Any, Any]) -> str | None:
        try:
            found = await reading
        except VimNotFound:
            return None
        if found.status.startswith("error"):
            raise StepFailed(f"{what} could not be deleted: it is {found.status} in OpenStack")
        return None if found.status == "deleted" else f"{what} is still there ({found.status})"


def volume_snapshot_name(record: Snapshot) -> str:
    """Nova's name for the volume snapshots of a snapshot."""
    return f"snapshot for {record.name}"


def mapping(image: Image) -> list[dict[str, Any]]:
    """The devices of an image that stands for volume snapshots; [] for an image with bytes."""
    devices = json.loads(image.properties.get("block_device_mapping") or "[]")
    return [device for device in devices if device.get("snapshot_id")]


def prepare(folder: Path, record: Snapshot, disk_format: str) -> Path:
    """The file an export goes to: its name begins with the snapshot's and is made unique by its id.

    Raises: VimBadRequest when there can be no such folder.
    """
    stem = re.sub(r"[^\w.-]+", "_", record.name)[:100]
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise VimBadRequest(f"the export folder {folder} cannot be made: {error.strerror}") from error
    return folder / f"{stem}-{record.id}.{disk_format or 'img'}"


def finish(partial: Path, file: Path, document: str | None) -> None:
    """The whole file appears at once under its name, its document before it."""
    if document is not None:
        file.with_suffix(".xml").write_text(document, encoding="utf-8")
    partial.replace(file)
