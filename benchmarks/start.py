"""How long a start takes: from the spawn of the process until it listens, and until it has nothing left to do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.server_process import ServerProcess

from benchmarks import documents
from benchmarks.house import QUICK, House, Site, check_ok
from benchmarks.population import count, multiply, populate
from benchmarks.report import Table

COLUMNS = ("start", "ready after s", "CPU s until then", "first edit <ok/> after s", "calm after s", "CPU s until calm")
WINDOW_SECONDS = 0.5
DEPLOY_SECONDS = 30.0
CALM = 0.1
"""Share of a core below which a server is calm."""
CALM_LIMIT_SECONDS = 60.0
DEAF = {**QUICK, "OPENESC_CLOUDSIM__BOOT_SECONDS": "36000"}
"""A cloud whose guests answer no ping for hours: who waits for VM_ALIVE goes on waiting."""
WAITING = "steps where path like '%/alive/deadline'"


@dataclass
class Start:
    """What one start took, in seconds from the spawn."""

    ready: float
    cpu: float
    first_edit: float
    calm: float
    calm_cpu: float

    def row(self, label: str) -> Sequence[str]:
        values = (self.ready, self.cpu, self.first_edit, self.calm, self.calm_cpu)
        return (label, *(f"{value:.2f}" for value in values))


async def run(site: Site, vms: int, operations: int) -> Table:
    """An empty server, its restart, and the start after a crash with everything in flight."""
    table = Table("start: from the spawn of the process (compiled YANG at hand)", COLUMNS)
    empty = site.data_dir()
    try:
        table.rows.append((await _start(empty)).row("empty, starts the simulated cloud too"))
        table.rows.append((await _start(empty)).row("empty, again"))
    finally:
        ServerProcess(empty).close()
    table.rows.append((await _full(site, vms, operations)).row(f"{vms:,} VMs, {operations:,} operations in flight"))
    table.notes = [
        "ready: endpoints.json is there, so the store is read, recovery is decided and NETCONF answers",
        f"calm: the first half second with less than {CALM:.0%} of a core in use; until then the operations "
        "in flight are replayed from their journal and the VM of each is pinged once",
    ]
    return table


async def _full(site: Site, vms: int, operations: int) -> Start:
    """The cloud runs already, as after a crash of the server alone."""
    data_dir = site.data_dir()
    try:
        await _interrupt(data_dir)
        await multiply(data_dir, 0, range(1, operations))
        await populate(data_dir, range(operations, vms))
        result = await _start(data_dir)
        _all_in_flight(data_dir, operations)
        return result
    finally:
        ServerProcess(data_dir).close()


async def _interrupt(data_dir: Path) -> None:
    """Deploy the deployment 0 until it waits for VM_ALIVE; then the server is killed."""
    server = ServerProcess(data_dir, DEAF)
    try:
        client = await House(server.start()).session()
        check_ok(await client.rpc(documents.edit(documents.patient(0))))
        await _until_it_waits(data_dir)
        await client.close()
    finally:
        server.kill()


async def _until_it_waits(data_dir: Path) -> None:
    """Raises: RuntimeError when that takes too long."""
    end = time.monotonic() + DEPLOY_SECONDS
    while time.monotonic() < end:
        if count(data_dir, WAITING):
            return
        await asyncio.sleep(0.05)
    raise RuntimeError(f"the deployment did not come to wait for VM_ALIVE within {DEPLOY_SECONDS:g} s")


def _all_in_flight(data_dir: Path, operations: int) -> None:
    """Raises: RuntimeError when a replay did not come back to where its operation was; its time would mean nothing."""
    still = count(data_dir, "operations where kind = 'deploy' and state = 'running' and crashes = 0")
    if still != operations:
        raise RuntimeError(f"only {still} of {operations} operations are still in flight after the start")


async def _start(data_dir: Path) -> Start:
    """Start, edit, wait until it is calm, kill; the cloud lives on."""
    (data_dir / "endpoints.json").unlink(missing_ok=True)
    server = ServerProcess(data_dir, QUICK)
    began = time.perf_counter()
    try:
        house = House(server.start())
        ready, cpu = time.perf_counter() - began, house.cpu
        await _first_edit(house)
        edited = time.perf_counter() - began
        await _calm(house)
        return Start(ready, cpu, edited, time.perf_counter() - began - WINDOW_SECONDS, house.cpu)
    finally:
        server.kill()


async def _first_edit(house: House) -> None:
    """The smallest one: the tenant alone."""
    client = await house.session()
    check_ok(await client.rpc(documents.edit(documents.tenant())))
    await client.close()


async def _calm(house: House) -> None:
    """Raises: RuntimeError when that takes too long."""
    end = time.monotonic() + CALM_LIMIT_SECONDS
    while time.monotonic() < end:
        before = house.cpu
        await asyncio.sleep(WINDOW_SECONDS)
        if house.cpu - before < CALM * WINDOW_SECONDS:
            return
    raise RuntimeError(f"the server was still busy {CALM_LIMIT_SECONDS:g} s after its start")
