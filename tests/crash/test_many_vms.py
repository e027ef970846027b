"""A deployment of two groups of two VMs, with networks and volumes, killed in the midst of its parallel steps."""

from __future__ import annotations

import pytest
from tests.crash.runs import Runs
from tests.crash.scenarios import DEPLOY_MANY, UNDEPLOY_MANY, UPDATE_MANY, Scenario
from tests.crash.selection import crashes, twice


@pytest.mark.parametrize(
    "scenario, failpoint",
    [*crashes(DEPLOY_MANY, every=13), *crashes(UPDATE_MANY, every=13), *crashes(UNDEPLOY_MANY, every=13)],
)
async def test_a_crash_leaves_no_trace(runs: Runs, scenario: Scenario, failpoint: str) -> None:
    await runs.crashed(scenario, failpoint)


@pytest.mark.parametrize(
    "scenario, failpoints",
    [*twice(DEPLOY_MANY, every=27), *twice(UPDATE_MANY, every=27), *twice(UNDEPLOY_MANY, every=27)],
)
async def test_two_crashes_in_a_row_leave_no_trace(runs: Runs, scenario: Scenario, failpoints: tuple[str, str]) -> None:
    await runs.crashed(scenario, *failpoints)
