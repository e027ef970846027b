"""The writer lane on real files: group commit, savepoints, order, what is undone when a batch is not made durable."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import Engine, event, select, text
from sqlalchemy.exc import IntegrityError

from openesc.store import Store, StoreClosed, StoreError, Tx
from openesc.store.tables import meta


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = Store(tmp_path / "openesc.db")
    yield opened
    opened.close()


@contextlib.contextmanager
def commits() -> Iterator[list[None]]:
    """Counts every commit of every engine meanwhile."""
    seen: list[None] = []

    def count(_connection: object) -> None:
        seen.append(None)

    event.listen(Engine, "commit", count)
    try:
        yield seen
    finally:
        event.remove(Engine, "commit", count)


def put(key: str, value: str = "x") -> Callable[[Tx], str]:
    def fn(tx: Tx) -> str:
        tx.execute(meta.insert(), {"key": key, "value": value})
        return key

    return fn


async def keys(store: Store) -> set[str]:
    rows = await store.read(lambda connection: connection.execute(select(meta.c.key)).scalars().all())
    return set(rows) - {"clock"}


async def held(store: Store) -> tuple[asyncio.Task[None], threading.Event]:
    """A write that keeps the lane busy until the event is set: what comes meanwhile gathers into one batch."""
    loop, running, release = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

    def hold(_tx: Tx) -> None:
        loop.call_soon_threadsafe(running.set)
        release.wait(5)

    task = asyncio.ensure_future(store.write(hold))
    await running.wait()
    return task, release


async def gathered(store: Store, *functions: Callable[[Tx], object]) -> list[object]:
    """Run the functions in one batch; exceptions are returned in their places."""
    holder, release = await held(store)
    writes = [asyncio.ensure_future(store.write(fn)) for fn in functions]
    await asyncio.sleep(0)
    release.set()
    await holder
    return list(await asyncio.gather(*writes, return_exceptions=True))


async def test_what_gathers_is_committed_once(store: Store) -> None:
    with commits() as seen:
        results = await gathered(store, *(put(f"k{number}") for number in range(200)))
    assert results == [f"k{number}" for number in range(200)]
    assert len(seen) == 2  # the one that held the lane, and all the others
    assert len(await keys(store)) == 200


async def test_a_batch_has_a_limit(store: Store) -> None:
    with commits() as seen:
        await gathered(store, *(put(f"k{number}") for number in range(600)))
    assert len(seen) == 1 + 3


async def test_one_that_raises_is_undone_alone(store: Store) -> None:
    undone: list[str] = []

    def bad(tx: Tx) -> None:
        tx.on_rollback.append(lambda: undone.append("bad"))
        put("bad")(tx)
        raise ValueError("its own")

    first, failed, last = await gathered(store, put("first"), bad, put("last"))
    assert (first, last) == ("first", "last")
    assert isinstance(failed, ValueError)
    assert await keys(store) == {"first", "last"}
    assert undone == ["bad"]


async def test_an_integrity_error_is_its_callers_alone(store: Store) -> None:
    first, twice, last = await gathered(store, put("same"), put("same"), put("last"))
    assert (first, last) == ("same", "last")
    assert isinstance(twice, IntegrityError)


async def test_order_and_sight_of_those_before(store: Store) -> None:
    seen: list[int] = []
    hooks: list[int] = []

    def numbered(number: int) -> Callable[[Tx], int]:
        def fn(tx: Tx) -> int:
            seen.append(number)
            tx.on_commit.append(lambda: hooks.append(number))
            tx.execute(meta.insert(), {"key": str(number), "value": ""})
            return len(tx.execute(select(meta.c.key).where(meta.c.key != "clock")).all())

        return fn

    assert await gathered(store, *(numbered(number) for number in range(50))) == list(range(1, 51))
    assert seen == hooks == list(range(50))


async def test_a_raising_hook_does_not_end_the_lane(store: Store) -> None:
    def fn(tx: Tx) -> str:
        def explode() -> None:
            raise RuntimeError("hook")

        tx.on_commit.append(explode)
        return "done"

    assert await store.write(fn) == "done"
    assert await store.write(put("after")) == "after"


async def test_a_cancelled_caller_does_not_take_its_write_back(store: Store) -> None:
    holder, release = await held(store)
    write = asyncio.ensure_future(store.write(put("kept")))
    await asyncio.sleep(0)
    write.cancel()
    release.set()
    await holder
    await store.write(put("after"))
    assert await keys(store) == {"kept", "after"}


async def test_an_attempt_takes_back_only_itself(store: Store) -> None:
    hooks: list[str] = []

    def inner(tx: Tx) -> None:
        put("inner")(tx)
        tx.on_commit.append(lambda: hooks.append("inner committed"))
        tx.on_rollback.append(lambda: hooks.append("inner undone"))
        raise ValueError("inner")

    def outer(tx: Tx) -> str:
        with pytest.raises(ValueError, match="inner"):
            tx.attempt(inner)
        tx.on_commit.append(lambda: hooks.append("outer committed"))
        return tx.attempt(put("second"))

    assert await store.write(outer) == "second"
    assert await keys(store) == {"second"}
    assert hooks == ["inner undone", "outer committed"]


async def test_a_full_disk_reaches_every_caller(store: Store) -> None:
    undone: list[str] = []

    def small(name: str) -> Callable[[Tx], str]:
        def fn(tx: Tx) -> str:
            tx.on_rollback.append(lambda: undone.append(f"{name} 1"))
            tx.on_rollback.append(lambda: undone.append(f"{name} 2"))
            return put(name)(tx)

        return fn

    await store.write(put("before"))
    await store.write(_no_more_pages)
    results = await gathered(store, small("a"), small("b"), put("big", "x" * 10_000_000), small("never"))
    assert [type(result) for result in results] == [StoreError] * 4
    error = results[0]
    assert isinstance(error, StoreError)
    assert error.error_tag == "resource-denied"
    assert "disk is full" in error.error_message
    assert "nothing was changed" in error.error_message
    assert undone == ["b 2", "b 1", "a 2", "a 1"]
    assert await keys(store) == {"before"}  # reads go on


async def test_writes_work_again_once_there_is_room(store: Store) -> None:
    await store.write(_no_more_pages)
    with pytest.raises(StoreError):
        await store.write(put("big", "x" * 10_000_000))
    await store.write(lambda tx: tx.execute(text("PRAGMA max_page_count = 1073741823")).all())
    assert await store.write(put("big", "x" * 10_000_000)) == "big"


async def test_a_commit_that_fails_undoes_the_batch(store: Store) -> None:
    """The commit itself, not a statement of a function: a deferred foreign key shows only then."""
    undone: list[str] = []

    def orphan(tx: Tx) -> None:
        tx.on_rollback.append(lambda: undone.append("orphan"))
        tx.execute(text("create table p (id integer primary key)"))
        tx.execute(text("create table c (p integer references p(id) deferrable initially deferred)"))
        tx.execute(text("insert into c values (1)"))

    results = await gathered(store, put("good"), orphan)
    assert all(isinstance(result, StoreError) for result in results)
    assert undone == ["orphan"]
    assert await keys(store) == set()
    assert await store.write(put("later")) == "later"


async def test_closed_takes_no_more_and_finishes_what_it_has(tmp_path: Path) -> None:
    store = Store(tmp_path / "openesc.db")
    writes = [asyncio.ensure_future(store.write(put(f"k{number}"))) for number in range(20)]
    await asyncio.sleep(0)
    store.close()
    assert len(await asyncio.gather(*writes)) == 20
    with pytest.raises(StoreClosed):
        await store.write(put("late"))


def _no_more_pages(tx: Tx) -> None:
    pages = tx.execute(text("PRAGMA page_count")).scalar()
    tx.execute(text(f"PRAGMA max_page_count = {pages}")).all()
