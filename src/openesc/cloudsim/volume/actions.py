"""``POST /volumes/ID/action`` and Cinder's attachments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from openesc.cloudsim.core.call import Call, empty
from openesc.cloudsim.core.cloud import Cloud, new_uuid
from openesc.cloudsim.core.faults import bad_request, conflict, not_found
from openesc.cloudsim.core.http import Response
from openesc.cloudsim.core.jobs import Next, step
from openesc.cloudsim.core.records import Image, Job, Volume
from openesc.cloudsim.core.routing import Routes
from openesc.cloudsim.image.images import store_data, tiny_qcow2
from openesc.cloudsim.volume.attaching import attach, save
from openesc.cloudsim.volume.volumes import begin_delete, find

routes = Routes("volume", "/volume/v3")


def _set_bootable(call: Call, volume: Volume, given: dict[str, Any]) -> Response:
    save(call.cloud, volume, bootable=str(given.get("bootable")).lower() in ("true", "1"))
    return empty(200)


def _extend(call: Call, volume: Volume, given: dict[str, Any]) -> Response:
    size = int(given.get("new_size", 0))
    if size <= volume.size:
        raise bad_request(
            f"Invalid input received: New size for extend must be greater than current size. (current: "
            f"{volume.size}, extended: {size})."
        )
    if volume.status not in ("available", "in-use"):
        raise bad_request(
            f"Invalid volume: Volume {volume.id} status must be '('available', 'in-use')' to extend, but "
            f"is {volume.status}."
        )
    call.cloud.jobs.start("volume.extended", volume.id, 0.2, call.plan, size=size, status=volume.status)
    save(call.cloud, volume, status="extending")
    return empty(202)


@step("volume.extended")
def _extended(cloud: Cloud, job: Job) -> Next:
    volume = cloud.volumes.get(job.subject)
    if volume is not None and job.plan is not None and job.plan["type"] == "fail":
        save(cloud, volume, status="error_extending")
    elif volume is not None:
        save(cloud, volume, size=job.args["size"], status=job.args["status"])
    return None


def _reset_status(call: Call, volume: Volume, given: dict[str, Any]) -> Response:
    call.require("admin", "volume_extension:volume_admin_actions:reset_status")
    if given.get("status"):
        save(call.cloud, volume, status=given["status"])
    if given.get("attach_status") == "detached":
        save(call.cloud, volume, attachments=[])
    return empty(202)


def _force_delete(call: Call, volume: Volume, given: dict[str, Any]) -> Response:
    call.require("admin", "volume_extension:volume_admin_actions:force_delete")
    save(call.cloud, volume, attachments=[])
    begin_delete(call, volume)
    return empty(202)


def _revert(call: Call, volume: Volume, given: dict[str, Any]) -> Response:
    if volume.status != "available":
        raise conflict(
            f"Invalid volume: Can't revert volume {volume.id} to its latest snapshot {given.get('snapshot_id')}. "
            "Volume's status must be 'available'."
        )
    snapshots = call.cloud.snapshots.by("volume", volume.id)
    if not snapshots or snapshots[-1].id != given.get("snapshot_id"):
        raise bad_request(
            f"Invalid input received: Specified snapshot_id {given.get('snapshot_id')} is not the latest "
            f"one of volume {volume.id}."
        )
    return empty(202)


def _to_image(call: Call, volume: Volume, given: dict[str, Any]) -> Response:
    if volume.status != "available" and not given.get("force"):
        raise bad_request(
            f"Invalid volume: Volume {volume.id} status must be available to upload to image, but is {volume.status}."
        )
    now = call.cloud.now()
    image = Image(new_uuid(), given.get("image_name"), call.project_id, now, now, "saving", visibility="private")
    image.disk_format, image.container_format = given.get("disk_format") or "raw", "bare"
    call.cloud.images.put(image)
    call.cloud.jobs.start("volume.uploaded", volume.id, 0.4, call.plan, image=image.id, status=volume.status)
    save(call.cloud, volume, status="uploading")
    shown = {"id": volume.id, "image_id": image.id, "image_name": image.name, "status": "uploading",
             "size": volume.size,
             "disk_format": image.disk_format, "container_format": "bare", "volume_type": None,
             "display_description": volume.description}  # fmt: skip
    return call.answer({"os-volume_upload_image": shown}, 202)


@step("volume.uploaded")
def _uploaded(cloud: Cloud, job: Job) -> Next:
    volume, image = cloud.volumes.get(job.subject), cloud.images.get(job.args["image"])
    if image is not None:
        store_data(cloud, image, tiny_qcow2() if image.disk_format == "qcow2" else bytes(65536))
    if volume is not None:
        save(cloud, volume, status=job.args["status"])
    return None


def _retype(call: Call, volume: Volume, given: dict[str, Any]) -> Response:
    row = call.cloud.volume_types.first("name", given.get("new_type")) or call.cloud.volume_types.get(
        given.get("new_type", "")
    )
    if row is None:
        raise not_found(f"Volume type with name {given.get('new_type')} could not be found.")
    save(
        call.cloud,
        volume,
        volume_type=row.name,
        multiattach=row.extra_specs.get("multiattach") == "<is> True",
    )
    return empty(202)


def _show_image_metadata(call: Call, volume: Volume, given: dict[str, Any]) -> Response:
    return call.answer({"metadata": volume.image_metadata})


def _set_image_metadata(call: Call, volume: Volume, given: dict[str, Any]) -> Response:
    save(call.cloud, volume, image_metadata={**volume.image_metadata, **given.get("metadata", {})})
    return call.answer({"metadata": volume.image_metadata})


def _read_only(call: Call, volume: Volume, given: dict[str, Any]) -> Response:
    save(call.cloud, volume, metadata={**volume.metadata, "readonly": str(given.get("readonly"))})
    return empty(202)


_ACTIONS: dict[str, Callable[[Call, Volume, dict[str, Any]], Response]] = {
    "os-set_bootable": _set_bootable,
    "os-extend": _extend,
    "os-reset_status": _reset_status,
    "os-force_delete": _force_delete,
    "revert": _revert,
    "os-volume_upload_image": _to_image,
    "os-retype": _retype,
    "os-show_image_metadata": _show_image_metadata,
    "os-set_image_metadata": _set_image_metadata,
    "os-update_readonly_flag": _read_only,
}


def operations() -> set[str]:
    """The names of all volume actions."""
    return {f"volume.{key.removeprefix('os-')}" for key in _ACTIONS}


@routes.add("POST", "/volumes/{id}/action", "volume.action", "member", "volume:action")
def act(call: Call) -> Response:
    """Do what the body names."""
    key = next(iter(call.document), "")
    if key not in _ACTIONS:
        raise bad_request(f"There is no such action: {key}")
    given = call.document[key]
    return _ACTIONS[key](call, find(call, call.params["id"]), given if isinstance(given, dict) else {})


@routes.add(
    "POST",
    "/snapshots/{id}/action",
    "snapshot.action",
    "admin",
    "volume_extension:snapshot_admin_actions:reset_status",
)
def act_on_snapshot(call: Call) -> Response:
    """Reset a snapshot's status."""
    snapshot = call.cloud.snapshots.get(call.params["id"])
    if snapshot is None:
        raise not_found(f"Snapshot {call.params['id']} could not be found.")
    snapshot.status = call.body("os-reset_status").get("status", snapshot.status)
    call.cloud.snapshots.put(snapshot)
    return empty(202)


