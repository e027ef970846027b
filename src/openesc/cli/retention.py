"""Events are kept for a time, then they go from the old end."""

from __future__ import annotations

import asyncio

import structlog

from openesc.events.callbacks import prune
from openesc.events.log import EventLog
from openesc.store import Store, StoreError, Tx, now_ms

log = structlog.get_logger()
DAY_MS = 86_400_000
PAUSE = 3600.0
"""Seconds between two looks."""


async def keep_retention(store: Store, events: EventLog, days: int) -> None:
    """Remove events older than `days`, and what was delivered of them, for ever."""

    def remove(tx: Tx) -> int:
        before = now_ms() - days * DAY_MS
        prune(tx, before)
        return events.prune(tx, before)

    while True:
        try:
            removed = await store.write(remove)
        except StoreError as error:
            log.warning("events not removed", reason=str(error))
        else:
            log.info("events removed", count=removed, older_than_days=days)
        await asyncio.sleep(PAUSE)
