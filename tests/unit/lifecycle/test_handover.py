"""What a VM that goes must give up before another takes it, and who waits for it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.lifecycle.test_changes import GROUP, NONE, SAMPLE, VM, nic

from openesc.inventory.records import Interface, Resource
from openesc.lifecycle import intent
from openesc.lifecycle.changes import Applied
from openesc.lifecycle.handover import Handover, first_to_go
from openesc.lifecycle.pools import ADDRESS, Held

GOING, COMING = replace(VM, id="going", vm_group="old"), replace(VM, id="coming", vm_group="new")
MAC = "fa:16:3e:00:00:01"
PLUGGED = Interface("going", 0, "virtual", "port-0", "net", "sub", "10.0.0.1", MAC)


def volume(name: str, size: int | None = None) -> intent.Volume:
    return intent.Volume(name, size, None, None, None, None, 0)


def given(*, owned: bool = False) -> Resource:
    facts = {"attached": True}
    return Resource("i", "volume", "k", "theirs", "t", "d", "going", "its-name", "its-id", owned, facts, None, 1)


def first(wanted: intent.Group, had: Applied, held: Held = NONE) -> list[str]:
    document = replace(SAMPLE, groups=(replace(wanted, name="new"),))
    return first_to_go([GOING], [COMING], document, {"going": had, "coming": Applied([], held)})


@pytest.mark.parametrize("name", ["theirs", "its-name", "its-id"])
def test_a_volume_that_was_given_is_wanted_by_any_of_its_names(name: str) -> None:
    assert first(replace(GROUP, volumes=(volume(name),)), Applied([], NONE, [given()])) == ["going"]


def test_a_volume_that_was_made_for_the_vm_goes_with_it() -> None:
    assert first(replace(GROUP, volumes=(volume("theirs"),)), Applied([], NONE, [given(owned=True)])) == []
    assert first(replace(GROUP, volumes=(volume("theirs", 1),)), Applied([], NONE, [given()])) == []


@pytest.mark.parametrize("leaf", [{"ip_address": "10.0.0.1"}, {"mac_address": MAC.upper()}])
def test_an_address(leaf: dict[str, Any]) -> None:
    assert first(replace(GROUP, interfaces=(nic(0, **leaf),)), Applied([PLUGGED], NONE)) == ["going"]
    assert first(replace(GROUP, interfaces=(nic(0),)), Applied([PLUGGED], NONE)) == []


def test_an_address_that_was_taken_of_a_pool() -> None:
    held = Held({(ADDRESS, "n", 0): "10.0.0.1"}, {})
    assert first(replace(GROUP, interfaces=(nic(0),)), Applied([PLUGGED], NONE), held) == ["going"]


async def test_who_takes_waits_for_all_who_give_up() -> None:
    handover = Handover(["a", "b"])
    waiting = asyncio.ensure_future(handover.wait())
    for vm_id in ("c", "a", "a"):
        handover.over(vm_id)
        await asyncio.sleep(0)
        assert not waiting.done()
    handover.over("b")
    await asyncio.wait_for(waiting, 1)


async def test_nobody_waits_where_nothing_is_given_up() -> None:
    await asyncio.wait_for(Handover([]).wait(), 1)
