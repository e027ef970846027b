"""Images (Glance) and flavors (Nova) as a project sees them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from openstack import exceptions as sdk

from openesc.vim import convert, rest
from openesc.vim.calls import ProjectCalls
from openesc.vim.download import download
from openesc.vim.errors import VimFault, WaitTimedOut
from openesc.vim.port import Flavor, FlavorSpec, Image, ImageSpec
from openesc.vim.rest import Json, given, looks_like_id, only_one, unless_missing
from openesc.vim.services import Services
from openesc.vim.upload import HEADERS, open_source

STORE_TIMEOUT = 300.0
"""Seconds Glance may take to store after the last byte, before its answer counts as lost."""

DESCRIBED = "2.55"
"""The compute microversion from which a flavor may have a description."""

DEAD = frozenset({"killed", "deleted", "pending_delete", "deactivated"})
"""Statuses an image does not become active from."""


class Images(ProjectCalls):
    """The image and flavor part of `openesc.vim.port.Cloud`."""

    async def find_image(self, name_or_id: str) -> Image | None:
        """By id or exact name; the project's own before those others share, other projects' private ones never."""
        return await self._ask("find_image", lambda conn: convert.maybe(convert.image, self._image(conn, name_or_id)))

    def _image(self, conn: Services, name_or_id: str) -> Json | None:
        if looks_like_id(name_or_id):
            found = unless_missing(lambda: _read(conn, name_or_id))
            if found is not None:
                return found
        listed, _ = rest.get_all(conn.image, "/images", "images", name=name_or_id)
        visible = [one for one in listed if self._may_boot(one)]
        return only_one("image", name_or_id, visible, self.project.id, owner="owner")

    def _may_boot(self, image: Json) -> bool:
        return bool(image.get("owner") == self.project.id or image.get("visibility") != "private")

    async def create_image(self, spec: ImageSpec, source: str) -> Image:
        """Make the record, stream `source` into it and return it active.

        The time is that of the transfer: it breaks off when no byte moves for `http_timeout`. A failed upload takes
        its record with it; one whose caller is cancelled may leave a record behind (look by name).

        Raises: VimBadRequest (source not allowed, bytes not of `disk_format`), VimNotFound (source),
            VimFault, VimError.
        """
        stream = await self._calls.transfer("open_image_source", lambda: open_source(source, self._calls.settings))
        try:
            image_id = await self._ask("create_image", lambda conn: _record(conn, spec))
            work = lambda: _store(self._services, image_id, stream)  # noqa: E731 - a def would read worse
            await self._calls.transfer("upload_image", work)
        finally:
            stream.close()
        return await self._until_active(image_id)

    async def _until_active(self, image_id: str) -> Image:
        """Read it again: what the upload returned is as it was before."""
        delay = 0.05
        async with _within(self._calls.settings.http_timeout, f"image {image_id} did not become active"):
            while True:
                image = await self.get_image(image_id)
                if image.status == "active":
                    return image
                if image.status in DEAD:
                    raise VimFault(f"image {image_id} is {image.status} after its upload")
                await asyncio.sleep(delay)
                delay = min(delay * 2, 2.0)

    async def get_image(self, image_id: str) -> Image:
        """Read one image. Raises: VimNotFound."""
        return await self._ask("get_image", lambda conn: convert.image(_read(conn, image_id)))

    async def images_named(self, name: str) -> Sequence[Image]:
        """All of the project's own images of exactly this name, in any status."""

        def listed(conn: Services) -> Sequence[Image]:
            found, _ = rest.get_all(conn.image, "/images", "images", name=name)
            return [convert.image(one) for one in found if one.get("owner") == self.project.id]

        return await self._ask("images_named", listed)

    async def download_image(self, image_id: str, target: Path) -> int:
        """Write the image's bytes to `target`; the time is that of the transfer.

        Raises: VimFault (hash or number differ), VimBadRequest (no bytes; `target` cannot be written), VimNotFound.
        """
        services = self._services
        work = lambda: download(services, _read(services, image_id), target)  # noqa: E731 - a def would read worse
        return await self._calls.transfer("download_image", work)

    async def delete_image(self, image_id: str) -> None:
        """Delete. Raises: VimForbidden when it is protected."""
        await self._ask("delete_image", lambda conn: rest.delete(conn.image, f"/images/{image_id}"))

    async def find_flavor(self, name_or_id: str) -> Flavor | None:
        """By exact name, else by id, in one call (Nova filters flavors by neither)."""
        return await self._ask("find_flavor", lambda conn: _flavor(conn, name_or_id))

    async def create_flavor(self, spec: FlavorSpec) -> Flavor:
        """Make a public flavor and its extra specs. Needs admin rights; VimConflict when the name exists."""
        return await self._ask("create_flavor", lambda conn: _make_flavor(conn, spec))

    async def set_flavor_properties(self, flavor_id: str, properties: Mapping[str, str]) -> None:
        """Set extra specs; others stay. Needs admin rights."""
        if properties:
            await self._ask("set_flavor_properties", lambda conn: _set_specs(conn, flavor_id, properties))

    async def delete_flavor(self, flavor_id: str) -> None:
        """Delete; servers that have it keep it."""
        await self._ask("delete_flavor", lambda conn: rest.delete(conn.compute, f"/flavors/{flavor_id}"))


