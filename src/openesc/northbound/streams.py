"""Events for a subscriber: replay and live delivery are one reading of the log (RFC 5277 section 3.3)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from datetime import datetime

from openesc.events.escevent import EscEvent
from openesc.events.log import EventLog, Logged
from openesc.store import now_ms, position_of


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
    pages = log.follow(position)
    try:
        while (page := await _next(pages, end)) is not None:
            for logged in page:
                if end is not None and logged.position > end:
                    return
                if not logged.event.callback_only and visible(logged.event):
                    yield logged.notice
            if not page and replay_complete is not None:
                yield replay_complete
                replay_complete = None
    finally:
        await pages.aclose()


async def _next(pages: AsyncGenerator[Sequence[Logged], None], end: int | None) -> Sequence[Logged] | None:
    """The next page, or None once the time `end` (UTC ms) has come and all is read."""
    if end is None:
        return await anext(pages)
    left = max(0.05, (end - now_ms()) / 1000)
    try:
        return await asyncio.wait_for(anext(pages), left)
    except TimeoutError:
        return None
