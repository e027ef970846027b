"""Volumes and ports of a running server: attach, detach, list; what Nova refuses of root volumes."""

from __future__ import annotations

from typing import Any

from openesc.cloudsim.compute.boot import addresses
from openesc.cloudsim.compute.changes import begin, failure, finish_action, save
from openesc.cloudsim.compute.states import find_server, require_state, require_unlocked
from openesc.cloudsim.compute.steps import server_step
from openesc.cloudsim.core.call import Call, empty
from openesc.cloudsim.core.cloud import Cloud, new_uuid
from openesc.cloudsim.core.faults import bad_request, conflict, forbidden, not_found
from openesc.cloudsim.core.http import Response
from openesc.cloudsim.core.jobs import Next, step
from openesc.cloudsim.core.records import Job, Port, Server
from openesc.cloudsim.core.routing import Routes
from openesc.cloudsim.network.ports import bind, drop_port, new_port, unbind
from openesc.cloudsim.volume import attaching

routes = Routes("compute", "/compute/v2.1")
_VOLUMES = "os_compute_api:os-volumes-attachments"
_ATTACHABLE = ("active", "stopped", "paused", "suspended", "resized", "shelved_offloaded")


def _view(call: Call, server: Server, device: dict[str, Any]) -> dict[str, Any]:
    shown = {"volumeId": device["volume_id"], "serverId": server.id, "device": device["device"]}
    if call.microversion < (2, 89):
        shown["id"] = device["volume_id"]
    else:
        shown |= {"attachment_id": device["attachment_id"], "bdm_uuid": device["attachment_id"]}
    if call.microversion >= (2, 70):
        shown["tag"] = device["tag"]
    if call.microversion >= (2, 79):
        shown["delete_on_termination"] = device["delete_on_termination"]
    return shown


def _attached(server: Server) -> list[dict[str, Any]]:
    return [device for device in server.devices if device.get("volume_id")]


def _device(call: Call, server: Server) -> dict[str, Any]:
    volume_id = call.params["volume"]
    for device in _attached(server):
        if device["volume_id"] == volume_id:
            return device
    raise not_found(f"Instance {server.id} is not attached to volume {volume_id}")


@routes.add("GET", "/servers/{id}/os-volume_attachments", "volume_attachment.list")
def list_volumes(call: Call) -> Response:
    """The server's volumes."""
    server = find_server(call)
    return call.answer({"volumeAttachments": [_view(call, server, device) for device in _attached(server)]})


@routes.add("GET", "/servers/{id}/os-volume_attachments/{volume}", "volume_attachment.show")
def show_volume(call: Call) -> Response:
    """One of the server's volumes."""
    server = find_server(call)
    return call.answer({"volumeAttachment": _view(call, server, _device(call, server))})


@routes.add("POST", "/servers/{id}/os-volume_attachments", "volume_attachment.create", "member", f"{_VOLUMES}:create")
def attach_volume(call: Call) -> Response:
    """available > reserved > attaching > in-use."""
    server, given = find_server(call), call.body("volumeAttachment")
    require_unlocked(call, server)
    require_state(server, "attach_volume", _ATTACHABLE)
    volume = call.cloud.volumes.get(str(given.get("volumeId")))
    if volume is None or not (call.is_admin or volume.project_id == call.project_id):
        raise not_found(f"Volume {given.get('volumeId')} could not be found.")
    if volume.attachments and not volume.multiattach:
        ids = ", ".join(attachment["server_id"] for attachment in volume.attachments)
        raise bad_request(f"Invalid volume: volume {volume.id} is already attached to instances: {ids}")
    if volume.status not in ("available", "in-use"):
        raise bad_request(
            f"Invalid input received: Invalid volume: Volume {volume.id} status must be available or "
            f"in-use or downloading "
            f"to reserve, but the current status is {volume.status}."
        )
    device = {
        "volume_id": volume.id, "source": "volume", "uuid": volume.id, "size": volume.size, "type": None,
        "boot_index": -1,
        "tag": given.get("tag"), "delete_on_termination": bool(given.get("delete_on_termination", False)),
        "device": given.get("device") or _free_device(server), "attachment_id": new_uuid(),
    }  # fmt: skip
    attaching.save(call.cloud, volume, status="reserved")
    save(call.cloud, server, devices=[*server.devices, device])
    begin(call, server, "attach_volume", "volume.attaching", 0.2, volume=volume.id)
    return call.answer({"volumeAttachment": _view(call, server, device)})


