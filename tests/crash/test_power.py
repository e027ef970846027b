"""Actions on a service of two VMs, and on one VM: start, stop, reboot, monitors on and off. (The sample reboots the
service alone: its VMs go through the steps of the actions on one.)
"""

from __future__ import annotations

import pytest
from tests.crash.runs import Runs
from tests.crash.scenario import Scenario
from tests.crash.scenarios_vm import SERVICE, VM
from tests.crash.selection import ALL, crashes


@pytest.mark.parametrize("scenario, failpoints", crashes(*(SERVICE if ALL else SERVICE[2:3]), *VM))
async def test_a_crash_leaves_no_trace(runs: Runs, scenario: Scenario, failpoints: tuple[str, ...]) -> None:
    await runs.crashed(scenario, *failpoints)
