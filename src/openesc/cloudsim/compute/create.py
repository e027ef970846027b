"""``POST /servers``: all that Nova checks before its 202, in its order and its words."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from openesc.cloudsim.compute import flavors
from openesc.cloudsim.compute.changes import begin
from openesc.cloudsim.compute.quotas import check_server_quota
from openesc.cloudsim.compute.views import flavor_copy, links
from openesc.cloudsim.core.call import Call
from openesc.cloudsim.core.cloud import Cloud, new_uuid
from openesc.cloudsim.core.faults import UNEXPECTED, ApiError, bad_request, conflict, forbidden
from openesc.cloudsim.core.http import Response
from openesc.cloudsim.core.records import Flavor, Image, Server
from openesc.cloudsim.core.routing import Routes

routes = Routes("compute", "/compute/v2.1")

_DOWN = {
    "network": "<class 'keystoneauth1.exceptions.connection.ConnectFailure'>",
    "image": "<class 'nova.exception.GlanceConnectionFailed'>",
}


def require_service(cloud: Cloud, service: str) -> None:
    """Raise Nova's 500 if a service it asks is down."""
    if len(cloud.rules) and cloud.service_down(service):
        raise ApiError(500, UNEXPECTED.format(_DOWN[service]))


@routes.add("POST", "/servers", "server.create", "member", "os_compute_api:servers:create")
def create(call: Call) -> Response:
    """Accept one or several servers; the rest is the boot transition."""
    given = call.body("server")
    _check_schema(call, given)
    require_service(call.cloud, "network")
    require_service(call.cloud, "image")
    flavor = flavors.find_for_server(call, given.get("flavorRef", ""))
    count = int(given.get("max_count") or given.get("min_count") or 1)
    check_server_quota(call.cloud, call.project_id, flavor_copy(flavor), count)
    made = [_make(call, given, flavor, number if count > 1 else None) for number in range(1, count + 1)]
    first = made[0]
    call.about(first.id, first.name)
    base = call.request.base_url
    shown = {
        "id": first.id, "links": links(base, "servers", first.id), "OS-DCF:diskConfig": "MANUAL",
        "adminPass": first.id[:12],
        "security_groups": [{"name": name} for name in first.security_groups],
    }  # fmt: skip
    location = f"{base}/compute/v2.1/servers/{first.id}"
    return call.answer({"server": shown}, 202, Location=location)


def _check_schema(call: Call, given: dict[str, Any]) -> None:
    name = given.get("name")
    if not isinstance(name, str) or not name.strip() or len(name) > 255:
        reason = f"{name!r} is too long" if name else f"{name!r} should be non-empty"
        raise bad_request(f"Invalid input for field/attribute name. Value: {name}. {reason}")
    if "imageRef" in given and given["imageRef"] is None:
        raise bad_request(
            "Invalid input for field/attribute imageRef. Value: None. None is not valid under any of the given schemas"
        )
    if call.microversion >= (2, 37) and "networks" not in given:
        raise bad_request(
            f"Invalid input for field/attribute server. Value: {given}. 'networks' is a required property"
        )
    if call.microversion >= (2, 57) and "personality" in given:
        raise bad_request("Additional properties are not allowed ('personality' was unexpected)")
    _check_user_data(given.get("user_data"))


def _check_user_data(user_data: Any) -> None:
    if user_data is None:
        return
    try:
        base64.b64decode(user_data, validate=True)
    except (binascii.Error, TypeError):
        raise bad_request(f"Invalid input for field/attribute user_data. Value: {user_data}.") from None
    if len(user_data) > 65535:
        raise bad_request("Invalid input for field/attribute user_data. Value is too long (maximum 65535)")


def _make(call: Call, given: dict[str, Any], flavor: Flavor, number: int | None) -> Server:
    cloud, now = call.cloud, call.cloud.now()
    server = Server(
        new_uuid(), given["name"] if number is None else f"{given['name']}-{number}", call.project_id, call.user_id,
        now, now, flavor_copy(flavor), request_id=call.request_id,
    )  # fmt: skip
    _describe(server, given)
    _choose_zone(call, server, given)
    server.devices = _devices(call, given, flavor)
    image = _image(call, given, flavor, server.devices)
    _root_of_snapshot(server, image)
    server.image_id = image.id if image is not None and not _boots_from_volume(server.devices) else ""
    server.networks = _networks(call, given)
    server.security_groups = _groups(call, given)
    _join_group(call, server, call.document)
    cloud.servers.put(server)
    _reserve(cloud, server)
    begin(call, server, "create", "boot.schedule", 0.2)
    return server


def _describe(server: Server, given: dict[str, Any]) -> None:
    server.metadata = {key: str(value) for key, value in (given.get("metadata") or {}).items()}
    server.tags = list(given.get("tags") or [])
    server.description = given.get("description")
    server.key_name = given.get("key_name")
    server.user_data = given.get("user_data")
    server.config_drive = str(given.get("config_drive") or "").lower() in ("true", "1", "yes")
    server.personality = list(given.get("personality") or [])


