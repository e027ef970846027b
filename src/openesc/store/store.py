"""The one durable store: configuration, inventory, operations, journal and events."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event

from openesc.store.clock import Clock, saved_position
from openesc.store.lane import Lane, Tx
from openesc.store.migrate import migrate

T = TypeVar("T")
READERS = 4


class Store:
    """One SQLite file: a writer lane and a few readers that each see one snapshot a call.

    Every `write` is on disk when it returns (WAL, synchronous FULL). `read` sees what was committed before it began.
    """

    def __init__(self, path: Path) -> None:
        _create_private(path)
        self.path = path
        self._writer = _engine(path)
        try:
            migrate(self._writer)
        except BaseException:
            self._writer.dispose()
            raise
        self._reader = _engine(path, read_only=True)
        self._lane = Lane(self._writer, Clock(self._last_position()), self._failure_text)
        self._local = threading.local()
        self._pool = ThreadPoolExecutor(READERS, thread_name_prefix="store-reader")
        self._connections: list[Connection] = []

    async def write(self, fn: Callable[[Tx], T]) -> T:
        """Run `fn(tx)` in the writer lane; see `openesc.store.lane.Lane.write`."""
        return await self._lane.write(fn)

    async def read(self, fn: Callable[[Connection], T]) -> T:
        """Run `fn(connection)` on a reader thread in one snapshot and return its value."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, self.read_now, fn)

    def read_now(self, fn: Callable[[Connection], T]) -> T:
        """`read` on the calling thread, for callers that are not coroutines."""
        connection = self._thread_connection()
        with connection.begin():
            return fn(connection)

    def close(self) -> None:
        """Finish the writes that were handed in, then close every connection."""
        self._lane.close()
        self._pool.shutdown()
        for connection in self._connections:
            connection.close()
        self._reader.dispose()
        self._writer.dispose()

    def _thread_connection(self) -> Connection:
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._reader.connect()
            self._connections.append(connection)
        return connection

    def _last_position(self) -> int:
        with self._writer.connect() as connection:
            return saved_position(connection)

    def _failure_text(self, error: Exception) -> str:
        reason = str(getattr(error, "orig", error))
        return (
            f"the change could not be stored ({reason}); nothing was changed; "
            "free space for the data directory and send it again"
        )


def _create_private(path: Path) -> None:
    """The file holds credentials' hashes and day-0 data: 0600 from its first byte."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))


def _engine(path: Path, *, read_only: bool = False) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),  # a path may hold ? and #
        connect_args={"isolation_level": None, "check_same_thread": False, "timeout": 30},
        poolclass=NullPool,  # each thread keeps its own connection: none may wait for another's
    )
    pragmas = ["journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "wal_autocheckpoint=4000"]
    if read_only:
        pragmas = ["query_only=ON"]

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # sqlite3 would begin late and drop savepoints; isolation_level=None leaves it to us
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine
