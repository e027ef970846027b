"""``createImage``: an image of a server; of a boot-from-volume server an empty image and a snapshot of each volume."""

from __future__ import annotations

import json
from typing import Any

from openesc.cloudsim.compute.actions import action
from openesc.cloudsim.compute.changes import (
    begin,
    failure,
    finish_action,
    record_action,
    save,
)
from openesc.cloudsim.compute.create import require_service
from openesc.cloudsim.compute.states import require_state
from openesc.cloudsim.compute.steps import server_step
from openesc.cloudsim.core.call import Call, empty
from openesc.cloudsim.core.cloud import Cloud, new_uuid
from openesc.cloudsim.core.faults import bad_request
from openesc.cloudsim.core.http import Response
from openesc.cloudsim.core.jobs import Next
from openesc.cloudsim.core.records import Image, Job, Server
from openesc.cloudsim.image.images import data_path, drop_image, store_data, tiny_qcow2
from openesc.cloudsim.volume.snapshots import new_snapshot


@action("createImage", "create_image")
def create_image(call: Call, server: Server) -> Response:
    """Answer with the image's id; the image becomes active later."""
    given = call.body("createImage")
    name = given.get("name")
    if not isinstance(name, str) or not name.strip() or len(name) > 255:
        raise bad_request(f"Invalid input for field/attribute name. Value: {name}.")
    require_state(server, "createImage", ("active", "stopped", "paused", "suspended"))
    require_service(call.cloud, "image")
    image = _record(call, server, name, given.get("metadata") or {})
    if server.image_id:
        _from_disk(call, server, image)
    else:
        _from_volumes(call, server, image)
    if call.microversion >= (2, 45):
        return call.answer({"image_id": image.id}, 202)
    response = empty(202)
    response.headers["Location"] = f"{call.request.base_url}/image/v2/images/{image.id}"
    return response


def _record(call: Call, server: Server, name: str, metadata: dict[str, Any]) -> Image:
    now = call.cloud.now()
    image = Image(new_uuid(), name, server.project_id, now, now, visibility="private", min_disk=server.flavor["disk"])
    base = call.cloud.images.get(server.image_id) if server.image_id else None
    image.disk_format = base.disk_format if base is not None else "qcow2"
    image.container_format = "bare"
    image.properties = {
        **(base.properties if base is not None else {}), "base_image_ref": server.image_id, "instance_uuid": server.id,
        "image_type": "snapshot", "user_id": call.user_id, "owner_project_name": call.project_id, **metadata,
    }  # fmt: skip
    return call.cloud.images.put(image)


def _from_disk(call: Call, server: Server, image: Image) -> None:
    save(call.cloud, server, task_state="image_snapshot_pending")
    begin(call, server, "createImage", "snapshot.start", 0.15, image=image.id)


@server_step("snapshot.start", on_host=True)
def _start(cloud: Cloud, job: Job, server: Server) -> Next:
    save(cloud, server, task_state="image_pending_upload")
    return ("snapshot.upload", 0.15)


@server_step("snapshot.upload")
def _upload(cloud: Cloud, job: Job, server: Server) -> Next:
    image = cloud.images.get(job.args["image"])
    save(cloud, server, task_state="image_uploading")
    if image is not None and failure(job, server.host) is None:
        image.status = "saving"
        cloud.images.put(image)
    return ("snapshot.done", 0.2)


@server_step("snapshot.done")
def _done(cloud: Cloud, job: Job, server: Server) -> Next:
    image = cloud.images.get(job.args["image"])
    error = failure(job, server.host)
    if image is not None and error is not None:
        drop_image(cloud, image)
    elif image is not None:
        store_data(cloud, image, _bytes(cloud, server))
    # that it failed is told nowhere: the image is gone
    finish_action(cloud, job, "compute_snapshot_instance")
    save(cloud, server, task_state=None)
    return None


def _bytes(cloud: Cloud, server: Server) -> bytes:
    base = cloud.images.get(server.image_id)
    path = data_path(cloud, base) if base is not None else None
    return path.read_bytes() if path is not None and path.exists() else tiny_qcow2()


def _from_volumes(call: Call, server: Server, image: Image) -> None:
    cloud = call.cloud
    record_action(call, server, "createImage")
    mapping = []
    for device in server.devices:
        volume = cloud.volumes.get(device["volume_id"] or "")
        if volume is not None:
            snapshot = new_snapshot(call, volume, f"snapshot for {image.name}", None)
            mapping.append(_mapping(device, snapshot.id, volume.size))
    image.properties |= {
        "block_device_mapping": json.dumps(mapping), "bdm_v2": "True", "root_device_name": server.root_device,
    }  # fmt: skip
    image.disk_format = "raw"
    store_data(cloud, image, b"")
    job = Job("", "", server.id, 0.0, {"request": call.request_id})
    finish_action(cloud, job, "api_snapshot_volume_backed")


def _mapping(device: dict[str, Any], snapshot_id: str, size: int) -> dict[str, Any]:
    none = dict.fromkeys(
        ("no_device", "image_id", "encrypted", "guest_format", "volume_id", "volume_type", "encryption_options", "tag",
         "disk_bus", "device_type", "encryption_format", "encryption_secret_uuid")
    )  # fmt: skip
    return {
        **none, "destination_type": "volume", "source_type": "snapshot", "snapshot_id": snapshot_id,
        "volume_size": size,
        "delete_on_termination": False, "device_name": device["device"],
        "boot_index": device["boot_index"] if device["boot_index"] >= 0 else None,
    }  # fmt: skip
