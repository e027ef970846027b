"""Polling that changes while somebody waits."""

from __future__ import annotations

import asyncio

import pytest

from openesc.lifecycle.polling import Polling
from openesc.store import now_ms

LONG = 3600.0
SOON = 10.0
"""Seconds within which what a change wakes has ended, on a busy machine too."""


async def begun(waiting: asyncio.Task[object]) -> None:
    """Let the task come to its wait."""
    await asyncio.wait([waiting], timeout=0.02)
    assert not waiting.done()


async def test_a_pause_lasts_an_interval() -> None:
    before = now_ms()
    await Polling(interval=0.05, timeout=LONG).pause(since=before)
    assert now_ms() - before >= 50


async def test_a_pause_ends_when_the_time_is_up() -> None:
    async with asyncio.timeout(SOON):
        await Polling(interval=LONG, timeout=0.05).pause(since=now_ms())
        await Polling(interval=LONG, timeout=60).pause(since=now_ms() - 60_000)


@pytest.mark.parametrize("interval, timeout", [(0.01, LONG), (LONG, 0.01)])
async def test_a_change_wakes_a_pause(interval: float, timeout: float) -> None:
    polling = Polling(LONG, LONG)
    pause = asyncio.create_task(polling.pause(since=now_ms()))
    await begun(pause)
    polling.change(LONG, LONG - 1)  # which is not yet the end of it
    await begun(pause)
    polling.change(interval, timeout)
    async with asyncio.timeout(SOON):
        await pause


async def test_a_limit_gives_what_came_in_time() -> None:
    assert await Polling().limit(asyncio.sleep(0.01, "done"), since=now_ms()) == "done"


async def test_what_it_waits_for_may_fail() -> None:
    async def fail() -> None:
        raise ValueError("the cloud's own")

    with pytest.raises(ValueError, match="the cloud's own"):
        await Polling().limit(fail(), since=now_ms())


async def test_a_limit_follows_the_time_out() -> None:
    polling, never = Polling(timeout=LONG), asyncio.Event()
    waiting = asyncio.create_task(polling.limit(never.wait(), since=now_ms()))
    await begun(waiting)
    polling.change(15, LONG * 2)
    await begun(waiting)
    polling.change(15, 0.01)
    async with asyncio.timeout(SOON):
        with pytest.raises(TimeoutError):
            await waiting


async def test_a_time_that_was_up_already_may_be_made_longer() -> None:
    polling, since = Polling(timeout=1), now_ms() - 2000
    assert polling.left(since) < 0
    polling.change(15, LONG)
    assert polling.left(since) > 0


async def test_a_limit_that_is_cancelled_takes_what_it_waits_for_along() -> None:
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    waiting = asyncio.create_task(Polling().limit(work(), since=now_ms()))
    await begun(waiting)
    waiting.cancel()
    async with asyncio.timeout(SOON):
        await ended.wait()
