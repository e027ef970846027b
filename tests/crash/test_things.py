"""Tenants, images, flavors, networks of all and of one tenant; and the sweep after lost answers."""

from __future__ import annotations

import pytest
from tests.crash.runs import Runs
from tests.crash.scenario import Scenario
from tests.crash.scenarios import SWEEP
from tests.crash.scenarios_things import THINGS
from tests.crash.selection import crashes


@pytest.mark.parametrize("scenario, failpoints", crashes(*THINGS, SWEEP))
async def test_a_crash_leaves_no_trace(runs: Runs, scenario: Scenario, failpoints: tuple[str, ...]) -> None:
    await runs.crashed(scenario, *failpoints)
