"""Cinder volumes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from openesc.cloudsim.core.call import Call, empty
from openesc.cloudsim.core.cloud import Cloud, iso, new_uuid
from openesc.cloudsim.core.faults import bad_request, not_found
from openesc.cloudsim.core.http import Response
from openesc.cloudsim.core.jobs import Next, step
from openesc.cloudsim.core.records import Job, Message, Volume
from openesc.cloudsim.core.routing import Routes
from openesc.cloudsim.volume.attaching import check_quota, fill, save
from openesc.cloudsim.volume.types import DEFAULT_TYPE

routes = Routes("volume", "/volume/v3")

NOT_DELETABLE = (
    "Invalid volume: Volume status must be available or error or error_restoring or error_extending or "
    "error_managing and "
    "must not be migrating, attached, belong to a group, have snapshots, awaiting a transfer, or be disassociated from "
    "snapshots after volume transfer."
)


def _links(call: Call, volume: Volume) -> list[dict[str, str]]:
    return [{"rel": "self", "href": f"{call.request.base_url}/volume/v3/volumes/{volume.id}"}]


def view(call: Call, volume: Volume) -> dict[str, Any]:
    """A volume in full."""
    shown: dict[str, Any] = {
        "id": volume.id, "name": volume.name, "status": volume.status, "size": volume.size,
        "description": volume.description,
        "volume_type": volume.volume_type, "bootable": "true" if volume.bootable else "false", "encrypted": False,
        "multiattach": volume.multiattach, "metadata": volume.metadata, "snapshot_id": volume.snapshot_id,
        "source_volid": volume.source_volume_id, "availability_zone": volume.zone, "attachments": _attachments(call,
        volume),
        "user_id": volume.user_id, "replication_status": None, "consistencygroup_id": None, "links": _links(call,
        volume),
        "created_at": iso(volume.created, micros=True), "updated_at": iso(volume.updated, micros=True),
        "migration_status": None,
        "os-vol-tenant-attr:tenant_id": volume.project_id, "group_id": None, "cluster_name": None,
    }  # fmt: skip
    if volume.image_metadata:
        shown["volume_image_metadata"] = volume.image_metadata
    if call.is_admin:
        shown |= {
            "os-vol-host-attr:host": "controller@lvm#LVM",
            "os-vol-mig-status-attr:migstat": None,
            "os-vol-mig-status-attr:name_id": None,
        }
    return shown


def _attachments(call: Call, volume: Volume) -> list[dict[str, Any]]:
    if call.is_admin:
        return volume.attachments
    return [{**attachment, "host_name": None} for attachment in volume.attachments]


def find(call: Call, identifier: str) -> Volume:
    """The volume, if the caller may see it; Cinder's 404 otherwise."""
    volume = call.cloud.volumes.get(identifier)
    if volume is None or not (call.is_admin or volume.project_id == call.project_id):
        raise not_found(f"Volume {identifier} could not be found.")
    call.about(volume.id, volume.name)
    return volume


def listed(
    call: Call,
    key: str,
    rows: Iterable[Any],
    view_of: Callable[[Any], dict[str, Any]],
    index: Callable[[str], list[Any]],
) -> Response:
    """Cinder's lists: filters by field, pages by marker and limit, newest first."""
    every = call.is_admin and call.flag("all_tenants")
    named = call.arg("name")
    rows = list(reversed(index(named))) if named is not None else rows
    rows = [row for row in rows if every or row.project_id == call.project_id]
    for name in ("status", "volume_id", "bootable", "project_id"):
        wanted = call.arg(name)
        if wanted is not None:
            rows = [row for row in rows if str(getattr(row, name, wanted)).lower() == wanted.lower()]
    marker, limit = call.arg("marker"), int(call.arg("limit") or 1000)
    at = next((i + 1 for i, row in enumerate(rows) if row.id == marker), 0) if marker else 0
    page = rows[at : at + limit]
    document: dict[str, Any] = {key: [view_of(row) for row in page]}
    if len(rows) > at + limit and page:
        href = f"{call.request.base_url}{call.request.path}?limit={limit}&marker={page[-1].id}"
        document[f"{key}_links"] = [{"rel": "next", "href": href}]
    return call.answer(document)


def _by_name(call: Call) -> Callable[[str], list[Any]]:
    return lambda name: call.cloud.volumes.by("name", name)


@routes.add("GET", "/volumes", "volume.list")
def list_volumes(call: Call) -> Response:
    """Ids and names."""
    rows = call.cloud.volumes.newest_first()
    return listed(
        call,
        "volumes",
        rows,
        lambda v: {"id": v.id, "name": v.name, "links": _links(call, v)},
        _by_name(call),
    )