def _choose_zone(call: Call, server: Server, given: dict[str, Any]) -> None:
    zone, _, host = str(given.get("availability_zone") or "").partition(":")
    wanted = host or given.get("host") or given.get("hypervisor_hostname")
    if host:
        call.require("admin", "os_compute_api:servers:create:forced_host")
    elif wanted:
        call.require("admin", "compute:servers:create:requested_destination")
    if zone and zone not in {row.zone for row in call.cloud.hosts}:
        raise bad_request("The requested availability zone is not available")
    if wanted and wanted not in call.cloud.hosts:
        raise bad_request(f"Compute host {wanted} could not be found.")
    if server.key_name is not None and f"{call.user_id}:{server.key_name}" not in call.cloud.keypairs:
        raise bad_request("Invalid key_name provided.")
    server.wanted_zone, server.wanted_host = zone or None, wanted or None


def _devices(call: Call, given: dict[str, Any], flavor: Flavor) -> list[dict[str, Any]]:
    mapping = given.get("block_device_mapping_v2") or []
    return [device for entry in mapping if (device := _device(call, entry, flavor)) is not None]


def _device(call: Call, entry: dict[str, Any], flavor: Flavor) -> dict[str, Any] | None:
    source, target = entry.get("source_type"), entry.get("destination_type")
    if target == "local" or source is None:
        return None
    device = {
        "volume_id": None, "source": source, "uuid": entry.get("uuid"), "size": entry.get("volume_size"),
        "type": entry.get("volume_type"), "boot_index": entry.get("boot_index"), "tag": entry.get("tag"),
        "delete_on_termination": bool(entry.get("delete_on_termination", False)), "device": entry.get("device_name"),
        "attachment_id": new_uuid(),
    }  # fmt: skip
    device["boot_index"] = -1 if device["boot_index"] is None else int(device["boot_index"])
    _CHECK_SOURCE.get(source, _unknown_source)(call, device)
    return device


def _check_volume(call: Call, device: dict[str, Any]) -> None:
    volume = call.cloud.volumes.get(str(device["uuid"]))
    if volume is None or volume.project_id != call.project_id:
        raise bad_request(f"Block Device Mapping is Invalid: failed to get volume {device['uuid']}.")
    if volume.attachments and not volume.multiattach:
        ids = ", ".join(attachment["server_id"] for attachment in volume.attachments)
        raise bad_request(f"Invalid volume: volume {volume.id} is already attached to instances: {ids}")
    if volume.status not in ("available", "in-use"):
        raise bad_request(
            f"Invalid volume: Volume {volume.id} status must be available or downloading to reserve, but the current "
            f"status is {volume.status}."
        )
    if device["boot_index"] == 0 and not volume.bootable:
        raise bad_request(f"Block Device {volume.id} is not bootable.")


def _check_snapshot(call: Call, device: dict[str, Any]) -> None:
    if str(device["uuid"]) not in call.cloud.snapshots:
        raise bad_request(f"Block Device Mapping is Invalid: failed to get snapshot {device['uuid']}.")


def _check_source_image(call: Call, device: dict[str, Any]) -> None:
    if str(device["uuid"]) not in call.cloud.images:
        raise bad_request(f"Block Device Mapping is Invalid: failed to get image {device['uuid']}.")


def _check_blank(call: Call, device: dict[str, Any]) -> None:
    if not device["size"]:
        raise bad_request(
            "Block Device Mapping is Invalid: Blank volumes (source: 'blank', dest: 'volume') need to "
            "have non-zero size"
        )


def _unknown_source(call: Call, device: dict[str, Any]) -> None:
    raise bad_request(f"Invalid input for field/attribute source_type. Value: {device['source']}.")


_CHECK_SOURCE = {
    "volume": _check_volume, "snapshot": _check_snapshot, "image": _check_source_image, "blank": _check_blank,
}  # fmt: skip


def _boots_from_volume(devices: list[dict[str, Any]]) -> bool:
    return any(device["boot_index"] == 0 for device in devices)


def _image(call: Call, given: dict[str, Any], flavor: Flavor, devices: list[dict[str, Any]]) -> Image | None:
    reference = str(given.get("imageRef") or "").rstrip("/").rsplit("/", 1)[-1]
    if not reference:
        if not _boots_from_volume(devices):
            raise bad_request("Missing imageRef attribute")
        return None
    image = usable_image(call, reference)
    if image.min_ram > flavor.ram:
        raise bad_request("Flavor's memory is too small for requested image.")
    if image.min_disk > flavor.disk and flavor.disk > 0 and not _boots_from_volume(devices):
        raise bad_request(
            "Flavor's disk is smaller than the minimum size specified in image metadata. "
            f"Flavor disk is {flavor.disk * 1024**3} bytes, minimum size is {image.min_disk * 1024**3} bytes."
        )
    return image


