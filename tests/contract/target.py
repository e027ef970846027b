"""The clouds the contract holds for, and what differs between them from outside: addresses, hosts, and patience."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.integration.vim.simulator import Simulator, running
from tests.openstack.lab.settings import REGION
from tests.openstack.lab.settings import Settings as LabSettings

from openesc.vim.openstack import OpenStackCloud
from openesc.vim.port import Server
from openesc.vim.settings import VimSettings

CLOUD = os.environ.get("TEST_CLOUD", "cloudsim")
"""``cloudsim``, which each test run starts, or ``openstack``: the lab, which is up already."""


@dataclass(frozen=True)
class Target:
    """One cloud.

    Args:
        name: of the cloud.
        auth: what an administrator logs in with.
        patience: seconds a single transition may take.
        poll: seconds between two looks of the watcher.
        options: more of `VimSettings`.
    """

    name: str
    auth: dict[str, str]
    patience: float
    poll: float
    options: dict[str, Any] = field(default_factory=dict)

    hosts = ("Host-22", "Host-24")
    """Both clouds have these two compute hosts."""

    async def break_next(self, cloud: OpenStackCloud, server: Server, what: str) -> None:
        """Let the hypervisor fail at its next operation of this kind (`FAULTS`) on this server."""
        raise NotImplementedError

    def drive(self, server: Server) -> Mapping[str, str]:
        """The files of the server's config drive, by path."""
        raise NotImplementedError

    def broken_boot(self, name: str) -> dict[str, Any]:
        """What to say in the request, so that no host can start the server of this name."""
        raise NotImplementedError

    def settings(self, vim_id: str = "contract", **changes: Any) -> VimSettings:
        """What a connector needs, by default as an administrator."""
        usual: dict[str, Any] = {"auth": self.auth, "http_timeout": 60.0, "poll_interval": self.poll}
        return VimSettings(vim_id, **(usual | self.options | changes))


FAULTS = {
    "live_migration": "server.live_migrate",
    "power_off": "server.stop",
    "reboot": "server.reboot",
    "snapshot": "server.create_image",
    "migrate_disk_and_power_off": "server.migrate",
}
"""What a hypervisor can be told to fail at, as Nova's drivers and as the simulator call it."""


@dataclass(frozen=True)
class SimulatedTarget(Target):
    """The simulated cloud: it is told of faults by rules."""

    simulator: Simulator = field(kw_only=True)

    async def break_next(self, cloud: OpenStackCloud, server: Server, what: str) -> None:
        match = {"operation": FAULTS[what], "name": server.name}
        await asyncio.to_thread(self.simulator.fault, {"type": "fail"}, match)

    def broken_boot(self, name: str) -> dict[str, Any]:
        self.simulator.fault({"type": "fail"}, {"operation": "server.create", "name": name}, count=None)
        return {}

    def drive(self, server: Server) -> Mapping[str, str]:
        found: Mapping[str, str] = self.simulator.guest(server.id)["config_drive"]
        return found


class RealTarget(Target):
    """The lab: its hypervisor reads the servers' metadata."""

    async def break_next(self, cloud: OpenStackCloud, server: Server, what: str) -> None:
        await cloud.set_server_metadata(server.id, {"lab_fault": what})

    def broken_boot(self, name: str) -> dict[str, Any]:
        return {"metadata": {"lab_fault": "spawn"}}

    def drive(self, server: Server) -> Mapping[str, str]:
        folder = LabSettings.from_environment().under("nova", str(server.hostname), server.id, "config-drive")
        files = (file for file in folder.rglob("*") if file.is_file())
        return {str(file.relative_to(folder)): file.read_text() for file in files}


@contextmanager
def cloudsim(folder: Path) -> Iterator[Target]:
    """The simulated cloud, quick and with its own ping."""
    with running(folder) as simulator:
        usual = simulator.settings()
        auth, ping = dict(usual.auth or {}), {"probe_url": usual.probe_url}
        yield SimulatedTarget("cloudsim", auth, 15.0, 0.2, ping, simulator=simulator)


@contextmanager
def openstack(folder: Path) -> Iterator[Target]:
    """The real services of the lab."""
    lab = LabSettings.from_environment()
    yield RealTarget("openstack", lab.auth(), 120.0, 0.5, {"region": REGION})


TARGETS = {"cloudsim": cloudsim, "openstack": openstack}
