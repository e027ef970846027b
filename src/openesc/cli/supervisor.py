"""The service's background tasks: named and watched; an essential one that dies stops the service."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

log = structlog.get_logger()


class Supervisor:
    """Keeps named background tasks and the wish to stop.

    `stopping` is set by `stop` (a signal) or by an essential task that ended before anybody wished
    it; `failure` then says which one and why.
    """

    def __init__(self) -> None:
        self.stopping = asyncio.Event()
        self.failure: str | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

    def spawn(self, name: str, work: Coroutine[Any, Any, Any], *, essential: bool = True) -> asyncio.Task[Any]:
        """Run `work` in the background under `name`.

        Essential work may end only after `stop`; other work may end, and its exception is logged.
        """
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._ended(done, essential))
        return task

    def stop(self) -> None:
        """Wish the service to stop."""
        self.stopping.set()

    def fail(self, reason: str) -> None:
        """Stop the service for `reason`; the first reason counts."""
        if not self.stopping.is_set():
            self.failure = reason
            log.error("service stops", reason=reason)
            self.stopping.set()

    async def wait(self) -> None:
        """Wait until the service is to stop."""
        await self.stopping.wait()

    async def close(self) -> None:
        """Cancel what still runs and wait for its end."""
        self.stopping.set()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, task: asyncio.Task[Any], essential: bool) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.error("background task died", task=task.get_name(), exc_info=error)
        if essential:
            self.fail(f"{task.get_name()} ended: {_reason(task, error)}")


def _reason(task: asyncio.Task[Any], error: BaseException | None) -> str:
    if task.cancelled():
        return "it was cancelled"
    return f"{type(error).__name__}: {error}" if error is not None else "it returned"
