"""Glance v2: records, bytes, tags, members of none."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path
from typing import Any

from openesc.cloudsim.core.call import Call, empty
from openesc.cloudsim.core.cloud import Cloud, iso, new_uuid
from openesc.cloudsim.core.faults import ApiError, bad_request, conflict, forbidden, not_found
from openesc.cloudsim.core.http import Response
from openesc.cloudsim.core.records import Image
from openesc.cloudsim.core.routing import Routes

versions_routes = Routes("image", "/image")
routes = Routes("image", "/image/v2")

_FIELDS = {
    "name": "name", "disk_format": "disk_format", "container_format": "container_format", "min_disk": "min_disk",
    "min_ram": "min_ram", "protected": "protected", "visibility": "visibility", "os_hidden": "hidden", "tags": "tags",
    "owner": "owner",
}  # fmt: skip
_READ_ONLY = frozenset({"id", "status", "size", "virtual_size", "checksum", "created_at", "updated_at", "file",
                        "schema", "self",
                        "os_hash_algo", "os_hash_value", "direct_url", "locations"})  # fmt: skip
DISK_FORMATS = ("ami", "ari", "aki", "vhd", "vhdx", "vmdk", "raw", "qcow2", "vdi", "iso", "ploop")


def _versions(call: Call) -> list[dict[str, Any]]:
    link = [{"rel": "self", "href": f"{call.request.base_url}/image/v2/"}]
    older = [
        {"id": f"v2.{minor}", "status": "SUPPORTED", "links": link} for minor in (16, 15, 9, 7, 6, 5, 4, 3, 2, 1, 0)
    ]
    return [{"id": "v2.17", "status": "CURRENT", "links": link}, *older]


@versions_routes.add("GET", "", "image.versions", "none")
def versions(call: Call) -> Response:
    """The versions document, with 300 as Glance answers."""
    return call.answer({"versions": _versions(call)}, 300)


@versions_routes.add("GET", "/versions", "image.versions", "none")
def versions_ok(call: Call) -> Response:
    """The versions document."""
    return call.answer({"versions": _versions(call)})


@routes.add("GET", "", "image.version", "none")
def version(call: Call) -> Response:
    """The versions document, for clients that look here."""
    return call.answer({"versions": _versions(call)})


def view(image: Image) -> dict[str, Any]:
    """An image, its properties beside its fields."""
    here = f"/v2/images/{image.id}"
    return {
        **image.properties, "id": image.id, "name": image.name, "status": image.status, "owner": image.owner,
        "visibility": image.visibility, "protected": image.protected, "os_hidden": image.hidden, "tags": image.tags,
        "disk_format": image.disk_format, "container_format": image.container_format, "min_disk": image.min_disk,
        "min_ram": image.min_ram, "size": image.size, "virtual_size": image.virtual_size, "checksum": image.checksum,
        "os_hash_algo": "sha512" if image.hash_value else None, "os_hash_value": image.hash_value, "self": here,
        "file": f"{here}/file", "schema": "/v2/schemas/image", "created_at": iso(image.created),
        "updated_at": iso(image.updated),
    }  # fmt: skip


def _visible(call: Call, image: Image) -> bool:
    return call.is_admin or image.visibility in ("public", "community") or image.owner == call.project_id


def find(call: Call) -> Image:
    """The image of the path, if the caller sees it."""
    identifier = call.params["id"]
    image = call.cloud.images.get(identifier)
    if image is None or not _visible(call, image):
        raise not_found(f"No image found with ID {identifier}")
    call.about(image.id, image.name)
    return image


def _own(call: Call) -> Image:
    image = find(call)
    if not call.is_admin and image.owner != call.project_id:
        raise forbidden("You are not authorized to complete this action.")
    return image


@routes.add("GET", "/images", "image.list")
def list_images(call: Call) -> Response:
    """Images the caller sees, filtered by any field or property; newest first."""
    rows = [image for image in call.cloud.images.newest_first() if _visible(call, image) and _matches(call, image)]
    key, _, direction = (call.arg("sort") or "").split(",")[0].partition(":")
    if key in ("name", "status", "created_at", "updated_at", "size", "id"):
        rows.sort(key=lambda image: str(view(image)[key]), reverse=direction != "asc")
    marker, limit = call.arg("marker"), int(call.arg("limit") or 1000)
    at = next((i + 1 for i, image in enumerate(rows) if image.id == marker), 0) if marker else 0
    page = rows[at : at + limit]
    document: dict[str, Any] = {
        "images": [view(image) for image in page],
        "first": "/v2/images",
        "schema": "/v2/schemas/images",
    }
    if len(rows) > at + limit:
        document["next"] = f"/v2/images?marker={page[-1].id}&limit={limit}"
    return call.answer(document)


def _matches(call: Call, image: Image) -> bool:
    shown = view(image)
    ignored = ("limit", "marker", "sort", "sort_key", "sort_dir", "member_status")
    for name, values in call.request.query.items():
        if name == "tag":
            if not set(values) <= set(image.tags):
                return False
        elif name not in ignored and not _matches_one(shown, name, values[-1]):
            return False
    return call.arg("os_hidden") is not None or not image.hidden


def _matches_one(shown: dict[str, Any], name: str, wanted: str) -> bool:
    if name == "visibility" and wanted == "all":
        return True
    if name in ("size_min", "size_max"):
        size = shown["size"] or 0
        return bool(size >= int(wanted)) if name == "size_min" else bool(size <= int(wanted))
    actual = shown.get(name)
    if wanted.startswith("in:"):
        return str(actual) in wanted[3:].split(",")
    return str(actual).lower() == wanted.lower() if isinstance(actual, bool) else str(actual) == wanted


@routes.add("POST", "/images", "image.create", "member", "add_image")
def create(call: Call) -> Response:
    """Make a record; the bytes come by an upload."""
    given = call.document
    _check(call, given)
    now = call.cloud.now()
    identifier = given.get("id") or new_uuid()
    if identifier in call.cloud.images:
        raise conflict(f"Image ID {identifier} already exists!")
    image = Image(identifier, given.get("name"), given.get("owner") or call.project_id, now, now)
    _change(image, given)
    call.cloud.images.put(image)
    call.about(image.id, image.name)
    return call.answer(view(image), 201, Location=f"{call.request.base_url}/image/v2/images/{image.id}")


def _check(call: Call, given: dict[str, Any]) -> None:
    if given.get("visibility") == "public" and not call.is_admin:
        raise forbidden("You are not authorized to complete publicize_image action.")
    if given.get("disk_format") not in (None, *DISK_FORMATS):
        raise bad_request(
            f"Provided object does not match schema 'image': '{given['disk_format']}' is not one of "
            f"{list(DISK_FORMATS)}"
        )
    name = given.get("name")
    if name is not None and len(str(name)) > 255:
        raise bad_request(f"Provided object does not match schema 'image': '{name}' is too long")


def _change(image: Image, given: dict[str, Any]) -> None:
    for key, value in given.items():
        if key in _FIELDS:
            setattr(image, _FIELDS[key], value)
        elif key not in _READ_ONLY:
            image.properties[key] = value


@routes.add("GET", "/images/{id}", "image.show")
def show(call: Call) -> Response:
    """One image."""
    return call.answer(view(find(call)))


@routes.add("PATCH", "/images/{id}", "image.update", "member", "modify_image")
def update(call: Call) -> Response:
    """Apply a JSON patch of add, replace and remove."""
    image = _own(call)
    for change in call.document:
        key = change["path"].strip("/").replace("~1", "/").replace("~0", "~")
        if key in _READ_ONLY:
            raise forbidden(f"Attribute '{key}' is read-only.")
        if change["op"] == "remove":
            image.properties.pop(key, None)
        else:
            _check(call, {key: change["value"]})
            _change(image, {key: change["value"]})
    image.updated = call.cloud.now()
    call.cloud.images.put(image)
    return call.answer(view(image))


@routes.add("DELETE", "/images/{id}", "image.delete", "member", "delete_image")
def delete(call: Call) -> Response:
    """Forget an image and its bytes."""
    image = _own(call)
    if image.protected:
        raise forbidden(f"Image {image.id} is protected and cannot be deleted.")
    if any(volume.status == "downloading" and volume.image_id == image.id for volume in call.cloud.volumes):
        raise conflict(
            f"Image {image.id} could not be deleted because it is in use: The image cannot be deleted "
            f"because it is in use"
        )
    drop_image(call.cloud, image)
    return empty(204)


def drop_image(cloud: Cloud, image: Image) -> None:
    """Remove the record and the file."""
    cloud.images.drop(image.id)
    data_path(cloud, image).unlink(missing_ok=True)


def data_path(cloud: Cloud, image: Image) -> Path:
    """Where an image's bytes are."""
    return cloud.image_dir / image.id


