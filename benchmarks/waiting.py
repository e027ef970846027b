"""What waiting costs on the real services: calls to the APIs in a minute with few and with many operations in flight.

The hypervisors are told to take very long for a boot, so that every deployment waits for its server.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tests.openstack.lab.lab import Lab
from tests.openstack.lab.services import compute
from tests.rawclient import RawClient

from benchmarks import documents
from benchmarks.access_log import AccessLogs
from benchmarks.house import House, Subscriber, check_ok
from benchmarks.report import Table

SLOW = "LAB_SPAWN_SECONDS"
SPAWN_SECONDS = 3000
NAME = "bench-waits"
ASKED_SECONDS = 300.0
"""How long the cloud may take to take all servers."""
CALM_SECONDS = 10.0
"""After the last server was asked for: those that are new are looked at more often."""
LOOK_SECONDS = 1.0
AGENT = "openesc"
SERVER_MADE = ("nova", "POST servers")
COLUMNS = ("operations in flight", "calls a minute", "of them", "server CPU s a minute")


async def run(
    house: House, client: RawClient, subscriber: Subscriber, lab: Lab, sizes: Sequence[int], seconds: float
) -> Table:
    """So many deployments of one VM, which all wait for their servers to become ACTIVE; `seconds` long at each size."""
    table = Table(f"openstack: what waiting costs, counted for {seconds:g} s", COLUMNS)
    names = [f"{NAME}-{number}" for number in range(max(sizes))]
    with _slow(lab):
        table.rows.append(await _measure(house, lab, 0, seconds))
        logs, asked = AccessLogs(lab.settings), 0
        for size in sorted(sizes):
            await _ask(client, logs, names[asked:size])
            table.rows.append(await _measure(house, lab, size, seconds))
            asked = size
    # hypervisors that start anew give up what was booting; what they were told to delete meanwhile they would forget
    for name in names:
        check_ok(await client.rpc(documents.edit(documents.removal(name))))
    left = set(names)
    while left:
        left.discard(await subscriber.next("SERVICE_UNDEPLOYED", failures=True))
    table.notes = ["in flight: deployments of one VM, whose hypervisor takes its time"]
    return table


@contextmanager
def _slow(lab: Lab) -> Iterator[None]:
    """Boots take very long until the end of the block."""
    os.environ[SLOW] = str(SPAWN_SECONDS)
    try:
        _restart(lab)
        yield
    finally:
        del os.environ[SLOW]
        _restart(lab)


def _restart(lab: Lab) -> None:
    for host in lab.settings.host_names:
        lab.stop(compute(host).name)
        lab.start(compute(host).name)


async def _ask(client: RawClient, logs: AccessLogs, names: Sequence[str]) -> None:
    """Deployments of these names are there, and the cloud has taken the server of each."""
    for name in names:
        check_ok(await client.rpc(documents.edit(documents.of_vms(name, 1))))
    taken = 0
    async with asyncio.timeout(ASKED_SECONDS):
        while taken < len(names):
            await asyncio.sleep(LOOK_SECONDS)
            taken += logs.take(AGENT)[SERVER_MADE]
    await asyncio.sleep(CALM_SECONDS)


async def _measure(house: House, lab: Lab, size: int, seconds: float) -> Sequence[str]:
    logs, used = AccessLogs(lab.settings), house.cpu
    await asyncio.sleep(seconds)
    calls, minutes = logs.take(AGENT), seconds / 60
    listed = ", ".join(f"{service}: {what} {count / minutes:.0f}" for (service, what), count in calls.most_common())
    return (str(size), f"{calls.total() / minutes:.0f}", listed, f"{(house.cpu - used) / minutes:.2f}")
