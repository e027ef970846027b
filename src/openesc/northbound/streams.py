"""Events for a subscriber: replay and live delivery are one reading of the log (RFC 5277 section 3.3)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from datetime import datetime

from openesc.events.escevent import EscEvent
from openesc.events.log import EventLog
from openesc.store import position_of


def deliver(
    log: EventLog,
    start: datetime | None,
    stop: datetime | None,
    visible: Callable[[EscEvent], bool],
    *,
    replay_complete: tuple[str, bytes],
) -> AsyncIterator[tuple[str, bytes]]:
    """The events a subscription asks for. Live ones count from this call on."""
    position = log.head if start is None else position_of(start) - 1
    end = None if stop is None else position_of(stop)
    return _deliver(log, position, end, visible, replay_complete if start is not None else None)


async def _deliver(
    log: EventLog,
    position: int,
    end: int | None,
    visible: Callable[[EscEvent], bool],
    replay_complete: tuple[str, bytes] | None,
) -> AsyncIterator[tuple[str, bytes]]:
    async with aclosing(log.follow(position, end=end)) as pages:
        async for page in pages:
            for logged in page:
                if end is not None and logged.position > end:
                    return
                if not logged.event.callback_only and visible(logged.event):
                    yield logged.notice
            if not page and replay_complete is not None:
                yield replay_complete
                replay_complete = None