@routes.add("PUT", "/images/{id}/file", "image.upload", "member", "upload_image")
def upload(call: Call) -> Response:
    """Take the bytes; they must be what disk_format says."""
    image = _own(call)
    if image.status not in ("queued", "uploading"):
        raise conflict(f"Image status transition from {image.status} to saving is not allowed")
    if image.disk_format is None or image.container_format is None:
        raise bad_request("Properties disk_format, container_format must be set prior to saving data.")
    if not looks_like(image.disk_format, call.request.body):
        raise ApiError(415, "Unsupported Media Type")
    store_data(call.cloud, image, call.request.body)
    return empty(204)


_MAGIC = {
    "qcow2": (0, b"QFI\xfb"),
    "vhdx": (0, b"vhdxfile"),
    "vdi": (64, b"\x7f\x10\xda\xbe"),
    "iso": (32769, b"CD001"),
}


def looks_like(disk_format: str, data: bytes) -> bool:
    """Whether the bytes begin as the format does; also refuses a qcow2 that is called raw."""
    if disk_format == "vmdk":
        return data[:4] == b"KDMV" or data[:21] == b"# Disk DescriptorFile"
    at, magic = _MAGIC.get(disk_format, (0, b""))
    if disk_format == "raw" and data[:4] == b"QFI\xfb":
        return False
    return data[at : at + len(magic)] == magic


