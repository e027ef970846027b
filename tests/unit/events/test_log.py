"""The event log on a real store: one reading for replay and live, nobody misses anything."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from openesc.events import types
from openesc.events.block import POSITION_KEY, BlockLog, block
from openesc.events.escevent import EscEvent
from openesc.events.log import BATCH, TAIL, EventLog, Logged
from openesc.events.position import stored_position
from openesc.store import Store, now_ms


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = Store(tmp_path / "openesc.db")
    yield opened
    opened.close()


def event(number: int) -> EscEvent:
    return EscEvent(types.VM_ALIVE, "SUCCESS", 200, str(number), tenant="t", depid="d")


async def append(store: Store, log: EventLog, *numbers: int) -> list[int]:
    return await store.write(lambda tx: [log.append(tx, event(number), "op") for number in numbers])


async def read_all(log: EventLog, position: int) -> list[Logged]:
    """Everything after `position` that is there now."""
    found: list[Logged] = []
    async with aclosing(log.follow(position, until=lambda: True)) as pages:
        async for page in pages:
            found += page
    return found


async def read_until(log: EventLog, position: int, last: int) -> list[int]:
    """The numbers of the events after `position`, up to the one numbered `last`."""
    found: list[int] = []
    async with aclosing(log.follow(position)) as pages:
        async for page in pages:
            found += numbers(page)
            if found and found[-1] == last:
                return found
    raise AssertionError("follow() ended")


def numbers(page: Sequence[Logged]) -> list[int]:
    return [int(logged.event.status_message) for logged in page]


async def test_positions_grow_and_are_the_events_times(store: Store) -> None:
    log = EventLog(store)
    positions = await append(store, log, *range(1000))
    assert positions == sorted(set(positions))
    found = await read_all(log, 0)
    assert [logged.position for logged in found] == positions
    assert found[0].notice[0].endswith("+00:00")
    assert log.head == positions[-1]


async def test_what_is_rolled_back_is_never_seen(store: Store) -> None:
    log = EventLog(store)

    def fail(tx: object) -> None:
        log.append(tx, event(1))  # type: ignore[arg-type]
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        await store.write(fail)
    await append(store, log, 2)
    assert numbers(await read_all(log, 0)) == [2]
    assert numbers(await read_all(EventLog(store), 0)) == [2]


async def test_replay_goes_over_into_live(store: Store) -> None:
    log = EventLog(store)
    await append(store, log, 0, 1, 2)
    reader = asyncio.ensure_future(read_until(log, 0, 5))
    await asyncio.sleep(0.01)
    await append(store, log, 3, 4)
    await append(store, log, 5)
    assert await reader == [0, 1, 2, 3, 4, 5]


async def test_many_readers_under_concurrent_appends_miss_nothing(store: Store) -> None:
    log = EventLog(store)
    total = 400
    readers = [asyncio.ensure_future(read_until(log, 0, total - 1)) for _ in range(20)]
    for first in range(0, total, 4):
        await asyncio.gather(*(append(store, log, number) for number in range(first, first + 4)))
        if first % 40 == 0:
            readers.append(asyncio.ensure_future(read_until(log, 0, total - 1)))
    for found in await asyncio.gather(*readers):
        assert found == list(range(total))


async def test_memory_and_database_give_the_same(store: Store) -> None:
    """More events than memory keeps: an old reader begins in the database and ends in memory."""
    log = EventLog(store)
    total = TAIL + 3 * BATCH
    for first in range(0, total, 512):
        await append(store, log, *range(first, min(first + 512, total)))
    live = await read_all(log, 0)
    replayed = await read_all(EventLog(store), 0)  # nothing in memory
    assert numbers(live) == list(range(total))
    assert [(one.position, one.notice, one.operation_id) for one in live] == [
        (one.position, one.notice, one.operation_id) for one in replayed
    ]


async def test_a_page_at_the_edge_of_memory(store: Store) -> None:
    log = EventLog(store)
    positions: list[int] = []
    for first in range(0, TAIL + 2, 1024):
        positions += await append(store, log, *range(first, min(first + 1024, TAIL + 2)))
    for index in (0, 1, 2, 3):
        page = await log.after(positions[index], 5)
        assert numbers(page) == list(range(index + 1, index + 6))


async def test_a_restart_keeps_every_event_and_its_place(tmp_path: Path) -> None:
    store = Store(tmp_path / "openesc.db")
    log = EventLog(store)
    positions = await append(store, log, 0, 1, 2)
    store.close()
    store = Store(tmp_path / "openesc.db")
    log = EventLog(store)
    assert log.head == positions[-1]
    assert log.created_at == positions[0]
    later = await append(store, log, 3)
    assert [one.position for one in await read_all(log, positions[0])] == [*positions[1:], *later]
    store.close()


async def test_an_empty_page_says_that_all_is_read(store: Store) -> None:
    log = EventLog(store)
    await append(store, log, *range(BATCH + 1))
    async with aclosing(log.follow(0, until=lambda: True)) as pages:
        assert [len(page) async for page in pages] == [BATCH, 1, 0]


async def test_a_reader_that_leaves_is_forgotten(store: Store) -> None:
    log = EventLog(store)
    task = asyncio.ensure_future(read_until(log, 0, 99))
    await asyncio.sleep(0.01)
    assert len(log._waiters) == 1
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert not log._waiters


async def test_pruned_events_are_gone_for_everybody(store: Store) -> None:
    log = EventLog(store)
    positions = await append(store, log, 0, 1, 2, 3)
    assert await store.write(lambda tx: log.prune(tx, positions[2])) == 2
    assert numbers(await read_all(log, 0)) == [2, 3]
    assert numbers(await read_all(EventLog(store), 0)) == [2, 3]
    await append(store, log, 4)
    assert numbers(await read_all(log, positions[2])) == [3, 4]


async def test_pruning_nothing_and_a_full_memory(store: Store) -> None:
    log = EventLog(store)
    positions: list[int] = []
    for first in range(0, TAIL + 10, 1024):
        positions += await append(store, log, *range(first, min(first + 1024, TAIL + 10)))
    assert await store.write(lambda tx: log.prune(tx, positions[5])) == 5
    assert numbers(await log.after(0, 3)) == [5, 6, 7]
    await store.write(lambda tx: log.prune(tx, positions[100]))
    assert numbers(await log.after(0, 3)) == [100, 101, 102]


# the log block


def content(file: Path) -> str:
    return file.read_text() if file.exists() else ""


async def eventually(holds: Callable[[], Awaitable[bool]]) -> None:
    while not await holds():  # noqa: ASYNC110  # a file tells nobody that it has grown
        await asyncio.sleep(0.005)


async def _blocks(store: Store, log: EventLog, file: Path) -> str:
    """Let the block log write what there is, until its place is stored."""

    async def all_written() -> bool:
        return await store.read(lambda connection: stored_position(connection, POSITION_KEY)) == log.head

    task = asyncio.ensure_future(BlockLog(store, log, file).run())
    await eventually(all_written)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return content(file)


async def test_the_block_log_resumes_after_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "logs" / "escmanager.log"
    store = Store(tmp_path / "openesc.db")
    log = EventLog(store)
    await append(store, log, 1, 2)
    assert "Status Msg: 2" in await _blocks(store, log, file)
    store.close()
    store = Store(tmp_path / "openesc.db")
    log = EventLog(store)
    await append(store, log, 3)
    assert await _blocks(store, log, file) == "".join(block(logged) for logged in await read_all(log, 0))
    store.close()


async def test_events_for_callbacks_alone_have_no_block(store: Store, tmp_path: Path) -> None:
    log = EventLog(store)
    event = EscEvent(types.VM_VOLUME_CREATED, "SUCCESS", 201, "for callbacks", tenant="t", volume={"name": "v"})
    await store.write(lambda tx: log.append(tx, event))
    await append(store, log, 1)
    assert next(logged.event for logged in await read_all(log, 0)) == event
    text = await _blocks(store, log, tmp_path / "escmanager.log")
    assert "Status Msg: 1" in text
    assert "for callbacks" not in text


async def test_a_file_that_cannot_be_written_is_waited_for(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "taken" / "escmanager.log"
    (tmp_path / "taken").write_text("a file where the folder should be")
    log = EventLog(store)
    await append(store, log, 1)
    task = asyncio.ensure_future(BlockLog(store, log, file, retry=0.01).run())
    await asyncio.sleep(0.05)
    assert not task.done()
    (tmp_path / "taken").unlink()

    async def written() -> bool:
        return "Status Msg: 1" in content(file)

    await eventually(written)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


class SlowStore(Store):
    """A store on a busy machine."""

    async def read(self, fn: Callable[..., Any]) -> Any:
        await asyncio.sleep(0.2)
        return await super().read(fn)


async def test_a_time_that_is_past_ends_no_reading_that_takes_its_time(tmp_path: Path) -> None:
    """All that lies before it is read first."""
    store = SlowStore(tmp_path / "openesc.db")
    positions = await append(store, EventLog(store), 1, 2)
    after_a_restart = EventLog(store)
    found: list[int] = []
    async with aclosing(after_a_restart.follow(0, end=positions[-1])) as pages:
        async for page in pages:
            found += numbers(page)
    assert found == [1, 2]
    store.close()


async def test_a_time_to_come_ends_the_waiting(store: Store) -> None:
    log = EventLog(store)
    await append(store, log, 1)
    async with asyncio.timeout(10), aclosing(log.follow(0, end=now_ms() + 100)) as pages:
        found = [numbers(page) async for page in pages]
    assert found[:2] == [[1], []]