@routes.add("GET", "/volumes/detail", "volume.list")
def list_details(call: Call) -> Response:
    """Volumes in full."""
    return listed(call, "volumes", call.cloud.volumes.newest_first(), lambda v: view(call, v), _by_name(call))


@routes.add("GET", "/volumes/summary", "volume.summary")
def summary(call: Call) -> Response:
    """How many, how big."""
    rows = call.cloud.volumes.by("project", call.project_id)
    return call.answer(
        {
            "volume-summary": {
                "total_size": sum(v.size for v in rows),
                "total_count": len(rows),
                "metadata": {},
            }
        }
    )


@routes.add("POST", "/volumes", "volume.create", "member", "volume:create")
def create(call: Call) -> Response:
    """creating > (downloading) > available."""
    given, now = call.body("volume"), call.cloud.now()
    size = _size(call.cloud, given)
    volume = Volume(new_uuid(), given.get("name"), call.project_id, call.user_id, size, now, now)
    volume.description, volume.zone = given.get("description"), given.get("availability_zone") or "nova"
    volume.metadata = {key: str(value) for key, value in (given.get("metadata") or {}).items()}
    _choose_type(call.cloud, volume, given.get("volume_type"))
    _check_image(call, given.get("imageRef"), size)
    check_quota(call.cloud, call.project_id, "volumes", size)
    volume.source_volume_id = given.get("source_volid")
    call.cloud.volumes.put(volume)
    call.about(volume.id, volume.name)
    args = {"image": given.get("imageRef"), "snapshot": given.get("snapshot_id")}
    _begin(call, volume, args)
    return call.answer({"volume": view(call, volume)}, 202)


def _begin(call: Call, volume: Volume, args: dict[str, Any]) -> None:
    plan = call.plan
    if plan is not None and plan["type"] == "error":
        call.cloud.jobs.after("volume.error", volume.id, float(plan.get("after", 0.0)), text=plan.get("text", ""))
    else:
        call.cloud.jobs.start("volume.schedule", volume.id, 0.1, plan, **args)


def _size(cloud: Cloud, given: dict[str, Any]) -> int:
    size, snapshot = given.get("size"), cloud.snapshots.get(str(given.get("snapshot_id")))
    if given.get("snapshot_id") and snapshot is None:
        raise not_found(f"Snapshot {given['snapshot_id']} could not be found.")
    source = cloud.volumes.get(str(given.get("source_volid")))
    if given.get("source_volid") and source is None:
        raise not_found(f"Volume {given['source_volid']} could not be found.")
    least = snapshot.size if snapshot is not None else source.size if source is not None else None
    size = least if size is None else size
    if not str(size).isdigit() or int(str(size)) < 1:
        raise bad_request(f"Invalid input received: Volume size '{size}' must be an integer and greater than 0")
    if least is not None and int(str(size)) < least:
        raise bad_request(
            f"Invalid input received: Volume size '{size}' GB cannot be smaller than the snapshot size "
            f"{least} GB. They must be >= original snapshot size."
        )
    return int(str(size))


def _choose_type(cloud: Cloud, volume: Volume, wanted: str | None) -> None:
    row = cloud.volume_types.first("name", wanted or DEFAULT_TYPE) or cloud.volume_types.get(wanted or "")
    if row is None:
        raise not_found(f"Volume type with name {wanted} could not be found.")
    volume.volume_type = row.name
    volume.multiattach = row.extra_specs.get("multiattach") == "<is> True"


def _check_image(call: Call, identifier: str | None, size: int) -> None:
    if identifier is None:
        return
    image = call.cloud.images.get(identifier)
    if image is None or image.status != "active":
        raise bad_request("Invalid image identifier or unable to access requested image.")
    if image.min_disk > size:
        raise bad_request(
            f"Invalid input received: Volume size {size}GB cannot be smaller than the image minDisk size "
            f"{image.min_disk}GB."
        )


@step("volume.schedule")
def _schedule(cloud: Cloud, job: Job) -> Next:
    volume = cloud.volumes.get(job.subject)
    if volume is None:
        return None
    planned = (job.plan or {}).get("type") in ("fail", "no_valid_host")
    if volume.size > cloud.settings.volume_backend_gb or planned:
        text = (job.plan or {}).get("text", "schedule allocate volume:Could not find any available weighted backend.")
        _fail(cloud, volume, text)
        return None
    if job.args["image"]:
        save(cloud, volume, status="downloading")
        return ("volume.ready", 0.4)
    return _ready(cloud, job)


