"""Volumes and volume snapshots of a project (Cinder)."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from openesc.vim import convert, rest
from openesc.vim.calls import ProjectCalls
from openesc.vim.errors import VimBadRequest, VimError, VimForbidden, VimNotFound
from openesc.vim.port import Volume, VolumeSpec, VolumeType
from openesc.vim.port_operations import VolumeSnapshot
from openesc.vim.rest import Json, given, looks_like_id, only_one, unless_missing
from openesc.vim.services import Services
from openesc.vim.watcher import Listing, Watcher

NEWEST = "3.66"
"""The block storage microversion asked for where the cloud has it."""

OWNER = "os-vol-tenant-attr:tenant_id"
"""Where a volume says whose it is."""

MESSAGES = "3.5"
"""The microversion from which Cinder's user messages can be asked for by resource."""


class Volumes(ProjectCalls):
    """The volume part of `openesc.vim.port.Cloud`."""

    _volumes: Watcher[Volume]

    async def get_volume(self, volume_id: str) -> Volume:
        """Read one volume. Raises: VimNotFound."""
        return await self._ask("get_volume", lambda conn: convert.volume(_read(conn, "volume", volume_id)))

    async def find_volume(self, name_or_id: str) -> Volume | None:
        """By id or exact name among the project's volumes."""
        return await self._ask(
            "find_volume", lambda conn: convert.maybe(convert.volume, self._volume(conn, name_or_id))
        )

    async def volumes_named(self, name: str) -> Sequence[Volume]:
        """All of the project's volumes of exactly this name."""
        return await self._ask(
            "volumes_named",
            lambda conn: [convert.volume(one) for one in _list(conn, "volume", name=name) if one["name"] == name],
        )

    def _volume(self, conn: Services, name_or_id: str) -> Json | None:
        if looks_like_id(name_or_id):
            found = unless_missing(lambda: _read(conn, "volume", name_or_id))
            if found is not None:
                return found
        return only_one("volume", name_or_id, _list(conn, "volume", name=name_or_id), self.project.id, OWNER)

    async def create_volume(self, spec: VolumeSpec) -> Volume:
        """Ask for a volume; it is ``creating`` when this returns.

        Raises: VimQuotaExceeded, VimNotFound (volume type), VimBadRequest (image).
        """
        wanted = given(
            name=spec.name,
            size=spec.size,
            volume_type=spec.volume_type,
            imageRef=spec.image_id,
            snapshot_id=spec.snapshot_id,
            metadata=dict(spec.metadata) or None,
        )
        return await self._ask("create_volume", lambda conn: convert.volume(_create(conn, "volume", wanted)))

    async def delete_volume(self, volume_id: str) -> None:
        """Ask for deletion; again is without effect. Raises: VimBadRequest while it is in use or has snapshots."""
        try:
            await self._ask("delete_volume", lambda conn: rest.delete(conn.block_storage, f"/volumes/{volume_id}"))
        except VimBadRequest:
            if not await self._goes(volume_id):
                raise

    async def _goes(self, volume_id: str) -> bool:
        """Whether it is gone, or being deleted already: Cinder refuses that as it refuses one in use."""
        try:
            return (await self.get_volume(volume_id)).status == "deleting"
        except VimNotFound:
            return True

    async def set_volume_bootable(self, volume_id: str, bootable: bool) -> None:
        """Say whether a server can boot from it; again is without effect. Raises: VimNotFound."""
        body = {"os-set_bootable": {"bootable": bootable}}
        await self._ask(
            "set_volume_bootable", lambda conn: rest.post(conn.block_storage, f"/volumes/{volume_id}/action", body)
        )

    async def volume_types(self) -> Sequence[VolumeType]:
        """The types that volumes of this project can have."""

        def listed(conn: Services) -> Sequence[VolumeType]:
            return [convert.volume_type(one) for one in rest.get_all(conn.block_storage, "/types", "volume_types")[0]]

        return await self._ask("volume_types", listed)

    async def default_volume_type(self) -> VolumeType | None:
        """The type of a volume that asks for none."""

        def read(conn: Services) -> VolumeType | None:
            body = unless_missing(lambda: rest.get(conn.block_storage, "/types/default")[0])
            return convert.volume_type(body["volume_type"]) if body is not None else None

        return await self._ask("default_volume_type", read)

    async def wait_volume(
        self,
        volume_id: str,
        status: str,
        timeout: float,
    ) -> Volume:
        """Wait for `status`; ``deleted`` waits for absence and returns the last there was to see.

        Raises: VimFault on ``error*`` (with Cinder's reason where it tells one), VimNotFound, WaitTimedOut.
        """
        last: list[Volume] = []

        def done(volume: Volume) -> bool:
            last[:] = [volume]
            return volume.status == status

        try:
            return await self._volumes.wait(self.project.id, volume_id, done, timeout)
        except VimNotFound:
            if status != "deleted":
                raise
            return last[0] if last else Volume(volume_id, "", 0, "deleted")

    async def find_volume_snapshots(self, name: str) -> Sequence[VolumeSnapshot]:
        """All of the project's volume snapshots of exactly this name."""

        def listed(conn: Services) -> Sequence[VolumeSnapshot]:
            found = _list(conn, "snapshot", name=name)
            return [convert.volume_snapshot(one) for one in found if one["name"] == name]

        return await self._ask("find_volume_snapshots", listed)

    async def get_volume_snapshot(self, snapshot_id: str) -> VolumeSnapshot:
        """Read one volume snapshot. Raises: VimNotFound."""
        return await self._ask(
            "get_volume_snapshot", lambda conn: convert.volume_snapshot(_read(conn, "snapshot", snapshot_id))
        )

    async def create_volume_snapshot(self, volume_id: str, name: str) -> VolumeSnapshot:
        """Ask for a snapshot, of a volume in use too. Raises: VimQuotaExceeded."""

        def create(conn: Services) -> VolumeSnapshot:
            # since 3.66 Cinder takes every volume and refuses to be told so
            forced = rest.microversion(conn.block_storage, NEWEST) != NEWEST
            wanted = {"volume_id": volume_id, "name": name} | ({"force": True} if forced else {})
            return convert.volume_snapshot(_create(conn, "snapshot", wanted))

        return await self._ask("create_volume_snapshot", create)

    async def delete_volume_snapshot(self, snapshot_id: str) -> None:
        """Ask for deletion. Raises: VimBadRequest while a volume depends on it and the backend cannot part them."""
        await self._ask(
            "delete_volume_snapshot",
            lambda conn: rest.delete(conn.block_storage, f"/snapshots/{snapshot_id}"),
        )


