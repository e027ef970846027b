"""How a step calls the cloud: with patience, and never twice for the same object."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import structlog

from openesc.lifecycle.operation import Attempt
from openesc.vim.errors import VimAuthError, VimBadRequest, VimConflict, VimServerError, VimUnreachable

T = TypeVar("T")
log = structlog.get_logger()

PASSING = (VimUnreachable, VimServerError, VimAuthError)
"""What may be over in a while: no answer, 5xx, credentials being changed."""


async def persist(patience: float, call: Callable[[], Awaitable[T]]) -> T:
    """`call`, repeated with growing pauses for at most `patience` seconds while the cloud has a passing trouble.

    For calls that may be repeated without harm. Raises: the last VimError.
    """
    loop = asyncio.get_running_loop()
    end, pause = loop.time() + patience, 0.2
    while True:
        try:
            return await call()
        except PASSING as error:
            if loop.time() + pause > end:
                raise
            log.warning("cloud call repeated", reason=str(error), pause=pause)
        await asyncio.sleep(pause)
        pause = min(pause * 2, 5.0)


async def create_once(
    attempt: Attempt,
    patience: float,
    look: Callable[[], Awaitable[T | None]],
    create: Callable[[], Awaitable[T]],
) -> tuple[T, bool]:
    """Make one object, over lost answers and restarts. Returns it, and whether a double may still show up.

    `look` finds it by its deterministic name or tag. It is asked before each repetition, and first of all when an
    earlier life may have made it; then also again once that earlier call is certainly over.
    """
    maker = _Maker(look, create, doubt=attempt.doubt)
    if attempt.doubt:
        found = await persist(patience, look)
        if found is None:
            await attempt.settle()
        else:
            return found, True
    made = await persist(patience, maker)
    return made, maker.doubt


async def change_once(
    attempt: Attempt,
    patience: float,
    there: Callable[[], Awaitable[bool]],
    call: Callable[[], Awaitable[object]],
    *,
    adopt: bool = False,
) -> None:
    """Ask for a change that the cloud takes once, over lost answers and restarts.

    `there` tells from a fresh reading whether it has had its effect, or is having it. `adopt`: a refusal is success
    when it is there, whoever asked for it.
    """
    if attempt.doubt:
        if await persist(patience, there):
            return
        await attempt.settle()
    await persist(patience, _Changer(there, call, doubt=attempt.doubt, adopt=adopt))


class _Changer:
    """One more try at a change, remembering whether an earlier one may have worked."""

    def __init__(
        self,
        there: Callable[[], Awaitable[bool]],
        call: Callable[[], Awaitable[object]],
        *,
        doubt: bool,
        adopt: bool,
    ) -> None:
        self._there = there
        self._call = call
        self._doubt = doubt
        self._adopt = adopt

    async def __call__(self) -> None:
        if self._doubt and await self._there():
            return
        try:
            await self._call()
        except (VimUnreachable, VimServerError):
            self._doubt = True
            raise
        except (VimConflict, VimBadRequest):
            if not (self._doubt or self._adopt) or not await self._there():
                raise


class _Maker(Generic[T]):
    """One more try at making an object, remembering whether an earlier one may have worked."""

    def __init__(
        self, look: Callable[[], Awaitable[T | None]], create: Callable[[], Awaitable[T]], *, doubt: bool
    ) -> None:
        self._look = look
        self._create = create
        self.doubt = doubt

    async def __call__(self) -> T:
        if self.doubt and (found := await self._look()) is not None:
            return found
        try:
            return await self._create()
        except (VimUnreachable, VimServerError):
            self.doubt = True
            raise
        except VimConflict:
            # its port may be taken by the double that an earlier try made
            if self.doubt and (found := await self._look()) is not None:
                return found
            raise
