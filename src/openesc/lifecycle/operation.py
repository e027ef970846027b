"""The handle a flow has on its operation: steps, commits, waits, deadlines.

Nothing here knows a cloud or ESC. A step is an effect outside the store: its intent is durable before it, its result
after it, together with what `record` writes. Steps are named by a path, never by a number, so that a flow may run them
in parallel and change between versions.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import structlog

from openesc.lifecycle import journal
from openesc.lifecycle.errors import Interrupted, StepFailed, Suspended
from openesc.lifecycle.failpoints import AFTER, BEFORE, Failpoints
from openesc.lifecycle.journal import OperationRow, Ownership, StepRow
from openesc.store import Store, StoreClosed, StoreError, Tx, now_ms

T = TypeVar("T")
log = structlog.get_logger()


class Expected(Protocol):
    """An exception that is an answer, not a defect: the journal keeps it as the step's failure."""

    status: int | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """What a step's action knows of itself.

    `doubt` is set when an earlier life may have acted already: look for the effect before acting. `settled_at` is when
    that earlier call is certainly over (UTC milliseconds).
    """

    doubt: bool
    settled_at: int

    async def settle(self) -> None:
        """Wait until the earlier call is over."""
        await asyncio.sleep(max(0, self.settled_at - now_ms()) / 1000)


