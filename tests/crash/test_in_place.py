"""Updates that change VMs in place, killed at each of their boundaries."""

from __future__ import annotations

import pytest
from tests.crash.runs import Runs
from tests.crash.scenario import Scenario
from tests.crash.scenarios import IN_PLACE
from tests.crash.selection import crashes, twice


@pytest.mark.parametrize("scenario, failpoints", crashes(*IN_PLACE))
async def test_a_crash_leaves_no_trace(runs: Runs, scenario: Scenario, failpoints: tuple[str, ...]) -> None:
    await runs.crashed(scenario, *failpoints)


@pytest.mark.parametrize("scenario, failpoints", twice(*IN_PLACE, every=60))
async def test_two_crashes_in_a_row_leave_no_trace(runs: Runs, scenario: Scenario, failpoints: tuple[str, ...]) -> None:
    await runs.crashed(scenario, *failpoints)
