"""How Nova shows servers and flavors, by microversion and by who asks."""

from __future__ import annotations

import hashlib
from typing import Any

from openesc.cloudsim.compute.states import status_of
from openesc.cloudsim.core.call import Call
from openesc.cloudsim.core.cloud import Cloud, iso
from openesc.cloudsim.core.records import Flavor, Server

_PROGRESS = frozenset({"ACTIVE", "BUILD", "REBUILD", "RESIZE", "VERIFY_RESIZE", "MIGRATING", "REVERT_RESIZE"})


def links(base_url: str, kind: str, identifier: str) -> list[dict[str, str]]:
    """The ``links`` of a resource."""
    return [
        {"rel": "self", "href": f"{base_url}/compute/v2.1/{kind}/{identifier}"},
        {"rel": "bookmark", "href": f"{base_url}/compute/{kind}/{identifier}"},
    ]


def host_hash(project_id: str, host: str | None) -> str:
    """What a member sees instead of the host's name."""
    return hashlib.sha224((project_id + host).encode()).hexdigest() if host else ""


def server_summary(call: Call, server: Server) -> dict[str, Any]:
    """A server in ``GET /servers``."""
    return {"id": server.id, "name": server.name, "links": links(call.request.base_url, "servers", server.id)}


def server_view(call: Call, server: Server) -> dict[str, Any]:
    """A server in full."""
    base, version = call.request.base_url, call.microversion
    status = status_of(server)
    shown: dict[str, Any] = {
        "id": server.id, "name": server.name, "status": status, "tenant_id": server.project_id,
        "user_id": server.user_id,
        "metadata": server.metadata, "hostId": host_hash(server.project_id, server.host), "image": _image(base, server),
        "flavor": _flavor(base, server, version), "created": iso(server.created), "updated": iso(server.updated),
        "addresses": server.addresses, "accessIPv4": "", "accessIPv6": "", "links": links(base, "servers", server.id),
        "OS-DCF:diskConfig": "MANUAL", "OS-EXT-AZ:availability_zone": server.zone,
        "config_drive": "True" if server.config_drive else "", "key_name": server.key_name,
        "OS-SRV-USG:launched_at": _plain(server.launched), "OS-SRV-USG:terminated_at": _plain(server.terminated),
        "OS-EXT-STS:task_state": server.task_state, "OS-EXT-STS:vm_state": server.vm_state,
        "OS-EXT-STS:power_state": server.power_state, "os-extended-volumes:volumes_attached": _volumes(server, version),
    }  # fmt: skip
    if status in _PROGRESS:
        shown["progress"] = server.progress
    if server.security_groups and server.vm_state != "error":
        shown["security_groups"] = [{"name": name} for name in server.security_groups]
    if server.fault is not None and status in ("ERROR", "DELETED"):
        shown["fault"] = server.fault if call.is_admin else {k: v for k, v in server.fault.items() if k != "details"}
    _by_version(call, server, shown)
    if call.is_admin:
        _for_admin(call, server, shown)
    return shown


def _plain(moment: float | None) -> str | None:
    return iso(moment, micros=True) if moment is not None else None


def _image(base: str, server: Server) -> dict[str, Any] | str:
    if not server.image_id:
        return ""
    bookmark = {"rel": "bookmark", "href": f"{base}/compute/images/{server.image_id}"}
    return {"id": server.image_id, "links": [bookmark]}


def _flavor(base: str, server: Server, version: tuple[int, int]) -> dict[str, Any]:
    flavor = server.flavor
    if version < (2, 47):
        bookmark = {"rel": "bookmark", "href": f"{base}/compute/flavors/{flavor['id']}"}
        return {"id": flavor["id"], "links": [bookmark]}
    names = ("vcpus", "ram", "disk", "ephemeral", "swap", "original_name", "extra_specs")
    return {name: flavor[name] for name in names}


