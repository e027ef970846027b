"""One receiver: what is due for it is posted, one after the other in each lane, lanes side by side."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy import Connection, func, select

from openesc import metrics
from openesc.events.callbacks import bodies
from openesc.events.callbacks.deliveries import DEAD, DELIVERED, WAITING, Delivery, delivery, update
from openesc.events.callbacks.writing import keep_writing
from openesc.store import Store, Tx, now_ms
from openesc.store import tables as t

if TYPE_CHECKING:
    from openesc.events.callbacks.sender import Sender

log = structlog.get_logger()
IDLE_SECONDS = 30.0
"""How long a receiver without work keeps its connections."""

Reach = Callable[[str, str], None]
"""Called at the boundaries of a delivery, for crash tests: what, and ``before`` or ``after``."""


@dataclass(frozen=True, slots=True)
class CallbackSettings:
    """Times in seconds.

    `timeout`: for one callback. `parallel`: callbacks to one receiver at once. Between two tries of one pass `first`,
    then twice as long each time up to `longest`, shortened by up to half at random. After `max_tries`, or `give_up`
    seconds, it is a dead letter.
    """

    timeout: float = 10.0
    parallel: int = 8
    first: float = 1.0
    longest: float = 300.0
    max_tries: int = 400
    give_up: float = 86400.0

    def pause(self, tries: int) -> float:
        """Seconds until the next try, after `tries` of them."""
        return float(min(self.longest, self.first * 2.0 ** min(tries - 1, 60)) * random.uniform(0.5, 1.0))


class Receiver:
    """Everything that goes to one scheme, host and port. A slow one delays nobody else: it has slots of its own."""

    def __init__(self, origin: str, store: Store, settings: CallbackSettings, reach: Reach) -> None:
        self.origin = origin
        self._store = store
        self._settings = settings
        self._reach = reach
        self._wake = asyncio.Event()
        self._lanes: dict[str, asyncio.Task[None]] = {}
        self._stopping = False
        self.over = False
        """It takes no more: who has something for it makes a new one."""

    def wake(self) -> None:
        """There may be something due."""
        self._wake.set()

    def stop(self) -> None:
        """Begin nothing more; what is under way may end."""
        self._stopping = True
        self._wake.set()

    async def run(self) -> None:
        """Post what is due until there has been nothing to do for a while, or `stop`."""
        sender = await asyncio.to_thread(_sender, self._settings.timeout)
        try:
            while await self._pass(sender):
                pass
        finally:
            self.over = True
            for task in self._lanes.values():
                task.cancel()
            await asyncio.gather(*self._lanes.values(), return_exceptions=True)
            await sender.close()

    async def _pass(self, sender: Sender) -> bool:
        """Begin what is due, wait for something to happen. Returns whether to go on."""
        self._wake.clear()
        if self._stopping and not self._lanes:
            return False
        pause = None if self._stopping else await self._begin(sender)
        try:
            async with asyncio.timeout(pause):
                await self._wake.wait()
        except TimeoutError:
            return pause != IDLE_SECONDS
        return True

    async def _begin(self, sender: Sender) -> float | None:
        """Begin what is due and has a slot. Returns the seconds until more is due; None: a lane tells."""
        free = self._settings.parallel - len(self._lanes)
        if free <= 0:
            return None
        busy = list(self._lanes)
        found, next_at = await self._store.read(lambda c: due(c, self.origin, busy, free))
        for one in {one.lane: one for one in reversed(found)}.values():
            task = asyncio.create_task(self._deliver(sender, one), name=f"callback {one.id}")
            self._lanes[one.lane] = task
            task.add_done_callback(lambda _, lane=one.lane: self._ended(lane))  # type: ignore[misc]
        if next_at is not None:
            return max(0.0, (next_at - now_ms()) / 1000)
        return None if self._lanes else IDLE_SECONDS

    def _ended(self, lane: str) -> None:
        task = self._lanes.pop(lane)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("callback crashed", receiver=self.origin, exc_info=error)
        self._wake.set()

    async def _deliver(self, sender: Sender, found: Delivery) -> None:
        self._reach("callbacks/send", "before")
        headers = bodies.headers(found.transaction_id, found.status_code, found.status_message, found.content_type)
        failure = await sender.post(found.target, headers, found.body)
        self._reach("callbacks/send", "after")
        self._reach("callbacks/settle", "before")
        await keep_writing(self._store, lambda tx: settle(tx, found, failure, self._settings))
        self._reach("callbacks/settle", "after")


def _sender(timeout: float) -> Sender:
    """The HTTP client takes its time to import, and to read the system's certificates: where nobody is to be called
    it does neither.
    """
    from openesc.events.callbacks.sender import Sender

    return Sender(timeout)


def due(connection: Connection, origin: str, busy: Sequence[str], limit: int) -> tuple[list[Delivery], int | None]:
    """What is to be tried now, the longest due first and none of a busy lane; when the next one after now is due."""
    d, now = t.callback_deliveries.c, now_ms()
    statement = select(t.callback_deliveries).where(d.origin == origin, d.due_at <= now, d.lane.not_in(busy))
    found = connection.execute(statement.order_by(d.due_at, d.position).limit(limit))
    later = select(func.min(d.due_at)).where(d.origin == origin, d.due_at > now)
    return [delivery(row) for row in found], connection.execute(later).scalar()


def settle(tx: Tx, found: Delivery, failure: str | None, settings: CallbackSettings) -> None:
    """Write what a try came to; once it is over, the next one of its lane is due."""
    values = _outcome(found, failure, settings)
    outcome = "failed" if values["state"] == WAITING else values["state"]
    tx.on_commit.append(lambda: metrics.callback_tried(outcome))
    update(tx, found.id, tries=found.tries + 1, failure=failure, **values)
    if values["state"] != WAITING:
        _promote(tx, found.lane)


def _outcome(found: Delivery, failure: str | None, settings: CallbackSettings) -> dict[str, Any]:
    now = now_ms()
    if failure is None:
        return {"state": DELIVERED, "due_at": None, "settled_at": now}
    tries = found.tries + 1
    if tries >= settings.max_tries or now - found.began_at > settings.give_up * 1000:
        log.error("callback given up", delivery=found.id, receiver=found.target.url, tries=tries, reason=failure)
        return {"state": DEAD, "due_at": None, "settled_at": now}
    log.info("callback not delivered", delivery=found.id, receiver=found.target.url, tries=tries, reason=failure)
    return {"state": WAITING, "due_at": now + round(settings.pause(tries) * 1000), "settled_at": None}


def _promote(tx: Tx, lane: str) -> None:
    d = t.callback_deliveries.c
    following = select(d.id, d.due_at).where(d.lane == lane, d.state == WAITING).order_by(d.position).limit(1)
    found = tx.execute(following).first()
    if found is not None and found.due_at is None:
        update(tx, found.id, due_at=now_ms())
