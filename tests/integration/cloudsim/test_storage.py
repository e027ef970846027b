"""Images, volumes, snapshots: bytes, states, boot from volume, what Nova refuses of a root volume."""

from __future__ import annotations

import hashlib
import io
import json
from typing import Any

import pytest
from openstack import exceptions
from tests.cloudsim_process import CloudsimProcess
from tests.integration.cloudsim.conftest import HELD


def test_image_bytes_come_back(admin: Any) -> None:
    data = bytes(range(256)) * 300
    image = admin.image.create_image(
        "bytes", data=io.BytesIO(data), disk_format="raw", container_format="bare", tags=["t"]
    )
    now = admin.image.get_image(image.id)
    assert (now.status, now.size, now.checksum) == ("active", len(data), hashlib.md5(data).hexdigest())
    assert admin.image.download_image(now, stream=False).content == data
    admin.image.update_image(now, hw_disk_bus="virtio")
    assert admin.image.get_image(image.id).hw_disk_bus == "virtio"
    assert [found.id for found in admin.image.images(tag=["t"])] == [image.id]
    admin.image.delete_image(image)


def test_snapshot_of_a_server(cloudsim: CloudsimProcess, boot: Any, admin: Any) -> None:
    server = boot("vm-snap")
    cloudsim.settings(latency_factor=HELD)
    image = admin.compute.create_server_image(server.id, "snap", metadata={"mine": "yes"})
    assert admin.image.get_image(image.id).status == "queued"
    assert boot.watched(server.id, "ACTIVE")[0] == [
        "ACTIVE/image_snapshot_pending", "ACTIVE/image_pending_upload", "ACTIVE/image_uploading", "ACTIVE/-",
    ]  # fmt: skip
    made = admin.image.get_image(image.id)
    assert (made.status, made.visibility, made.properties["mine"]) == ("active", "private", "yes")
    assert made.checksum == boot.image.checksum
    admin.image.delete_image(made)


def test_a_snapshot_that_fails_takes_its_image_away(cloudsim: CloudsimProcess, boot: Any, admin: Any) -> None:
    server = boot("vm-snap-fails")
    cloudsim.fault({"operation": "server.create_image"}, {"type": "fail"})
    cloudsim.settings(latency_factor=0.3)
    image = admin.compute.create_server_image(server.id, "lost")
    now = boot.settled(server.id, "ACTIVE")
    assert now.fault is None
    with pytest.raises(exceptions.NotFoundException):
        admin.image.get_image(image.id)


def test_volume_life(cloudsim: CloudsimProcess, admin: Any, boot: Any) -> None:
    volume = admin.block_storage.create_volume(size=1, name="data", metadata={"a": "b"})
    assert admin.block_storage.get_volume(volume.id).status == "available"
    server = boot("vm-data")
    admin.compute.create_volume_attachment(server.id, volume_id=volume.id)
    attached = admin.block_storage.get_volume(volume.id)
    assert (attached.status, attached.attachments[0]["server_id"]) == ("in-use", server.id)
    with pytest.raises(exceptions.BadRequestException) as twice:
        admin.compute.create_volume_attachment(server.id, volume_id=volume.id)
    assert twice.value.details == f"Invalid volume: volume {volume.id} is already attached to instances: {server.id}"
    with pytest.raises(exceptions.BadRequestException, match="Volume status must be available or error"):
        admin.block_storage.delete_volume(volume)
    admin.block_storage.extend_volume(volume, 2)
    assert admin.block_storage.get_volume(volume.id).size == 2
    admin.compute.delete_volume_attachment(server.id, volume.id)
    assert admin.block_storage.get_volume(volume.id).status == "available"
    snapshot = admin.block_storage.create_snapshot(volume_id=volume.id, name="s")
    with pytest.raises(exceptions.BadRequestException, match="have snapshots"):
        admin.block_storage.delete_volume(volume)
    admin.block_storage.delete_snapshot(snapshot)
    admin.block_storage.delete_volume(volume)
    with pytest.raises(exceptions.NotFoundException) as gone:
        admin.block_storage.get_volume(volume.id)
    assert gone.value.details == f"Volume {volume.id} could not be found."