def _free_device(server: Server) -> str:
    used = {device["device"] for device in server.devices} | {server.root_device}
    return next(name for letter in "bcdefghijklmnopqrstuvwxyz" if (name := f"/dev/vd{letter}") not in used)


@step("volume.attaching")
def _attaching(cloud: Cloud, job: Job) -> Next:
    volume = cloud.volumes.get(job.args["volume"])
    if volume is not None:
        attaching.save(cloud, volume, status="attaching")
    return ("volume.attached", 0.1)


@server_step("volume.attached")
def _attached_now(cloud: Cloud, job: Job, server: Server) -> Next:
    volume = cloud.volumes.get(job.args["volume"])
    if volume is None:
        return None
    device = next((d for d in server.devices if d.get("volume_id") == volume.id), None)
    error = failure(job, server.host)
    finish_action(cloud, job, "compute_attach_volume", error)
    if error is not None or device is None:
        attaching.save(cloud, volume, status="available")
        save(cloud, server, devices=[d for d in server.devices if d is not device])
        return None
    attaching.attach(cloud, volume, server.id, device["device"], server.host, device["attachment_id"])
    save(cloud, server)
    return None


@routes.add(
    "PUT",
    "/servers/{id}/os-volume_attachments/{volume}",
    "volume_attachment.update",
    "member",
    f"{_VOLUMES}:update",
)
def change_volume(call: Call) -> Response:
    """Set delete_on_termination (2.85); swap the volume, which only Cinder may, in its own migrations."""
    server, given = find_server(call), call.body("volumeAttachment")
    device, other = _device(call, server), given.get("volumeId")
    if other in (None, device["volume_id"]):
        device["delete_on_termination"] = bool(given.get("delete_on_termination", device["delete_on_termination"]))
        save(call.cloud, server)
        return empty(202)
    call.require("admin", f"{_VOLUMES}:swap")
    if not call.cloud.settings.root_volume_swap:
        raise conflict(f"volume {device['volume_id']} is not migrating; this API should only be called by Cinder")
    _swap(call.cloud, server, device, str(other))
    return empty(202)


def _swap(cloud: Cloud, server: Server, device: dict[str, Any], other: str) -> None:
    fresh = cloud.volumes.get(other)
    if fresh is None or fresh.status != "available":
        raise bad_request(f"Invalid volume: Volume {other} is not available.")
    attaching.detach(cloud, {**device, "delete_on_termination": False}, server.id)
    device.update(volume_id=fresh.id, uuid=fresh.id)
    attaching.attach(cloud, fresh, server.id, device["device"], server.host, device["attachment_id"])
    save(cloud, server)


@routes.add(
    "DELETE",
    "/servers/{id}/os-volume_attachments/{volume}",
    "volume_attachment.delete",
    "member",
    f"{_VOLUMES}:delete",
)
def detach_volume(call: Call) -> Response:
    """detaching > available; never the root volume."""
    server = find_server(call)
    require_unlocked(call, server)
    device = _device(call, server)
    if device["boot_index"] == 0:
        raise bad_request("Cannot detach a root device volume")
    require_state(server, "detach_volume", _ATTACHABLE)
    volume = call.cloud.volumes.get(device["volume_id"])
    if volume is not None:
        attaching.save(call.cloud, volume, status="detaching")
    begin(call, server, "detach_volume", "volume.detached", 0.1, volume=device["volume_id"])
    return empty(202)


@server_step("volume.detached")
def _detached(cloud: Cloud, job: Job, server: Server) -> Next:
    volume = cloud.volumes.get(job.args["volume"])
    error = failure(job, server.host)
    finish_action(cloud, job, "compute_detach_volume", error)
    if error is not None:
        if volume is not None:
            attaching.save(cloud, volume, status="in-use")
        return None
    for device in [d for d in server.devices if d.get("volume_id") == job.args["volume"]]:
        attaching.detach(cloud, device, server.id)
        server.devices.remove(device)
    save(cloud, server)
    return None