def _volumes(server: Server, version: tuple[int, int]) -> list[dict[str, Any]]:
    attached = [device for device in server.devices if device.get("volume_id")]
    if version < (2, 3):
        return [{"id": device["volume_id"]} for device in attached]
    return [{"id": d["volume_id"], "delete_on_termination": d["delete_on_termination"]} for d in attached]


def _by_version(call: Call, server: Server, shown: dict[str, Any]) -> None:
    version = call.microversion
    if version >= (2, 9):
        shown["locked"] = server.locked_by is not None
    if version >= (2, 19):
        shown["description"] = server.description
    if version >= (2, 26):
        shown["tags"] = server.tags
    if version >= (2, 63):
        shown["trusted_image_certificates"] = None
    if version >= (2, 71):
        shown["server_groups"] = [server.group_id] if server.group_id else []
    if version >= (2, 73):
        shown["locked_reason"] = server.locked_reason
    if version >= (2, 90):
        shown["OS-EXT-SRV-ATTR:hostname"] = server.name.lower().replace(" ", "-").replace("_", "-")
    if version >= (2, 96):
        shown["pinned_availability_zone"] = server.wanted_zone
    if version >= (2, 100):
        shown["scheduler_hints"] = server.hints


def _for_admin(call: Call, server: Server, shown: dict[str, Any]) -> None:
    shown["OS-EXT-SRV-ATTR:host"] = server.host
    shown["OS-EXT-SRV-ATTR:hypervisor_hostname"] = server.host
    shown["OS-EXT-SRV-ATTR:instance_name"] = f"instance-{server.id[:8]}"
    if call.microversion >= (2, 3):
        shown["OS-EXT-SRV-ATTR:root_device_name"] = server.root_device
        shown["OS-EXT-SRV-ATTR:user_data"] = server.user_data
        shown["OS-EXT-SRV-ATTR:reservation_id"] = f"r-{server.id[:8]}"
        shown["OS-EXT-SRV-ATTR:launch_index"] = 0
        shown["OS-EXT-SRV-ATTR:kernel_id"] = shown["OS-EXT-SRV-ATTR:ramdisk_id"] = ""
    if call.microversion >= (2, 16):
        shown["host_status"] = host_status(call.cloud, server.host)


def host_status(cloud: Cloud, host: str | None) -> str:
    """UP, MAINTENANCE, UNKNOWN (down), or empty for a server without a host."""
    row = cloud.hosts.get(host) if host else None
    if row is None:
        return ""
    if not cloud.find_host_up(row.id):
        return "UNKNOWN"
    return "UP" if row.enabled else "MAINTENANCE"


def flavor_view(call: Call, flavor: Flavor) -> dict[str, Any]:
    """A flavor in full."""
    shown: dict[str, Any] = {
        "id": flavor.id, "name": flavor.name, "ram": flavor.ram, "disk": flavor.disk, "vcpus": flavor.vcpus,
        "swap": flavor.swap or ("" if call.microversion < (2, 75) else 0),
        "OS-FLV-EXT-DATA:ephemeral": flavor.ephemeral,
        "OS-FLV-DISABLED:disabled": False, "os-flavor-access:is_public": flavor.is_public,
        "rxtx_factor": flavor.rxtx_factor, "links": links(call.request.base_url, "flavors", flavor.id),
    }  # fmt: skip
    if call.microversion >= (2, 55):
        shown["description"] = flavor.description
    if call.microversion >= (2, 61):
        shown["extra_specs"] = flavor.extra_specs
    return shown


def flavor_copy(flavor: Flavor) -> dict[str, Any]:
    """What a server keeps of its flavor, which may change or go later."""
    return {
        "id": flavor.id, "original_name": flavor.name, "vcpus": flavor.vcpus, "ram": flavor.ram, "disk": flavor.disk,
        "ephemeral": flavor.ephemeral, "swap": flavor.swap, "extra_specs": dict(flavor.extra_specs),
    }  # fmt: skip
