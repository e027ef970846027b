"""Cinder's version, volume types, quotas, limits, services, messages."""

from __future__ import annotations

from typing import Any

from openesc.cloudsim.core.call import Call, empty
from openesc.cloudsim.core.cloud import iso, new_uuid
from openesc.cloudsim.core.faults import conflict, not_found
from openesc.cloudsim.core.http import Response
from openesc.cloudsim.core.microversions import RANGES
from openesc.cloudsim.core.records import Quota, VolumeType
from openesc.cloudsim.core.routing import Routes
from openesc.cloudsim.volume.attaching import limits_of, used_by

versions_routes = Routes("volume", "/volume")
routes = Routes("volume", "/volume/v3")
DEFAULT_TYPE = "LVM"


def _version(call: Call) -> dict[str, Any]:
    low, high = (".".join(map(str, limit)) for limit in RANGES["volume"])
    return {
        "id": "v3.0", "status": "CURRENT", "version": high, "min_version": low, "updated": "2022-08-31T00:00:00Z",
        "links": [{"rel": "self", "href": f"{call.request.base_url}/volume/v3/"}],
    }  # fmt: skip


@versions_routes.add("GET", "", "volume.versions", "none")
def versions(call: Call) -> Response:
    """The versions document."""
    return call.answer({"versions": [_version(call)]}, 300)


@routes.add("GET", "", "volume.version", "none")
def version(call: Call) -> Response:
    """The v3 document."""
    return call.answer({"versions": [_version(call)]})


def _type_view(row: VolumeType) -> dict[str, Any]:
    shown = {"id": row.id, "name": row.name, "description": row.description, "is_public": row.is_public}
    return {
        **shown,
        "os-volume-type-access:is_public": row.is_public,
        "extra_specs": row.extra_specs,
        "qos_specs_id": None,
    }


def _find_type(call: Call) -> VolumeType:
    identifier = call.params["id"]
    row = (
        call.cloud.volume_types.first("name", DEFAULT_TYPE)
        if identifier == "default"
        else call.cloud.volume_types.get(identifier)
    )
    if row is None:
        raise not_found(f"Volume type {identifier} could not be found.")
    call.about(row.id, row.name)
    return row


@routes.add("GET", "/types", "volume_type.list")
def list_types(call: Call) -> Response:
    """Volume types."""
    return call.answer({"volume_types": [_type_view(row) for row in call.cloud.volume_types]})


@routes.add("POST", "/types", "volume_type.create", "admin", "volume_extension:type_create")
def create_type(call: Call) -> Response:
    """Make a volume type."""
    given = call.body("volume_type")
    if call.cloud.volume_types.first("name", given.get("name")) is not None:
        raise conflict(f"Volume Type {given['name']} already exists.")
    row = VolumeType(
        new_uuid(), given["name"], given.get("description"), given.get("os-volume-type-access:is_public", True),
        given.get("extra_specs") or {},
    )  # fmt: skip
    call.cloud.volume_types.put(row)
    return call.answer({"volume_type": _type_view(row)})


@routes.add("GET", "/types/{id}", "volume_type.show")
def show_type(call: Call) -> Response:
    """One volume type; ``default`` is the default one."""
    return call.answer({"volume_type": _type_view(_find_type(call))})


@routes.add("DELETE", "/types/{id}", "volume_type.delete", "admin", "volume_extension:type_delete")
def delete_type(call: Call) -> Response:
    """Forget a volume type."""
    call.cloud.volume_types.drop(_find_type(call).id)
    return empty(202)


@routes.add("GET", "/types/{id}/extra_specs", "volume_type.specs")
def list_type_specs(call: Call) -> Response:
    """A type's extra specs."""
    return call.answer({"extra_specs": _find_type(call).extra_specs})


@routes.add(
    "POST",
    "/types/{id}/extra_specs",
    "volume_type.set_specs",
    "admin",
    "volume_extension:types_extra_specs:create",
)
def set_type_specs(call: Call) -> Response:
    """Add extra specs to a type."""
    row = _find_type(call)
    row.extra_specs.update(call.body("extra_specs"))
    call.cloud.volume_types.put(row)
    return call.answer({"extra_specs": row.extra_specs})