def _interface_view(port: Port) -> dict[str, Any]:
    return {
        "port_id": port.id, "net_id": port.network_id, "mac_addr": port.mac_address, "port_state": port.status,
        "fixed_ips": port.fixed_ips, "tag": None,
    }  # fmt: skip


@routes.add("GET", "/servers/{id}/os-interface", "interface.list")
def list_interfaces(call: Call) -> Response:
    """The server's ports."""
    server = find_server(call)
    rows = [_interface_view(port) for port in call.cloud.ports.by("device", server.id)]
    return call.answer({"interfaceAttachments": rows})


def _port(call: Call, server: Server) -> Port:
    port = call.cloud.ports.get(call.params["port"])
    if port is None or port.device_id != server.id:
        raise not_found(f"Port id {call.params['port']} could not be found.")
    return port


@routes.add("GET", "/servers/{id}/os-interface/{port}", "interface.show")
def show_interface(call: Call) -> Response:
    """One of the server's ports."""
    return call.answer({"interfaceAttachment": _interface_view(_port(call, find_server(call)))})


@routes.add(
    "POST",
    "/servers/{id}/os-interface",
    "interface.create",
    "member",
    "os_compute_api:os-attach-interfaces:create",
)
def attach_interface(call: Call) -> Response:
    """Plug a port that exists, or a new one on a network."""
    server = find_server(call)
    require_unlocked(call, server)
    require_state(server, "attach_interface", ("active", "stopped", "paused"))
    given = call.document.get("interfaceAttachment") or {}
    port = _existing(call, given["port_id"]) if given.get("port_id") else _made(call, server, given)
    bind(call.cloud, port, server.id, server.host or "", server.zone or "nova")
    server.networks.append({"port": port.id})
    save(call.cloud, server, addresses=addresses(call.cloud, server))
    return call.answer({"interfaceAttachment": _interface_view(port)})


def _existing(call: Call, identifier: str) -> Port:
    port = call.cloud.ports.get(identifier)
    if port is None or not (call.is_admin or port.project_id == call.project_id):
        raise not_found(f"Port id {identifier} could not be found.")
    if port.device_id:
        raise conflict(f"Port {port.id} is still in use.")
    return port


def _made(call: Call, server: Server, given: dict[str, Any]) -> Port:
    network = call.cloud.networks.get(str(given.get("net_id")))
    if network is None:
        raise bad_request(f"Network {given.get('net_id')} could not be found.")
    if network.external and not call.is_admin:
        raise forbidden(f"It is not allowed to create an interface on external network {network.id}")
    port = new_port(call.cloud, network.id, server.project_id, {"fixed_ips": given.get("fixed_ips")})
    port.made_by_nova = True
    return port


@routes.add(
    "DELETE",
    "/servers/{id}/os-interface/{port}",
    "interface.delete",
    "member",
    "os_compute_api:os-attach-interfaces:delete",
)
def detach_interface(call: Call) -> Response:
    """Unplug a port, some time after the answer; one that Nova made is deleted."""
    server = find_server(call)
    require_unlocked(call, server)
    require_state(server, "detach_interface", ("active", "stopped", "paused"))
    port = _port(call, server)
    begin(call, server, "detach_interface", "interface.detached", 0.1, port=port.id)
    return empty(202)


@server_step("interface.detached")
def _interface_detached(cloud: Cloud, job: Job, server: Server) -> Next:
    port = cloud.ports.get(job.args["port"])
    error = failure(job, server.host)
    finish_action(cloud, job, "compute_detach_interface", error)
    if error is not None:
        return None
    server.networks = [entry for entry in server.networks if entry.get("port") != job.args["port"]]
    if port is not None and port.made_by_nova:
        drop_port(cloud, port)
    elif port is not None:
        unbind(cloud, port)
    save(cloud, server, addresses=addresses(cloud, server))
    return None
