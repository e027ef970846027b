"""Bytes of an image on their way from Glance into a file, a chunk at a time, checked against Glance's own hash."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

from openstack import exceptions as sdk

from openesc.vim.errors import VimBadRequest, VimFault
from openesc.vim.pool import remaining
from openesc.vim.rest import Json
from openesc.vim.services import Services
from openesc.vim.upload import CHUNK


def download(conn: Services, image: Json, target: Path) -> int:
    """Write the image's bytes to `target` and sync them. Returns their number.

    Raises: VimFault when their hash or number is not what Glance says, VimBadRequest when `target` cannot be written
    or the image has no bytes (that of a server that boots from a volume).
    """
    if not image.get("size"):
        raise VimBadRequest(f"image {image['id']} has no bytes of its own: its server boots from a volume")
    response = conn.image.get(f"/images/{image['id']}/file", stream=True, log=False)
    try:
        sdk.raise_from_response(response)
        size, digest = _write(response, target, hashlib.new(_algorithm(image)))
    finally:
        response.close()
    _check(image, size, digest)
    return size


def _algorithm(image: Json) -> str:
    """Glance's hash; its MD5 where it has no other (before API 2.7)."""
    return str(image.get("os_hash_algo") or "md5")


def _check(image: Json, size: int, digest: str) -> None:
    expected = image.get("os_hash_value") or image.get("checksum")
    if size != image["size"]:
        raise VimFault(f"image {image['id']}: {size} bytes came, Glance has {image['size']}")
    if expected and digest != expected:
        raise VimFault(f"image {image['id']}: {_algorithm(image)} of what came is {digest}, Glance says {expected}")


def _write(response: Any, target: Path, hasher: Any) -> tuple[int, str]:
    size = 0
    try:
        with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            for chunk in response.iter_content(CHUNK):
                remaining()
                hasher.update(chunk)
                size += file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        if error.filename is None and error.errno is None:  # requests' own errors are OSErrors too
            raise
        raise VimBadRequest(f"{target} cannot be written: {error.strerror}") from error
    return size, hasher.hexdigest()
