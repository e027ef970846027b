"""``opdata/stats``: figures of the host the server runs on (developer guide, operational data)."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

Leaves: TypeAlias = "Mapping[str, str | Leaves | list[Leaves]]"
"""A container: leaves by name, containers, and lists of entries."""

_LOAD = ("loadone", "loadfive", "loadfifteen")
_NET = Path("/sys/class/net")


def host_stats() -> Leaves:
    """The figures now. What the system does not tell is left out."""
    system = os.uname()
    found: dict[str, str | Leaves | list[Leaves]] = {
        "hostname": system.nodename,
        "os_name": system.sysname,
        "os_release": system.release,
        "arch": system.machine,
        "uptime": _uptime(),
        "load": {name: f"{value:.2f}" for name, value in zip(_LOAD, os.getloadavg(), strict=True)},
        "cpu": {"cpu_num": str(os.cpu_count() or 1)},
        "memory": _memory(),
        "disk": {"disks": [_disk("/")]},
        "netif": {"interfaces": [_interface(name) for _, name in socket.if_nameindex()]},
    }
    return {name: value for name, value in found.items() if value}


def _uptime() -> str:
    try:
        return Path("/proc/uptime").read_text().partition(".")[0]
    except OSError:
        return ""


def _memory() -> Leaves:
    page = os.sysconf("SC_PAGE_SIZE")
    return {
        "total": str(os.sysconf("SC_PHYS_PAGES") * page),
        "free": str(os.sysconf("SC_AVPHYS_PAGES") * page),
    }


def _disk(mount: str) -> Leaves:
    usage = shutil.disk_usage(mount)
    return {"name": mount, "total": str(usage.total), "free": str(usage.free)}


def _interface(name: str) -> Leaves:
    try:
        address = (_NET / name / "address").read_text().strip()
    except OSError:
        address = ""
    return {"name": name, "mac_address": address} if address else {"name": name}
