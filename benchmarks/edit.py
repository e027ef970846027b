"""What a durable edit of one deployment costs while 10, 1,000 and 10,000 deployments are there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from tests.rawclient import RawClient

from benchmarks import documents
from benchmarks.house import House, Site, Subscriber, check_ok
from benchmarks.measure import Disk, median, ms, percentile
from benchmarks.population import populate
from benchmarks.report import Table

ROUNDS = 12
EDITS = 10
"""Edits of one size in a round; the sizes take turns, so that a noisy moment hits all of them."""
SETTLE_SECONDS = 0.005
COLUMNS = (
    "deployments",
    "client p50",
    "client p99",
    "tiny rpc p50",
    "server p50",
    "server CPU p50",
    "with its update",
    "p50 to the first",
    "CPU to the first",
)
WAITS = (1, 0)
"""The recovery_wait_time changes with every edit."""


@dataclass
class Bench:
    """One size: its server, its sessions, what was measured."""

    deployments: int
    house: House
    client: RawClient
    subscriber: Subscriber
    edits: int = 0
    latency: list[float] = field(default_factory=list)
    floor: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    floor_cpu: list[float] = field(default_factory=list)
    update_cpu: list[float] = field(default_factory=list)

    async def once(self, *, keep: bool = True) -> None:
        """One edit until its update has been announced, then one tiny request."""
        operation = documents.edit(documents.deployment(self.deployments // 2, recovery_wait=WAITS[self.edits % 2]))
        self.edits += 1
        cpu = self.house.cpu
        latency, edit_cpu = await self._timed(operation, b"<ok/>")
        await self.subscriber.next("SERVICE_UPDATED")
        await asyncio.sleep(SETTLE_SECONDS)  # its last transaction
        update_cpu = self.house.cpu - cpu
        floor, floor_cpu = await self._timed(documents.TINY, b"<data/>")
        if keep:
            self.latency.append(latency)
            self.cpu.append(edit_cpu)
            self.update_cpu.append(update_cpu)
            self.floor.append(floor)
            self.floor_cpu.append(floor_cpu)

    async def _timed(self, operation: str, expected: bytes) -> tuple[float, float]:
        cpu, began = self.house.cpu, time.perf_counter()
        reply = await self.client.rpc(operation)
        took, used = time.perf_counter() - began, self.house.cpu - cpu
        if expected not in reply:
            check_ok(reply)
        return took, used

    async def close(self) -> None:
        await self.client.close()
        await self.subscriber.client.close()


async def run(site: Site, sizes: Sequence[int], rounds: int) -> Table:
    """Measure all sizes in turns."""
    disk = Disk(site.folder)
    with ExitStack() as servers:
        benches = [await _bench(site, servers, size) for size in sizes]
        try:
            for bench in benches:
                for _ in range(EDITS):
                    await bench.once(keep=False)
            for _ in range(rounds):
                for bench in benches:
                    for _ in range(EDITS):
                        await bench.once()
                disk.sample(EDITS)
        finally:
            disk.close()
            await asyncio.gather(*(bench.close() for bench in benches))
    return _table(benches, disk)


async def _bench(site: Site, servers: ExitStack, size: int) -> Bench:
    data_dir = site.data_dir()
    await populate(data_dir, range(size))
    house = servers.enter_context(site.open(data_dir))
    return Bench(size, house, await house.session(), await house.subscriber())


def _table(benches: Sequence[Bench], disk: Disk) -> Table:
    table = Table(
        f"edit: {len(benches[0].latency)} durable edit-configs of one deployment at each size (ms)",
        COLUMNS,
    )
    table.rows += [_row(bench, benches[0]) for bench in benches]
    table.notes = [
        "server p50: client p50 less the p50 of a request that reads nothing, so validation, planning and the disk",
        "server CPU: of all threads of the server from request to reply; with its update: until the update has ended",
        "each edit is a real change; the update operation it queues runs to its SERVICE_UPDATED before the next edit",
        f"an append with fdatasync to the same disk in the same minutes: {ms(median(disk.seconds))} p50, "
        f"{ms(percentile(disk.seconds, 99))} p99",
        "to the first: client p50 and server CPU p50 against those of the first size",
    ]
    return table


def _row(bench: Bench, first: Bench) -> Sequence[str]:
    p50, cpu = median(bench.latency), median(bench.cpu)
    return (
        f"{bench.deployments:,}",
        ms(p50),
        ms(percentile(bench.latency, 99)),
        ms(median(bench.floor)),
        ms(p50 - median(bench.floor)),
        ms(cpu),
        ms(median(bench.update_cpu)),
        f"{p50 / median(first.latency):.2f}",
        f"{cpu / median(first.cpu):.2f}",
    )
