"""What all sessions of one server share."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lxml.etree import _Element

from openesc.netconf import messages
from openesc.netconf.backend import Backend
from openesc.netconf.limits import Limits
from openesc.netconf.locks import LockTable
from openesc.yang import Schema

if TYPE_CHECKING:
    from openesc.netconf.session import Session

log = logging.getLogger(__name__)


@dataclass
class Statistics:
    """Server-wide counters (RFC 6022 section 2.1.5). The rpc counters are those of ended sessions."""

    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    in_bad_hellos: int = 0
    in_sessions: int = 0
    dropped_sessions: int = 0
    in_rpcs: int = 0
    in_bad_rpcs: int = 0
    out_rpc_errors: int = 0
    out_notifications: int = 0


RPC_COUNTERS = ("in_rpcs", "in_bad_rpcs", "out_rpc_errors", "out_notifications")


class Core:
    """Backend, limits, locks, sessions by id, counters, worker threads and background tasks of one server."""

    def __init__(self, backend: Backend, limits: Limits) -> None:
        self.backend = backend
        self.schema: Schema = backend.schema
        self.limits = limits
        self.locks = LockTable()
        self.sessions: dict[int, Session] = {}
        self.statistics = Statistics()
        self._last_session_id = 0
        self._workers = ThreadPoolExecutor(2, thread_name_prefix="netconf-xml")
        self._tasks: set[asyncio.Task[None]] = set()

    def next_session_id(self) -> int:
        """A session-id that no live session has (RFC 6241 section 8.1: 1 to 4294967295)."""
        while True:
            self._last_session_id = self._last_session_id % 0xFFFFFFFF + 1
            if self._last_session_id not in self.sessions:
                return self._last_session_id

    def total(self, counter: str) -> int:
        """A counter of RPC_COUNTERS over ended and live sessions."""
        counted = [self.statistics, *(session.info for session in self.sessions.values())]
        return sum(int(getattr(source, counter)) for source in counted)

    def forget(self, session: Session) -> None:
        """The session has ended; its counts are kept."""
        if self.sessions.pop(session.info.id, None) is None:
            return
        for counter in RPC_COUNTERS:
            kept = getattr(self.statistics, counter) + getattr(session.info, counter)
            setattr(self.statistics, counter, kept)

    async def parse(self, message: bytes) -> _Element:
        """The message's root element; a big one is parsed beside the event loop. Raises RpcError."""
        if len(message) < self.limits.big_message:
            return messages.parse(message, self.limits)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._workers, messages.parse, message, self.limits)

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Run `work` as a background task; should it fail, the log says which and why."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("task %s failed", task.get_name(), exc_info=error)

    async def close(self) -> None:
        """End what still runs in the background."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._workers.shutdown(wait=False, cancel_futures=True)
