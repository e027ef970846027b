"""Events are kept for a time, then they go from the old end."""

from __future__ import annotations

import asyncio

import structlog

from openesc.events.log import EventLog
from openesc.store import Store, StoreError, now_ms

log = structlog.get_logger()
DAY_MS = 86_400_000
PAUSE = 3600.0
"""Seconds between two looks."""


async def keep_retention(store: Store, events: EventLog, days: int) -> None:
    """Remove events older than `days`, for ever."""
    while True:
        try:
            removed = await store.write(lambda tx: events.prune(tx, now_ms() - days * DAY_MS))
        except StoreError as error:
            log.warning("events not removed", reason=str(error))
        else:
            log.info("events removed", count=removed, older_than_days=days)
        await asyncio.sleep(PAUSE)