class VolumeSource:
    """Volumes for the watcher. Cinder lists no deleted ones and has no cheap "what changed": every list is full."""

    kind = "volume"

    def __init__(self, clouds: Any) -> None:
        self._clouds = clouds

    async def read(self, scope: str, item_id: str) -> Volume:
        """As `Volumes.get_volume`."""
        volume: Volume = await self._clouds.by_project(scope).get_volume(item_id)
        return volume

    async def listing(self, scope: str | None, since: datetime | None) -> Listing[Volume]:
        """All volumes of the project or of all projects. Raises: VimForbidden (of all, to no administrator).

        Cinder answers who is no administrator with the volumes of one project, whatever was asked for.
        """
        if scope is None and not await self._clouds.is_admin():
            raise VimForbidden("volumes of all projects are listed for administrators alone")

        def listed(conn: Services) -> Listing[Volume]:
            found = _list(conn, "volume", all_tenants="1" if scope is None else None)
            return Listing([convert.volume(one) for one in found], None)

        listing: Listing[Volume] = await self._clouds.by_project(scope)._ask("list_volumes", listed)
        return listing

    def failed(self, reading: Volume) -> bool:
        """In one of Cinder's statuses of error."""
        return reading.status.startswith("error")

    async def fault(self, scope: str, reading: Volume) -> str:
        """Cinder's user message on the volume; its status where there is none."""
        said: str | None = None
        with contextlib.suppress(VimError):
            said = await self._clouds.by_project(scope)._ask(
                "volume_messages", lambda conn: _last_message(conn, reading.id)
            )
        return said or f"volume {reading.id} is in status {reading.status}"


def _last_message(conn: Services, volume_id: str) -> str | None:
    body, _ = rest.get(conn.block_storage, "/messages", MESSAGES, resource_uuid=volume_id)
    messages = sorted(body.get("messages") or [], key=lambda one: str(one.get("created_at")))
    return str(messages[-1].get("user_message")) if messages else None


def _read(conn: Services, kind: str, identifier: str) -> dict[str, Any]:
    found: dict[str, Any] = rest.get(conn.block_storage, f"/{kind}s/{identifier}", NEWEST)[0][kind]
    return found


def _list(conn: Services, kind: str, **query: str | None) -> list[dict[str, Any]]:
    return rest.get_all(conn.block_storage, f"/{kind}s/detail", f"{kind}s", NEWEST, **query)[0]


def _create(conn: Services, kind: str, wanted: Json) -> dict[str, Any]:
    made: dict[str, Any] = rest.post(conn.block_storage, f"/{kind}s", {kind: wanted}, NEWEST).json()[kind]
    return made
