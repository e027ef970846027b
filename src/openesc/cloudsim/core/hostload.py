"""How much of each host its servers use."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from openesc.cloudsim.core.records import Server

RESOURCES = ("vcpus", "ram", "disk")


class HostLoad:
    """Sums per host, kept in step by `claim` and `release`."""

    def __init__(self, servers: Iterable[Server]) -> None:
        self._used: dict[str, dict[str, int]] = {}
        for server in servers:
            if server.host is not None:
                self.claim(server.host, server.flavor)

    def claim(self, host: str, flavor: dict[str, Any]) -> None:
        """A server of this flavor is on the host."""
        self._add(host, flavor, 1)

    def release(self, host: str | None, flavor: dict[str, Any]) -> None:
        """A server of this flavor has left the host."""
        if host is not None:
            self._add(host, flavor, -1)

    def used(self, host: str) -> dict[str, int]:
        """Sums of vcpus, ram (MiB), disk (GiB) and the number of servers."""
        return self._used.setdefault(host, dict.fromkeys((*RESOURCES, "servers"), 0))

    def _add(self, host: str, flavor: dict[str, Any], sign: int) -> None:
        used = self.used(host)
        used["servers"] += sign
        for name in RESOURCES:
            used[name] += sign * int(flavor[name])
