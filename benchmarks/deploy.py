"""How many deployments a second go end to end against a cloud without latencies, and whose CPU that takes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from benchmarks import documents
from benchmarks.house import House, Site, check_ok
from benchmarks.report import Table

COLUMNS = (
    "deployments",
    "seconds",
    "a second",
    "last <ok/> after",
    "server CPU ms each",
    "cloudsim CPU ms each",
    "server's share",
)


async def run(site: Site, sizes: Sequence[int]) -> Table:
    """One server for all sizes; a small warm-up logs into the cloud."""
    table = Table(
        "deploy: new deployments of one VM up to SERVICE_ALIVE, sent on one session one after the other", COLUMNS
    )
    with site.open(site.data_dir()) as house:
        await _measure(house, range(5))
        start = 5
        for size in sizes:
            table.rows.append(await _measure(house, range(start, start + size)))
            start += size
    table.notes = [
        "the cloud answers at once and its guests at the first ping; server and cloud share the cores with the client",
        "server's share: of the CPU of server and cloudsim together",
    ]
    return table


async def _measure(house: House, numbers: range) -> Sequence[str]:
    client, subscriber = await house.session(), await house.subscriber()
    expected = {documents.name(number) for number in numbers}
    server, cloud, began = house.cpu, house.cloud_cpu, time.perf_counter()

    async def send() -> float:
        for number in numbers:
            check_ok(await client.rpc(documents.edit(documents.deployment(number))))
        return time.perf_counter() - began

    sending = asyncio.create_task(send())
    while expected:
        expected.discard(await subscriber.next("SERVICE_ALIVE"))
    seconds, server, cloud = time.perf_counter() - began, house.cpu - server, house.cloud_cpu - cloud
    accepted = await sending
    await client.close()
    await subscriber.client.close()
    return _row(len(numbers), seconds, accepted, server, cloud)


def _row(count: int, seconds: float, accepted: float, server: float, cloud: float) -> Sequence[str]:
    return (
        f"{count:,}",
        f"{seconds:.1f}",
        f"{count / seconds:.1f}",
        f"{accepted:.1f} s",
        f"{server / count * 1000:.0f}",
        f"{cloud / count * 1000:.0f}",
        f"{server / (server + cloud):.0%}",
    )
