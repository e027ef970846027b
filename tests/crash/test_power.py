"""Actions on a service of two VMs, and on one VM: start, stop, reboot, monitors on and off."""

from __future__ import annotations

import pytest
from tests.crash.runs import Runs
from tests.crash.scenario import Scenario
from tests.crash.scenarios_vm import SERVICE, VM
from tests.crash.selection import crashes


@pytest.mark.parametrize("scenario, failpoints", crashes(*SERVICE, *VM))
async def test_a_crash_leaves_no_trace(runs: Runs, scenario: Scenario, failpoints: tuple[str, ...]) -> None:
    await runs.crashed(scenario, *failpoints)
