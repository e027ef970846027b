"""Threads for a library that blocks: bounded, daemonic, and never waited for once their caller has gone.

`concurrent.futures.ThreadPoolExecutor` does not fit: its threads are joined when the interpreter ends, so
one hanging call holds up the exit, and a call that nobody waits for any more keeps its place until its
time-out. Here a caller that is cancelled leaves its thread behind: the thread's place is filled by a new
one, the abandoned call may finish what it has sent but sends nothing more.
"""

from __future__ import annotations

import asyncio
import itertools
import queue
import threading
import time
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import structlog

T = TypeVar("T")

log = structlog.get_logger(__name__)

_running = threading.local()


class CallAbandoned(Exception):
    """Raised inside a call whose caller has gone, before it sends anything more. Never reaches a caller."""


class CallOverdue(Exception):
    """Raised inside a call that has used up its time, before it sends anything more."""


class _Call(Generic[T]):
    """One blocking function on its way through the pool."""

    def __init__(self, work: Callable[[], T], what: str, limit: float | None) -> None:
        self.work = work
        self.what = what
        self.limit = limit
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[T] = self.loop.create_future()
        self.deadline: float | None = None
        self.started = False
        self.finished = False
        self.abandoned = False

    def execute(self) -> None:
        """Run in the worker's thread and send the outcome to the loop."""
        self.deadline = None if self.limit is None else time.monotonic() + self.limit
        try:
            result = self.work()
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller is to hear of it
            self._tell(self._fail, error)
        else:
            self._tell(self._succeed, result)

    def _tell(self, what: Callable[[Any], None], value: object) -> None:
        try:
            self.loop.call_soon_threadsafe(what, value)
        except RuntimeError:  # the loop is closed: nobody is left to be told
            log.debug("vim_call_outlived_its_loop", call=self.what)

    def _succeed(self, result: T) -> None:
        if not self.future.done():
            self.future.set_result(result)

    def _fail(self, error: Exception) -> None:
        if not self.future.done():
            self.future.set_exception(error)


class CallPool:
    """A bounded pool of daemon threads whose calls can be abandoned.

    Args:
        name: shows in the threads' names.
        threads: how many calls run at once; more wait their turn.
        spare: how many abandoned, still hanging calls get their place refilled. Beyond that they take places of
            living calls, so that a cloud that swallows everything cannot make threads without end.
    """

    def __init__(self, name: str, threads: int = 16, spare: int = 64) -> None:
        self._name = name
        self._threads = threads
        self._spare = spare
        self._numbers = itertools.count(1)
        self._queue: queue.SimpleQueue[_Call[Any] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._workers = 0
        self._busy = 0
        self._waiting = 0
        self._left_behind = 0
        self._closed = False

    @property
    def left_behind(self) -> int:
        """How many abandoned calls still hang."""
        return self._left_behind

    async def run(self, work: Callable[[], T], *, what: str = "call", limit: float | None = None) -> T:
        """Run `work` in a thread and return what it returns, or raise what it raises.

        Args:
            work: the blocking function.
            what: its name in the log.
            limit: seconds after which `remaining` refuses to let it send more, counted from its start in the thread;
                None: no limit. A single wait inside `work` must carry a time-out of its own.

        Cancelled before a thread took it up, `work` never runs; cancelled later, its result is dropped.
        """
        call = _Call(work, what, limit)
        self._submit(call)
        try:
            return await call.future
        except asyncio.CancelledError:
            self._abandon(call)
            raise

    def close(self) -> None:
        """Let idle threads end. Hanging ones end with their time-out; nothing waits for them."""
        with self._lock:
            self._closed = True
            workers = self._workers
        for _ in range(workers):
            self._queue.put(None)

    def _submit(self, call: _Call[Any]) -> None:
        with self._lock:
            if self._closed:
                raise RuntimeError(f"the pool {self._name} is closed")
            self._waiting += 1
            self._hire()
        self._queue.put(call)

    @property
    def _allowed(self) -> int:
        return self._threads + min(self._left_behind, self._spare)

    def _hire(self) -> None:
        """Start a thread when there is work for one more and it is allowed; the lock is held."""
        if self._busy + self._waiting <= self._workers or self._workers >= self._allowed:
            return
        self._workers += 1
        name = f"{self._name}-{next(self._numbers)}"
        threading.Thread(target=self._serve, name=name, daemon=True).start()

    def _abandon(self, call: _Call[Any]) -> None:
        with self._lock:
            call.abandoned = True
            if not call.started or call.finished:
                return
            self._left_behind += 1
            self._hire()
        log.info("vim_call_left_to_its_time_out", call=call.what, hanging=self._left_behind)

    def _serve(self) -> None:
        while (call := self._queue.get()) is not None:
            if self._begin(call):
                _running.call = call
                call.execute()
                _running.call = None
                if self._end(call):
                    break
        with self._lock:
            self._workers -= 1

    def _begin(self, call: _Call[Any]) -> bool:
        with self._lock:
            self._waiting -= 1
            if call.abandoned:
                return False
            call.started = True
            self._busy += 1
            return True

    def _end(self, call: _Call[Any]) -> bool:
        """Take the call off the books; True when this thread is one too many and should end."""
        with self._lock:
            call.finished = True
            self._busy -= 1
            if call.abandoned:
                self._left_behind -= 1
            return self._workers > self._allowed


def remaining() -> float | None:
    """The seconds the call of this thread still has (None: no limit); to be asked before anything is sent.

    Raises: CallAbandoned, CallOverdue.
    """
    call: _Call[Any] | None = getattr(_running, "call", None)
    if call is None:
        return None
    if call.abandoned:
        raise CallAbandoned(call.what)
    if call.deadline is None:
        return None
    left = call.deadline - time.monotonic()
    if left <= 0:
        raise CallOverdue(call.what)
    return left
