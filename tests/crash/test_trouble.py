"""Frozen, cut off from the cloud, told to stop in the midst of it: the work is done all the same, once."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from lxml import etree
from tests.crash import documents, requests
from tests.crash.documents import Names
from tests.crash.house import House
from tests.crash.outcome import assert_same, made_twice, outcome
from tests.crash.requests import Document
from tests.crash.runs import Runs
from tests.crash.scenario import Scenario
from tests.crash.scenarios import DEPLOY_APART, DEPLOY_MANY, DEPLOY_ONE, UNDEPLOY_MANY, UNDEPLOY_ONE, UPDATE_MANY
from tests.crash.scenarios_things import THINGS
from tests.crash.selection import ALL

FREEZE_SECONDS = float(os.environ.get("CRASH_FREEZE_SECONDS", "60" if ALL else "3"))
"""A minute is longer than any time-out of the tests' server; the sample takes twice the one that matters."""
STOP_SECONDS = 30
LATE = {"type": "lost_reply", "effect_after": 1.0}
IMAGE, FLAVOR = (next(one for one in THINGS if one.name == name) for name in ("image", "flavor"))
CREATES = ("project.create", "network.create", "subnet.create", "port.create", "volume.create", "server.create")


@pytest.mark.parametrize("scenario", [DEPLOY_MANY, UNDEPLOY_MANY], ids=lambda scenario: scenario.name)
async def test_a_frozen_server_goes_on(house: House, runs: Runs, scenario: Scenario) -> None:
    async def freeze() -> None:
        process = house.server.process
        assert process is not None
        await house.steps_done(3)
        process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(FREEZE_SECONDS)
        process.send_signal(signal.SIGCONT)

    await runs.disturbed(scenario, freeze)


@pytest.mark.parametrize("scenario", [DEPLOY_MANY, UPDATE_MANY, UNDEPLOY_MANY], ids=lambda scenario: scenario.name)
async def test_a_cloud_that_answers_nobody_for_a_while(house: House, runs: Runs, scenario: Scenario) -> None:
    """Every call under way times out; what it did shows itself when the cloud goes on."""

    async def cut() -> None:
        await house.steps_done(3)
        with house.stopped_cloud():
            await asyncio.sleep(FREEZE_SECONDS)

    await runs.disturbed(scenario, cut)


@pytest.mark.parametrize("scenario", [DEPLOY_MANY, UNDEPLOY_MANY], ids=lambda scenario: scenario.name)
async def test_a_cloud_that_is_killed_and_comes_back(house: House, runs: Runs, scenario: Scenario) -> None:
    async def kill() -> None:
        await house.steps_done(3)
        house.kill_cloud()
        await asyncio.sleep(1)
        await house.start_cloud()

    await runs.disturbed(scenario, kill)


async def test_an_undeployment_takes_the_late_comers_along(house: House, runs: Runs) -> None:
    """The port that shows late is of a deployment that is on its way out already."""
    names = await runs.prepare(DEPLOY_ONE)
    action = {"type": "lost_reply", "effect_after": 1.2}
    house.fault(action, operation="port.create", name=f"*{names.suffix}*")
    await house.ask_for(DEPLOY_ONE.request, names)
    await house.requested(names, "port.create")
    await house.ask_for(UNDEPLOY_ONE.request, names)
    assert (await house.ended(names, sweeps=True))["state"] == "succeeded"
    await house.requested(names, "port.create", times=2)
    assert house.objects(names) == {"projects": [names.tenant]}
    assert await house.leftovers(names) == []


async def test_a_recovery_waits_for_the_sweep(house: House, runs: Runs) -> None:
    """The server that a recovery makes while a sweep looks for doubles of the first one is none of them."""
    names = await runs.prepare(DEPLOY_ONE)
    house.fault(LATE, operation="server.create", name=f"*{names.suffix}*")
    await house.ask_for(documents.booting_from_volume, names)
    await house.ended(names)
    await house.ask_for(requests.recover(), names)
    assert (await house.ended(names, sweeps=True))["state"] == "succeeded"
    assert await house.states(names, "sweep") == ["succeeded"]
    assert len(house.objects(names)["servers"]) == 1
    assert "VM_ALIVE_STATE" in etree.tostring(await house.opdata(names), encoding="unicode")


@pytest.mark.parametrize("document", [documents.single_elsewhere, documents.gone], ids=["update", "undeploy"])
async def test_what_shows_late_goes_though_nobody_wants_it_any_more(
    house: House, runs: Runs, document: Document
) -> None:
    """The group whose volume was made twice is gone from the document when the first one shows itself."""
    names = await runs.prepare(DEPLOY_MANY)
    rule = house.fault(LATE, operation="volume.create", name=f"*{names.suffix}_g1_1_*")
    await house.ask_for(documents.multi, names)
    await house.ended(names)
    await house.ask_for(documents.single_elsewhere, names)
    await house.ask_for(document, names)
    await house.fired(rule)
    await house.ended(names, sweeps=True)
    assert "volumes" not in house.objects(names)
    assert await house.leftovers(names) == []


