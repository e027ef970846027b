"""The engine: queued operations become running flows, over restarts, one conflicting operation after the other."""

from __future__ import annotations

import asyncio
import os
import socket
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import structlog
from sqlalchemy import case, select
from sqlalchemy.exc import OperationalError

from openesc import metrics
from openesc.lifecycle import journal
from openesc.lifecycle.errors import Interrupted, OperationFailed, Suspended
from openesc.lifecycle.failpoints import Failpoints
from openesc.lifecycle.journal import OperationRow, Ownership
from openesc.lifecycle.locks import LockTable
from openesc.lifecycle.operation import Operation, durable
from openesc.lifecycle.queue import Draft
from openesc.store import StaleOwner, Store, StoreClosed, Tx, now_ms
from openesc.store import tables as t

T = TypeVar("T")
log = structlog.get_logger()

START_DELAY = 0.005
"""Seconds between the acceptance of an operation and its start: the reply to the request goes first."""

QUIET_DEATHS = 10
"""So many process deaths in a row without a journal entry in between park an operation: it may be what kills us."""


@dataclass(frozen=True, slots=True)
class Flow:
    """A workflow. `version` grows when a change would misread the journal of an older one.

    `abandoned(tx, row, reason)` closes an operation that is parked: its states and events, as its own failure would.
    """

    run: Callable[[Operation], Awaitable[None]]
    abandoned: Callable[[Tx, OperationRow, str], None]
    version: int = 1


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """Times in seconds.

    `grace`: what an effect under way gets to end when its operation is told to stop. `doubt_wait`: after this long a
    call of an earlier life is over. `retry_delay`: before a flow that crashed is replayed.
    """

    grace: float = 2.0
    doubt_wait: float = 60.0
    replays: int = 3
    retry_delay: float = 1.0
    max_parallel: int = 2000


