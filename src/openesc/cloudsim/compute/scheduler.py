"""Which host a server goes to."""

from __future__ import annotations

from typing import Any

from openesc.cloudsim.core.cloud import Cloud
from openesc.cloudsim.core.records import Host, Server, ServerGroup

_LIMITS = {"vcpus": "host_vcpus", "ram": "host_memory_mb", "disk": "host_disk_gb"}


def fits(cloud: Cloud, host: str, flavor: dict[str, Any]) -> bool:
    """Whether one more server of this flavor has room on the host."""
    used = cloud.load.used(host)
    for name, setting in _LIMITS.items():
        most = getattr(cloud.settings, setting)
        if flavor[name] > most or used[name] + flavor[name] > most * cloud.settings.overcommit:
            return False
    return True


def candidates(cloud: Cloud, server: Server, flavor: dict[str, Any], exclude: tuple[str, ...] = ()) -> list[str]:
    """Hosts that can take the server, the emptiest first."""
    if cloud.service_down("placement"):
        return []
    rows = [host for host in cloud.hosts if host.id not in exclude and _usable(cloud, host, server)]
    names = [host.id for host in rows if fits(cloud, host.id, flavor)]
    group = cloud.server_groups.get(server.group_id) if server.group_id else None
    names = _by_group(cloud, names, server, group) if group is not None else names
    return sorted(names, key=lambda name: cloud.load.used(name)["servers"])


def _usable(cloud: Cloud, host: Host, server: Server) -> bool:
    if not host.enabled or not cloud.find_host_up(host.id):
        return False
    return server.wanted_zone in (None, "", host.zone)


def _by_group(cloud: Cloud, names: list[str], server: Server, group: ServerGroup) -> list[str]:
    others = [cloud.servers.get(member) for member in group.members if member != server.id]
    there = [other.host for other in others if other is not None and other.host is not None]
    if group.policy == "affinity":
        return [name for name in names if name in there] if there else names
    if group.policy == "anti-affinity":
        most = int(group.rules.get("max_server_per_host", 1))
        return [name for name in names if there.count(name) < most]
    return sorted(names, key=lambda name: there.count(name) * (1 if group.policy == "soft-anti-affinity" else -1))
