"""Cinder volume snapshots."""

from __future__ import annotations

from typing import Any

from openesc.cloudsim.core.call import Call, empty
from openesc.cloudsim.core.cloud import Cloud, iso, new_uuid
from openesc.cloudsim.core.faults import bad_request, not_found
from openesc.cloudsim.core.http import Response
from openesc.cloudsim.core.jobs import Next, step
from openesc.cloudsim.core.records import Job, Snapshot, Volume
from openesc.cloudsim.core.routing import Routes
from openesc.cloudsim.volume.attaching import check_quota
from openesc.cloudsim.volume.volumes import find as find_volume
from openesc.cloudsim.volume.volumes import listed

routes = Routes("volume", "/volume/v3")
FORCE_IMPLIED_FROM = (3, 66)


def _view(snapshot: Snapshot) -> dict[str, Any]:
    return {
        "id": snapshot.id, "name": snapshot.name, "status": snapshot.status, "size": snapshot.size,
        "volume_id": snapshot.volume_id, "description": snapshot.description, "metadata": snapshot.metadata,
        "user_id": snapshot.user_id, "created_at": iso(snapshot.created, micros=True),
        "updated_at": iso(snapshot.updated, micros=True),
        "os-extended-snapshot-attributes:project_id": snapshot.project_id,
        "os-extended-snapshot-attributes:progress": "100%" if snapshot.status == "available" else "0%",
        "group_snapshot_id": None, "consumes_quota": True,
    }  # fmt: skip


def find(call: Call) -> Snapshot:
    """The snapshot of the path; Cinder's 404 otherwise."""
    snapshot = call.cloud.snapshots.get(call.params["id"])
    if snapshot is None or not (call.is_admin or snapshot.project_id == call.project_id):
        raise not_found(f"Snapshot {call.params['id']} could not be found.")
    call.about(snapshot.id, snapshot.name)
    return snapshot


def new_snapshot(call: Call, volume: Volume, name: str | None, description: str | None) -> Snapshot:
    """creating > available."""
    cloud, now = call.cloud, call.cloud.now()
    check_quota(cloud, volume.project_id, "snapshots", volume.size)
    snapshot = Snapshot(
        new_uuid(),
        name,
        volume.project_id,
        call.user_id,
        volume.id,
        volume.size,
        now,
        now,
        description=description,
    )
    cloud.snapshots.put(snapshot)
    cloud.jobs.start("volume_snapshot.ready", snapshot.id, 0.1, call.plan)
    return snapshot


@step("volume_snapshot.ready")
def _ready(cloud: Cloud, job: Job) -> Next:
    snapshot = cloud.snapshots.get(job.subject)
    if snapshot is not None:
        snapshot.status = "error" if (job.plan or {}).get("type") in ("fail", "error") else "available"
        snapshot.updated = cloud.now()
        cloud.snapshots.put(snapshot)
    return None


@routes.add("GET", "/snapshots", "snapshot.list")
def list_snapshots(call: Call) -> Response:
    """Snapshots."""
    rows = call.cloud.snapshots.newest_first()
    return listed(call, "snapshots", rows, _view, lambda name: call.cloud.snapshots.by("name", name))


@routes.add("GET", "/snapshots/detail", "snapshot.list")
def list_details(call: Call) -> Response:
    """Snapshots."""
    return list_snapshots(call)


@routes.add("POST", "/snapshots", "snapshot.create", "member", "volume:create_snapshot")
def create(call: Call) -> Response:
    """Snapshot a volume; one in use only by force (from 3.66 that is implied)."""
    given = call.body("snapshot")
    volume = find_volume(call, str(given.get("volume_id")))
    forced = str(given.get("force", False)).lower() in ("true", "1") or call.microversion >= FORCE_IMPLIED_FROM
    if volume.status != "available" and not (forced and volume.status == "in-use"):
        raise bad_request(
            f"Invalid volume: Volume {volume.id} status must be available, but current status is: {volume.status}."
        )
    snapshot = new_snapshot(call, volume, given.get("name"), given.get("description"))
    snapshot.metadata = {key: str(value) for key, value in (given.get("metadata") or {}).items()}
    call.about(snapshot.id, snapshot.name)
    return call.answer({"snapshot": _view(snapshot)}, 202)


@routes.add("GET", "/snapshots/{id}", "snapshot.show")
def show(call: Call) -> Response:
    """One snapshot."""
    return call.answer({"snapshot": _view(find(call))})


@routes.add("PUT", "/snapshots/{id}", "snapshot.update", "member", "volume:update_snapshot")
def update(call: Call) -> Response:
    """Rename or describe."""
    snapshot, given = find(call), call.body("snapshot")
    snapshot.name, snapshot.description = (
        given.get("name", snapshot.name),
        given.get("description", snapshot.description),
    )
    call.cloud.snapshots.put(snapshot)
    return call.answer({"snapshot": _view(snapshot)})


@routes.add("DELETE", "/snapshots/{id}", "snapshot.delete", "member", "volume:delete_snapshot")
def delete(call: Call) -> Response:
    """deleting > gone."""
    snapshot = find(call)
    if snapshot.status not in ("available", "error"):
        raise bad_request("Invalid snapshot: Snapshot status must be available or error.")
    snapshot.status, snapshot.updated = "deleting", call.cloud.now()
    call.cloud.snapshots.put(snapshot)
    call.cloud.jobs.start("volume_snapshot.gone", snapshot.id, 0.1, call.plan)
    return empty(202)


@step("volume_snapshot.gone")
def _gone(cloud: Cloud, job: Job) -> Next:
    snapshot = cloud.snapshots.get(job.subject)
    if snapshot is not None and (job.plan or {}).get("type") == "fail":
        snapshot.status = "error_deleting"
        cloud.snapshots.put(snapshot)
        return None
    cloud.snapshots.drop(job.subject)
    return None


@routes.add("GET", "/snapshots/{id}/metadata", "snapshot_metadata.list")
def list_metadata(call: Call) -> Response:
    """All metadata."""
    return call.answer({"metadata": find(call).metadata})


@routes.add(
    "POST",
    "/snapshots/{id}/metadata",
    "snapshot_metadata.create",
    "member",
    "volume:update_snapshot_metadata",
)
def add_metadata(call: Call) -> Response:
    """Add to the metadata."""
    snapshot = find(call)
    snapshot.metadata.update(call.body("metadata"))
    call.cloud.snapshots.put(snapshot)
    return call.answer({"metadata": snapshot.metadata})
