"""The cloud does what it is asked and its answer is lost: it is neither done again nor forgotten."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.crash.documents import Names
from tests.crash.house import House
from tests.crash.outcome import assert_same, outcome
from tests.crash.runs import Runs
from tests.crash.scenario import Scenario
from tests.crash.scenarios import DEPLOY_MANY
from tests.crash.scenarios_things import THINGS
from tests.crash.scenarios_vm import MOVES, RECOVERY, SERVICE, SNAPSHOTS
from tests.crash.selection import ALL

NAMED = {scenario.name: scenario for scenario in (DEPLOY_MANY, *THINGS, *SERVICE, *MOVES, *SNAPSHOTS, *RECOVERY)}
CALLS = [
    *[("deploy-many", f"{kind}.create") for kind in ("project", "network", "subnet", "port", "volume", "server")],
    *[("service-stop", "server.stop"), ("service-start", "server.start")],
    *[
        ("resize", "server.resize"),
        ("confirm-resize", "server.confirm_resize"),
        ("revert-cold", "server.revert_resize"),
    ],
    *[("migrate-live", "server.live_migrate"), ("migrate-cold", "server.migrate")],
    *[("backup-image", "server.create_image"), ("backup-volume", "server.create_image"), ("export", "image.delete")],
    *[("snapshot-delete-volume", "image.delete"), ("snapshot-delete-volume", "snapshot.delete")],
    *[
        ("recover-reboot", "server.reboot"),
        ("recover-redeploy", "server.delete"),
        ("recover-redeploy", "server.create"),
    ],
    *[("image", "image.create"), ("image", "image.upload"), ("flavor", "flavor.create")],
    *[("network", "network.create"), ("network", "subnet.create"), ("network-goes", "network.delete")],
]


@pytest.mark.parametrize("name, operation", CALLS if ALL else CALLS[::2])
async def test_it_shows_at_once(house: House, runs: Runs, name: str, operation: str) -> None:
    """The connection is cut, and who looks finds what was done."""
    await lost(house, runs, NAMED[name], operation, {"type": "lost_reply"})


@pytest.mark.parametrize("name, operation", CALLS if ALL else CALLS[1::2])
async def test_it_shows_late(house: House, runs: Runs, name: str, operation: str) -> None:
    """The connection is cut, and it is done only when it was asked for again."""
    await lost(house, runs, NAMED[name], operation, {"type": "lost_reply", "effect_after": 1.0})


async def lost(house: House, runs: Runs, scenario: Scenario, operation: str, action: dict[str, Any]) -> None:
    """Run a scenario whose first such call is answered like this: all is as ever, once the sweep is over."""
    expected = await runs.undisturbed(scenario)
    names, since = await runs.prepare(scenario), datetime.now(UTC)
    rule = house.fault(action, operation=operation, name=f"*{names.suffix}*")
    await runs.finish(scenario, names, since)
    await house.fired(rule)
    await house.ended(names, sweeps=True)
    assert_same(await outcome(house, names, since), expected)
    assert done(house, names) == done(house, runs.done[scenario.name])


def done(house: House, names: Names) -> Mapping[str, int]:
    """What Nova did to the servers that are there, and how often. (An image made twice is taken away again.)"""
    if names.tenant not in house.objects(names).get("projects", ()):
        return {}
    with house.openstack(names.tenant) as cloud:
        actions = [one.action for server in cloud.compute.servers() for one in cloud.compute.server_actions(server)]
    return Counter(action for action in actions if action != "createImage")
