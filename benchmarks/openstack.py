"""openesc on the real services of `tests/openstack/lab`, beside a bare script on openstacksdk that makes the same
servers: time, CPU, and what the cloud's APIs were asked (docs/openstack.md).
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from typing import Protocol

from tests.openstack.lab import seed
from tests.openstack.lab.access import connect
from tests.openstack.lab.lab import Lab
from tests.openstack.lab.settings import Settings
from tests.rawclient import RawClient

from benchmarks import documents, waiting
from benchmarks.access_log import AccessLogs, Call
from benchmarks.house import House, Site, Subscriber, check_ok
from benchmarks.measure import median
from benchmarks.report import Table, Tables
from benchmarks.script import script

LOGIN = "lab-admin"
PREFIX = "bench-"
"""Of every name."""
EVENT_SECONDS = 600.0
"""How long there may be no news: two processors run all of OpenStack."""


class Side(Protocol):
    """One of the two that are compared."""

    who: str
    agent: str
    """How its User-Agent begins."""

    async def make(self, name: str, count: int) -> tuple[float, float]:
        """So many servers: seconds, CPU seconds."""
        ...

    async def remove(self, name: str) -> tuple[float, float]:
        """And gone again."""
        ...


class Openesc:
    """openesc, driven by NETCONF: from the edit to the event that ends it."""

    who = "openesc"
    agent = "openesc"

    def __init__(self, house: House, client: RawClient, subscriber: Subscriber) -> None:
        self._house = house
        self._client = client
        self._subscriber = subscriber

    async def make(self, name: str, count: int) -> tuple[float, float]:
        """One deployment with a group of `count` VMs."""
        return await self._edit(documents.of_vms(name, count), "SERVICE_ALIVE")

    async def remove(self, name: str) -> tuple[float, float]:
        """The deployment's removal."""
        return await self._edit(documents.removal(name), "SERVICE_UNDEPLOYED")

    async def _edit(self, document: bytes, last: str) -> tuple[float, float]:
        began, used = time.perf_counter(), self._house.cpu
        check_ok(await self._client.rpc(documents.edit(document)))
        await self._subscriber.next(last)
        return time.perf_counter() - began, self._house.cpu - used


@dataclass(frozen=True)
class Round:
    """What one side did once: seconds, CPU seconds and calls, first of making, then of removing."""

    seconds: tuple[float, float]
    cpu: tuple[float, float]
    calls: tuple[Counter[Call], Counter[Call]]


async def run(site: Site, servers: int, rounds: int, in_flight: Sequence[int], seconds: float) -> Tables:
    """Deploy `servers` VMs in one deployment, `rounds` times, each time beside the script; then look `seconds` long at
    what waiting costs with so many operations `in_flight`. Raises: RuntimeError where the lab is not up.
    """
    settings = Settings.from_environment()
    lab = running(settings)
    environment = {"OS_CLIENT_CONFIG_FILE": str(settings.under("clouds.yaml")), "OS_CLOUD": LOGIN}
    of_openesc = {"OPENESC_VIM__KIND": "openstack", "OPENESC_VIM__CLOUD": LOGIN}
    tables: list[Table] = []
    with _swept(settings), site.open(site.data_dir(), **environment, **of_openesc) as house:
        async with _sessions(house) as (client, subscriber):
            if rounds:
                tables += await _compare(Openesc(house, client, subscriber), settings, environment, servers, rounds)
            if in_flight:
                tables.append(await waiting.run(house, client, subscriber, lab, in_flight, seconds))
    return Tables(tables)


@contextmanager
def _swept(settings: Settings) -> Iterator[None]:
    """Nothing of this benchmark is in the cloud before the block, and none after one that went wrong."""
    _sweep(settings)
    try:
        yield
    finally:
        _sweep(settings)


def _sweep(settings: Settings) -> None:
    with closing(connect(settings)) as cloud:
        for server in [one for one in cloud.compute.servers() if one.name.startswith(PREFIX)]:
            cloud.compute.delete_server(server)
        for port in [one for one in cloud.network.ports() if one.name.startswith(PREFIX)]:
            cloud.network.delete_port(port)


def running(settings: Settings) -> Lab:
    """The lab. Raises: RuntimeError that names what does not run."""
    lab = Lab(settings)
    down = [name for name, pid in lab.status().items() if pid is None]
    if down:
        raise RuntimeError(
            f"the lab in {settings.folder} is not up ({', '.join(down)}): make openstack-up brings it up"
        )
    return lab


