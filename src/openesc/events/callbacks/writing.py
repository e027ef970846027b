"""Writes that must happen in the end: what a receiver has got must not be sent for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

import structlog

from openesc.store import Store, StoreClosed, StoreError, Tx

T = TypeVar("T")
log = structlog.get_logger()
RETRY = 1.0
"""Seconds until it is tried again."""


async def keep_writing(store: Store, fn: Callable[[Tx], T]) -> T:
    """Write, and go on trying while the disk refuses. Raises: StoreClosed, and what `fn` raises."""
    while True:
        try:
            return await store.write(fn)
        except StoreClosed:
            raise
        except StoreError as error:
            log.warning("callbacks wait for the store", reason=str(error))
            await asyncio.sleep(RETRY)
