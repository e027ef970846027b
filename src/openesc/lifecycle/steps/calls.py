"""How a step calls the cloud: with patience, and never twice for the same object."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import structlog

from openesc.lifecycle.operation import Attempt
from openesc.vim.errors import (
    VimAuthError,
    VimBadRequest,
    VimConflict,
    VimError,
    VimQuotaExceeded,
    VimServerError,
    VimUnreachable,
)

T = TypeVar("T")
log = structlog.get_logger()

PASSING = (VimUnreachable, VimServerError, VimAuthError)
"""What may be over in a while: no answer, 5xx, credentials being changed."""

LOOK = 1.0
"""Seconds between two looks for the effect of a call that had no answer."""
TAKEN = (VimConflict, VimBadRequest, VimQuotaExceeded)
"""What an earlier try made may have taken its port, its addresses or the last of the quota."""


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
        try:
            found = await persist(patience, look)
        except VimError as error:
            error.doubt = True
            raise
        if found is not None:
            return found, True
        await attempt.settle()
    made = await persist(patience, maker)
    return made, maker.doubt


async def change_once(
    attempt: Attempt,
    patience: float,
    there: Callable[[], Awaitable[bool]],
    call: Callable[[], Awaitable[object]],
    *,
    adopt: bool = False,
    over: float = 0.0,
) -> None:
    """Ask for a change that the cloud takes once, over lost answers and restarts.

    `there` tells from a fresh reading whether it has had its effect, or is having it. `adopt`: a refusal is success
    when it is there, whoever asked for it. `over`: for what a cloud would do again: a call without an answer is not
    repeated before it is certainly over, so many seconds after it began.
    """
    if attempt.doubt:
        if await persist(patience, there):
            return
        await attempt.settle()
    await persist(patience, _Changer(there, call, doubt=attempt.doubt, adopt=adopt, over=over))


class _Changer:
    """One more try at a change, remembering whether an earlier one may have worked."""

    def __init__(
        self,
        there: Callable[[], Awaitable[bool]],
        call: Callable[[], Awaitable[object]],
        *,
        doubt: bool,
        adopt: bool,
        over: float,
    ) -> None:
        self._there = there
        self._call = call
        self._doubt = doubt
        self._adopt = adopt
        self._lasts = over
        self._over = 0.0
        """When the calls that had no answer are over, by the event loop's clock."""

    async def __call__(self) -> None:
        if self._doubt and await self._happened():
            return
        begun = asyncio.get_running_loop().time()
        try:
            await self._call()
        except VimUnreachable:
            self._doubt, self._over = True, begun + self._lasts
            raise
        except VimServerError:
            self._doubt = True
            raise
        except (VimConflict, VimBadRequest):
            if not (self._doubt or self._adopt) or not await self._there():
                raise

    async def _happened(self) -> bool:
        """Known for certain only once the calls before are over."""
        while not await self._there():
            left = self._over - asyncio.get_running_loop().time()
            if left <= 0:
                return False
            await asyncio.sleep(min(left, LOOK))
        return True


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
        except VimError as error:
            if isinstance(error, TAKEN) and self.doubt and (found := await self._look()) is not None:
                return found
            self.doubt = error.doubt = self.doubt or isinstance(error, (VimUnreachable, VimServerError))
            raise