@asynccontextmanager
async def _sessions(house: House) -> AsyncIterator[tuple[RawClient, Subscriber]]:
    client, subscriber = await house.session(), await house.subscriber()
    subscriber.client.timeout = EVENT_SECONDS
    yield client, subscriber
    await client.close()
    await subscriber.client.close()


async def _compare(
    openesc: Openesc, settings: Settings, environment: Mapping[str, str], servers: int, rounds: int
) -> list[Table]:
    flavor = seed.FLAVORS[0][0]
    async with script(environment, flavor, seed.IMAGE, seed.NETWORK) as bare:
        sides: tuple[Side, Side] = (openesc, bare)
        for side in sides:  # logs in, finds out what the services are
            await _round(side, settings, f"{PREFIX}warm-{side.agent}", 1)
        done: dict[str, list[Round]] = {side.who: [] for side in sides}
        for number in range(rounds):
            for side in sides if number % 2 == 0 else reversed(sides):
                done[side.who].append(await _round(side, settings, f"{PREFIX}{side.agent}-{number}", servers))
                _tell(side, done[side.who][-1])
    return [_times(done, servers), _calls(done, servers, rounds)]


def _tell(side: Side, one: Round) -> None:
    """A round takes minutes on a crowded machine: who waits sees that it goes on, and what it was if the run ends."""
    calls = " and ".join(str(counted.total()) for counted in one.calls)
    made, removed = one.seconds
    print(f"{side.who}: made in {made:.1f} s, removed in {removed:.1f} s, {calls} calls", file=sys.stderr, flush=True)


async def _round(side: Side, settings: Settings, name: str, servers: int) -> Round:
    logs = AccessLogs(settings)
    made = await side.make(name, servers)
    making = logs.take(side.agent)
    removed = await side.remove(name)
    return Round((made[0], removed[0]), (made[1], removed[1]), (making, logs.take(side.agent)))


COLUMNS = ("round", "made by", "seconds", "CPU s", "calls", "removed in s", "CPU s", "calls")


def _times(done: Mapping[str, Sequence[Round]], servers: int) -> Table:
    table = Table(f"openstack: {servers} VMs of one deployment, and as many servers of a bare script", COLUMNS)
    (who, ours), (_, theirs) = done.items()
    for number, pair in enumerate(zip(ours, theirs, strict=True), 1):
        table.rows += [_row(number, name, one) for name, one in zip(done, pair, strict=True)]
    for what, at in (("made", 0), ("removed", 1)):
        ratios = [our.seconds[at] / their.seconds[at] for our, their in zip(ours, theirs, strict=True)]
        listed = ", ".join(f"{ratio:.3f}" for ratio in ratios)
        table.notes.append(f"{what}: {who} takes {median(ratios):.3f} times as long, the median of {listed}")
    table.notes += [
        "openesc: from the edit to SERVICE_ALIVE, which is after a ping of each VM; the script: until all are ACTIVE",
        "the script: a thread for each server, wait_for_server of openstacksdk (a look every 2 s each)",
        "everything shares the cores; the two take turns, and who begins changes from round to round",
    ]
    return table


def _row(number: int, who: str, one: Round) -> Sequence[str]:
    cells = [
        (f"{one.seconds[at]:.1f}", f"{one.cpu[at]:.2f}", f"{one.calls[at].total()}") for at in range(len(one.seconds))
    ]
    return (str(number), who, *(cell for three in cells for cell in three))


def _calls(done: Mapping[str, Sequence[Round]], servers: int, rounds: int) -> Table:
    """By service and method, the mean of all rounds."""
    columns = [f"{who}: {verb}" for who in done for verb in ("make", "remove")]
    table = Table(f"openstack: calls to the APIs for {servers} VMs, mean of {rounds}", ("service", "call", *columns))
    sums = [sum((one.calls[at] for one in many), Counter[Call]()) for many in done.values() for at in (0, 1)]
    for call in sorted(set().union(*sums)):
        table.rows.append((*call, *(f"{counted[call] / rounds:g}" for counted in sums)))
    table.rows.append(("all", "", *(f"{counted.total() / rounds:g}" for counted in sums)))
    table.notes = ["from the access logs of the services, by User-Agent; what services ask each other is not in it"]
    return table
