"""The pool of threads: bounded, abandoned calls replaced, nothing sent after that."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from openesc.vim.pool import CallAbandoned, CallOverdue, CallPool, remaining


@pytest.fixture
def pool() -> Iterator[CallPool]:
    one = CallPool("test", threads=2, spare=2)
    yield one
    one.close()


class Gate:
    """Calls that hang until they are let go."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.open = threading.Event()

    def pass_through(self) -> str:
        self.entered.release()
        assert self.open.wait(10)
        return "through"

    async def wait_entered(self) -> None:
        await asyncio.to_thread(self.entered.acquire)


async def until(condition: Callable[[], bool]) -> None:
    """Come back when it is so; threads tell nobody when they end."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.001)


async def test_result_and_exception_come_back(pool: CallPool) -> None:
    assert await pool.run(lambda: 42) == 42
    with pytest.raises(ZeroDivisionError):
        await pool.run(lambda: 1 // 0)


async def test_more_calls_than_threads_wait_their_turn(pool: CallPool) -> None:
    gate = Gate()
    calls = [asyncio.create_task(pool.run(gate.pass_through)) for _ in range(5)]
    await gate.wait_entered()
    await gate.wait_entered()
    assert not gate.entered.acquire(blocking=False)
    gate.open.set()
    assert await asyncio.gather(*calls) == ["through"] * 5


async def test_cancelled_hanging_calls_keep_nobody_waiting(pool: CallPool) -> None:
    gate = Gate()
    calls = [asyncio.create_task(pool.run(gate.pass_through)) for _ in range(2)]
    await gate.wait_entered()
    await gate.wait_entered()
    for call in calls:
        call.cancel()
    began = time.monotonic()
    assert await asyncio.gather(*calls, return_exceptions=True) != ["through", "through"]
    assert await pool.run(lambda: "served") == "served"
    assert time.monotonic() - began < 1
    assert pool.left_behind == 2
    gate.open.set()
    await until(lambda: pool.left_behind == 0)


async def test_hanging_calls_beyond_the_spare_ones_take_places(pool: CallPool) -> None:
    """A cloud that swallows everything makes 2 + 2 threads and no more."""
    gate = Gate()
    for _ in range(4):
        call = asyncio.create_task(pool.run(gate.pass_through))
        await gate.wait_entered()
        call.cancel()
    started = [thread for thread in threading.enumerate() if thread.name.startswith("test-")]
    late = asyncio.create_task(pool.run(lambda: "late"))
    done, _ = await asyncio.wait([late], timeout=0.05)
    assert len(started) == 4 and not done
    gate.open.set()
    assert await late == "late"


async def test_cancelled_before_its_turn_never_runs(pool: CallPool) -> None:
    gate, ran = Gate(), []
    busy = [asyncio.create_task(pool.run(gate.pass_through)) for _ in range(2)]
    await gate.wait_entered()
    await gate.wait_entered()
    late = asyncio.create_task(pool.run(lambda: ran.append(1)))
    await asyncio.sleep(0)
    late.cancel()
    await asyncio.gather(late, return_exceptions=True)
    gate.open.set()
    await asyncio.gather(*busy)
    await pool.run(lambda: None)
    assert not ran


async def test_an_abandoned_call_may_send_nothing_more(pool: CallPool) -> None:
    gate, outcome = Gate(), []

    def work() -> None:
        gate.pass_through()
        try:
            remaining()
        except CallAbandoned as error:
            outcome.append(error)

    call = asyncio.create_task(pool.run(work, what="create_server"))
    await gate.wait_entered()
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    gate.open.set()
    await until(lambda: bool(outcome))


async def test_a_call_knows_the_time_it_has_left(pool: CallPool) -> None:
    def overdrawn() -> None:
        left = remaining()
        assert left is not None and 0 < left <= 0.01
        time.sleep(0.02)
        remaining()

    with pytest.raises(CallOverdue):
        await pool.run(overdrawn, limit=0.01)
    assert await pool.run(remaining) is None
    assert remaining() is None


async def test_a_closed_pool_refuses() -> None:
    pool = CallPool("closed", threads=1)
    await pool.run(lambda: None)
    pool.close()
    with pytest.raises(RuntimeError, match="closed"):
        await pool.run(lambda: None)
