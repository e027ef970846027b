"""The store as a file: who may read it, what it remembers of time, which schema it has."""

from __future__ import annotations

import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine, select, text

from openesc.store import Clock, Store, Tx, iso, now_ms, position_of
from openesc.store.migrate import HEAD, MIGRATIONS
from openesc.store.tables import meta, metadata


def test_the_files_are_private(tmp_path: Path) -> None:
    store = Store(tmp_path / "deep" / "openesc.db")
    files = list((tmp_path / "deep").iterdir())
    assert {file.suffix for file in files} >= {".db"}
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    store.close()


async def test_a_path_with_marks_of_a_url(tmp_path: Path) -> None:
    store = Store(tmp_path / "what?#100%" / "openesc.db")
    assert await store.write(lambda tx: 7) == 7
    store.close()
    assert (tmp_path / "what?#100%" / "openesc.db").stat().st_size > 0


async def test_writes_are_durable_and_readers_cannot_write(tmp_path: Path) -> None:
    store = Store(tmp_path / "openesc.db")
    assert await store.write(lambda tx: tx.execute(text("PRAGMA synchronous")).scalar()) == 2
    assert await store.write(lambda tx: tx.execute(text("PRAGMA journal_mode")).scalar()) == "wal"
    with pytest.raises(Exception, match="readonly"):
        await store.read(lambda connection: connection.execute(meta.insert(), {"key": "a", "value": "b"}))
    store.close()


async def test_a_reader_sees_one_snapshot(tmp_path: Path) -> None:
    store = Store(tmp_path / "openesc.db")
    await store.write(lambda tx: tx.execute(meta.insert(), {"key": "a", "value": "1"}) and None)
    with store._reader.connect() as connection, connection.begin():
        statement = select(meta.c.value).where(meta.c.key == "a")
        assert connection.execute(statement).scalar() == "1"
        await store.write(lambda tx: tx.execute(meta.update().values(value="2")) and None)
        assert connection.execute(statement).scalar() == "1"
    assert await store.read(lambda c: c.execute(statement).scalar()) == "2"
    store.close()


async def test_more_readers_than_threads_do_not_starve(tmp_path: Path) -> None:
    import asyncio

    store = Store(tmp_path / "openesc.db")
    read: Callable[[], int] = lambda: store.read_now(lambda c: c.execute(text("select 1")).scalar_one())  # noqa: E731
    assert await asyncio.gather(*(asyncio.to_thread(read) for _ in range(64))) == [1] * 64
    store.close()


# time


@given(last=st.integers(0, 10**14), ticks=st.integers(1, 50))
def test_positions_grow_whatever_the_clock_says(last: int, ticks: int) -> None:
    clock = Clock(last)
    positions = [clock.tick() for _ in range(ticks)]
    assert positions == sorted(set(positions))
    assert positions[0] > last


async def test_positions_grow_over_restarts_also_when_the_clock_stepped_back(tmp_path: Path) -> None:
    ahead = now_ms() + 3_600_000  # what a wrong clock wrote, an hour ahead of the one of now

    def far(tx: Tx) -> int:
        while tx.clock.tick() < ahead - 1:
            tx.clock._last = ahead - 2
        return tx.clock.tick()

    store = Store(tmp_path / "openesc.db")
    written = await store.write(far)
    assert written >= ahead
    store.close()
    again = Store(tmp_path / "openesc.db")
    assert await again.write(lambda tx: tx.clock.tick()) > written
    again.close()


async def test_what_was_not_durable_may_be_given_again(tmp_path: Path) -> None:
    store = Store(tmp_path / "openesc.db")

    def fail(tx: Tx) -> None:
        tx.clock.tick()
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011  # our own
        await store.write(fail)
    before = await store.write(lambda tx: tx.clock.tick())
    assert await store.write(lambda tx: tx.clock.tick()) > before
    store.close()


def test_times_as_esc_prints_them() -> None:
    moment = datetime(2021, 9, 14, 12, 18, 39, 836000, UTC)
    assert iso(position_of(moment)) == "2021-09-14T12:18:39.836+00:00"
    assert position_of(moment.replace(tzinfo=None)) == position_of(moment)


@given(st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1)))
def test_a_position_is_its_time(moment: datetime) -> None:
    exact = moment.replace(tzinfo=UTC)
    assert abs(datetime.fromisoformat(iso(position_of(exact))) - exact) <= timedelta(milliseconds=1)


# schema


def test_head_is_the_newest_revision() -> None:
    scripts = ScriptDirectory(str(MIGRATIONS))
    assert scripts.get_current_head() == HEAD


def test_the_migrated_schema_is_that_of_the_tables(tmp_path: Path) -> None:
    Store(tmp_path / "openesc.db").close()
    engine = create_engine(f"sqlite:///{tmp_path / 'openesc.db'}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_data_of_a_newer_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "openesc.db"
    Store(path).close()
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        connection.execute(text("update alembic_version set version_num = '9999'"))
    engine.dispose()
    with pytest.raises(RuntimeError, match=r"9999.*newer than this openesc knows"):
        Store(path)
