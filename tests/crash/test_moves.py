"""A resize, a live and a cold migration, confirmed, reverted, and where the cloud confirms by itself."""

from __future__ import annotations

import pytest
from tests.crash.runs import Runs
from tests.crash.scenario import Scenario
from tests.crash.scenarios_vm import MOVES
from tests.crash.selection import crashes


@pytest.mark.parametrize("scenario, failpoints", crashes(*MOVES))
async def test_a_crash_leaves_no_trace(runs: Runs, scenario: Scenario, failpoints: tuple[str, ...]) -> None:
    await runs.crashed(scenario, *failpoints)
