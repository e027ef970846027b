"""A deployment of one VM, and of two that must be apart, killed at each of its boundaries."""

from __future__ import annotations

import pytest
from tests.crash.runs import Runs
from tests.crash.scenario import Scenario
from tests.crash.scenarios import APART, ONE
from tests.crash.selection import crashes


@pytest.mark.parametrize("scenario, failpoints", crashes(*ONE, *APART))
async def test_a_crash_leaves_no_trace(runs: Runs, scenario: Scenario, failpoints: tuple[str, ...]) -> None:
    await runs.crashed(scenario, *failpoints)
