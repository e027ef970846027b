"""Toy flows on a real store: effects are entries in a list that outlives engines, as a cloud outlives us."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from openesc.lifecycle.engine import Engine, EngineSettings, Flow
from openesc.lifecycle.journal import OperationRow
from openesc.lifecycle.locks import EXCLUSIVE, Claim
from openesc.lifecycle.operation import Attempt, Operation
from openesc.lifecycle.queue import Draft
from openesc.store import Store, Tx

Body = Callable[[Operation], Awaitable[None]]
QUICK = EngineSettings(grace=0.05, doubt_wait=0.05, replays=2, retry_delay=0.0)


class Refused(Exception):
    """What the toy cloud answers when it refuses."""

    def __init__(self, text: str, status: int | None = None) -> None:
        super().__init__(text)
        self.status = status


@dataclass
class World:
    """What is left when an engine is gone."""

    done: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    gates: dict[str, asyncio.Event] = field(default_factory=dict)
    reached: dict[str, asyncio.Event] = field(default_factory=dict)
    abandoned: list[str] = field(default_factory=list)

    def gate(self, name: str) -> asyncio.Event:
        return self.gates.setdefault(name, asyncio.Event())

    def at(self, name: str) -> asyncio.Event:
        return self.reached.setdefault(name, asyncio.Event())

    def act(self, name: str) -> Callable[[Attempt], Any]:
        """An effect: noted, told, and held at its gate if it has one."""

        async def effect(attempt: Attempt) -> str:
            if attempt.doubt:
                self.doubts.append(name)
            self.done.append(name)
            self.at(name).set()
            if name in self.gates:
                await self.gates[name].wait()
            return name

        return effect

    def flow(self, run: Body) -> Flow:
        return Flow(run, abandoned=lambda _tx, row, reason: self.abandoned.append(f"{row.subject}: {reason}"))


def engine(store: Store, world: World, settings: EngineSettings = QUICK, **flows: Body) -> Engine:
    return Engine(store, {kind: world.flow(body) for kind, body in flows.items()}, settings, answers=(Refused,))


def draft(subject: str, *claims: Claim, kind: str = "toy") -> Draft:
    return Draft(kind, subject, claims or [(subject, EXCLUSIVE)])


async def submit(store: Store, queue: Engine, *drafts: Draft) -> list[OperationRow]:
    return await store.write(lambda tx: [queue.submit(tx, one) for one in drafts])


async def cancel(store: Store, queue: Engine, rows: Sequence[OperationRow], reason: str = "told to") -> None:
    def fn(tx: Tx) -> None:
        queue.cancel(tx, [row.id for row in rows], reason)

    await store.write(fn)


async def drop(queue: Engine) -> None:
    """The process dies: its tasks end wherever they are, and nothing of them is written."""
    tasks = list(queue._tasks.values())
    queue._waiting.clear()  # the dead start nobody else
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
