"""Guests: who answers a ping, and what a guest sees of its configuration."""

from __future__ import annotations

import base64
import json
from fnmatch import fnmatchcase
from typing import Any

from openesc.cloudsim.core.call import Call
from openesc.cloudsim.core.cloud import Cloud
from openesc.cloudsim.core.faults import bad_request, not_found
from openesc.cloudsim.core.http import Response
from openesc.cloudsim.core.records import Server
from openesc.cloudsim.core.routing import Routes

routes = Routes("sim", "/sim")
RUNNING = 1
_UP = frozenset({"active", "resized"})
_DEAF_TASKS = frozenset({
    "rebooting", "reboot_pending", "reboot_started", "rebooting_hard", "reboot_pending_hard", "reboot_started_hard",
    "rebuilding", "rebuild_spawning", "rebuild_block_device_mapping",
})  # fmt: skip


@routes.add("GET", "/ping", "sim.ping", "none")
def ping(call: Call) -> Response:
    """Whether a guest answers: by ``server`` (id or name) or by ``ip``."""
    server = _pinged(call)
    alive = server is not None and is_alive(call.cloud, server)
    return call.answer({"alive": alive, "server": server.id if server else None})


def _pinged(call: Call) -> Server | None:
    named, address = call.arg("server"), call.arg("ip")
    if named is not None:
        return call.cloud.servers.get(named) or call.cloud.servers.first("name", named)
    if address is None:
        raise bad_request("ping needs server=ID or ip=ADDRESS")
    return by_address(call.cloud, address)


def by_address(cloud: Cloud, address: str) -> Server | None:
    """A server with this address; where networks overlap, one that runs comes first."""
    owners = [cloud.addresses.owner(subnet.id, address) for subnet in cloud.subnets]
    ports = [port for owner in owners if owner and (port := cloud.ports.get(owner)) is not None]
    found = [server for port in ports if (server := cloud.servers.get(port.device_id)) is not None]
    return max(found, key=lambda server: is_alive(cloud, server), default=None)


def is_alive(cloud: Cloud, server: Server) -> bool:
    """Whether the guest has booted, runs, is on a live host, and no fault rule silences it."""
    if server.vm_state not in _UP or server.power_state != RUNNING or server.task_state in _DEAF_TASKS:
        return False
    if server.power_on_at is None or cloud.now() < server.power_on_at + cloud.settings.boot_seconds:
        return False
    if server.host is not None and not cloud.find_host_up(server.host):
        return False
    return not any(_silences(rule.action, rule.match, server) for rule in cloud.rules)


def _silences(action: dict[str, Any], match: dict[str, Any], server: Server) -> bool:
    pattern = match.get("server") or match.get("name") or "*"
    return action["type"] == "ping_silent" and (fnmatchcase(server.name, pattern) or server.id == pattern)


@routes.add("GET", "/servers/{id}/guest", "sim.guest", "none")
def guest(call: Call) -> Response:
    """User data, config drive files, metadata, addresses and power, as the guest would find them."""
    server = call.cloud.servers.get(call.params["id"]) or call.cloud.servers.first("name", call.params["id"])
    if server is None:
        raise not_found(f"There is no server {call.params['id']}")
    user_data = base64.b64decode(server.user_data) if server.user_data else None
    return call.answer({
        "id": server.id, "name": server.name, "host": server.host, "power": server.power_state == RUNNING,
        "alive": is_alive(call.cloud, server), "user_data": _text(user_data) if user_data is not None else None,
        "metadata": server.metadata, "addresses": server.addresses,
        "config_drive": config_drive(server, user_data) if server.config_drive else None,
        "personality": {entry["path"]: _text(base64.b64decode(entry["contents"])) for entry in server.personality},
        "volumes": [device["volume_id"] for device in server.devices if device.get("volume_id")],
    })  # fmt: skip


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return "base64:" + base64.b64encode(data).decode()


def config_drive(server: Server, user_data: bytes | None) -> dict[str, str]:
    """The files of the config drive by path, as Nova lays them out (nova.virt.configdrive)."""
    files: dict[str, str] = {}
    injected = []
    for number, entry in enumerate(server.personality):
        path = f"content/{number:04d}"
        files[f"openstack/{path}"] = _text(base64.b64decode(entry["contents"]))
        injected.append({"content_path": f"/{path}", "path": entry["path"]})
    meta = {
        "uuid": server.id, "name": server.name, "hostname": server.name, "meta": server.metadata, "launch_index": 0,
        "availability_zone": server.zone, "project_id": server.project_id, "devices": [],
        **({"files": injected} if injected else {}),
    }  # fmt: skip
    files["openstack/latest/meta_data.json"] = json.dumps(meta)
    files["openstack/latest/network_data.json"] = json.dumps(_network_data(server))
    files["openstack/latest/vendor_data.json"] = "{}"
    if user_data is not None:
        files["openstack/latest/user_data"] = _text(user_data)
    return files


def _network_data(server: Server) -> dict[str, Any]:
    entries = [(name, entry) for name, rows in server.addresses.items() for entry in rows]
    links = [
        {"id": f"tap{i}", "type": "ovs", "ethernet_mac_address": e["OS-EXT-IPS-MAC:mac_addr"]}
        for i, (_, e) in enumerate(entries)
    ]
    networks = [
        {
            "id": f"network{i}",
            "link": f"tap{i}",
            "type": f"ipv{e['version']}",
            "ip_address": e["addr"],
            "network_id": name,
        }
        for i, (name, e) in enumerate(entries)
    ]
    return {"links": links, "networks": networks, "services": []}
