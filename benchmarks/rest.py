"""REST while 10,000 deployments are there: reading one of them, and an operation on one VM."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence

from benchmarks import population
from benchmarks.house import House, Site
from benchmarks.http import Connection
from benchmarks.measure import median, ms, percentile
from benchmarks.report import Table

READS, POSTS = 2000, 400
WARM = 50
CONNECTIONS = (1, 8)
COLUMNS = ("request", "connections", "requests", "a second", "p50 ms", "p99 ms", "server CPU ms each")
OPERATION = (
    b'<vm_operation xmlns="urn:ietf:params:xml:ns:netconf:base:1.0">'
    b"<operation>disable_monitor</operation></vm_operation>"
)
Request = tuple[str, str, bytes]


async def run(site: Site, deployments: int) -> Table:
    """Measure reads first, then operations: each of them on a VM of its own."""
    data_dir = site.data_dir()
    await population.populate(data_dir, range(deployments))
    table = Table(f"rest: {deployments:,} deployments", COLUMNS)
    with site.open(data_dir, OPENESC_REST__PORT="0") as house:
        await _measure(house, [_read(number, deployments) for number in range(WARM)], 1)
        for connections in CONNECTIONS:
            reads = [_read(number, deployments) for number in range(READS)]
            table.rows.append(_row("GET one deployment", connections, *await _measure(house, reads, connections)))
        operations = _operations(deployments)
        for connections in CONNECTIONS:
            posts = [next(operations) for _ in range(POSTS)]
            table.rows.append(_row("POST vm_operation", connections, *await _measure(house, posts, connections)))
    table.notes = [
        "a read is configuration and operational data of one deployment, each time another one",
        "an operation is stored, queued and answered; its run (no call to the cloud) is in the CPU but not waited for",
        "client and server share the cores",
    ]
    return table


def _read(number: int, deployments: int) -> Request:
    spread = number * 7919 % deployments
    return "GET", f"/ESCManager/v0/deployments/{population.deployment_id(spread)}", b""


def _operations(deployments: int) -> Iterator[Request]:
    for number in range(deployments):
        yield "POST", f"/ESCManager/v0/admin/deployments/vm/{population.vm_name(number)}", OPERATION


async def _measure(house: House, requests: Sequence[Request], connections: int) -> tuple[list[float], float, float]:
    """Latency of each request, seconds and server CPU of all; each connection sends its share one by one."""
    address = house.server.endpoints["rest"]
    open_ones = [await Connection.open(address["host"], address["port"]) for _ in range(connections)]
    cpu, began = house.cpu, time.perf_counter()
    try:
        shares = [requests[at::connections] for at in range(connections)]
        found = await asyncio.gather(*map(_one_by_one, open_ones, shares))
    finally:
        for connection in open_ones:
            connection.close()
    return [latency for share in found for latency in share], time.perf_counter() - began, house.cpu - cpu


async def _one_by_one(connection: Connection, requests: Sequence[Request]) -> list[float]:
    latencies = []
    for request in requests:
        began = time.perf_counter()
        await connection.call(*request)
        latencies.append(time.perf_counter() - began)
    return latencies


def _row(what: str, connections: int, latencies: Sequence[float], seconds: float, cpu: float) -> Sequence[str]:
    count = len(latencies)
    return (
        what,
        str(connections),
        f"{count:,}",
        f"{count / seconds:,.0f}",
        ms(median(latencies)),
        ms(percentile(latencies, 99)),
        ms(cpu / count),
    )
