"""A deployment of two groups of two VMs, with networks and volumes, killed in the midst of its parallel steps."""

from __future__ import annotations

import pytest
from tests.crash.runs import Runs
from tests.crash.scenario import Scenario
from tests.crash.scenarios import MANY
from tests.crash.selection import some, twice


@pytest.mark.parametrize("scenario, failpoints", some(*MANY, every=23))
async def test_a_crash_leaves_no_trace(runs: Runs, scenario: Scenario, failpoints: tuple[str, ...]) -> None:
    await runs.crashed(scenario, *failpoints)


@pytest.mark.parametrize("scenario, failpoints", twice(*MANY, every=45))
async def test_two_crashes_in_a_row_leave_no_trace(runs: Runs, scenario: Scenario, failpoints: tuple[str, ...]) -> None:
    await runs.crashed(scenario, *failpoints)
