"""The engine with toy flows on a real store: order, cancel, restarts, fences, crashes, full disks."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import text, update
from tests.unit.lifecycle.toys import QUICK, Refused, World, cancel, draft, drop, engine, submit

from openesc.lifecycle import journal
from openesc.lifecycle.engine import QUIET_DEATHS, Engine, EngineSettings, Flow
from openesc.lifecycle.errors import Interrupted, OperationFailed, StepFailed
from openesc.lifecycle.locks import EXCLUSIVE, SHARED
from openesc.lifecycle.operation import Attempt, Operation
from openesc.lifecycle.queue import Draft
from openesc.store import StaleOwner, Store, Tx, now_ms
from openesc.store import tables as t


async def row_of(store: Store, operation_id: str) -> journal.OperationRow:
    found = await store.read(lambda connection: journal.operation(connection, operation_id))
    assert found is not None
    return found


async def test_one_after_the_other_for_a_key_and_side_by_side_for_two(store: Store, world: World) -> None:
    running: set[str] = set()

    async def flow(op: Operation) -> None:
        assert op.row.subject not in running, "two of one key at a time"
        running.add(op.row.subject)
        await op.step("act", world.act(op.row.id))
        if op.row.subject == "b":
            world.at("b runs").set()
        else:
            await op.wait(world.at("b runs").wait())
        running.discard(op.row.subject)

    toys = engine(store, world, toy=flow)
    await toys.start()
    rows = await submit(store, toys, *[draft("a") for _ in range(5)], draft("b"))
    assert [await toys.ended(row.id) for row in rows] == [journal.SUCCEEDED] * 6
    assert [done for done in world.done if done != rows[-1].id] == [row.id for row in rows[:-1]]
    await toys.stop(1)


async def test_shared_holds_meet_and_an_exclusive_one_waits(store: Store, world: World) -> None:
    for name in ("one", "two"):
        world.gate(name)

    async def flow(op: Operation) -> None:
        await op.step("act", world.act(op.row.subject))

    toys = engine(store, world, EngineSettings(grace=5), toy=flow)
    await toys.start()
    rows = await submit(
        store, toys, draft("one", ("k", SHARED)), draft("two", ("k", SHARED)), draft("all", ("k", EXCLUSIVE))
    )
    await asyncio.gather(world.at("one").wait(), world.at("two").wait())
    assert toys.waiting_for(rows[2].id) == [rows[0].id, rows[1].id]
    assert "all" not in world.done
    for name in ("one", "two"):
        world.gate(name).set()
    assert await toys.ended(rows[2].id) == journal.SUCCEEDED
    await toys.stop(1)


async def test_no_more_than_allowed_at_a_time(store: Store, world: World) -> None:
    most = 0

    async def flow(op: Operation) -> None:
        nonlocal most
        most = max(most, toys.running)
        await op.step("act", world.act(op.row.subject))

    toys = engine(store, world, EngineSettings(max_parallel=3), toy=flow)
    await toys.start()
    rows = await submit(store, toys, *(draft(f"d{number}") for number in range(20)))
    assert {await toys.ended(row.id) for row in rows} == {journal.SUCCEEDED}
    assert most == 3
    await toys.stop(1)


async def test_submitted_before_the_start(store: Store, world: World) -> None:
    async def flow(op: Operation) -> None:
        await op.step("act", world.act(op.row.subject))

    toys = engine(store, world, toy=flow)
    (row,) = await submit(store, toys, draft("early"))
    assert await toys.start() == []
    assert await toys.ended(row.id) == journal.SUCCEEDED
    await toys.stop(1)


async def test_what_is_accepted_during_the_start_stands_behind_what_is_older(store: Store, world: World) -> None:
    async def flow(op: Operation) -> None:
        await op.step("act", world.act(op.row.arguments["n"]))

    def numbered(number: int) -> Draft:
        return Draft("toy", "k", [("k", EXCLUSIVE)], {"n": str(number)})

    first = engine(store, world, toy=flow)
    await submit(store, first, numbered(0), numbered(1))
    toys = engine(store, world, toy=flow)
    start = asyncio.ensure_future(toys.start())
    await asyncio.sleep(0)
    rows = await submit(store, toys, numbered(2))
    await start
    assert await toys.ended(rows[0].id) == journal.SUCCEEDED
    assert world.done == ["0", "1", "2"]
    await toys.stop(1)


# to be told to stop


async def test_a_running_one_is_interrupted_and_closes_itself(store: Store, world: World) -> None:
    async def flow(op: Operation) -> None:
        try:
            await op.step("act", world.act("act"))
            world.at("waits").set()
            await op.wait(asyncio.Event().wait())
        except Interrupted as error:
            reason = error.reason
            await op.commit("close", lambda tx: world.done.append(f"closed: {reason}"), always=True)
            raise

    toys = engine(store, world, toy=flow)
    await toys.start()
    (row,) = await submit(store, toys, draft("a"))
    await world.at("waits").wait()
    await cancel(store, toys, [row], "interrupted by undeploy")
    assert await toys.ended(row.id) == journal.CANCELLED
    assert world.done == ["act", "closed: interrupted by undeploy"]
    assert (await row_of(store, row.id)).failure == "interrupted by undeploy"
    await toys.stop(1)


async def test_a_queued_one_closes_itself_in_its_turn_without_an_effect(store: Store, world: World) -> None:
    world.gate("first")

    async def flow(op: Operation) -> None:
        try:
            await op.step("act", world.act(op.row.subject))
        except Interrupted:
            await op.commit("close", lambda tx: world.done.append(f"{op.row.subject} closed"), always=True)
            raise

    toys = engine(store, world, EngineSettings(grace=5), toy=flow)
    await toys.start()
    first, second = await submit(store, toys, draft("first", ("k", EXCLUSIVE)), draft("second", ("k", EXCLUSIVE)))
    await world.at("first").wait()
    await cancel(store, toys, [second])
    world.gate("first").set()
    assert await toys.ended(first.id) == journal.SUCCEEDED
    assert await toys.ended(second.id) == journal.CANCELLED
    assert world.done == ["first", "second closed"]
    assert await store.read(lambda connection: list(journal.steps(connection, second.id))) == ["close"]
    await toys.stop(1)


async def test_an_effect_under_way_gets_its_grace(store: Store, world: World) -> None:
    world.gate("act")

    async def flow(op: Operation) -> None:
        await op.step("act", world.act("act"), lambda tx, result: world.done.append("recorded"))
        await op.step("next", world.act("next"))

    toys = engine(store, world, EngineSettings(grace=5), toy=flow)
    await toys.start()
    (row,) = await submit(store, toys, draft("a"))
    await world.at("act").wait()
    await cancel(store, toys, [row])
    world.gate("act").set()
    assert await toys.ended(row.id) == journal.CANCELLED
    assert world.done == ["act", "recorded"]
    await toys.stop(1)


async def test_an_effect_that_hangs_is_left_in_doubt_and_the_key_is_freed(store: Store, world: World) -> None:
    world.gate("a")

    async def flow(op: Operation) -> None:
        await op.step("act", world.act(op.row.subject))

    toys = engine(store, world, toy=flow)
    await toys.start()
    hangs, after = await submit(store, toys, draft("a", ("k", EXCLUSIVE)), draft("b", ("k", EXCLUSIVE)))
    await world.at("a").wait()
    await cancel(store, toys, [hangs])
    assert await toys.ended(hangs.id) == journal.CANCELLED
    assert await toys.ended(after.id) == journal.SUCCEEDED
    steps = await store.read(lambda connection: journal.steps(connection, hangs.id))
    assert steps["act"].state == journal.INTENT
    await toys.stop(1)


async def test_told_to_stop_while_it_is_being_started(store: Store, world: World) -> None:
    """The flag must reach an operation whose journal is just being read, also when it only waits afterwards."""

    async def flow(op: Operation) -> None:
        await op.wait(asyncio.wait_for(asyncio.Event().wait(), 5))

    toys = engine(store, world, toy=flow)
    await toys.start()
    for _ in range(30):
        (row,) = await submit(store, toys, draft("a"))
        await cancel(store, toys, [row])
        assert await asyncio.wait_for(toys.ended(row.id), 2) == journal.CANCELLED
    await toys.stop(1)


async def test_always_commits_also_when_told_to_stop(store: Store, world: World) -> None:
    async def flow(op: Operation) -> None:
        world.at("runs").set()
        try:
            await op.wait(asyncio.Event().wait())
        except Interrupted:
            with pytest.raises(Interrupted):
                await op.commit("plain", lambda tx: world.done.append("plain"))
            await op.commit("always", lambda tx: world.done.append("always"), always=True)
            raise

    toys = engine(store, world, toy=flow)
    await toys.start()
    (row,) = await submit(store, toys, draft("a"))
    await world.at("runs").wait()
    await cancel(store, toys, [row])
    assert await toys.ended(row.id) == journal.CANCELLED
    assert world.done == ["always"]
    await toys.stop(1)


# journal


async def test_after_a_kill_the_flow_goes_on_where_it_was(store: Store, world: World) -> None:
    world.gate("two")

    async def flow(op: Operation) -> None:
        results = [await op.step(name, world.act(name)) for name in ("one", "two", "three")]
        await op.commit("close", lambda tx: world.done.append(",".join(results)))

    first = engine(store, world, toy=flow)
    await first.start()
    (row,) = await submit(store, first, draft("a"))
    await world.at("two").wait()
    await drop(first)
    world.gates.clear()
    second = engine(store, world, toy=flow)
    assert [resumed.id for resumed in await second.start()] == [row.id]
    assert await second.ended(row.id) == journal.SUCCEEDED
    assert world.done == ["one", "two", "two", "three", "one,two,three"]
    assert world.doubts == ["two"]
    await second.stop(1)


async def test_a_doubt_is_settled_only_after_the_time_a_call_may_take(store: Store, world: World) -> None:
    """Counted from the new life, not from the intent: the last of many calls may have been sent just before the end."""
    world.gate("slow")
    times: list[float] = []

    async def flow(op: Operation) -> None:
        async def act(attempt: Attempt) -> None:
            if attempt.doubt:
                began = now_ms()
                await attempt.settle()
                times.append(now_ms() - began)
            else:
                await world.act("slow")(attempt)

        await op.step("slow", act)

    settings = EngineSettings(grace=0.01, doubt_wait=0.2)
    first = engine(store, world, settings, toy=flow)
    await first.start()
    (row,) = await submit(store, first, draft("a"))
    await world.at("slow").wait()
    await asyncio.sleep(0.3)  # longer than doubt_wait: the intent is old when the process dies
    await drop(first)
    second = engine(store, world, settings, toy=flow)
    await second.start()
    assert await second.ended(row.id) == journal.SUCCEEDED
    assert times
    assert times[0] >= 150
    await second.stop(1)


async def test_a_refusal_is_kept_and_replayed(store: Store, world: World) -> None:
    async def refuse(_: Attempt) -> None:
        world.done.append("asked")
        raise Refused("quota exceeded", 403)

    async def flow(op: Operation) -> None:
        try:
            await op.step("act", refuse)
        except StepFailed as failure:
            world.at("failed").set()
            await op.wait(world.gate("go on").wait())
            raise OperationFailed(f"{failure.reason} ({failure.status})") from failure

    first = engine(store, world, toy=flow)
    await first.start()
    (row,) = await submit(store, first, draft("a"))
    await world.at("failed").wait()
    await drop(first)
    world.gate("go on").set()
    second = engine(store, world, toy=flow)
    await second.start()
    assert await second.ended(row.id) == journal.FAILED
    assert (await row_of(store, row.id)).failure == "quota exceeded (403)"
    assert world.done == ["asked"]
    await second.stop(1)


async def test_deadlines_and_values_survive(store: Store, world: World) -> None:
    seen: list[int] = []

    async def flow(op: Operation) -> None:
        seen.append(await op.deadline("alive", 100))
        world.at("has one").set()
        if len(seen) == 1:
            await op.wait(asyncio.Event().wait())

    first = engine(store, world, toy=flow)
    await first.start()
    (row,) = await submit(store, first, draft("a"))
    await world.at("has one").wait()
    await drop(first)
    second = engine(store, world, toy=flow)
    await second.start()
    await second.ended(row.id)
    assert seen[0] == seen[1]
    assert 99_000 < seen[0] - now_ms() <= 100_000
    await second.stop(1)


async def test_what_record_raises_leaves_the_step_in_doubt(store: Store, world: World) -> None:
    tries = 0

    def record(_tx: Tx, _result: object) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise ValueError("a defect, once")

    async def flow(op: Operation) -> None:
        await op.step("act", world.act("act"), record)

    toys = engine(store, world, toy=flow)
    await toys.start()
    (row,) = await submit(store, toys, draft("a"))
    assert await toys.ended(row.id) == journal.SUCCEEDED
    assert world.done == ["act", "act"]
    assert world.doubts == ["act"]
    await toys.stop(1)


async def test_one_step_asked_for_twice_at_once_acts_once(store: Store, world: World) -> None:
    async def flow(op: Operation) -> None:
        results = await asyncio.gather(*(op.step("lookup", world.act("lookup")) for _ in range(5)))
        assert results == ["lookup"] * 5

    toys = engine(store, world, toy=flow)
    await toys.start()
    (row,) = await submit(store, toys, draft("a"))
    assert await toys.ended(row.id) == journal.SUCCEEDED
    assert world.done == ["lookup"]
    await toys.stop(1)


# owners


async def test_a_stale_owner_writes_nothing_and_acts_no_more(store: Store, world: World) -> None:
    gate = world.gate("one")

    async def flow(op: Operation) -> None:
        await op.step("one", world.act("one"), lambda tx, result: world.done.append(f"recorded by {op._owned.fence}"))
        await op.step("two", world.act("two"))

    frozen = engine(store, world, EngineSettings(grace=5), toy=flow)
    await frozen.start()
    (row,) = await submit(store, frozen, draft("a"))
    await world.at("one").wait()
    taken = engine(store, world, toy=flow)
    world.gates.clear()
    await taken.start()
    assert await taken.ended(row.id) == journal.SUCCEEDED
    before = list(world.done)
    gate.set()
    await asyncio.gather(*frozen._tasks.values(), return_exceptions=True)
    assert world.done == before == ["one", "one", "recorded by 2", "two"]
    assert (await row_of(store, row.id)).fence == 2
    await frozen.stop(0)
    await taken.stop(1)


async def test_a_stale_owner_does_not_act_on_a_doubt_either(store: Store, world: World) -> None:
    """Frozen between its claim and a step in doubt, it finds the fence moved before it acts."""
    world.gate("act")

    async def flow(op: Operation) -> None:
        if op.row.owner and world.done == ["act"]:
            world.at("replayed").set()
            await world.gate("thaw").wait()
        await op.step("act", world.act("act"))

    first = engine(store, world, toy=flow)
    await first.start()
    (row,) = await submit(store, first, draft("a"))
    await world.at("act").wait()
    await drop(first)
    frozen = engine(store, world, toy=flow)
    await frozen.start()
    await world.at("replayed").wait()
    await store.write(lambda tx: tx.execute(update(t.operations).values(fence=99, owner="somebody")) and None)
    world.gate("thaw").set()
    await asyncio.gather(*frozen._tasks.values(), return_exceptions=True)
    assert world.done == ["act"]
    assert (await row_of(store, row.id)).state == journal.RUNNING
    await frozen.stop(1)


async def test_writing_for_another_is_refused(store: Store, world: World) -> None:
    async def flow(op: Operation) -> None:
        await op.step("act", world.act("act"))

    toys = engine(store, world, toy=flow)
    await toys.start()
    (row,) = await submit(store, toys, draft("a"))
    await toys.ended(row.id)
    with pytest.raises(StaleOwner):
        await store.write(lambda tx: journal.require(tx, row.id, journal.Ownership("other", 1)))
    await toys.stop(1)


# defects


async def test_crashes_are_replayed_then_parked_and_a_retry_goes_on(store: Store, world: World) -> None:
    broken = True

    async def flow(op: Operation) -> None:
        await op.step("act", world.act("act"))
        if broken:
            world.done.append("crash")
            raise KeyError("a defect")

    toys = engine(store, world, toy=flow)
    await toys.start()
    (row,) = await submit(store, toys, draft("a"))
    assert await toys.ended(row.id) == journal.PARKED
    assert world.done == ["act", *["crash"] * (QUICK.replays + 1)]
    parked = await row_of(store, row.id)
    assert "internal error after 3 tries: KeyError('a defect')" in (parked.failure or "")
    assert world.abandoned == [f"a: {parked.failure}"]
    broken = False
    await store.write(lambda tx: toys.requeue(tx, parked))
    await asyncio.sleep(0)
    assert await toys.ended(row.id) == journal.SUCCEEDED
    assert world.done.count("act") == 1
    await toys.stop(1)


async def test_parked_also_when_its_closing_is_broken_too(store: Store, world: World) -> None:
    """Neither the operation nor the next start may hang on a defect in how it is closed."""

    async def flow(op: Operation) -> None:
        raise KeyError("a defect")

    def abandoned(tx: Tx, _row: journal.OperationRow, _reason: str) -> None:
        tx.execute(t.meta.insert(), {"key": "half done", "value": ""})
        raise RuntimeError("another defect")

    toys = Engine(store, {"toy": Flow(flow, abandoned)}, QUICK)
    await toys.start()
    (row,) = await submit(store, toys, draft("a"))
    assert await toys.ended(row.id) == journal.PARKED
    written = await store.read(lambda c: c.execute(t.meta.select().where(t.meta.c.key == "half done")).all())
    assert written == []
    await toys.stop(1)


async def test_a_kind_nobody_knows_any_more_is_parked(store: Store, world: World) -> None:
    async def flow(op: Operation) -> None: ...

    first = engine(store, world, toy=flow, old=flow)
    (row,) = await submit(store, first, draft("a", kind="old"))
    second = engine(store, world, toy=flow)
    await second.start()
    assert await second.ended(row.id) == journal.PARKED
    await second.stop(1)


async def test_a_flow_begun_by_a_newer_program_is_parked(store: Store, world: World) -> None:
    async def flow(op: Operation) -> None:
        world.done.append("ran")

    newer = Engine(store, {"toy": Flow(flow, lambda *_: None, version=2)}, QUICK)
    (row,) = await submit(store, newer, draft("a"))
    older = engine(store, world, toy=flow)
    await older.start()
    assert await older.ended(row.id) == journal.PARKED
    assert "newer openesc" in ((await row_of(store, row.id)).failure or "")
    assert world.done == []
    await older.stop(1)


async def test_what_kills_the_process_again_and_again_is_parked(store: Store, world: World) -> None:
    async def flow(op: Operation) -> None:
        world.at(op._owned.owner).set()
        await asyncio.Event().wait()

    toys = engine(store, world, toy=flow)
    await toys.start()
    (row,) = await submit(store, toys, draft("a"))
    lives = 1
    while (await row_of(store, row.id)).state != journal.PARKED:
        await world.at(toys._owned.owner).wait()
        await drop(toys)
        toys = engine(store, world, toy=flow)
        await toys.start()
        lives += 1
        assert lives <= QUIET_DEATHS + 2
    assert f"the process died {QUIET_DEATHS} times" in ((await row_of(store, row.id)).failure or "")
    assert len(world.abandoned) == 1
    await toys.stop(1)


async def test_deaths_with_progress_in_between_do_not_count(store: Store, world: World) -> None:
    async def flow(op: Operation) -> None:
        number = len(world.done)
        await op.step(f"step {number}", world.act(f"{number}"))
        world.at(op._owned.owner).set()
        await op.wait(asyncio.Event().wait())

    toys = engine(store, world, toy=flow)
    await toys.start()
    (row,) = await submit(store, toys, draft("a"))
    for _ in range(QUIET_DEATHS + 2):
        await world.at(toys._owned.owner).wait()
        await drop(toys)
        toys = engine(store, world, toy=flow)
        await toys.start()
    assert (await row_of(store, row.id)).state == journal.RUNNING
    assert (await row_of(store, row.id)).deaths == 0
    await toys.stop(0)


# stop, and a full disk


async def test_a_graceful_stop_suspends_and_the_next_start_goes_on(store: Store, world: World) -> None:
    async def flow(op: Operation) -> None:
        await op.step("one", world.act("one"))
        world.at("waits").set()
        if world.gate("go on").is_set():
            await op.step("two", world.act("two"))
        else:
            await op.wait(asyncio.Event().wait())

    first = engine(store, world, toy=flow)
    await first.start()
    row, queued = await submit(store, first, draft("a", ("k", EXCLUSIVE)), draft("b", ("k", EXCLUSIVE)))
    await world.at("waits").wait()
    waiter = asyncio.ensure_future(first.ended(queued.id))
    await asyncio.sleep(0.01)
    await first.stop(5)
    assert await waiter == journal.QUEUED
    assert (await row_of(store, row.id)).state == journal.RUNNING
    assert (await row_of(store, row.id)).cancel is None
    world.gate("go on").set()
    second = engine(store, world, toy=flow)
    assert [one.id for one in await second.start()] == [row.id]
    assert await second.ended(queued.id) == journal.SUCCEEDED
    assert world.done == ["one", "two", "one", "two"]
    assert world.doubts == []
    await second.stop(1)


async def test_a_full_disk_delays_operations_and_loses_none(store: Store, world: World) -> None:
    gate = world.gate("act")

    async def act(attempt: Attempt) -> str:
        await world.act("act")(attempt)
        return "x" * 1_000_000

    async def flow(op: Operation) -> None:
        await op.step("act", act)

    toys = engine(store, world, EngineSettings(grace=5), toy=flow)
    await toys.start()
    (row,) = await submit(store, toys, draft("a"))
    await world.at("act").wait()
    await store.write(_no_more_pages)
    gate.set()
    await asyncio.sleep(0.1)
    assert (await row_of(store, row.id)).state == journal.RUNNING
    await store.write(_room_again)
    assert await asyncio.wait_for(toys.ended(row.id), 5) == journal.SUCCEEDED
    assert world.done == ["act"]
    await toys.stop(1)


async def test_the_last_write_waits_for_room_too(store: Store, world: World) -> None:
    async def flow(op: Operation) -> None:
        await store.write(_no_more_pages)
        world.at("full").set()
        raise OperationFailed("x" * 1_000_000)

    toys = engine(store, world, toy=flow)
    await toys.start()
    (row,) = await submit(store, toys, draft("a"))
    await world.at("full").wait()
    await asyncio.sleep(0.05)
    assert toys.running == 1
    await store.write(_room_again)
    assert await asyncio.wait_for(toys.ended(row.id), 5) == journal.FAILED
    await toys.stop(1)


def _no_more_pages(tx: Tx) -> None:
    pages = tx.execute(text("PRAGMA page_count")).scalar()
    tx.execute(text(f"PRAGMA max_page_count = {pages}")).all()


def _room_again(tx: Tx) -> None:
    tx.execute(text("PRAGMA max_page_count = 1073741823")).all()


async def test_a_restart_of_the_store_brings_the_queue_back(tmp_path: Path, world: World) -> None:
    async def flow(op: Operation) -> None:
        await op.step("act", world.act(op.row.subject))

    path = tmp_path / "again.db"
    store = Store(path)
    toys = engine(store, world, toy=flow)
    rows = await submit(store, toys, *(draft(f"d{number}", ("k", EXCLUSIVE)) for number in range(10)))
    store.close()
    store = Store(path)
    toys = engine(store, world, toy=flow)
    await toys.start()
    assert await toys.ended(rows[-1].id) == journal.SUCCEEDED
    assert world.done == [f"d{number}" for number in range(10)]
    await toys.stop(1)
    store.close()


async def test_ended_of_what_is_not_there(store: Store, world: World) -> None:
    toys = engine(store, world)
    with pytest.raises(KeyError):
        await toys.ended("nothing")
