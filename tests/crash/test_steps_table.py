"""The table of steps (`openesc debug steps`) against the journals of real runs: nothing missing, nothing invented."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tests.crash.documents import Names
from tests.crash.house import House
from tests.crash.outcome import started_in_order
from tests.crash.runs import Runs
from tests.crash.scenarios import DEPLOY_MANY, IN_PLACE, MANY, ONE, Scenario
from tests.crash.troubles import THINGS, TROUBLES, meet, meet_things

FLOWS = (
    *("deploy", "update", "undeploy", "sweep", "create-tenant", "delete-tenant"),
    *("create-artifact", "delete-artifact", "apply-network", "delete-network"),
)
"""The flows whose steps are met here in full. Whoever adds a flow to the table adds its runs, and its name."""

RESIZE = ("*/flavor", "*/look", "*/pause", "*/resize", "*/resize/*", "*/verify", "*/complete")
"""Steps of a deployment that changes flavors: not met here yet."""


ELSEWHERE = ("*/*/change/restore/stop", "*/*/change/volume/*/left")
"""Of a VM that is off, and of a volume that was given: met by the crash tests of the operations."""


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


@pytest.mark.parametrize("scenario", [*ONE, *MANY, *IN_PLACE], ids=lambda scenario: scenario.name)
async def test_a_scenario_has_these_boundaries_and_no_others(house: House, runs: Runs, scenario: Scenario) -> None:
    names = await runs.prepare(scenario)
    await runs.finish(scenario, names, datetime.now(UTC))
    paths = (await house.journal(names))[scenario.flow]
    assert sorted(path for path in paths if not any(fnmatchcase(path, step) for step in scenario.steps)) == []
    assert [step for step in scenario.steps if not any(fnmatchcase(path, step) for path in paths)] == []
    assert unlisted(paths, table()[scenario.flow]) == []


async def test_every_step_of_the_table_is_met_and_every_step_met_is_in_it(
    house: House, runs: Runs, tmp_path: Path
) -> None:
    """Good days and bad days of everything there is."""
    met: dict[str, set[str]] = defaultdict(set)
    for scenario in (*ONE, *MANY, *IN_PLACE):
        await runs.undisturbed(scenario)
    with image_server(tmp_path) as source:
        for things in THINGS.values():
            await _note(house, met, lambda names, things=things: meet_things(house, names, things, source))  # type: ignore[misc]
    for trouble in TROUBLES.values():
        await _note(house, met, lambda names, trouble=trouble: meet(house, names, trouble))  # type: ignore[misc]
    for names in runs.done:
        _merge(met, await house.journal(names))
    listed = table()
    missing = {flow: unlisted(met[flow], listed[flow]) for flow in FLOWS}
    assert missing == {flow: [] for flow in FLOWS}, "steps that the table does not list"
    invented = {
        flow: [step for step in unmet(listed[flow], met[flow]) if step not in RESIZE + ELSEWHERE] for flow in FLOWS
    }
    assert invented == {flow: [] for flow in FLOWS}, "steps of the table that no run has"


async def _note(house: House, met: dict[str, set[str]], happen: Callable[[Names], Awaitable[None]]) -> None:
    await house.ensure_running()
    names = house.names()
    await happen(names)
    _merge(met, await house.journal(names))


def _merge(met: dict[str, set[str]], found: Mapping[str, set[str]]) -> None:
    for flow, paths in found.items():
        met[flow] |= paths


@contextmanager
def image_server(folder: Path) -> Iterator[str]:
    """An address an image can be had from."""
    (folder / "image.qcow2").write_bytes(bytes(1024))
    handler = partial(Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/image.qcow2"
        finally:
            server.shutdown()
            thread.join()


class Quiet(SimpleHTTPRequestHandler):
    """Serves files without a word."""

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads it."""


async def test_groups_start_in_the_order_that_was_asked_for(house: House, runs: Runs) -> None:
    names, since = await runs.prepare(DEPLOY_MANY), datetime.now(UTC)
    await runs.finish(DEPLOY_MANY, names, since)
    assert started_in_order(await house.replay(since), "g1", "g2")