def store_data(cloud: Cloud, image: Image, data: bytes) -> None:
    """Keep the bytes and activate the image."""
    path = data_path(cloud, image)
    partial = path.with_suffix(".partial")
    partial.write_bytes(data)
    partial.replace(path)
    image.size, image.status, image.updated = len(data), "active", cloud.now()
    image.checksum = hashlib.md5(data, usedforsecurity=False).hexdigest()
    image.hash_value = hashlib.sha512(data).hexdigest()
    image.virtual_size = _virtual_size(image, data)
    cloud.images.put(image)


def _virtual_size(image: Image, data: bytes) -> int:
    if image.disk_format == "qcow2" and len(data) >= 32:
        return int(struct.unpack(">Q", data[24:32])[0])
    return len(data)


def tiny_qcow2(virtual_size: int = 1024**2) -> bytes:
    """A well-formed qcow2 (version 2) of an empty disk: header, empty level-1 table, reference counts."""
    cluster = 65536
    header = struct.pack(">4sIQIIQIIQQIIQ", b"QFI\xfb", 2, 0, 0, 16, virtual_size, 0, 1, 3 * cluster, cluster, 1, 0, 0)
    table = struct.pack(">Q", 2 * cluster)
    block = struct.pack(">HHHH", 1, 1, 1, 1)
    return b"".join(part.ljust(cluster, b"\0") for part in (header, table, block, b""))


@routes.add("GET", "/images/{id}/file", "image.download")
def download(call: Call) -> Response:
    """The bytes."""
    image = find(call)
    path = data_path(call.cloud, image)
    if image.status == "deactivated" and not call.is_admin:
        raise forbidden("The requested image has been deactivated. Image data download is forbidden.")
    if not path.exists():
        return empty(204)
    return Response(200, path.read_bytes(), {"Content-MD5": image.checksum or ""}, "application/octet-stream")


@routes.add("POST", "/images/{id}/actions/{action}", "image.activate", "member", "deactivate")
def activate(call: Call) -> Response:
    """Deactivate or reactivate."""
    image = _own(call)
    before, after = {"deactivate": ("active", "deactivated"), "reactivate": ("deactivated", "active")}[
        call.params["action"]
    ]
    if image.status not in (before, after):
        raise forbidden(f"Cannot {call.params['action']} image in status {image.status}")
    image.status, image.updated = after, call.cloud.now()
    call.cloud.images.put(image)
    return empty(204)


@routes.add("PUT", "/images/{id}/tags/{tag}", "image_tag.add", "member", "modify_image")
def add_tag(call: Call) -> Response:
    """Add a tag."""
    image = _own(call)
    image.tags = list(dict.fromkeys([*image.tags, call.params["tag"]]))
    call.cloud.images.put(image)
    return empty(204)


@routes.add("DELETE", "/images/{id}/tags/{tag}", "image_tag.delete", "member", "modify_image")
def delete_tag(call: Call) -> Response:
    """Remove a tag."""
    image = _own(call)
    if call.params["tag"] not in image.tags:
        raise not_found("")
    image.tags.remove(call.params["tag"])
    call.cloud.images.put(image)
    return empty(204)


@routes.add("GET", "/images/{id}/members", "image_member.list")
def list_members(call: Call) -> Response:
    """Images are shared with nobody."""
    find(call)
    return call.answer({"members": [], "schema": "/v2/schemas/members"})


@routes.add("GET", "/schemas/image", "image.schema", "any")
def schema(call: Call) -> Response:
    """The names of the fields; properties of any name come beside them."""
    names = ("id", "status", "size", "checksum", "created_at", "updated_at", *_FIELDS)
    properties = {name: {"type": ["null", "string"]} for name in names}
    return call.answer({"name": "image", "properties": properties, "additionalProperties": {"type": "string"}})


@routes.add("GET", "/info/import", "image.import_info", "any")
def import_info(call: Call) -> Response:
    """No import methods."""
    return call.answer({"import-methods": {"description": "Import methods available.", "type": "array", "value": []}})
