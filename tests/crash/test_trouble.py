"""Frozen, cut off from the cloud, told to stop in the midst of it: the work is done all the same, once."""

from __future__ import annotations

import asyncio
import os
import signal
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.crash.house import House
from tests.crash.outcome import assert_same, made_twice, outcome
from tests.crash.runs import Runs
from tests.crash.scenarios import DEPLOY_MANY, DEPLOY_ONE, UNDEPLOY_MANY, UNDEPLOY_ONE, UPDATE_MANY, Scenario
from tests.crash.selection import ALL

FREEZE_SECONDS = float(os.environ.get("CRASH_FREEZE_SECONDS", "60" if ALL else "3"))
"""A minute is longer than any time-out of the tests' server; the sample takes twice the one that matters."""
STOP_SECONDS = 30
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


@pytest.mark.parametrize("operation", CREATES)
async def test_a_lost_answer_is_found_by_its_name(house: House, runs: Runs, operation: str) -> None:
    """The cloud makes the object, and the connection is cut before it says so."""
    await lost(house, runs, operation, {"type": "lost_reply"})


@pytest.mark.parametrize("operation", CREATES)
async def test_an_effect_that_shows_late_is_swept(house: House, runs: Runs, operation: str) -> None:
    """The connection is cut, and the object shows itself when a second one was asked for already."""
    await lost(house, runs, operation, {"type": "lost_reply", "effect_after": 1.0})


async def lost(house: House, runs: Runs, operation: str, action: dict[str, Any]) -> None:
    """Run a deployment whose first such call is answered like this: all is as ever, once the sweep is over."""
    expected = await runs.undisturbed(DEPLOY_MANY)
    names, since = await runs.prepare(DEPLOY_MANY), datetime.now(UTC)
    house.fault(action, operation=operation, name=f"*{names.suffix}*")
    await runs.finish(DEPLOY_MANY, names, since)
    await house.ended(names, sweeps=True)
    assert_same(await outcome(house, names, since), expected)


async def test_an_undeployment_takes_the_late_comers_along(house: House, runs: Runs) -> None:
    """The port that shows late is of a deployment that is on its way out already."""
    names = await runs.prepare(DEPLOY_ONE)
    action = {"type": "lost_reply", "effect_after": 1.2}
    house.fault(action, operation="port.create", name=f"*{names.suffix}*")
    await house.edit(DEPLOY_ONE.document(names))
    await house.requested(names, "port.create")
    await house.edit(UNDEPLOY_ONE.document(names))
    assert (await house.ended(names, sweeps=True))["state"] == "succeeded"
    await house.requested(names, "port.create", times=2)
    assert house.objects(names) == {"projects": [names.tenant]}
    assert await house.leftovers(names) == []


@pytest.mark.parametrize("operation", CREATES)
async def test_killed_while_a_call_is_under_way(house: House, runs: Runs, operation: str) -> None:
    """The cloud has made it, nobody was told, and the next life has to find it."""
    expected = await runs.undisturbed(DEPLOY_MANY)
    names, since = await runs.prepare(DEPLOY_MANY), datetime.now(UTC)
    house.fault({"type": "lost_reply"}, operation=operation, name=f"*{names.suffix}*")
    await house.edit(DEPLOY_MANY.document(names))
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
