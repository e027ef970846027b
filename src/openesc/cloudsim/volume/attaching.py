"""Volumes and servers: what Cinder does when Nova attaches, detaches, makes and deletes volumes."""

from __future__ import annotations

from typing import Any

from openesc.cloudsim.core.cloud import Cloud, iso, new_uuid
from openesc.cloudsim.core.faults import ApiError
from openesc.cloudsim.core.records import Server, Volume


def limits_of(cloud: Cloud, project_id: str) -> dict[str, int]:
    """Cinder's limits of a project; -1 is none."""
    row = cloud.quotas.get(f"volume:{project_id}")
    defaults = {
        "volumes": -1,
        "snapshots": -1,
        "gigabytes": -1,
        "backups": -1,
        "backup_gigabytes": -1,
        "per_volume_gigabytes": -1,
    }
    return {**defaults, **(row.limits if row else {})}


def used_by(cloud: Cloud, project_id: str) -> dict[str, int]:
    """What a project's volumes and snapshots use."""
    volumes = cloud.volumes.by("project", project_id)
    snapshots = cloud.snapshots.by("project", project_id)
    size = sum(v.size for v in volumes) + sum(s.size for s in snapshots)
    return {"volumes": len(volumes), "snapshots": len(snapshots), "gigabytes": size}


def check_quota(cloud: Cloud, project_id: str, what: str, size: int) -> None:
    """Raise Cinder's 413 if one more volume or snapshot of this size is too much."""
    if f"volume:{project_id}" not in cloud.quotas:
        return
    limits, used = limits_of(cloud, project_id), used_by(cloud, project_id)
    if 0 <= limits[what] < used[what] + 1:
        texts = {
            "volumes": "VolumeLimitExceeded: Maximum number of volumes allowed ({}) exceeded for quota 'volumes'.",
            "snapshots": "SnapshotLimitExceeded: Maximum number of snapshots allowed ({}) exceeded",
        }
        raise ApiError(413, texts[what].format(limits[what]))
    if 0 <= limits["gigabytes"] < used["gigabytes"] + size:
        raise ApiError(
            413,
            "VolumeSizeExceedsAvailableQuota: Requested volume or snapshot exceeds allowed gigabytes quota. Requested "
            f"{size}G, quota is {limits['gigabytes']}G and {used['gigabytes']}G has been consumed.",
        )


def save(cloud: Cloud, volume: Volume, **changes: Any) -> Volume:
    """Set attributes, the time of change, and store."""
    for name, value in changes.items():
        setattr(volume, name, value)
    volume.updated = cloud.now()
    return cloud.volumes.put(volume)


def volume_for_device(cloud: Cloud, server: Server, device: dict[str, Any]) -> Volume:
    """The volume of a block device: the one named, or a new one from an image, a snapshot or nothing."""
    existing = cloud.volumes.get(device["volume_id"] or "") or (
        cloud.volumes.get(device["uuid"]) if device["source"] == "volume" else None
    )
    if existing is not None:
        return existing
    if device["source"] == "volume":
        raise ApiError(400, f"Block Device Mapping is Invalid: failed to get volume {device['uuid']}.")
    size = int(device["size"] or _size_of_source(cloud, device))
    check_quota(cloud, server.project_id, "volumes", size)
    now = cloud.now()
    volume = Volume(new_uuid(), "", server.project_id, server.user_id, size, now, now, "available")
    volume.volume_type = device["type"] or volume.volume_type
    fill(cloud, volume, device["uuid"] if device["source"] == "image" else None,
         device["uuid"] if device["source"] == "snapshot" else None)  # fmt: skip
    return cloud.volumes.put(volume)


def _size_of_source(cloud: Cloud, device: dict[str, Any]) -> int:
    snapshot = cloud.snapshots.get(str(device["uuid"]))
    return snapshot.size if snapshot is not None else 1


def fill(cloud: Cloud, volume: Volume, image_id: str | None, snapshot_id: str | None) -> None:
    """The volume's contents come from an image or a snapshot, and so does whether it is bootable."""
    image = cloud.images.get(image_id) if image_id else None
    if image is not None:
        volume.image_id, volume.bootable = image.id, True
        names = ("checksum", "container_format", "disk_format", "min_disk", "min_ram", "size")
        volume.image_metadata = {name: str(getattr(image, name)) for name in names}
        volume.image_metadata |= {
            "image_id": image.id,
            "image_name": image.name,
            "signature_verified": "False",
        }
    snapshot = cloud.snapshots.get(snapshot_id) if snapshot_id else None
    origin = cloud.volumes.get(snapshot.volume_id) if snapshot is not None else None
    if snapshot is not None:
        volume.snapshot_id = snapshot.id
    if origin is not None:
        volume.bootable, volume.image_metadata = origin.bootable, dict(origin.image_metadata)


def attach(cloud: Cloud, volume: Volume, server_id: str, device: str, host: str | None, attachment_id: str) -> None:
    """The volume is in use by the server."""
    others = [a for a in volume.attachments if a["attachment_id"] != attachment_id]
    entry = {
        "id": volume.id, "attachment_id": attachment_id, "volume_id": volume.id, "server_id": server_id,
        "device": device,
        "host_name": host, "attached_at": iso(cloud.now(), micros=True),
    }  # fmt: skip
    save(cloud, volume, attachments=[*others, entry], status="in-use")


def detach(cloud: Cloud, device: dict[str, Any], server_id: str) -> None:
    """The volume of a device is free again, or deleted if the device says so."""
    volume = cloud.volumes.get(device.get("volume_id") or device.get("uuid") or "")
    if volume is None:
        return
    rest = [a for a in volume.attachments if a["server_id"] != server_id]
    save(cloud, volume, attachments=rest, status="in-use" if rest else "available")
    if device["delete_on_termination"] and not rest and not cloud.snapshots.count("volume", volume.id):
        cloud.volumes.drop(volume.id)
