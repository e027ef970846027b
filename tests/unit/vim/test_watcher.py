"""Waiting in bulk: what it costs, what ends it, what does not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest

from openesc.vim import goals
from openesc.vim.errors import VimFault, VimForbidden, VimNotFound, VimUnreachable, WaitTimedOut
from openesc.vim.port import Server
from openesc.vim.watcher import Listing, Pace, Watcher

QUICK = Pace(interval=0.05, first=0.005, sweep=10.0)


@dataclass
class Cloud:
    """Servers in memory, and what was asked."""

    servers: dict[str, tuple[str, Server]] = field(default_factory=dict)
    reads: list[str] = field(default_factory=list)
    lists: list[tuple[str | None, bool]] = field(default_factory=list)
    changed: set[str] = field(default_factory=set)
    down: bool = False
    admin: bool = True
    hidden: set[str] = field(default_factory=set)
    kind: str = "server"
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, server: Server, scope: str = "p") -> None:
        self.servers[server.id] = (scope, server)
        self.changed.add(server.id)

    def move(self, server_id: str, status: str, task: str | None = None, fault: str | None = None) -> None:
        scope, server = self.servers[server_id]
        self.put(replace(server, status=status, task_state=task, fault=fault), scope)

    def remove(self, server_id: str) -> None:
        del self.servers[server_id]

    async def read(self, scope: str, item_id: str) -> Server:
        self.reads.append(item_id)
        self._check()
        if item_id not in self.servers:
            raise VimNotFound(f"Instance {item_id} could not be found.", status=404)
        return self.servers[item_id][1]

    async def listing(self, scope: str | None, since: datetime | None) -> Listing[Server]:
        self.lists.append((scope, since is None))
        self._check()
        if scope is None and not self.admin:
            raise VimForbidden("Policy doesn't allow it", status=403)
        seen = [
            server for where, server in self.servers.values() if scope in (None, where) and server.id not in self.hidden
        ]
        chosen = [server for server in seen if since is None or server.id in self.changed]
        self.changed.clear()
        return Listing(chosen, datetime.now(UTC))

    def failed(self, reading: Server) -> bool:
        return reading.status == "ERROR"

    async def fault(self, scope: str, reading: Server) -> str:
        return reading.fault or "no reason given"

    def _check(self) -> None:
        self.asked.set()
        if self.down:
            raise VimUnreachable("Unable to establish connection")

    async def next_answer(self) -> None:
        """Come back after the next request."""
        self.asked.clear()
        await self.asked.wait()


def server(server_id: str, status: str = "BUILD", task: str | None = "scheduling") -> Server:
    return Server(id=server_id, name=f"vm-{server_id}", status=status, task_state=task)


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


@pytest.fixture
async def watcher(cloud: Cloud) -> AsyncIterator[Watcher[Server]]:
    one: Watcher[Server] = Watcher("test", cloud, QUICK)
    yield one
    await one.close()


async def joined(watcher: Watcher[Server], number: int) -> None:
    while watcher.waiting < number:  # noqa: ASYNC110 - the tasks need a turn of the loop, no more
        await asyncio.sleep(0)


async def test_one_waiter_reads_its_server_and_lists_nothing(cloud: Cloud, watcher: Watcher[Server]) -> None:
    cloud.put(server("1"))
    wait = asyncio.create_task(watcher.wait("p", "1", goals.active, 5))
    await cloud.next_answer()
    cloud.move("1", "ACTIVE")
    assert (await wait).status == "ACTIVE"
    assert not cloud.lists and watcher.waiting == 0


async def test_two_hundred_waiters_cost_a_list_a_look(cloud: Cloud, watcher: Watcher[Server]) -> None:
    ids = [str(number) for number in range(200)]
    for one in ids:
        cloud.put(server(one))
    waits = [asyncio.create_task(watcher.wait("p", one, goals.active, 5)) for one in ids]
    await joined(watcher, 200)
    await cloud.next_answer()
    for one in ids:
        cloud.move(one, "ACTIVE")
    assert [one.id for one in await asyncio.gather(*waits)] == ids
    assert len(cloud.lists) <= 3 and not cloud.reads
    assert cloud.lists[0] == ("p", True) and all(not full for _, full in cloud.lists[1:])


async def test_many_projects_are_one_list_for_an_admin(cloud: Cloud, watcher: Watcher[Server]) -> None:
    for number in range(20):
        cloud.put(server(str(number), "ACTIVE", None), f"p{number}")
    waits = [watcher.wait(f"p{number}", str(number), goals.active, 5) for number in range(20)]
    await asyncio.gather(*waits)
    assert cloud.lists == [(None, True)]


async def test_many_projects_are_listed_each_for_a_member(cloud: Cloud, watcher: Watcher[Server]) -> None:
    cloud.admin = False
    for number in range(20):
        cloud.put(server(str(number), "ACTIVE", None), f"p{number}")
    await asyncio.gather(*(watcher.wait(f"p{number}", str(number), goals.active, 5) for number in range(20)))
    assert [scope for scope, _ in cloud.lists].count(None) == 1
    assert len(cloud.lists) == 21


async def test_what_changed_before_the_wait_began_is_read(cloud: Cloud, watcher: Watcher[Server]) -> None:
    """A list of changes says nothing of a server that has been ACTIVE for long."""
    for number in range(10):
        cloud.put(server(str(number)))
    cloud.put(server("old", "ACTIVE", None))
    waits = [asyncio.create_task(watcher.wait("p", str(number), goals.active, 5)) for number in range(10)]
    await cloud.next_answer()
    assert "old" not in cloud.changed
    assert (await watcher.wait("p", "old", goals.active, 5)).id == "old"
    assert cloud.reads == ["old"]
    for wait in waits:
        wait.cancel()
    await asyncio.gather(*waits, return_exceptions=True)


async def test_missing_from_a_list_is_not_gone(cloud: Cloud, watcher: Watcher[Server]) -> None:
    for number in range(6):
        cloud.put(server(str(number)))
    cloud.hidden.add("0")
    waits = [asyncio.create_task(watcher.wait("p", str(number), goals.active, 5)) for number in range(6)]
    while "0" not in cloud.reads:
        await cloud.next_answer()
    assert not waits[0].done()
    cloud.hidden.clear()
    for number in range(6):
        cloud.move(str(number), "ACTIVE")
    assert len(await asyncio.gather(*waits)) == 6


async def test_missing_and_404_is_gone(cloud: Cloud, watcher: Watcher[Server]) -> None:
    for number in range(6):
        cloud.put(server(str(number)))
    waits = [asyncio.create_task(watcher.wait("p", str(number), goals.active, 5)) for number in range(6)]
    await joined(watcher, 6)
    cloud.remove("3")
    with pytest.raises(VimNotFound):
        await waits[3]
    assert cloud.reads == ["3"] and not any(wait.done() for wait in (*waits[:3], *waits[4:]))
    for wait in waits:
        wait.cancel()
    await asyncio.gather(*waits, return_exceptions=True)


async def test_status_deleted_is_gone(cloud: Cloud, watcher: Watcher[Server]) -> None:
    cloud.put(server("1", "DELETED", None))
    with pytest.raises(VimNotFound):
        await watcher.wait("p", "1", lambda reading: False, 5, fault_on_error=False)


async def test_error_carries_the_fault(cloud: Cloud, watcher: Watcher[Server]) -> None:
    cloud.put(server("1"))
    cloud.move("1", "ERROR", None, "No valid host was found.")
    with pytest.raises(VimFault, match=r"No valid host was found\."):
        await watcher.wait("p", "1", goals.active, 5)
    assert (await watcher.wait("p", "1", goals.settled, 5, fault_on_error=False)).status == "ERROR"


async def test_a_cloud_that_is_away_ends_no_wait(cloud: Cloud, watcher: Watcher[Server]) -> None:
    for number in range(10):
        cloud.put(server(str(number), "ACTIVE", None))
    cloud.down = True
    waits = [asyncio.create_task(watcher.wait("p", str(number), goals.active, 5)) for number in range(10)]
    await cloud.next_answer()
    await cloud.next_answer()
    assert not any(wait.done() for wait in waits)
    cloud.down = False
    assert len(await asyncio.gather(*waits)) == 10


async def test_an_unknown_status_is_neither_here_nor_gone(cloud: Cloud, watcher: Watcher[Server]) -> None:
    cloud.put(server("1", "UNKNOWN", None))
    wait = asyncio.create_task(watcher.wait("p", "1", lambda reading: True, 5))
    await cloud.next_answer()
    await cloud.next_answer()
    assert not wait.done()
    cloud.move("1", "ACTIVE")
    assert (await wait).status == "ACTIVE"


async def test_a_time_out_says_what_was_seen_and_what_the_cloud_said(cloud: Cloud, watcher: Watcher[Server]) -> None:
    cloud.put(server("1"))
    with pytest.raises(WaitTimedOut, match=r"server 1 .* within 0\.05 s: it was BUILD/scheduling when last seen$"):
        await watcher.wait("p", "1", goals.active, 0.05)
    cloud.down = True
    with pytest.raises(WaitTimedOut, match="was never seen; the cloud: Unable to establish connection"):
        await watcher.wait("p", "1", goals.active, 0.05)


async def test_only_readings_from_after_the_wait_began_count(cloud: Cloud, watcher: Watcher[Server]) -> None:
    """A look that is under way when a waiter joins does not serve it."""
    seen: list[Server] = []
    cloud.put(server("1"))
    cloud.put(server("2", "ACTIVE", None))
    first = asyncio.create_task(watcher.wait("p", "1", goals.active, 5))
    await cloud.next_answer()

    def anything(reading: Server) -> bool:
        seen.append(reading)
        return True

    second = asyncio.create_task(watcher.wait("p", "2", anything, 5))
    await joined(watcher, 2)
    cloud.move("2", "SHUTOFF")
    await second
    assert [reading.status for reading in seen] == ["SHUTOFF"]
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)


async def test_the_task_ends_with_the_last_waiter_and_starts_again(cloud: Cloud, watcher: Watcher[Server]) -> None:
    def running() -> bool:
        return any(task.get_name() == "watch servers of test" for task in asyncio.all_tasks())

    cloud.put(server("1", "ACTIVE", None))
    for _ in range(2):
        await watcher.wait("p", "1", goals.active, 5)
        async with asyncio.timeout(1):
            while running():  # noqa: ASYNC110
                await asyncio.sleep(0)


async def test_a_new_waiter_need_not_wait_for_the_interval(cloud: Cloud) -> None:
    watcher: Watcher[Server] = Watcher("slow", cloud, Pace(interval=30.0, first=0.005))
    cloud.put(server("1"))
    cloud.put(server("2", "ACTIVE", None))
    first = asyncio.create_task(watcher.wait("p", "1", goals.active, 60))
    await cloud.next_answer()
    began = time.monotonic()
    await watcher.wait("p", "2", goals.active, 5)
    assert time.monotonic() - began < 1
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    await watcher.close()


async def test_new_waiters_among_many_do_not_bring_lists_forward(cloud: Cloud) -> None:
    """One of many is always new; once few are left they are looked at soon."""
    pace = Pace(interval=3600.0, first=0.005, first_of_many=3600.0)
    watcher: Watcher[Server] = Watcher("many", cloud, pace)
    for number in range(10):
        cloud.put(server(str(number), "ACTIVE", None))
    waits = [asyncio.create_task(watcher.wait("p", str(number), goals.active, 60)) for number in range(10)]
    await asyncio.wait(waits, timeout=0.05)
    assert cloud.lists == [] and cloud.reads == []
    for wait in waits[2:]:
        wait.cancel()
    assert [one.id for one in await asyncio.gather(*waits[:2])] == ["0", "1"]
    await watcher.close()


async def test_a_slow_cloud_delays_what_is_seen_by_no_more_than_the_interval(cloud: Cloud) -> None:
    begun: list[float] = []
    enough = asyncio.Event()

    class Slow(Cloud):
        async def read(self, scope: str, item_id: str) -> Server:
            begun.append(time.monotonic())
            if len(begun) == 3:
                enough.set()
            await asyncio.sleep(1)
            return await super().read(scope, item_id)

    watcher: Watcher[Server] = Watcher("slow", Slow(servers={"1": ("p", server("1"))}), Pace(interval=0.01))
    wait = asyncio.create_task(watcher.wait("p", "1", goals.active, 60))
    await enough.wait()
    assert begun[2] - begun[0] < 3.5, "two looks and two intervals; rests as long as the looks would be four seconds"
    wait.cancel()
    await asyncio.gather(wait, return_exceptions=True)
    await watcher.close()


async def test_an_interval_that_becomes_shorter_holds_for_who_waits_already(cloud: Cloud) -> None:
    interval = [3600.0]
    watcher: Watcher[Server] = Watcher("slow", cloud, Pace(first=3600.0), interval=lambda: interval[0])
    cloud.put(server("1", "ACTIVE", None))
    waiting = asyncio.create_task(watcher.wait("p", "1", goals.active, 60))
    await asyncio.wait([waiting], timeout=0.05)
    assert cloud.reads == []
    interval[0] = 0.01
    async with asyncio.timeout(20):
        await waiting
    await watcher.close()


async def test_a_predicate_that_fails_is_its_callers_affair(cloud: Cloud, watcher: Watcher[Server]) -> None:
    def broken(reading: Server) -> bool:
        raise LookupError(reading.id)

    cloud.put(server("1", "ACTIVE", None))
    cloud.put(server("2", "ACTIVE", None))
    good = asyncio.create_task(watcher.wait("p", "2", goals.active, 5))
    with pytest.raises(LookupError):
        await watcher.wait("p", "1", broken, 5)
    assert (await good).id == "2"
