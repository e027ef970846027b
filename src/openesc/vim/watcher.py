"""Waiting for many things of a cloud at the price of waiting for one.

One task per VIM and kind asks for all waiters together: nobody holds a thread while waiting, and what a
look costs does not depend on how many wait. A handful of waiters is served by reading each thing; more are
served by one list per project, or by one over all projects. Lists ask for what changed since the last one,
by the cloud's own clock and with an overlap, with a list of everything now and then.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

import structlog

from openesc.vim.errors import VimError, VimFault, VimForbidden, VimNotFound, WaitTimedOut

log = structlog.get_logger(__name__)

RECONSIDER = 1.0
"""Seconds of sleep after which the interval, which may have become shorter, is asked again."""


class Reading(Protocol):
    """What is waited for, as the cloud reports it."""

    @property
    def id(self) -> str: ...
    @property
    def status(self) -> str: ...


R = TypeVar("R", bound=Reading)


@dataclass(frozen=True, slots=True)
class Listing(Generic[R]):
    """One list: what was in it, and the cloud's time when it was made (None: unknown, so the next list is
    full again).
    """

    readings: Sequence[R]
    at: datetime | None


class Source(Protocol[R]):
    """How one kind of thing is read. A scope is a project's id; None stands for all projects."""

    kind: str

    async def read(self, scope: str, item_id: str) -> R:
        """One thing. Raises: VimNotFound when it is gone, other VimErrors when that is not known."""
        ...

    async def listing(self, scope: str | None, since: datetime | None) -> Listing[R]:
        """What changed since (where it can be asked, else everything); None: everything."""
        ...

    def failed(self, reading: R) -> bool:
        """Whether the thing is in error, and nothing is under way that may bring it back."""
        ...

    async def fault(self, scope: str, reading: R) -> str:
        """Why the thing is in error, in the cloud's words."""
        ...


@dataclass(frozen=True, slots=True)
class Pace:
    """How often is looked, and how. Times in seconds."""

    interval: float = 5.0
    first: float = 0.1
    """The first look after a new waiter; then each time half its age again, up to `interval`: a fast cloud is fast."""
    first_of_many: float = 0.5
    """In place of `first` where lists are asked for: they cost more, and with many waiters one is always new."""
    few: int = 3
    """Up to so many waiters are served by single reads."""
    confirmations: int = 8
    """Single reads that one look may add to its lists."""
    scopes: int = 4
    """With more projects than this one list over all of them is asked for, where it is allowed."""
    sweep: float = 60.0
    """A list of everything at least this often."""


@dataclass(eq=False, slots=True)
class _Waiter(Generic[R]):
    scope: str
    id: str
    done: Callable[[R], bool]
    fault_on_error: bool
    future: asyncio.Future[R]
    joined: float
    seen: bool = False
    last: R | None = None
    trouble: VimError | None = None


@dataclass(slots=True)
class _Memory:
    """What is known of a scope's lists."""

    since: datetime | None = None
    swept: float = float("-inf")


@dataclass(slots=True)
class _Look(Generic[R]):
    """The waiters that one look serves: those that were there when it began, so that every reading is fresh to them."""

    waiters: list[_Waiter[R]]
    reads_left: int
    answered: bool = False
    failures: list[VimError] = field(default_factory=list)

    def waiting(self) -> list[_Waiter[R]]:
        return [waiter for waiter in self.waiters if not waiter.future.done()]


