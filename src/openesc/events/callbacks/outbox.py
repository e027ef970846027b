"""The outbox: it follows the event log from a durable position, and keeps a receiver at work for each address."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import aclosing

from sqlalchemy import Connection, select

from openesc.events.callbacks import routing
from openesc.events.callbacks.receiver import CallbackSettings, Reach, Receiver
from openesc.events.callbacks.writing import keep_writing
from openesc.events.log import EventLog, Logged
from openesc.events.position import store_position, stored_position
from openesc.store import Store, StoreClosed, Tx, now_ms
from openesc.store import tables as t

POSITION_KEY = "callbacks-position"
POINTS = ("route", "send", "settle")
"""Boundaries of a delivery, for crash tests: its row, its POST, its outcome."""
LOOK_SECONDS = 1.0
"""Seconds between two looks for operations that have ended without the event of the table, and for redeliveries."""


class Outbox:
    """Events in, POSTs out. Nothing is lost over restarts; what was under way at a crash is sent again.

    `reach` is told the boundaries of each delivery (`POINTS`), for crash tests.
    """

    def __init__(
        self, store: Store, log: EventLog, settings: CallbackSettings, reach: Reach = lambda what, moment: None
    ) -> None:
        self._store = store
        self._log = log
        self._settings = settings
        self._reach = reach
        self._receivers: dict[str, Receiver] = {}
        self._readers: list[asyncio.Task[None]] = []
        self._group = asyncio.TaskGroup()
        self._running: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Until `stop`."""
        self._running = asyncio.current_task()
        async with self._group as group:
            self._readers = [group.create_task(self._follow()), group.create_task(self._look())]

    async def stop(self, grace: float) -> None:
        """Begin nothing more; what is under way has `grace` seconds, then it is left to the next start."""
        if self._running is None:
            return
        for reader in self._readers:
            reader.cancel()
        for receiver in self._receivers.values():
            receiver.stop()
        _, late = await asyncio.wait([self._running], timeout=grace)
        if late:
            self._running.cancel()
            await asyncio.wait([self._running])

    async def _follow(self) -> None:
        """Every event becomes what is to be delivered of it, once."""
        position = await self._store.read(lambda connection: stored_position(connection, POSITION_KEY))
        async with aclosing(self._log.follow(position)) as pages:
            async for page in pages:
                if page:
                    await self._route(page)

    async def _route(self, page: Sequence[Logged]) -> None:
        def write(tx: Tx) -> set[str]:
            store_position(tx, POSITION_KEY, page[-1].position)
            return routing.route(tx, page)

        self._reach("callbacks/route", "before")
        origins = await keep_writing(self._store, write)
        self._reach("callbacks/route", "after")
        self._wake(origins)

    async def _look(self) -> None:
        """What the events do not tell: operations that have ended, and deliveries whose next try is due."""
        while True:
            if await self._store.read(routing.any_ended):
                self._wake(await keep_writing(self._store, _route_ended))
            self._wake(await self._store.read(_due_origins))
            await asyncio.sleep(LOOK_SECONDS)

    def _wake(self, origins: Iterable[str]) -> None:
        for origin in origins:
            receiver = self._receivers.get(origin)
            if receiver is None or receiver.over:
                receiver = self._receivers[origin] = Receiver(origin, self._store, self._settings, self._reach)
                self._group.create_task(self._serve(receiver), name=f"callbacks to {origin}")
            receiver.wake()

    async def _serve(self, receiver: Receiver) -> None:
        try:
            await receiver.run()
        except StoreClosed:
            return
        finally:
            if self._receivers.get(receiver.origin) is receiver:
                del self._receivers[receiver.origin]


def _route_ended(tx: Tx) -> set[str]:
    return routing.route_ended(tx, stored_position(tx.connection, POSITION_KEY))


def _due_origins(connection: Connection) -> Sequence[str]:
    d = t.callback_deliveries.c
    return connection.execute(select(d.origin).where(d.due_at <= now_ms()).distinct()).scalars().all()