def usable_image(call: Call, identifier: str) -> Image:
    """An active image the caller sees; Nova's 400 otherwise."""
    image = call.cloud.images.get(identifier)
    hidden = image is not None and image.visibility in ("private", "shared") and image.owner != call.project_id
    if image is None or (hidden and not call.is_admin):
        raise bad_request("Can not find requested image")
    if image.status != "active":
        raise bad_request(f"Image {identifier} is not active.")
    return image


def _root_of_snapshot(server: Server, image: Image | None) -> None:
    # The image of a boot-from-volume server's snapshot is empty: its mapping says of which volume snapshot to boot.
    mapping = image.properties.get("block_device_mapping") if image is not None else None
    if mapping and not _boots_from_volume(server.devices):
        for entry in json.loads(mapping):
            server.devices.append({
                "volume_id": None, "source": "snapshot", "uuid": entry["snapshot_id"], "size": entry.get("volume_size"),
                "type": None, "boot_index": -1 if entry.get("boot_index") is None else entry["boot_index"], "tag": None,
                "delete_on_termination": bool(entry.get("delete_on_termination")), "device": entry.get("device_name"),
                "attachment_id": new_uuid(),
            })  # fmt: skip


def _networks(call: Call, given: dict[str, Any]) -> list[dict[str, Any]]:
    wanted = given.get("networks", "auto")
    if wanted == "none":
        return []
    if wanted == "auto" or not wanted:
        return _automatic_network(call)
    return [_network(call, entry) for entry in wanted]


def _automatic_network(call: Call) -> list[dict[str, Any]]:
    own = [n for n in call.cloud.networks if n.project_id == call.project_id or n.shared]
    if len(own) > 1:
        raise conflict("Multiple possible networks found, use a Network ID to be more specific.")
    return [{"network": own[0].id}] if own else []


def _network(call: Call, entry: dict[str, Any]) -> dict[str, Any]:
    if entry.get("port"):
        return _requested_port(call, entry)
    network = call.cloud.networks.get(str(entry.get("uuid")))
    if network is None or not (call.is_admin or network.shared or network.project_id == call.project_id):
        raise bad_request(f"Network {entry.get('uuid')} could not be found.")
    if not call.cloud.subnets.count("network", network.id):
        raise bad_request(f"Network {network.id} requires a subnet in order to boot instances on.")
    limit = call.cloud.quotas.get(f"network:{call.project_id}")
    most = limit.limits.get("port", -1) if limit else -1
    if most >= 0 and call.cloud.ports.count("project", call.project_id) >= most:
        raise forbidden("Maximum number of ports exceeded")
    if entry.get("fixed_ip"):
        _refuse_used(call.cloud, network.id, entry["fixed_ip"])
    return {"network": network.id, "fixed_ip": entry.get("fixed_ip"), "tag": entry.get("tag")}


def _requested_port(call: Call, entry: dict[str, Any]) -> dict[str, Any]:
    port = call.cloud.ports.get(entry["port"])
    if port is None or not (call.is_admin or port.project_id == call.project_id):
        raise bad_request(f"Port id {entry['port']} could not be found.")
    if port.device_id:
        raise conflict(f"Port {port.id} is still in use.")
    return {"port": port.id, "tag": entry.get("tag")}


def _refuse_used(cloud: Cloud, network_id: str, address: str) -> None:
    for subnet in cloud.subnets.by("network", network_id):
        owner = cloud.ports.get(cloud.addresses.owner(subnet.id, address) or "")
        if owner is not None:
            raise bad_request(f"Fixed IP address {address} is already in use on instance {owner.device_id}.")


def _groups(call: Call, given: dict[str, Any]) -> list[str]:
    names = [group["name"] for group in given.get("security_groups") or [{"name": "default"}]]
    own = call.cloud.security_groups.by("project", call.project_id)
    for name in names:
        if name != "default" and not any(name in (group.name, group.id) for group in own):
            raise bad_request(f"Security group {name} not found for project {call.project_id}.")
    return names


def _join_group(call: Call, server: Server, document: dict[str, Any]) -> None:
    hints = document.get("os:scheduler_hints") or document.get("OS-SCH-HNT:scheduler_hints") or {}
    server.hints = hints
    if hints.get("group"):
        group = call.cloud.server_groups.get(hints["group"])
        if group is None:
            raise bad_request(f"Instance group {hints['group']} could not be found.")
        group.members.append(server.id)
        call.cloud.server_groups.put(group)
        server.group_id = group.id


def _reserve(cloud: Cloud, server: Server) -> None:
    for device in server.devices:
        if device["source"] == "volume":
            volume = cloud.volumes.get(device["uuid"])
            if volume is not None and volume.status == "available":
                volume.status, volume.updated = "reserved", cloud.now()
                cloud.volumes.put(volume)
