"""The table of steps (`openesc debug steps`) against the journals of real runs: nothing missing, nothing invented."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import UTC, datetime
from fnmatch import fnmatchcase

import pytest
from tests.crash.documents import Names
from tests.crash.house import House
from tests.crash.outcome import started_in_order
from tests.crash.runs import Runs
from tests.crash.scenario import Scenario
from tests.crash.scenarios import APART, DEPLOY_MANY, IN_PLACE, MANY, ONE, SWEEP
from tests.crash.scenarios_things import THINGS
from tests.crash.scenarios_vm import MOVES, RECOVERY, SERVICE, SNAPSHOTS, VM
from tests.crash.troubles import THING_TROUBLES, TROUBLES, meet, meet_things

SCENARIOS = (*ONE, *APART, *MANY, *IN_PLACE, SWEEP, *SERVICE, *VM, *MOVES, *SNAPSHOTS, *RECOVERY, *THINGS)

ELSEWHERE = ("callbacks", "unchanged")
"""Callbacks have no journal: see test_callbacks.py. The other one is a single transaction, for who asked over REST:
tests/integration/rest/test_rest_callbacks.py holds it against its journal.
"""


def table() -> dict[str, list[str]]:
    """What the command lists."""
    command = [sys.executable, "-m", "openesc.cli", "debug", "steps", "-f", "json"]
    rows = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    flows: dict[str, list[str]] = {}
    for row in rows:
        flows.setdefault(row["flow"], []).append(row["step"])
    return flows


def matches(path: str, pattern: str) -> bool:
    """As the table means it: a star is one name."""
    return re.fullmatch(re.escape(pattern).replace(r"\*", "[^/]*"), path) is not None


def unlisted(paths: Iterable[str], patterns: Iterable[str]) -> list[str]:
    patterns = list(patterns)
    return [path for path in paths if not any(matches(path, pattern) for pattern in patterns)]


def unmet(patterns: Iterable[str], paths: Iterable[str]) -> list[str]:
    paths = list(paths)
    return [pattern for pattern in patterns if not any(matches(path, pattern) for path in paths)]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
async def test_a_scenario_has_these_boundaries_and_no_others(house: House, runs: Runs, scenario: Scenario) -> None:
    await runs.undisturbed(scenario)
    paths = await _paths(house, scenario, runs.done[scenario.name])
    assert sorted(path for path in paths if not any(fnmatchcase(path, step) for step in scenario.steps)) == []
    assert [step for step in scenario.steps if not any(fnmatchcase(path, step) for path in paths)] == []
    assert unlisted(paths, table()[scenario.flow]) == []


async def test_every_step_of_the_table_is_met_and_every_step_met_is_in_it(house: House, runs: Runs) -> None:
    """Good days and bad days of everything there is."""
    met: dict[str, set[str]] = defaultdict(set)
    for scenario in SCENARIOS:
        await runs.undisturbed(scenario)
    for things in THING_TROUBLES.values():
        await _note(house, met, lambda names, things=things: meet_things(house, names, things))  # type: ignore[misc]
    for trouble in TROUBLES.values():
        await _note(house, met, lambda names, trouble=trouble: meet(house, names, trouble))  # type: ignore[misc]
    for names in runs.done.values():
        _merge(met, await house.journal(names))
    listed = table()
    missing = [f"{flow}/{path}" for flow in met for path in unlisted(met[flow], listed.get(flow, ()))]
    assert missing == [], "steps that the table does not list"
    flows = [flow for flow in listed if flow not in ELSEWHERE]
    invented = [f"{flow}/{step}" for flow in flows for step in unmet(listed[flow], met[flow])]
    assert invented == [], "steps of the table that no run has"


async def _paths(house: House, scenario: Scenario, names: Names) -> set[str]:
    """The journal of the operation that was asked for: the last of its kind."""
    operations = [one for one in await house.operations(names) if one["kind"] == scenario.flow]
    return {step["step"] for step in operations[-1]["steps"]}


async def _note(house: House, met: dict[str, set[str]], happen: Callable[[Names], Awaitable[None]]) -> None:
    await house.ensure_running()
    names = house.names()
    await happen(names)
    _merge(met, await house.journal(names))


def _merge(met: dict[str, set[str]], found: Mapping[str, set[str]]) -> None:
    for flow, paths in found.items():
        met[flow] |= paths


async def test_groups_start_in_the_order_that_was_asked_for(house: House, runs: Runs) -> None:
    names, since = await runs.prepare(DEPLOY_MANY), datetime.now(UTC)
    await runs.finish(DEPLOY_MANY, names, since)
    assert started_in_order(await house.replay(since), "g1", "g2")