@contextlib.asynccontextmanager
async def _within(seconds: float, what: str) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise WaitTimedOut(f"{what} within {seconds:g} s") from None


def _record(conn: Services, spec: ImageSpec) -> str:
    body: dict[str, Any] = {
        "name": spec.name,
        "disk_format": spec.disk_format,
        "container_format": spec.container_format,
        "visibility": "public" if spec.public else "private",
        "tags": [spec.tag] if spec.tag else [],
    }
    return str(rest.post(conn.image, "/images", dict(spec.properties) | body).json()["id"])


def _store(conn: Services, image_id: str, stream: Any) -> None:
    try:
        response = conn.image.put(
            f"/images/{image_id}/file", data=stream, headers=HEADERS, timeout=STORE_TIMEOUT, log=False
        )
        sdk.raise_from_response(response)
    except Exception:
        # a record without bytes is of no use, and its name would be in the way of the next attempt
        with contextlib.suppress(Exception):
            rest.delete(conn.image, f"/images/{image_id}")
        raise


def _read(conn: Services, image_id: str) -> dict[str, Any]:
    found: dict[str, Any] = rest.get(conn.image, f"/images/{image_id}")[0]
    return found


def _flavor(conn: Services, name_or_id: str) -> Flavor | None:
    everything, _ = rest.get_all(conn.compute, "/flavors/detail", "flavors", is_public="None")
    wanted = (one for one in everything if one["name"] == name_or_id)
    by_id = (one for one in everything if one["id"] == name_or_id)
    return convert.maybe(convert.flavor, next(wanted, None) or next(by_id, None))


def _make_flavor(conn: Services, spec: FlavorSpec) -> Flavor:
    wanted = {
        "name": spec.name,
        "vcpus": spec.vcpus,
        "ram": spec.memory_mb,
        "disk": spec.root_disk_gb,
        "OS-FLV-EXT-DATA:ephemeral": spec.ephemeral_disk_gb,
        "swap": spec.swap_disk_mb,
    }
    described = given(description=spec.description)
    body = {"flavor": wanted | described}
    made = rest.post(conn.compute, "/flavors", body, DESCRIBED if described else None).json()["flavor"]
    if spec.properties:
        _set_specs(conn, made["id"], spec.properties)
    return convert.flavor(made)


def _set_specs(conn: Services, flavor_id: str, properties: Mapping[str, str]) -> None:
    rest.post(conn.compute, f"/flavors/{flavor_id}/os-extra_specs", {"extra_specs": dict(properties)})
