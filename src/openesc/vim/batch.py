"""Questions that come while one is being asked are asked together: what many look for at once costs one list."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, TypeVar

V = TypeVar("V")

LARGEST = 20
"""Questions in one request: an address of some 8,000 characters is the most that web servers take."""


class Batch(Generic[V]):
    """One kind of question of one project.

    Every answer is from after its question: one that comes while a request is under way waits for the next.

    Args:
        fetch: asks for several at once; returns what was found, by question. Those without an answer may be missing.
        nothing: the answer to a question that is missing.
    """

    def __init__(self, fetch: Callable[[Sequence[str]], Awaitable[Mapping[str, V]]], nothing: V) -> None:
        self._fetch = fetch
        self._nothing = nothing
        self._waiting: list[tuple[str, asyncio.Future[V]]] = []
        self._task: asyncio.Task[None] | None = None

    async def ask(self, question: str) -> V:
        """The answer. Raises: what `fetch` raises, to everybody it asked for."""
        future: asyncio.Future[V] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, future))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="batch")
        return await future

    async def _run(self) -> None:
        while self._waiting:
            asked, self._waiting = self._waiting[:LARGEST], self._waiting[LARGEST:]
            wanted = [(question, future) for question, future in asked if not future.done()]
            if wanted:
                await self._answer(wanted)

    async def _answer(self, asked: Sequence[tuple[str, asyncio.Future[V]]]) -> None:
        try:
            found = await self._fetch(list(dict.fromkeys(question for question, _ in asked)))
        except Exception as error:  # noqa: BLE001 - theirs to hear, each as an exception of its own
            for _, future in asked:
                if not future.done():
                    future.set_exception(copy.copy(error))
            return
        for question, future in asked:
            if not future.done():
                future.set_result(found.get(question, self._nothing))
