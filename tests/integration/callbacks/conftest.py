"""An outbox on a real store, with real receivers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest_asyncio
from tests.callback_receiver import Receiver

from openesc.events import types
from openesc.events.callbacks import Delivery, Target, check_url, listing, register_deployment, register_operation
from openesc.events.callbacks.outbox import Outbox
from openesc.events.callbacks.receiver import CallbackSettings
from openesc.events.escevent import FAILURE, SUCCESS, EscEvent
from openesc.events.log import EventLog
from openesc.store import Store, Tx
from openesc.store import tables as t

QUICK = CallbackSettings(timeout=0.5, first=0.02, longest=0.1, max_tries=1000)


@dataclass
class Site:
    """A store with its event log and, between `start` and `stop`, an outbox."""

    path: Path
    settings: CallbackSettings = QUICK
    store: Store = field(init=False)
    log: EventLog = field(init=False)
    outbox: Outbox = field(init=False)
    _task: asyncio.Task[None] | None = None

    def open(self) -> None:
        self.store = Store(self.path)
        self.log = EventLog(self.store)

    async def start(self) -> None:
        self.outbox = Outbox(self.store, self.log, self.settings)
        self._task = asyncio.create_task(self.outbox.run())
        await asyncio.sleep(0)

    async def stop(self, *, at_once: bool = False) -> None:
        """`at_once`: as a crash would, whatever is under way."""
        if self._task is None:
            return
        if at_once:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        else:
            await self.outbox.stop(2.0)
        self._task = None

    async def close(self) -> None:
        await self.stop()
        self.store.close()

    async def operation(
        self, operation_id: str, kind: str, callback: Receiver | None, events: Receiver | None = None
    ) -> None:
        """An operation of this kind that runs, with the receivers of its request."""
        target, others = await target_of(callback), await target_of(events)

        def write(tx: Tx) -> None:
            tx.execute(t.operations.insert(), _row(tx, operation_id, kind))
            register_operation(tx, operation_id, target, f"tx-{operation_id}", events=others)

        await self.store.write(write)

    async def ended(self, operation_id: str) -> None:
        o = t.operations
        await self.store.write(
            lambda tx: tx.execute(o.update().where(o.c.id == operation_id).values(state="succeeded", ended_at=1))
        )

    async def deployment(self, deployment_id: str, receiver: Receiver, path: str = "") -> None:
        target = await target_of(receiver, path)
        assert target is not None
        await self.store.write(lambda tx: register_deployment(tx, deployment_id, target))

    async def tell(self, *events: EscEvent, operation_id: str | None = None) -> None:
        await self.store.write(lambda tx: [self.log.append(tx, event, operation_id) for event in events])

    async def deliveries(self, state: str | None = None) -> list[Delivery]:
        """Oldest first."""
        return list(reversed(await self.store.read(lambda c: listing(c, state=state))))

    async def until_settled(self, seconds: float = 10.0) -> list[Delivery]:
        """Wait until everything told is routed and nothing is waiting."""
        async with asyncio.timeout(seconds):
            while await self.store.read(self._unsettled):  # noqa: ASYNC110  # the store tells nobody
                await asyncio.sleep(0.01)
        return await self.deliveries()

    def _unsettled(self, connection: object) -> bool:
        from sqlalchemy import Connection

        from openesc.events.callbacks.outbox import POSITION_KEY
        from openesc.events.position import stored_position

        assert isinstance(connection, Connection)
        behind = stored_position(connection, POSITION_KEY) < self.log.head
        return behind or bool(listing(connection, state="waiting", limit=1))


async def target_of(receiver: Receiver | None, path: str = "") -> Target | None:
    return await check_url(receiver.url + path) if receiver is not None else None


def event(event_type: str, text: str = "", *, depid: str | None = "dep-1", failed: bool = False) -> EscEvent:
    return EscEvent(
        event_type,
        FAILURE if failed else SUCCESS,
        500 if failed else 200,
        text or types.TEXTS[event_type],
        depname="d",
        tenant="t",
        depid=depid,
    )


def numbered(count: int, depid: str) -> list[EscEvent]:
    return [event(types.VM_ALIVE, str(number), depid=depid) for number in range(count)]


def _row(tx: Tx, operation_id: str, kind: str) -> dict[str, object]:
    return {
        "id": operation_id,
        "position": tx.clock.tick(),
        "kind": kind,
        "subject": "",
        "claims": [],
        "arguments": {},
        "state": "running",
        "fence": 1,
        "version": 1,
        "crashes": 0,
        "deaths": 0,
    }


@pytest_asyncio.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    site = Site(tmp_path / "openesc.db")
    site.open()
    yield site
    await site.close()


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver() as receiver:
        yield receiver


@pytest_asyncio.fixture
async def other() -> AsyncIterator[Receiver]:
    async with Receiver() as receiver:
        yield receiver