def _rows(call: Call) -> list[dict[str, Any]]:
    volumes = [v for v in call.cloud.volumes if call.is_admin or v.project_id == call.project_id]
    return [_attachment_view(volume, entry) for volume in volumes for entry in volume.attachments]


def _attachment_view(volume: Volume, entry: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": entry["attachment_id"], "volume_id": volume.id, "instance": entry["server_id"], "status": "attached",
        "attached_at": entry["attached_at"], "detached_at": None, "attach_mode": "rw", "connection_info": {},
    }  # fmt: skip


@routes.add("GET", "/attachments", "attachment.list")
def list_attachments(call: Call) -> Response:
    """Attachments (3.27)."""
    rows = [row for row in _rows(call) if call.arg("volume_id") in (None, row["volume_id"])]
    return call.answer({"attachments": rows})


@routes.add("GET", "/attachments/detail", "attachment.list")
def list_attachment_details(call: Call) -> Response:
    """Attachments (3.27)."""
    return list_attachments(call)


@routes.add("GET", "/attachments/{id}", "attachment.show")
def show_attachment(call: Call) -> Response:
    """One attachment."""
    for row in _rows(call):
        if row["id"] == call.params["id"]:
            return call.answer({"attachment": row})
    raise not_found(f"Volume attachment could not be found with filter: attachment_id = {call.params['id']}.")


@routes.add("POST", "/attachments", "attachment.create", "member", "volume:attachment_create")
def create_attachment(call: Call) -> Response:
    """Attach for a server, as Nova would."""
    given = call.body("attachment")
    volume = find(call, str(given.get("volume_uuid")))
    if volume.status != "available" and not volume.multiattach:
        raise bad_request(
            f"Invalid volume: Volume {volume.id} status must be available or downloading to reserve, but "
            f"the current status is {volume.status}."
        )
    attach(call.cloud, volume, str(given.get("instance_uuid")), "", None, new_uuid())
    return call.answer({"attachment": _attachment_view(volume, volume.attachments[-1])})


@routes.add("DELETE", "/attachments/{id}", "attachment.delete", "member", "volume:attachment_delete")
def delete_attachment(call: Call) -> Response:
    """Give a volume free."""
    for volume in call.cloud.volumes:
        rest = [entry for entry in volume.attachments if entry["attachment_id"] != call.params["id"]]
        if len(rest) < len(volume.attachments):
            save(call.cloud, volume, attachments=rest, status="in-use" if rest else "available")
            return call.answer({"attachments": []})
    raise not_found(f"Volume attachment could not be found with filter: attachment_id = {call.params['id']}.")
