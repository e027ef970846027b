"""A deployment of one VM, killed at each of its boundaries."""

from __future__ import annotations

import pytest
from tests.crash.runs import Runs
from tests.crash.scenarios import DEPLOY_ONE, DEPLOY_REFUSED, UNDEPLOY_ONE, UPDATE_ONE, Scenario
from tests.crash.selection import crashes


@pytest.mark.parametrize(
    "scenario, failpoint",
    [*crashes(DEPLOY_ONE, UNDEPLOY_ONE), *crashes(UPDATE_ONE, every=5), *crashes(DEPLOY_REFUSED, every=6)],
)
async def test_a_crash_leaves_no_trace(runs: Runs, scenario: Scenario, failpoint: str) -> None:
    await runs.crashed(scenario, failpoint)
