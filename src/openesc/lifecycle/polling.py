"""How the cloud is asked for what takes its time, changeable while operations wait."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar

from openesc.store import now_ms

T = TypeVar("T")


class Polling:
    """How often to look, and for how long at most (user guide, VM snapshot polling parameters).

    Those who wait ask it each time round, and a change wakes them: a new value holds at once. Not for use by several
    threads. Times in seconds; what began `since` is UTC milliseconds, so that it may have begun in an earlier life.
    """

    def __init__(self, interval: float = 15.0, timeout: float = 1200.0) -> None:
        self.interval = interval
        self.timeout = timeout
        self._changed = asyncio.Event()

    def change(self, interval: float, timeout: float) -> None:
        """Put other values in force."""
        self.interval, self.timeout = interval, timeout
        self._changed.set()
        self._changed = asyncio.Event()

    def left(self, since: int) -> float:
        """Seconds until the time is up; none or less: it is."""
        return self.timeout - (now_ms() - since) / 1000

    async def pause(self, since: int) -> None:
        """Wait until the next look is due: an interval from now, at the latest when the time is up."""
        looked = now_ms()
        while (rest := min(self.interval - (now_ms() - looked) / 1000, self.left(since))) > 0:
            await self._change_within(rest)

    async def limit(self, awaitable: Awaitable[T], since: int) -> T:
        """Await something while there is time. Raises: TimeoutError when it is up, and what it raises."""
        task = asyncio.ensure_future(awaitable)
        try:
            while not task.done():
                if (rest := self.left(since)) <= 0:
                    raise TimeoutError
                await self._change_within(rest, task)
            return task.result()
        finally:
            task.cancel()

    async def _change_within(self, seconds: float, *others: asyncio.Future[Any]) -> None:
        """Return after a change, after `seconds`, or when one of `others` is done."""
        change = asyncio.ensure_future(self._changed.wait())
        try:
            await asyncio.wait((change, *others), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            change.cancel()
