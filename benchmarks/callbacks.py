"""How many callbacks a second the outbox delivers: event log, store and httpx, without the rest of the server."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from sqlalchemy import Connection, func, select

from benchmarks.house import Site
from benchmarks.measure import ms
from benchmarks.report import Table
from openesc.events import types
from openesc.events.callbacks import Target, register_deployment
from openesc.events.callbacks.outbox import Outbox
from openesc.events.callbacks.receiver import CallbackSettings
from openesc.events.escevent import SUCCESS, EscEvent
from openesc.events.log import EventLog
from openesc.store import Store
from openesc.store import tables as t

COLUMNS = ("callbacks", "callbacks", "seconds", "a second", "CPU ms each")
LIMIT_SECONDS = 120.0


async def run(site: Site, deployments: int, events: int) -> Table:
    """One receiver, four, and one beside another that hangs."""
    table = Table(f"callbacks: {deployments} deployments with {events} events each", COLUMNS)
    for label, receivers, hanging in (
        ("to one receiver", 1, 0),
        ("to four receivers", 4, 0),
        ("to one receiver; another one hangs", 1, 1),
    ):
        table.rows.append((label, *await _measured(site, deployments, events, receivers, hanging)))
    table.notes = [
        "receivers are processes of their own; 8 callbacks at once to each, those of a deployment one after the other",
        "CPU: of the process that delivers, all threads; each callback is made, posted and its outcome stored durably",
        "the receiver that hangs has callbacks of as many deployments; only those to the other one count",
    ]
    return table


async def _measured(site: Site, deployments: int, events: int, receivers: int, hanging: int) -> Sequence[str]:
    with ExitStack() as stack:
        urls = [stack.enter_context(receiver()) for _ in range(receivers)]
        silent = [stack.enter_context(receiver("silent")) for _ in range(hanging)]
        store = Store(site.data_dir() / "openesc.db")
        stack.callback(store.close)
        await _register(store, "counts", deployments, urls)
        await _register(store, "hangs", deployments if silent else 0, silent)
        log = EventLog(store)
        await _tell(store, log, deployments, events, ["counts", *(["hangs"] if silent else [])])
        began, cpu = time.perf_counter(), time.process_time()
        total = deployments * events
        await _deliver(store, log, total)
        seconds, spent = time.perf_counter() - began, time.process_time() - cpu
    return (f"{total:,}", f"{seconds:.1f}", f"{total / seconds:.0f}", ms(spent / total))


async def _register(store: Store, stem: str, deployments: int, urls: Sequence[str]) -> None:
    for number in range(deployments):
        target = Target(urls[number % len(urls)], ("127.0.0.1",))
        await store.write(lambda tx, number=number, target=target: register_deployment(tx, f"{stem}-{number}", target))  # type: ignore[misc]


async def _tell(store: Store, log: EventLog, deployments: int, events: int, stems: Sequence[str]) -> None:
    for _ in range(events):
        told = [_event(f"{stem}-{number}") for number in range(deployments) for stem in stems]
        await store.write(lambda tx, told=told: [log.append(tx, event) for event in told])  # type: ignore[misc]


def _event(deployment_id: str) -> EscEvent:
    text = types.TEXTS[types.VM_ALIVE].format(name="vm")
    return EscEvent(types.VM_ALIVE, SUCCESS, 200, text, depname="dep", tenant="bench", depid=deployment_id)


async def _deliver(store: Store, log: EventLog, total: int) -> None:
    """Raises: RuntimeError when it takes too long."""
    outbox = Outbox(store, log, CallbackSettings(timeout=600))
    running = asyncio.create_task(outbox.run())
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            while await store.read(_delivered) < total:  # noqa: ASYNC110  # the store tells nobody
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise RuntimeError(f"not all of {total} callbacks came within {LIMIT_SECONDS:g} s") from None
    finally:
        await outbox.stop(0.0)
        await asyncio.gather(running, return_exceptions=True)


def _delivered(connection: Connection) -> int:
    d = t.callback_deliveries.c
    return connection.execute(select(func.count()).where(d.state == "delivered", d.tries == 1)).scalar_one()


@contextmanager
def receiver(*arguments: str) -> Iterator[str]:
    """The address of a receiver that ends with the block."""
    command = [sys.executable, "-m", "benchmarks.receiver", *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield f"http://localhost:{int(process.stdout.readline())}/"
        process.stdin.close()