def test_volume_from_image_is_downloaded(cloudsim: CloudsimProcess, boot: Any, admin: Any) -> None:
    cloudsim.settings(latency_factor=HELD)
    volume = admin.block_storage.create_volume(size=1, name="root", image_id=boot.image.id)
    seen = [volume.status]
    while seen[-1] not in ("available", "error"):
        assert cloudsim.advance(volume.id)
        seen.append(admin.block_storage.get_volume(volume.id).status)
    assert seen == ["creating", "downloading", "available"]
    assert admin.block_storage.get_volume(volume.id).is_bootable
    admin.block_storage.delete_volume(volume)


def test_a_volume_too_big_is_explained_by_a_message(admin: Any) -> None:
    volume = admin.block_storage.create_volume(size=5000, name="too-big")
    assert admin.block_storage.get_volume(volume.id).status == "error"
    messages = admin.block_storage.get("/messages", microversion="3.3").json()["messages"]
    assert messages[0]["user_message"] == "schedule allocate volume:Could not find any available weighted backend."
    admin.block_storage.delete_volume(volume)


def boot_from_volume(boot: Any, admin: Any, name: str) -> tuple[Any, Any]:
    """A server and its root volume."""
    volume = admin.block_storage.create_volume(size=1, name=f"{name}-root", image_id=boot.image.id)
    device = {"boot_index": 0, "uuid": volume.id, "source_type": "volume", "destination_type": "volume"}
    return boot(name, image_id=None, block_device_mapping=[device]), volume


def test_boot_from_volume_and_its_snapshot(boot: Any, admin: Any) -> None:
    server, volume = boot_from_volume(boot, admin, "vm-bfv")
    assert (server.status, dict(server.image or {})) == ("ACTIVE", {})
    image = admin.image.get_image(admin.compute.create_server_image(server.id, "bfv").id)
    assert (image.status, image.size) == ("active", 0)
    mapping = json.loads(image.properties["block_device_mapping"])
    snapshot = admin.block_storage.get_snapshot(mapping[0]["snapshot_id"])
    assert (snapshot.name, snapshot.volume_id) == ("snapshot for bfv", volume.id)
    again = boot("vm-bfv-again", image_id=image.id)
    copies = list(admin.compute.volume_attachments(again.id))
    assert copies[0].volume_id != volume.id
    for identifier in (server.id, again.id):
        admin.compute.delete_server(identifier)
    admin.image.delete_image(image)
    assert admin.block_storage.get_volume(volume.id).status == "available"
    admin.block_storage.delete_snapshot(snapshot)
    for identifier in (volume.id, copies[0].volume_id):
        admin.block_storage.delete_volume(identifier)


def test_a_root_volume_stays_where_it_is(cloudsim: CloudsimProcess, boot: Any, admin: Any) -> None:
    server, volume = boot_from_volume(boot, admin, "vm-root")
    with pytest.raises(exceptions.BadRequestException) as detach:
        admin.compute.delete_volume_attachment(server.id, volume.id)
    assert detach.value.details == "Cannot detach a root device volume"
    fresh = admin.block_storage.create_volume(size=1, name="fresh", image_id=boot.image.id)
    path, body = (
        f"/servers/{server.id}/os-volume_attachments/{volume.id}",
        {"volumeAttachment": {"volumeId": fresh.id}},
    )
    answer = admin.compute.put(path, json=body, microversion="2.60")
    text = f"volume {volume.id} is not migrating; this API should only be called by Cinder"
    assert (answer.status_code, answer.json()["conflictingRequest"]["message"]) == (409, text)
    cloudsim.settings(root_volume_swap=True)
    assert admin.compute.put(path, json=body, microversion="2.60").status_code == 202
    assert admin.block_storage.get_volume(volume.id).status == "available"
    assert admin.block_storage.get_volume(fresh.id).status == "in-use"
    admin.compute.delete_server(server.id)
    for identifier in (volume.id, fresh.id):
        admin.block_storage.delete_volume(identifier)