class Operation:
    """One run of an operation. Made by the engine, used by its flow."""

    def __init__(
        self,
        row: OperationRow,
        owned: Ownership,
        store: Store,
        known: dict[str, StepRow],
        *,
        failpoints: Failpoints,
        stopping: asyncio.Event,
        grace: float,
        doubt_wait: float,
        answers: tuple[type[Exception], ...],
        on_accept: Callable[[], None] = lambda: None,
    ) -> None:
        self.row = row
        self.id = row.id
        self.kind = row.kind
        self.arguments = row.arguments
        self._owned = owned
        self._store = store
        self._known = known
        self._failpoints = failpoints
        self._stopping = stopping
        self._grace = grace
        self._answers = answers
        self._on_accept = on_accept
        self.accepted = False
        self._settled_at = now_ms() + round(doubt_wait * 1000)
        """Whatever an earlier life called was sent before this one began, however long after the step's intent."""
        self._cancel_reason = row.cancel
        self._under_way: dict[str, asyncio.Lock] = {}
        self._cancelled = asyncio.Event()
        if row.cancel:
            self._cancelled.set()

    def cancel(self, reason: str) -> None:
        """Make every wait and the next step raise Interrupted."""
        self._cancel_reason = reason
        self._cancelled.set()

    def check(self) -> None:
        """Raises: Interrupted when the operation was told to stop, Suspended when the server stops."""
        if self._stopping.is_set():
            raise Suspended
        if self._cancelled.is_set():
            raise Interrupted(self._cancel_reason or "cancelled")

    async def step(
        self,
        path: str,
        act: Callable[[Attempt], Coroutine[Any, Any, Any]],
        record: Callable[[Tx, Any], None] | None = None,
    ) -> Any:
        """Run `act` once over all lives of the operation and return its JSON-able result.

        Who asks for a step that runs already waits for its result. `record` writes inventory and events in the
        transaction that makes the result durable.
        Raises: StepFailed when the cloud refused (also on replay), Interrupted, Suspended.
        """
        lock = self._under_way.setdefault(path, asyncio.Lock())
        async with lock:
            known = self._known.get(path)
            if known is not None and known.state != journal.INTENT:
                return _outcome(known)
            self.check()
            return await self._act(path, known, act, record)

    async def _act(
        self,
        path: str,
        known: StepRow | None,
        act: Callable[[Attempt], Coroutine[Any, Any, Any]],
        record: Callable[[Tx, Any], None] | None,
    ) -> Any:
        attempt = await self._begin(path, known)
        self._failpoints.reach(f"{self.kind}/{path}", BEFORE)
        try:
            result = await self._effect(act(attempt))
        except self._answers as error:
            raise await self._fail(path, error) from error
        self._failpoints.reach(f"{self.kind}/{path}", AFTER)
        await self._close(path, journal.DONE, result, record)
        return result

    async def commit(self, path: str, fn: Callable[[Tx], T], *, always: bool = False) -> T:
        """Run `fn` in one transaction, once over all lives; its JSON-able value is kept.

        `always`: also when the operation was told to stop (for what closes it).
        """
        known = self._known.get(path)
        if known is not None and known.state != journal.INTENT:
            value: T = _outcome(known)
            return value
        if always:
            if self._stopping.is_set():
                raise Suspended
        else:
            self.check()
        self._failpoints.reach(f"{self.kind}/{path}", BEFORE)

        def run(tx: Tx) -> T:
            cancel = journal.require(tx, self.id, self._owned)
            if cancel and not always:
                raise Interrupted(cancel)
            value = fn(tx)
            journal.write_result(tx, self.id, path, journal.DONE, value)
            return value

        value = await self._durable(run)
        self._known[path] = StepRow(path, journal.DONE, value, now_ms())
        self._failpoints.reach(f"{self.kind}/{path}", AFTER)
        return value

    async def deadline(self, path: str, seconds: float) -> int:
        """A point in time `seconds` from when it was first asked for, in UTC milliseconds; the same after a restart."""
        return await self.commit(f"{path}/deadline", lambda tx: now_ms() + round(seconds * 1000))

    def accept(self) -> None:
        """The cloud has taken the request: who waits for its answer gets it now. Again is without effect."""
        if not self.accepted:
            self.accepted = True
            self._on_accept()

    async def wait(self, awaitable: Awaitable[T]) -> T:
        """Await something that has no effect; being told to stop ends it at once.

        Raises: Interrupted, Suspended, and what it raises.
        """
        return await self._race(awaitable, grace=0.0)

    def done(self, path: str) -> bool:
        """Whether this step has a result from this life or an earlier one."""
        known = self._known.get(path)
        return known is not None and known.state == journal.DONE

    def doubted(self, path: str) -> bool:
        """Whether a call of this step may still have an effect beside its result: an answer was lost."""
        known = self._known.get(path)
        return known is not None and known.doubted

    async def _begin(self, path: str, known: StepRow | None) -> Attempt:
        """The fence is checked before every effect; who is told to stop leaves no intent behind."""

        def intend(tx: Tx) -> int:
            cancel = journal.require(tx, self.id, self._owned)
            if cancel:
                raise Interrupted(cancel)
            return journal.write_intent(tx, self.id, path) if known is None else known.intent_at

        at = await self._durable(intend)
        self._known[path] = StepRow(path, journal.INTENT, None, at)
        return Attempt(known is not None, self._settled_at)

    async def _effect(self, action: Coroutine[Any, Any, T]) -> T:
        """An effect under way gets a grace to end and be recorded; then it is left in doubt."""
        return await self._race(action, grace=self._grace)

    async def _race(self, awaitable: Awaitable[T], *, grace: float) -> T:
        task = asyncio.ensure_future(awaitable)
        stops = [asyncio.ensure_future(event.wait()) for event in (self._cancelled, self._stopping)]
        try:
            await asyncio.wait([task, *stops], return_when=asyncio.FIRST_COMPLETED)
            if not task.done() and grace:
                await asyncio.wait([task], timeout=grace)
            if task.done():
                return task.result()
            self.check()
            raise AssertionError("a stop was seen")
        finally:
            task.add_done_callback(_retrieved)
            for pending in (task, *stops):
                pending.cancel()

    async def _fail(self, path: str, error: Exception) -> StepFailed:
        doubt = bool(getattr(error, "doubt", False))
        failure = StepFailed(str(error), getattr(error, "status", None), doubt=doubt)
        await self._close(path, journal.FAILURE, failure.to_result(), None)
        return failure

    async def _close(self, path: str, state: str, result: Any, record: Callable[[Tx, Any], None] | None) -> None:
        def write(tx: Tx) -> None:
            journal.require(tx, self.id, self._owned)
            journal.write_result(tx, self.id, path, state, result)
            if record is not None:
                record(tx, result)

        await self._durable(write)
        self._known[path] = StepRow(path, state, result, now_ms())

    async def _durable(self, fn: Callable[[Tx], T]) -> T:
        return await durable(self._store, fn, self._stopping, self.id)


async def durable(store: Store, fn: Callable[[Tx], T], stopping: asyncio.Event, operation_id: str) -> T:
    """Write, and go on trying while the disk refuses: what happened in the cloud must not be forgotten.

    Raises: Suspended when the server stops meanwhile; what `fn` raises.
    """
    delay = 0.2
    while True:
        try:
            return await store.write(fn)
        except StoreClosed:
            raise Suspended from None
        except StoreError as error:
            log.warning("operation waits for the store", operation=operation_id, reason=str(error))
            if stopping.is_set():
                raise Suspended from error
            await asyncio.sleep(delay)
            delay = min(delay * 2, 5.0)


def _retrieved(task: asyncio.Future[Any]) -> None:
    """Nobody waits for what a given up effect still raises."""
    if not task.cancelled():
        task.exception()


def _outcome(known: StepRow) -> Any:
    if known.state == journal.FAILURE:
        raise StepFailed.from_result(known.result)
    return known.result