@routes.add("GET", "/limits", "volume_limits.show")
def limits(call: Call) -> Response:
    """Absolute limits with what is used."""
    most, used = limits_of(call.cloud, call.project_id), used_by(call.cloud, call.project_id)
    absolute = {
        "maxTotalVolumes": most["volumes"], "maxTotalSnapshots": most["snapshots"],
        "maxTotalVolumeGigabytes": most["gigabytes"], "maxTotalBackups": most["backups"],
        "maxTotalBackupGigabytes": most["backup_gigabytes"], "totalVolumesUsed": used["volumes"],
        "totalSnapshotsUsed": used["snapshots"], "totalGigabytesUsed": used["gigabytes"], "totalBackupsUsed": 0,
        "totalBackupGigabytesUsed": 0,
    }  # fmt: skip
    return call.answer({"limits": {"rate": [], "absolute": absolute}})


@routes.add("GET", "/os-quota-sets/{project}", "volume_quota.show")
def show_quota(call: Call) -> Response:
    """A project's limits, with what is used if asked."""
    project = call.params["project"]
    most = limits_of(call.cloud, project)
    if not call.flag("usage"):
        return call.answer({"quota_set": {"id": project, **most}})
    used = used_by(call.cloud, project)
    rows = {n: {"limit": v, "in_use": used.get(n, 0), "reserved": 0, "allocated": 0} for n, v in most.items()}
    return call.answer({"quota_set": {"id": project, **rows}})


@routes.add("GET", "/os-quota-sets/{project}/defaults", "volume_quota.show")
def default_quota(call: Call) -> Response:
    """The default limits."""
    return call.answer({"quota_set": {"id": call.params["project"], **limits_of(call.cloud, "")}})


@routes.add("PUT", "/os-quota-sets/{project}", "volume_quota.update", "admin", "volume_extension:quotas:update")
def update_quota(call: Call) -> Response:
    """Set limits."""
    key = f"volume:{call.params['project']}"
    row = call.cloud.quotas.get(key) or Quota(key)
    known = limits_of(call.cloud, "")
    row.limits.update({name: int(value) for name, value in call.body("quota_set").items() if name in known})
    call.cloud.quotas.put(row)
    return call.answer({"quota_set": limits_of(call.cloud, call.params["project"])})


@routes.add("DELETE", "/os-quota-sets/{project}", "volume_quota.delete", "admin", "volume_extension:quotas:delete")
def delete_quota(call: Call) -> Response:
    """Back to no limits."""
    call.cloud.quotas.drop(f"volume:{call.params['project']}")
    return empty(200)


@routes.add("GET", "/os-availability-zone", "volume_zone.list")
def zones(call: Call) -> Response:
    """One zone."""
    return call.answer({"availabilityZoneInfo": [{"zoneName": "nova", "zoneState": {"available": True}}]})


@routes.add("GET", "/os-services", "volume_service.list", "admin", "volume_extension:services:index")
def services(call: Call) -> Response:
    """Scheduler and one backend."""
    rows = [("cinder-scheduler", "controller"), ("cinder-volume", "controller@lvm")]
    shown = [
        {
            "binary": b,
            "host": h,
            "zone": "nova",
            "status": "enabled",
            "state": "up",
            "updated_at": iso(call.cloud.now(), True),
        }
        for b, h in rows
    ]
    return call.answer({"services": shown})


@routes.add("GET", "/extensions", "volume.extensions", "any")
def extensions(call: Call) -> Response:
    """None that clients look for."""
    return call.answer({"extensions": []})


@routes.add("GET", "/messages", "message.list")
def messages(call: Call) -> Response:
    """Why something failed, newest first."""
    rows = reversed(call.cloud.messages.by("project", call.project_id))
    shown = [
        {
            "id": row.id, "event_id": row.event_id, "user_message": row.text, "message_level": "ERROR",
            "resource_type": row.resource_type, "resource_uuid": row.resource_id, "created_at": iso(row.created, True),
            "guaranteed_until": iso(row.created + 2_592_000, True), "request_id": "",
        }
        for row in rows
    ]  # fmt: skip
    return call.answer({"messages": shown})