async def test_a_server_group_that_shows_late_goes(house: House, runs: Runs) -> None:
    names = await runs.prepare(DEPLOY_APART)
    rule = house.fault(LATE, operation="server_group.create")
    await runs.finish(DEPLOY_APART, names, datetime.now(UTC))
    await house.fired(rule)
    await house.ended(names, sweeps=True)
    with house.openstack(names.tenant) as cloud:
        assert len(list(cloud.compute.server_groups())) == 1


@pytest.mark.parametrize("action", [{"type": "hang"}, {"type": "lost_reply"}], ids=["hang", "lost_reply"])
@pytest.mark.parametrize("operation", ["image.create", "image.upload"])
async def test_killed_while_an_image_is_made(
    house: House, runs: Runs, operation: str, action: Mapping[str, Any]
) -> None:
    """No half of one is left."""
    names = await runs.prepare(IMAGE)
    await _killed(house, names, house.fault(dict(action), operation=operation), IMAGE)
    assert house.objects(names) == {"images": [f"image{names.suffix}"]}
    with house.openstack("admin") as cloud:
        assert [image.status for image in cloud.image.images(name=f"image{names.suffix}")] == ["active"]


async def test_killed_while_a_flavor_is_made(house: House, runs: Runs) -> None:
    """Its properties take a request of their own."""
    names = await runs.prepare(FLAVOR)
    await _killed(house, names, house.fault({"type": "hang"}, operation="flavor_specs.create"), FLAVOR)
    with house.openstack("admin") as cloud:
        made = cloud.compute.find_flavor(f"flavor{names.suffix}", ignore_missing=False, get_extra_specs=True)
        assert made is not None
        assert made.extra_specs == {"hw:mem_page_size": "large"}


async def test_killed_while_a_port_without_tags_is_made(house: House, runs: Runs) -> None:
    """Where Neutron takes no tags with the creation, a port is found by its description, and gone with its VM."""
    expected = await runs.undisturbed(DEPLOY_ONE)
    names, since = await runs.prepare(DEPLOY_ONE), datetime.now(UTC)
    with house.cloud_settings(port_tags_at_birth=False):
        rule = house.fault({"type": "lost_reply"}, operation="port.create", name=f"*{names.suffix}*")
        await _killed(house, names, rule, DEPLOY_ONE)
        assert_same(await outcome(house, names, since), expected)
        assert made_twice(house, names) == []
        with house.openstack(names.tenant) as cloud:
            assert [port.tags for port in cloud.network.ports(project_id=cloud.current_project_id)] == [[]]
        await house.ask_for(UNDEPLOY_ONE.request, names)
        assert (await house.ended(names, sweeps=True))["state"] == "succeeded"
    assert house.objects(names) == {"projects": [names.tenant]}
    assert await house.leftovers(names) == []


async def _killed(house: House, names: Names, rule: str, scenario: Scenario) -> None:
    """Kill the server while the call that this rule is for is under way; the next life must come to the end."""
    await house.ask_for(scenario.request, names)
    await house.fired(rule)
    house.server.kill()
    house.clear_faults()
    await house.restart()
    assert (await house.ended(names))["state"] == "succeeded"


@pytest.mark.parametrize("operation", CREATES)
async def test_killed_while_a_call_is_under_way(house: House, runs: Runs, operation: str) -> None:
    """The cloud has made it, nobody was told, and the next life has to find it."""
    expected = await runs.undisturbed(DEPLOY_MANY)
    names, since = await runs.prepare(DEPLOY_MANY), datetime.now(UTC)
    house.fault({"type": "lost_reply"}, operation=operation, name=f"*{names.suffix}*")
    await house.ask_for(DEPLOY_MANY.request, names)
    await house.requested(names, operation)
    house.server.kill()
    await house.restart()
    assert (await house.ended(names, sweeps=True))["state"] == "succeeded"
    assert_same(await outcome(house, names, since), expected)
    assert made_twice(house, names) == []


@pytest.mark.parametrize("scenario", [DEPLOY_MANY, DEPLOY_ONE, UNDEPLOY_MANY], ids=lambda scenario: scenario.name)
async def test_told_to_stop_in_the_midst_of_it(house: House, runs: Runs, scenario: Scenario) -> None:
    """It ends in time and cleanly; the next life says what it resumes, and does it."""

    async def stop() -> None:
        await house.steps_done(3)
        async with asyncio.timeout(STOP_SECONDS):
            assert await asyncio.to_thread(house.server.stop) == 0
        said = len(house.server.log)
        await house.restart()
        assert "operation resumed" in house.server.log[said:]

    await runs.disturbed(scenario, stop)
