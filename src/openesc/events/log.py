"""The event log: one append-only table, and readers that each follow it from a position of their own.

There is no second path: replay and live delivery are the same reading. The newest events are also kept in memory, so
that a hundred live readers do not ask the database a hundred times.
"""

from __future__ import annotations

import asyncio
import contextlib
from bisect import bisect_right
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, select

from openesc.events.escevent import EscEvent
from openesc.store import Store, Tx, iso, now_ms
from openesc.store.tables import events

BATCH = 256
TAIL = 4096
"""How many of the newest events are kept in memory."""


@dataclass(frozen=True, slots=True)
class Logged:
    """An event with its place in the log. `position` is its time in UTC milliseconds."""

    position: int
    event: EscEvent
    operation_id: str | None
    notice: tuple[str, bytes]
    """eventTime and the serialised escEvent; one object for all subscribers."""


class EventLog:
    """Appends in the transaction of the change and wakes whoever follows."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._tail: deque[Logged] = deque(maxlen=TAIL)
        self._head = self._floor = store.read_now(_newest)
        """The tail in memory holds everything after this position."""
        self.created_at = store.read_now(_oldest)
        self._waiters: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()

    def append(self, tx: Tx, event: EscEvent, operation_id: str | None = None) -> int:
        """Write `event` in the transaction `tx`; readers see it once that is durable. Returns its position."""
        logged = _log_entry(tx.clock.tick(), event, operation_id)
        tx.execute(
            events.insert(),
            {
                "position": logged.position,
                "type": event.type,
                "tenant": event.tenant,
                "deployment_id": event.depid,
                "operation_id": operation_id,
                "fields": event.to_fields(),
            },
        )
        tx.on_commit.append(lambda: self._publish(logged))
        return logged.position

    @property
    def head(self) -> int:
        """The position of the newest durable event, 0 when there is none."""
        return self._head

    async def after(self, position: int, limit: int = BATCH) -> Sequence[Logged]:
        """At most `limit` durable events later than `position`, oldest first."""
        floor = self._floor
        tail = list(self._tail)  # one step for the interpreter: the lane may append meanwhile
        if position >= _floor_of(tail, floor):
            start = bisect_right(tail, position, key=_position)
            return tail[start : start + limit]
        return await self._store.read(lambda connection: _page(connection, position, limit))

    async def follow(
        self, position: int, until: Callable[[], bool] | None = None, end: int | None = None
    ) -> AsyncGenerator[Sequence[Logged], None]:
        """Every event later than `position`, in pages, for ever; an empty page means: all that is there was read.

        An empty page comes at least once; `until`, asked at each of them, ends the iteration. So does the time `end`
        (UTC milliseconds) once it has come and all is read, however long that takes.
        """
        wake = asyncio.Event()
        entry = (asyncio.get_running_loop(), wake)
        self._waiters.add(entry)
        try:
            while True:
                wake.clear()
                page = await self.after(position)
                yield page
                if page:
                    position = page[-1].position
                elif (until is not None and until()) or (end is not None and now_ms() >= end):
                    return
                else:
                    await _woken(wake, end)
        finally:
            self._waiters.discard(entry)

    def prune(self, tx: Tx, before: int) -> int:
        """Retention: remove what is older than `before`; returns how many went."""
        tx.on_commit.append(lambda: self._forget(before))
        return tx.execute(delete(events).where(events.c.position < before)).rowcount

    def _forget(self, before: int) -> None:
        """Runs on the lane's thread: what is pruned is not replayed from memory either."""
        self._floor = max(before - 1, _floor_of(self._tail, self._floor))
        while self._tail and self._tail[0].position < before:
            self._tail.popleft()

    def _publish(self, logged: Logged) -> None:
        """Runs on the lane's thread, in the order of positions."""
        self._tail.append(logged)
        self._head = logged.position
        for loop, wake in list(self._waiters):
            with contextlib.suppress(RuntimeError):  # its loop is closed: nobody follows any more
                loop.call_soon_threadsafe(wake.set)


async def _woken(wake: asyncio.Event, end: int | None) -> None:
    """There is something new, or the time has come."""
    left = None if end is None else max(0.0, (end - now_ms()) / 1000)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(wake.wait(), left)


def _floor_of(tail: Sequence[Logged], floor: int) -> int:
    """The position after which `tail` holds every event; `floor` as long as none has dropped out of it."""
    return tail[0].position - 1 if len(tail) == TAIL else floor


def _position(logged: Logged) -> int:
    return logged.position


def _newest(connection: Connection) -> int:
    return connection.execute(select(func.max(events.c.position))).scalar() or 0


def _oldest(connection: Connection) -> int | None:
    oldest: int | None = connection.execute(select(func.min(events.c.position))).scalar()
    return oldest


def _page(connection: Connection, position: int, limit: int) -> list[Logged]:
    statement = select(events).where(events.c.position > position).order_by(events.c.position).limit(limit)
    return [logged_from(row) for row in connection.execute(statement)]


def logged_from(row: Any) -> Logged:
    event = EscEvent.from_fields(row.fields)
    return _log_entry(row.position, event, row.operation_id)


def _log_entry(position: int, event: EscEvent, operation_id: str | None) -> Logged:
    return Logged(position, event, operation_id, (iso(position), event.to_xml()))
