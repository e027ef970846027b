"""The writer lane: one thread, one writing connection, group commit.

Whoever wants to write hands the lane a function of the transaction. What has gathered is run one after the other, each
under a savepoint of its own, and committed once. A function therefore sees what those before it in the same batch
wrote, and nobody comes between its reads and its writes.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, TypeVar

import structlog
from sqlalchemy import Connection, CursorResult, Engine, Executable
from sqlalchemy.exc import DBAPIError

from openesc.store.clock import Clock, save_position
from openesc.store.errors import StoreClosed, StoreError

T = TypeVar("T")
log = structlog.get_logger()
BATCH_LIMIT = 256
"""At most so many functions share one commit, so that the first of them does not wait for ever."""


_SAVEPOINT, _ROLLBACK, _RELEASE = "SAVEPOINT entry", "ROLLBACK TO SAVEPOINT entry", "RELEASE SAVEPOINT entry"


class Tx:
    """A transaction in the lane, valid only while the function it was given to runs.

    Hooks run on the lane's thread: `on_commit` in order after the batch is durable, `on_rollback` in reverse order when
    this function's work or the whole batch is undone. They must not raise and must not block.
    """

    def __init__(self, connection: Connection, clock: Clock) -> None:
        self.connection = connection
        self.clock = clock
        self.on_commit: list[Callable[[], None]] = []
        self.on_rollback: list[Callable[[], None]] = []

    def execute(self, statement: Executable, parameters: Any = None) -> CursorResult[Any]:
        """Run a SQLAlchemy Core statement."""
        return self.connection.execute(statement, parameters)

    def attempt(self, fn: Callable[[Tx], T]) -> T:
        """Run `fn` under a savepoint of its own: when it raises, its writes and hooks are taken back, and only they."""
        inner = Tx(self.connection, self.clock)
        with self.connection.begin_nested():
            try:
                value = fn(inner)
            except BaseException:
                inner.undo()
                raise
        self.on_commit += inner.on_commit
        self.on_rollback += inner.on_rollback
        return value

    def undo(self) -> None:
        """Put memory back to what it was before this transaction, newest change first."""
        _run_hooks(reversed(self.on_rollback))


class _Entry(Generic[T]):
    """One function that waits for its turn, and the future of its caller."""

    def __init__(self, fn: Callable[[Tx], T], loop: asyncio.AbstractEventLoop) -> None:
        self.fn = fn
        self.loop = loop
        self.future: asyncio.Future[T] = loop.create_future()
        self.tx: Tx | None = None
        self.value: T | None = None
        self.error: BaseException | None = None

    def settle(self) -> None:
        if self.future.done():  # its caller was cancelled and no longer listens
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.value)  # type: ignore[arg-type]  # T may be None


class Lane:
    """Runs functions in order on its own thread. Cancelling a caller does not take its write back."""

    def __init__(self, engine: Engine, clock: Clock, failure_text: Callable[[Exception], str]) -> None:
        self._engine = engine
        self._clock = clock
        self._saved = clock.last
        self._failure_text = failure_text
        self._queue: queue.SimpleQueue[_Entry[Any] | None] = queue.SimpleQueue()
        self._closed = False
        self._gate = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="store-lane", daemon=True)
        self._thread.start()

    async def write(self, fn: Callable[[Tx], T]) -> T:
        """Run `fn` in the lane and return its value once it is on disk.

        Raises: what `fn` raised (then nothing of it happened), or StoreError when the batch could not be made durable.
        """
        entry = _Entry(fn, asyncio.get_running_loop())
        with self._gate:  # nothing may be queued behind the end
            if self._closed:
                raise StoreClosed("the store is shutting down")
            self._queue.put(entry)
        return await entry.future

    def close(self) -> None:
        """Take no more, finish what has gathered, end the thread."""
        with self._gate:
            self._closed = True
            self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        with self._engine.connect() as connection:
            while (batch := self._gather()) is not None:
                self._commit(connection, batch)
                self._settle(batch)

    def _gather(self) -> list[_Entry[Any]] | None:
        first = self._queue.get()
        if first is None:
            return None
        batch = [first]
        while len(batch) < BATCH_LIMIT:
            try:
                entry = self._queue.get_nowait()
            except queue.Empty:
                break
            if entry is None:
                self._queue.put(None)  # close after this batch
                break
            batch.append(entry)
        return batch

    def _commit(self, connection: Connection, batch: Sequence[_Entry[Any]]) -> None:
        try:
            with connection.begin():
                for entry in batch:
                    self._apply(connection, entry)
                self._save_position(connection)
        except Exception as error:  # noqa: BLE001  # whatever it was, every caller must hear of it
            _roll_back(connection)
            self._fail(batch, error)
            return
        self._saved = self._clock.last
        for entry in batch:
            if entry.tx is not None and entry.error is None:
                _run_hooks(entry.tx.on_commit)

    def _save_position(self, connection: Connection) -> None:
        if self._clock.last != self._saved:
            save_position(connection, self._clock.last)

    def _apply(self, connection: Connection, entry: _Entry[Any]) -> None:
        tx = entry.tx = Tx(connection, self._clock)
        connection.exec_driver_sql(_SAVEPOINT)  # begin_nested costs several times as much
        try:
            entry.value = entry.fn(tx)
        except Exception as error:  # it is the caller's own and goes back to it
            if isinstance(error, DBAPIError) and _breaks_batch(error):
                raise
            connection.exec_driver_sql(_ROLLBACK)
            tx.undo()
            entry.error = error
        connection.exec_driver_sql(_RELEASE)

    def _fail(self, batch: Sequence[_Entry[Any]], error: Exception) -> None:
        """The whole batch is undone: memory goes back to what is durable, newest change first."""
        log.error("store: batch not durable", writes=len(batch), reason=str(error))
        for entry in reversed(batch):
            if entry.error is None:
                if entry.tx is not None:
                    entry.tx.undo()
                entry.error = StoreError(self._failure_text(error))

    def _settle(self, batch: Sequence[_Entry[Any]]) -> None:
        loops = {entry.loop for entry in batch}
        for loop in loops:
            mine = [entry for entry in batch if entry.loop is loop]
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody listens any more
                loop.call_soon_threadsafe(_settle_all, mine)


def _settle_all(entries: Sequence[_Entry[Any]]) -> None:
    for entry in entries:
        entry.settle()


def _roll_back(connection: Connection) -> None:
    """A commit that failed may leave its transaction open, and with it every later one refused."""
    try:
        driver = connection.connection.dbapi_connection
        if driver is not None:
            driver.rollback()
    except Exception:  # whatever is wrong with the connection, the next batch gets a new one
        log.exception("store: the writing connection is replaced")
        connection.invalidate()


def _run_hooks(hooks: Iterable[Callable[[], None]]) -> None:
    """A hook that raises must not end the lane: everybody who writes would wait for ever."""
    for hook in hooks:
        try:
            hook()
        except Exception:  # its caller cannot be told any more: the write is durable, or undone
            log.exception("store: a hook failed")


def _breaks_batch(error: DBAPIError) -> bool:
    """Operational errors (disk full, I/O) may have rolled back more than the savepoint."""
    return error.connection_invalidated or type(error.orig).__name__ == "OperationalError"
