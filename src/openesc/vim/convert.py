"""What the cloud answers, as the dataclasses of `openesc.vim.port`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from openesc.vim.port import FixedIp, Flavor, Image, Network, Port, Project, Server, Subnet, Volume, VolumeType
from openesc.vim.port_operations import ActionEvent, Migration, ServerAction, ServerGroup, VolumeSnapshot

S = TypeVar("S")
T = TypeVar("T")


def maybe(make: Callable[[S], T], found: S | None) -> T | None:
    """What `make` makes of `found`, if there is any."""
    return None if found is None else make(found)


def project(found: Any) -> Project:
    """From an SDK project."""
    return Project(id=found.id, name=found.name)


def network(body: Mapping[str, Any]) -> Network:
    """From Neutron's JSON."""
    return Network(
        id=body["id"],
        name=body.get("name") or "",
        status=body.get("status") or "ACTIVE",
        shared=bool(body.get("shared")),
        admin_state=body.get("admin_state_up") is not False,
        provider_network_type=body.get("provider:network_type"),
        description=body.get("description") or "",
    )


def subnet(body: Mapping[str, Any]) -> Subnet:
    """From Neutron's JSON."""
    return Subnet(
        id=body["id"],
        name=body.get("name") or "",
        network_id=body["network_id"],
        cidr=body["cidr"],
        gateway=body.get("gateway_ip") or None,
        dhcp=bool(body.get("enable_dhcp")),
        ip_version=int(body.get("ip_version") or 4),
    )


def port(body: Mapping[str, Any]) -> Port:
    """From Neutron's JSON."""
    ips = body.get("fixed_ips") or ()
    return Port(
        id=body["id"],
        name=body.get("name") or "",
        network_id=body["network_id"],
        mac_address=body.get("mac_address") or "",
        fixed_ips=tuple(FixedIp(ip["subnet_id"], ip["ip_address"]) for ip in ips),
        device_id=body.get("device_id") or "",
        status=body.get("status") or "DOWN",
        tags=tuple(body.get("tags") or ()),
        security_groups=tuple(body.get("security_groups") or ()),
        allowed_addresses=tuple(pair["ip_address"] for pair in body.get("allowed_address_pairs") or ()),
    )


def image(body: Mapping[str, Any]) -> Image:
    """From Glance's JSON."""
    public = body.get("visibility") == "public"
    extra = {name: value for name, value in body.items() if isinstance(value, str) and name not in _IMAGE_FIELDS}
    return Image(body["id"], body.get("name") or "", body["status"], public, body.get("disk_format") or "", extra)


_IMAGE_FIELDS = frozenset(
    (
        *("id", "name", "status", "visibility", "owner", "created_at", "updated_at", "self", "file", "schema"),
        *("checksum", "container_format", "disk_format", "os_hash_algo", "os_hash_value", "direct_url"),
    )
)
"""Glance's own texts of an image; extra properties stand beside them."""


def flavor(body: Mapping[str, Any]) -> Flavor:
    """From Nova's JSON."""
    return Flavor(
        id=body["id"],
        name=body["name"],
        vcpus=int(body["vcpus"]),
        memory_mb=int(body["ram"]),
        root_disk_gb=int(body["disk"]),
        public=body.get("os-flavor-access:is_public") is not False,
    )


def volume(body: Mapping[str, Any]) -> Volume:
    """From Cinder's JSON, where a boolean is a word."""
    attachments = body.get("attachments") or ()
    return Volume(
        id=body["id"],
        name=body.get("name") or "",
        size=int(body.get("size") or 0),
        status=body["status"],
        bootable=str(body.get("bootable")).lower() == "true",
        volume_type=body.get("volume_type"),
        attached_to=tuple(one["server_id"] for one in attachments if one.get("server_id")),
        metadata=dict(body.get("metadata") or {}),
    )


def volume_type(body: Mapping[str, Any]) -> VolumeType:
    """From Cinder's JSON; extra specs are shown to all, as far as users need to know them (Cinder Xena)."""
    specs = body.get("extra_specs") or {}
    return VolumeType(body["id"], body["name"], str(specs.get("multiattach")).lower() == "<is> true")


def server(body: Mapping[str, Any]) -> Server:
    """From Nova's JSON (of one server with details).

    Keys may be absent: without admin rights, or of an UNKNOWN server of a cell that is down.
    """
    volumes = body.get("os-extended-volumes:volumes_attached") or ()
    return Server(
        id=body["id"],
        name=body.get("name") or "",
        status=body.get("status") or "UNKNOWN",
        task_state=body.get("OS-EXT-STS:task_state"),
        power_state=int(body.get("OS-EXT-STS:power_state") or 0),
        host_id=body.get("hostId") or "",
        hostname=body.get("OS-EXT-SRV-ATTR:host") or body.get("OS-EXT-SRV-ATTR:hypervisor_hostname"),
        flavor=_flavor_name(body.get("flavor") or {}),
        image_id=_image_id(body.get("image")),
        fault=_fault(body.get("fault")),
        metadata=dict(body.get("metadata") or {}),
        volume_ids=tuple(one["id"] for one in volumes),
    )


def _flavor_name(body: Mapping[str, Any]) -> str:
    """Nova inlines the flavor since 2.47; before that there is only its id."""
    return str(body.get("original_name") or body.get("id") or "")


def _image_id(body: Any) -> str | None:
    """Nova writes an empty string for a server that boots from a volume."""
    return str(body["id"]) if isinstance(body, dict) and body.get("id") else None


def _fault(body: Any) -> str | None:
    return str(body.get("message") or "").strip() or None if isinstance(body, dict) else None


def volume_snapshot(body: Mapping[str, Any]) -> VolumeSnapshot:
    """From Cinder's JSON."""
    return VolumeSnapshot(
        id=body["id"],
        name=body.get("name") or "",
        volume_id=body.get("volume_id") or "",
        size=int(body.get("size") or 0),
        status=body["status"],
    )


def server_group(found: Any) -> ServerGroup:
    """From an SDK server group; `policies` is what clouds before microversion 2.64 say."""
    policies = found.policies or [""]
    return ServerGroup(
        id=found.id,
        name=found.name,
        policy=found.policy or policies[0],
        member_ids=tuple(found.member_ids or ()),
    )


def migration(found: Any) -> Migration:
    """From an SDK migration."""
    return Migration(
        id=str(found.id),
        type=found.migration_type or "",
        status=found.status or "",
        source=found.source_compute,
        target=found.dest_compute,
        updated_at=found.updated_at or found.created_at or "",
    )


def server_action(found: Any) -> ServerAction:
    """From an SDK server action."""
    return ServerAction(
        request_id=found.request_id,
        action=found.action or "",
        message=found.message,
        started_at=found.start_time or "",
    )


def action_event(found: Any) -> ActionEvent:
    """From an event of an SDK server action."""
    return ActionEvent(event=found.event or "", result=found.result, details=found.details)
