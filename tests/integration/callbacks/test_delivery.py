"""Receivers that fail, hang, die and come back: nothing is lost, order is kept, nobody waits for another."""

from __future__ import annotations

import asyncio
import random
import time
from collections import defaultdict
from dataclasses import replace

import pytest
from tests.callback_receiver import Received, Receiver
from tests.integration.callbacks.conftest import QUICK, Site, event, numbered

from openesc.errors import NotFound, OperationRefused
from openesc.events import types as e
from openesc.events.callbacks import redeliver
from openesc.events.callbacks.deliveries import prune
from openesc.store import now_ms


def texts_by_deployment(receiver: Receiver) -> dict[str, list[int]]:
    """The numbers that were answered well, by deployment, in the order of their answers; repetitions once."""
    found: dict[str, list[int]] = defaultdict(list)
    for one in receiver.accepted:
        deployment = one.body.decode().partition("<internal_deployment_id>")[2].partition("<")[0]
        if int(one.status_message) not in found[deployment]:
            found[deployment].append(int(one.status_message))
    return found


async def test_a_receiver_that_fails_hangs_dies_and_comes_back_loses_nothing_and_sees_order(site: Site) -> None:
    """Through crashes of the outbox as well."""
    dice = random.Random(7)

    def moody(_: Received) -> str | None:
        return dice.choice(
            ["200 OK", "204 No Content", "200 OK", "503 Busy", "404 Not Found", "302 Go\r\nLocation: /", ""]
        )

    site.settings = replace(QUICK, timeout=0.2)
    receiver = Receiver(moody)
    deployments = [f"dep-{number}" for number in range(5)]
    async with receiver:
        for deployment in deployments:
            await site.deployment(deployment, receiver)
        await site.start()
        for deployment in deployments:
            await site.tell(*numbered(12, deployment))
        await receiver.until(lambda receiver: len(receiver.accepted) >= 5)
        receiver.answer = lambda _: None
        await receiver.until(lambda receiver: len(receiver.received) > len(receiver.accepted) + 8)
        await receiver.die()
        await site.stop(at_once=True)
        await site.start()
    receiver.answer = moody
    async with receiver:
        await receiver.until(lambda receiver: len(receiver.accepted) >= 20)
        await site.stop(at_once=True)
        await site.start()
        deliveries = await site.until_settled(30)
    assert {one.state for one in deliveries} == {"delivered"}
    assert texts_by_deployment(receiver) == {deployment: list(range(12)) for deployment in deployments}


async def test_every_try_of_a_delivery_is_the_same(site: Site) -> None:
    answers = iter(["500 No", "", "200 OK"])
    async with Receiver(lambda _: next(answers)) as receiver:
        await site.operation("op-1", "migrate", receiver)
        await site.start()
        await site.tell(event(e.VM_MIGRATE_COMPLETE), operation_id="op-1")
        (delivery,) = await site.until_settled()
    assert (delivery.state, delivery.tries) == ("delivered", 3)
    assert len({(one.body, tuple(sorted(one.headers.items()))) for one in receiver.received}) == 1
    assert delivery.id.encode() in receiver.received[0].body


async def test_a_hanging_receiver_delays_nobody(site: Site, receiver: Receiver) -> None:
    site.settings = replace(QUICK, timeout=60, parallel=2)
    async with Receiver(lambda _: None) as hanging:
        for number in range(5):
            await site.deployment(f"hangs-{number}", hanging)
            await site.deployment(f"lives-{number}", receiver)
        await site.start()
        for number in range(5):
            await site.tell(event(e.VM_ALIVE, "1", depid=f"hangs-{number}"))
        await hanging.until(lambda hanging: len(hanging.received) == 2)
        began = time.monotonic()
        for number in range(5):
            await site.tell(*numbered(4, f"lives-{number}"))
        await receiver.until(lambda receiver: len(receiver.accepted) == 20)
        assert time.monotonic() - began < 5
        assert len(hanging.received) == 2, "it has its slots and no more"
        await site.stop(at_once=True)


async def test_one_path_that_fails_does_not_hold_up_another_of_the_same_receiver(site: Site) -> None:
    """The sample's /callback and /event: two receivers."""

    def answer(received: Received) -> str:
        return "404 Not Found" if received.path == "/event" else "200 OK"

    async with Receiver(answer) as receiver:
        await site.deployment("dep-1", receiver, "/event")
        await site.deployment("dep-2", receiver, "/callback?x=1")
        await site.start()
        await site.tell(*numbered(2, "dep-1"), *numbered(2, "dep-2"))
        await receiver.until(lambda receiver: len(receiver.accepted) == 2)
        assert {one.path for one in receiver.accepted} == {"/callback?x=1"}


async def test_a_dead_letter_lets_the_next_one_go_and_can_be_sent_again(site: Site) -> None:
    site.settings = replace(QUICK, max_tries=3)

    def answer(received: Received) -> str:
        return "500 Never" if received.status_message == "0" else "200 OK"

    async with Receiver(answer) as receiver:
        await site.deployment("dep-1", receiver)
        await site.start()
        await site.tell(*numbered(3, "dep-1"))
        dead, *others = await site.until_settled()
        assert (dead.state, dead.tries, dead.failure) == ("dead", 3, "HTTP 500 Never")
        assert [one.state for one in others] == ["delivered", "delivered"]
        receiver.answer = lambda _: "200 OK"
        await site.store.write(lambda tx: redeliver(tx, dead.id))
        with pytest.raises(OperationRefused, match="being tried"):
            await site.store.write(lambda tx: redeliver(tx, dead.id))
        again, *_ = await site.until_settled()
        assert (again.state, again.tries) == ("delivered", 1)
        assert [one.status_message for one in receiver.accepted] == ["1", "2", "0"]
    with pytest.raises(NotFound):
        await site.store.write(lambda tx: redeliver(tx, "no-such"))


async def test_a_receiver_that_is_gone_for_good_is_given_up_after_its_time(site: Site) -> None:
    site.settings = replace(QUICK, give_up=0.3)
    async with Receiver() as receiver:
        await site.deployment("dep-1", receiver)
    await site.start()
    await site.tell(event(e.VM_ALIVE))
    (dead,) = await site.until_settled()
    assert dead.state == "dead"
    assert dead.tries > 1
    assert "ConnectError" in (dead.failure or "")


async def test_a_stop_lets_what_is_under_way_end(site: Site) -> None:
    reached = asyncio.Event()
    site.settings = replace(QUICK, timeout=5)
    async with Receiver() as receiver:
        await site.deployment("dep-1", receiver)

        def answer(_: Received) -> str:
            reached.set()
            return "200 OK"

        receiver.answer = answer
        await site.start()
        await site.tell(*numbered(1, "dep-1"))
        await reached.wait()
        await site.stop()
        (delivery,) = await site.deliveries()
        assert (delivery.state, len(receiver.received)) == ("delivered", 1)


async def test_what_is_delivered_is_pruned_with_its_events_and_what_waits_is_not(site: Site) -> None:
    async with Receiver() as receiver:
        await site.deployment("dep-1", receiver)
        await site.operation("op-1", "deploy", receiver)
        await site.start()
        await site.tell(*numbered(2, "dep-1"))
        await site.until_settled()
    await site.tell(event(e.VM_ALIVE))
    await site.ended("op-1")
    while not await site.deliveries("waiting"):  # noqa: ASYNC110  # the store tells nobody
        await asyncio.sleep(0.01)
    await site.stop()
    assert await site.store.write(lambda tx: prune(tx, now_ms() + 1000)) == 2
    assert [one.state for one in await site.deliveries()] == ["waiting"]