class Watcher(Generic[R]):
    """Serves all waits for one kind of thing in one VIM. Runs while somebody waits.

    Args:
        name: of the VIM, for the log and the task.
        source: how things are read.
        pace: how often.
        all_scopes: whether one list over all projects may be tried.
        interval: the seconds in place of the pace's interval, asked each time, where they may change.
    """

    def __init__(
        self,
        name: str,
        source: Source[R],
        pace: Pace,
        *,
        all_scopes: bool = True,
        interval: Callable[[], float] | None = None,
    ) -> None:
        self._name = name
        self._source = source
        self._pace = pace
        self._all_scopes = all_scopes
        self._interval = interval or (lambda: pace.interval)
        self._waiters: set[_Waiter[R]] = set()
        self._memory: defaultdict[str | None, _Memory] = defaultdict(_Memory)
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._failing = False

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiters)

    async def wait(
        self,
        scope: str,
        item_id: str,
        done: Callable[[R], bool],
        timeout: float,
        *,
        fault_on_error: bool = True,
    ) -> R:
        """Wait until `done` says so of a reading taken after this call began; that reading.

        A cloud that does not answer ends no wait: only `timeout` (seconds) does.

        Raises: VimFault (in error, unless `fault_on_error` is False), VimNotFound (a single read said
            404, or the status is
            DELETED), WaitTimedOut with what was seen last.
        """
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        waiter = _Waiter(scope, item_id, done, fault_on_error, future, time.monotonic())
        self._waiters.add(waiter)
        self._wake()
        try:
            async with asyncio.timeout(timeout):
                return await future
        except TimeoutError:
            raise self._timed_out(waiter, timeout) from waiter.trouble
        finally:
            self._waiters.discard(waiter)
            self._changed.set()

    async def close(self) -> None:
        """End the task; who still waits goes on to its time-out."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _timed_out(self, waiter: _Waiter[R], timeout: float) -> WaitTimedOut:
        what = f"{self._source.kind} {waiter.id}"
        seen = "was never seen" if waiter.last is None else f"was {_state(waiter.last)} when last seen"
        trouble = f"; the cloud: {waiter.trouble}" if waiter.trouble else ""
        return WaitTimedOut(f"{what} did not come where it should within {timeout:g} s: it {seen}{trouble}")

    def _wake(self) -> None:
        self._changed.set()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name=f"watch {self._source.kind}s of {self._name}")

    async def _run(self) -> None:
        try:
            took = 0.0
            while self._waiters:
                await self._pause(took)
                began = time.monotonic()
                await self._look()
                took = time.monotonic() - began
        except Exception as error:
            # nobody awaits this task: those who wait must hear of it
            log.exception("vim_watcher_failed", vim=self._name, kind=self._source.kind)
            for waiter in self._waiters:
                _fail(waiter, VimError(f"waiting failed: {error!r}"))

    async def _pause(self, took: float) -> None:
        """Sleep until the next look is due. A new waiter and a shorter interval bring it forward; that the last one has
        gone ends it. A slow cloud is left alone for as long as the last look `took`, but not longer than the interval.
        """
        due = time.monotonic() + self._rest(took)
        while self._waiters and (left := due - time.monotonic()) > 0:
            self._changed.clear()
            try:
                async with asyncio.timeout(min(left, RECONSIDER)):
                    await self._changed.wait()
            except TimeoutError:
                pass
            due = min(due, time.monotonic() + self._rest(took))

    def _rest(self, took: float) -> float:
        if not self._waiters:
            return 0.0
        youngest = time.monotonic() - max(waiter.joined for waiter in self._waiters)
        few = len(self._waiters) <= self._pace.few
        first = self._pace.first if few else self._pace.first_of_many
        return min(max(youngest / 2, first, took), self._interval())

    async def _look(self) -> None:
        look = _Look(list(self._waiters), self._pace.confirmations)
        if len(look.waiters) <= self._pace.few:
            await self._read_each(look.waiters, look)
        else:
            await self._list_all(look)
        self._report(look)

    async def _list_all(self, look: _Look[R]) -> None:
        scopes: dict[str | None, list[_Waiter[R]]] = defaultdict(list)
        for waiter in look.waiters:
            scopes[waiter.scope].append(waiter)
        if self._all_scopes and len(scopes) > self._pace.scopes:
            try:
                await self._list(None, look.waiters, look)
                return
            except VimForbidden as error:
                self._all_scopes = False
                log.info("vim_lists_each_project", vim=self._name, kind=self._source.kind, why=str(error))
        await asyncio.gather(*(self._list_scope(scope, some, look) for scope, some in scopes.items()))

    async def _list_scope(self, scope: str | None, waiters: list[_Waiter[R]], look: _Look[R]) -> None:
        try:
            await self._list(scope, waiters, look)
        except VimForbidden as error:
            _trouble(waiters, error, look)

    async def _list(self, scope: str | None, waiters: list[_Waiter[R]], look: _Look[R]) -> None:
        memory = self._memory[scope]
        full = await self._ask(scope, memory, waiters, look)
        if full is None:
            return
        left = [waiter for waiter in waiters if not waiter.future.done()]
        # what a full list lacks may be gone, and what did not change since a waiter joined it has never seen
        unknown = [waiter for waiter in left if not waiter.seen]
        if not full and len(unknown) > look.reads_left and time.monotonic() - memory.swept > self._interval():
            memory.since = None
            await self._ask(scope, memory, waiters, look)
            unknown = [waiter for waiter in unknown if not waiter.seen]
        await self._confirm(unknown, look)

    async def _ask(self, scope: str | None, memory: _Memory, waiters: list[_Waiter[R]], look: _Look[R]) -> bool | None:
        """One list and what it says to the waiters: whether it was a full one; None when there was no answer."""
        began = time.monotonic()
        full = memory.since is None or began - memory.swept > self._pace.sweep
        try:
            listing = await self._source.listing(scope, None if full else memory.since)
        except VimForbidden:
            raise
        except VimError as error:
            _trouble(waiters, error, look)
            return None
        look.answered = True
        memory.since = listing.at
        if full:
            memory.swept = began
        await self._tell(waiters, listing.readings, full)
        return full

    async def _tell(self, waiters: list[_Waiter[R]], readings: Iterable[R], full: bool) -> None:
        found = {reading.id: reading for reading in readings}
        for waiter in waiters:
            reading = found.get(waiter.id)
            if reading is not None:
                await self._judge(waiter, reading)
            elif full:
                waiter.seen = False

    async def _confirm(self, waiters: Sequence[_Waiter[R]], look: _Look[R]) -> None:
        """Read some of them one by one; the longest waiting first, the others at a later look."""
        chosen = sorted(waiters, key=lambda waiter: waiter.joined)[: look.reads_left]
        look.reads_left -= len(chosen)
        await self._read_each(chosen, look)

    async def _read_each(self, waiters: Sequence[_Waiter[R]], look: _Look[R]) -> None:
        await asyncio.gather(*(self._read(waiter, look) for waiter in waiters))

    async def _read(self, waiter: _Waiter[R], look: _Look[R]) -> None:
        try:
            reading = await self._source.read(waiter.scope, waiter.id)
        except VimNotFound as error:
            look.answered = True
            _fail(waiter, error)
        except VimError as error:
            _trouble([waiter], error, look)
        else:
            look.answered = True
            await self._judge(waiter, reading)

    async def _judge(self, waiter: _Waiter[R], reading: R) -> None:
        if reading.status == "UNKNOWN":  # the cell that knows it is down: neither here nor gone
            return
        waiter.seen, waiter.last, waiter.trouble = True, reading, None
        if reading.status == "DELETED":
            _fail(waiter, VimNotFound(f"{self._source.kind} {waiter.id} is deleted", status=404))
        elif waiter.fault_on_error and self._source.failed(reading):
            _fail(waiter, VimFault(await self._source.fault(waiter.scope, reading)))
        else:
            _settle(waiter, reading)

    def _report(self, look: _Look[R]) -> None:
        """Say once that the cloud stopped answering, and once that it answers again."""
        failing = bool(look.failures) and not look.answered
        if failing == self._failing or not (failing or look.answered):
            return
        self._failing = failing
        if failing:
            log.warning("vim_does_not_answer", vim=self._name, waiting=self.waiting, error=str(look.failures[0]))
        else:
            log.info("vim_answers_again", vim=self._name, waiting=self.waiting)


def _settle(waiter: _Waiter[Any], reading: Any) -> None:
    try:
        reached = waiter.done(reading)
    except Exception as error:  # noqa: BLE001 - the caller's predicate failed: the caller's to hear
        _fail(waiter, error)
        return
    if reached and not waiter.future.done():
        waiter.future.set_result(reading)


def _fail(waiter: _Waiter[Any], error: Exception) -> None:
    if not waiter.future.done():
        waiter.future.set_exception(error)


def _trouble(waiters: Iterable[_Waiter[Any]], error: VimError, look: _Look[Any]) -> None:
    look.failures.append(error)
    for waiter in waiters:
        waiter.trouble = error


def _state(reading: Any) -> str:
    task = getattr(reading, "task_state", None)
    return f"{reading.status}/{task}" if task else str(reading.status)