@step("volume.ready")
def _ready(cloud: Cloud, job: Job) -> Next:
    volume = cloud.volumes.get(job.subject)
    if volume is not None:
        fill(cloud, volume, job.args["image"], job.args["snapshot"])
        origin = cloud.volumes.get(volume.source_volume_id or "")
        volume.bootable = volume.bootable or (origin is not None and origin.bootable)
        save(cloud, volume, status="available")
    return None


@step("volume.error")
def _error(cloud: Cloud, job: Job) -> Next:
    volume = cloud.volumes.get(job.subject)
    if volume is not None:
        _fail(cloud, volume, job.args["text"])
    return None


def _fail(cloud: Cloud, volume: Volume, text: str) -> None:
    save(cloud, volume, status="error")
    message = Message(new_uuid(), volume.project_id, "VOLUME", volume.id, "VOLUME_VOLUME_001_003", text, cloud.now())
    cloud.messages.put(message)


@routes.add("GET", "/volumes/{id}", "volume.show")
def show(call: Call) -> Response:
    """One volume."""
    return call.answer({"volume": view(call, find(call, call.params["id"]))})


@routes.add("PUT", "/volumes/{id}", "volume.update", "member", "volume:update")
def update(call: Call) -> Response:
    """Rename, describe, or set metadata."""
    volume, given = find(call, call.params["id"]), call.body("volume")
    for key in ("name", "description", "metadata"):
        if key in given:
            setattr(volume, key, given[key])
    save(call.cloud, volume)
    return call.answer({"volume": view(call, volume)})


@routes.add("DELETE", "/volumes/{id}", "volume.delete", "member", "volume:delete")
def delete(call: Call) -> Response:
    """deleting > gone; with ``cascade`` its snapshots too."""
    volume = find(call, call.params["id"])
    cascade = call.flag("cascade")
    has_snapshots = bool(call.cloud.snapshots.count("volume", volume.id)) and not cascade
    free = volume.status in ("available", "error", "error_restoring", "error_extending", "error_managing")
    forced = call.flag("force") and call.is_admin
    if has_snapshots or volume.attachments or not (free or forced):
        raise bad_request(NOT_DELETABLE)
    begin_delete(call, volume)
    return empty(202)


def begin_delete(call: Call, volume: Volume) -> None:
    """The volume goes, and its snapshots."""
    save(call.cloud, volume, status="deleting")
    call.cloud.jobs.start("volume.gone", volume.id, 0.1, call.plan)


@step("volume.gone")
def _gone(cloud: Cloud, job: Job) -> Next:
    volume = cloud.volumes.get(job.subject)
    if volume is not None and (job.plan or {}).get("type") == "fail":
        save(cloud, volume, status="error_deleting")
        return None
    for snapshot in cloud.snapshots.by("volume", job.subject):
        cloud.snapshots.drop(snapshot.id)
    cloud.volumes.drop(job.subject)
    return None


@routes.add("GET", "/volumes/{id}/metadata", "volume_metadata.list")
def list_metadata(call: Call) -> Response:
    """All metadata."""
    return call.answer({"metadata": find(call, call.params["id"]).metadata})


@routes.add("POST", "/volumes/{id}/metadata", "volume_metadata.create", "member", "volume:create_volume_metadata")
def add_metadata(call: Call) -> Response:
    """Add to the metadata."""
    volume = find(call, call.params["id"])
    save(call.cloud, volume, metadata={**volume.metadata, **call.body("metadata")})
    return call.answer({"metadata": volume.metadata})


@routes.add("PUT", "/volumes/{id}/metadata", "volume_metadata.replace", "member", "volume:update_volume_metadata")
def replace_metadata(call: Call) -> Response:
    """Set all metadata."""
    volume = find(call, call.params["id"])
    save(call.cloud, volume, metadata=call.body("metadata"))
    return call.answer({"metadata": volume.metadata})


@routes.add(
    "DELETE",
    "/volumes/{id}/metadata/{key}",
    "volume_metadata.delete",
    "member",
    "volume:delete_volume_metadata",
)
def delete_metadata(call: Call) -> Response:
    """Remove one key."""
    volume = find(call, call.params["id"])
    if call.params["key"] not in volume.metadata:
        raise not_found(f"Volume {volume.id} has no metadata with key {call.params['key']}.")
    save(call.cloud, volume, metadata={k: v for k, v in volume.metadata.items() if k != call.params["key"]})
    return empty(200)