class Engine:
    """Runs operations. `submit` and `cancel` are called in the writer lane, in the transaction of the request."""

    def __init__(
        self,
        store: Store,
        flows: Mapping[str, Flow],
        settings: EngineSettings,
        *,
        answers: tuple[type[Exception], ...] = (),
        failpoints: Failpoints | None = None,
    ) -> None:
        self._store = store
        self._flows = flows
        self._settings = settings
        self._answers = answers
        self._failpoints = failpoints or Failpoints()
        self._locks = LockTable()
        self._rows: dict[str, OperationRow] = {}
        self._running: dict[str, Operation] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._waiting: dict[str, None] = {}
        self._stopping = asyncio.Event()
        self._idle = asyncio.Event()
        self._ended: dict[str, list[asyncio.Future[str]]] = {}
        self._accepted: dict[str, list[asyncio.Future[bool]]] = {}
        self._owned = Ownership("", 0)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._early: list[OperationRow] | None = []
        """Accepted while `start` takes over what is older; None: it has."""

    # in the lane

    def submit(self, tx: Tx, draft: Draft) -> OperationRow:
        """Queue an operation; it wakes once the transaction is durable."""
        row = OperationRow(
            id=str(uuid.uuid4()),
            position=tx.clock.tick(),
            kind=draft.kind,
            subject=draft.subject,
            tenant=draft.tenant,
            deployment_id=draft.deployment_id,
            vm_id=draft.vm_id,
            claims=list(draft.claims),
            arguments=dict(draft.arguments),
            state=journal.QUEUED,
            owner=None,
            fence=0,
            cancel=None,
            version=self._flows[draft.kind].version,
            crashes=0,
            deaths=0,
            failure=None,
            requested_by=draft.requested_by,
            started_at=None,
            ended_at=None,
        )
        tx.execute(t.operations.insert(), {name: getattr(row, name) for name in row.__slots__})
        tx.on_commit.append(lambda: self._call(self._admit, row))
        return row

    def cancel(self, tx: Tx, operation_ids: Sequence[str], reason: str) -> None:
        """Tell operations to stop; each closes itself when it has its turn."""
        o = t.operations.c
        tx.execute(t.operations.update().where(o.id.in_(operation_ids)).values(cancel=reason))
        for operation_id in operation_ids:
            tx.on_commit.append(lambda operation_id=operation_id: self._call(self._cancel, operation_id, reason))  # type: ignore[misc]

    def requeue(self, tx: Tx, row: OperationRow) -> None:
        """Let a parked operation go on where it was."""
        values = {"crashes": 0, "deaths": 0, "failure": None, "cancel": None, "ended_at": None, "owner": None}
        journal.set_state(tx, row.id, journal.QUEUED, **values)
        tx.on_commit.append(lambda: self._call(self._admit_again, row.id))

    # life of the engine

    async def start(self) -> list[OperationRow]:
        """Draw a fence, take over what an earlier life left, run it. Returns the operations that were resumed."""
        self._loop = asyncio.get_running_loop()
        owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:12]}"
        self._owned, rows, parked = await self._store.write(lambda tx: self._take_over(tx, owner))
        for row in parked:
            log.error("operation parked", operation=row.id, kind=row.kind, subject=row.subject)
        early, self._early = self._early or [], None
        known = {row.id for row in rows}
        for row in [*rows, *(row for row in early if row.id not in known)]:
            self._enqueue(row)
        resumed = [row for row in rows if row.state == journal.RUNNING]
        for row in resumed:
            log.info("operation resumed", operation=row.id, kind=row.kind, subject=row.subject)
        for operation_id in list(self._waiting):
            self._start_if_admitted(operation_id)
        return resumed

    async def stop(self, timeout: float) -> None:
        """Let steps under way end, at most `timeout` seconds; what is not finished goes on at the next start."""
        self._stopping.set()
        tasks = list(self._tasks.values())
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=timeout)
            for task in late:
                log.warning("operation left in a step", task=task.get_name())
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        for operation_id in list(self._ended):
            self._tell_ended(operation_id, journal.QUEUED)

    async def ended(self, operation_id: str) -> str:
        """Wait until the operation has ended; returns its final state, or its state now when the engine stops.

        Raises: KeyError when there is no such operation.
        """
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._ended.setdefault(operation_id, []).append(future)  # before looking: it may end meanwhile
        row = await self._store.read(lambda connection: journal.operation(connection, operation_id))
        if row is None:
            del self._ended[operation_id]
            raise KeyError(operation_id)
        if row.state not in journal.OPEN:
            self._tell_ended(operation_id, row.state)
        return await future

    async def accepted(self, operation_id: str, timeout: float) -> None:
        """Wait until the flow says that the cloud took the request, it ended, or `timeout` seconds have passed.

        Raises: OperationFailed with its reason when it ended otherwise than well before that.
        """
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._accepted.setdefault(operation_id, []).append(future)  # before looking: it may be accepted meanwhile
        running = self._running.get(operation_id)
        row = await self._store.read(lambda connection: journal.operation(connection, operation_id))
        if running is not None and running.accepted:
            self._tell_accepted(operation_id, True)
        elif row is None or row.state not in journal.OPEN:
            self._tell_accepted(operation_id, False)
        await asyncio.wait([future], timeout=timeout)
        if future.done() and not future.result():
            await self._require_success(operation_id)

    async def _require_success(self, operation_id: str) -> None:
        row = await self._store.read(lambda connection: journal.operation(connection, operation_id))
        if row is not None and row.state in (journal.FAILED, journal.CANCELLED, journal.PARKED):
            raise OperationFailed(row.failure or row.state)

    def waiting_for(self, operation_id: str) -> list[str]:
        """The operations that one waits for."""
        return self._locks.waiting_for(operation_id)

    @property
    def running(self) -> int:
        """How many operations run now."""
        return len(self._tasks)

    def _take_over(self, tx: Tx, owner: str) -> tuple[Ownership, list[OperationRow], list[OperationRow]]:
        fence = _next_fence(tx)
        rows = journal.open_operations(tx.connection)
        deadly = [row for row in rows if row.state == journal.RUNNING and row.deaths + 1 >= QUIET_DEATHS]
        for row in deadly:
            self._park(tx, row, f"the process died {QUIET_DEATHS} times in a row in this operation")
        taken = [row for row in rows if row not in deadly]
        o, s = t.operations.c, t.steps.c
        progress = select(s.path).where(s.operation_id == o.id, s.ended_at > o.started_at).exists()
        tx.execute(
            t.operations.update()
            .where(o.state == journal.RUNNING)
            .values(owner=owner, fence=fence, deaths=case((progress, 0), else_=o.deaths + 1))
        )
        return Ownership(owner, fence), taken, deadly

    # on the loop

    def _call(self, fn: Callable[..., None], *args: Any) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(fn, *args)

    def _admit(self, row: OperationRow) -> None:
        if self._early is not None:
            self._early.append(row)
            return
        if row.id in self._rows:  # taken over by start() already
            return
        self._enqueue(row)
        assert self._loop is not None
        self._loop.call_later(START_DELAY, self._start_if_admitted, row.id)

    def _admit_again(self, operation_id: str) -> None:
        row = self._store.read_now(lambda connection: journal.operation(connection, operation_id))
        if row is not None:
            self._admit(row)

    def _enqueue(self, row: OperationRow) -> None:
        self._rows[row.id] = row
        self._locks.enqueue(row.id, row.claims)
        self._waiting[row.id] = None

    def _cancel(self, operation_id: str, reason: str) -> None:
        if operation_id in self._rows:  # for one that is just being started
            self._rows[operation_id] = replace(self._rows[operation_id], cancel=reason)
        running = self._running.get(operation_id)
        if running is not None:
            running.cancel(reason)

    def _start_if_admitted(self, operation_id: str) -> None:
        if self._stopping.is_set() or operation_id not in self._waiting:
            return
        if len(self._tasks) >= self._settings.max_parallel or not self._locks.admits(operation_id):
            return
        del self._waiting[operation_id]
        row = self._rows[operation_id]
        task = asyncio.create_task(self._run(row), name=f"{row.kind} {row.subject} {row.id}")
        self._tasks[operation_id] = task

    async def _run(self, row: OperationRow) -> None:
        state = journal.RUNNING
        try:
            state = await self._until_settled(row)
        except StaleOwner:
            log.error("operation belongs to another owner", operation=row.id)
        except (Suspended, StoreClosed):
            log.info("operation suspended", operation=row.id, kind=row.kind, subject=row.subject)
        finally:
            self._forget(row.id, state)

    async def _until_settled(self, row: OperationRow) -> str:
        """Run the flow, replaying it after an unexpected exception, until the operation has a final state."""
        crashes = row.crashes
        while True:
            try:
                return await self._finish(row, *await self._attempt(row))
            except (StaleOwner, Suspended, StoreClosed, asyncio.CancelledError):
                raise
            except Exception as error:  # a defect in a flow must not take the others with it
                crashes += 1
                log.exception("operation crashed", operation=row.id, kind=row.kind, crashes=crashes)
                if crashes > self._settings.replays:
                    return await self._give_up(row, f"internal error after {crashes} tries: {error!r}")
                await self._note_crash(row, crashes)

    async def _attempt(self, row: OperationRow) -> tuple[str, str | None]:
        """One run of the flow. Returns the final state and the failure's reason."""
        fresh = await self._durable(row, lambda tx: self._claim(tx, row.id))
        flow = self._flows[fresh.kind]
        if fresh.version > flow.version:
            raise RuntimeError(f"begun by a newer openesc (flow version {fresh.version}, known {flow.version})")
        known = await self._store.read(lambda connection: journal.steps(connection, row.id))
        operation = self._running[row.id] = Operation(
            fresh,
            self._owned,
            self._store,
            known,
            failpoints=self._failpoints,
            stopping=self._stopping,
            grace=self._settings.grace,
            doubt_wait=self._settings.doubt_wait,
            answers=self._answers,
            on_accept=lambda: self._tell_accepted(row.id, True),
        )
        if late := self._rows[row.id].cancel:
            operation.cancel(late)
        try:
            await flow.run(operation)
        except Interrupted as error:
            return journal.CANCELLED, error.reason
        except OperationFailed as error:
            return journal.FAILED, str(error)
        return journal.SUCCEEDED, None

    def _claim(self, tx: Tx, operation_id: str) -> OperationRow:
        row = journal.operation(tx.connection, operation_id)
        assert row is not None
        if row.fence > self._owned.fence:
            raise StaleOwner(operation_id)
        values = {"owner": self._owned.owner, "fence": self._owned.fence, "started_at": tx.clock.tick()}
        journal.set_state(tx, operation_id, journal.RUNNING, **values)
        return row

    async def _finish(self, row: OperationRow, state: str, failure: str | None) -> str:
        def write(tx: Tx) -> None:
            journal.require(tx, row.id, self._owned)
            journal.set_state(tx, row.id, state, failure=failure, ended_at=tx.clock.tick())

        await self._durable(row, write)
        log.info("operation ended", operation=row.id, kind=row.kind, subject=row.subject, state=state, reason=failure)
        metrics.operation_ended(row.kind, state, (now_ms() - row.position) / 1000)
        return state

    async def _note_crash(self, row: OperationRow, crashes: int) -> None:
        def write(tx: Tx) -> None:
            journal.require(tx, row.id, self._owned)
            journal.set_state(tx, row.id, journal.RUNNING, crashes=crashes)

        await self._durable(row, write)
        await asyncio.sleep(self._settings.retry_delay)

    async def _give_up(self, row: OperationRow, reason: str) -> str:
        def write(tx: Tx) -> None:
            journal.require(tx, row.id, self._owned)
            self._park(tx, row, reason)

        await self._durable(row, write)
        metrics.operation_ended(row.kind, journal.PARKED, (now_ms() - row.position) / 1000)
        return journal.PARKED

    async def _durable(self, row: OperationRow, fn: Callable[[Tx], T]) -> T:
        return await durable(self._store, fn, self._stopping, row.id)

    def _park(self, tx: Tx, row: OperationRow, reason: str) -> None:
        """Failed for good, until somebody retries it. A defect in how its flow closes must not keep it open."""
        try:
            tx.attempt(lambda inner: self._flows[row.kind].abandoned(inner, row, reason))
        except OperationalError:  # the store's own trouble, not the flow's
            raise
        except Exception:  # whatever it is, the next start would meet it again
            log.exception("parked operation not closed", operation=row.id, kind=row.kind, subject=row.subject)
        journal.set_state(tx, row.id, journal.PARKED, failure=reason, ended_at=tx.clock.tick())

    def _forget(self, operation_id: str, state: str) -> None:
        self._running.pop(operation_id, None)
        self._tasks.pop(operation_id, None)
        self._rows.pop(operation_id, None)
        candidates = list(self._locks.release(operation_id))
        if not self._stopping.is_set():
            for candidate in [*candidates, *self._overflow()]:
                self._start_if_admitted(candidate)
        self._tell_ended(operation_id, state)

    def _tell_ended(self, operation_id: str, state: str) -> None:
        for future in self._ended.pop(operation_id, ()):
            if not future.done():
                future.set_result(state)
        self._tell_accepted(operation_id, False)

    def _tell_accepted(self, operation_id: str, accepted: bool) -> None:
        for future in self._accepted.pop(operation_id, ()):
            if not future.done():
                future.set_result(accepted)

    def _overflow(self) -> list[str]:
        """Somebody who waits only because too many run."""
        if len(self._tasks) < self._settings.max_parallel - 1:
            return []
        return next(([waiting] for waiting in self._waiting if self._locks.admits(waiting)), [])


def _next_fence(tx: Tx) -> int:
    value = tx.execute(select(t.meta.c.value).where(t.meta.c.key == "fence")).scalar()
    if value is None:
        tx.execute(t.meta.insert(), {"key": "fence", "value": "1"})
        return 1
    fence = int(value) + 1
    tx.execute(t.meta.update().where(t.meta.c.key == "fence").values(value=str(fence)))
    return fence
