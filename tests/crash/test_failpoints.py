"""How a failpoint is written, and that one from the environment fires once."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.crash.house import House
from tests.crash.runs import Runs
from tests.crash.scenarios import DEPLOY_ONE

from openesc.lifecycle.failpoints import AFTER, BEFORE, Failpoint, Failpoints


@pytest.mark.parametrize(
    "text, point",
    [
        ("deploy/begin:before", Failpoint("deploy/begin", BEFORE)),
        ("deploy/*/server:after:3", Failpoint("deploy/*/server", AFTER, 3)),
        ("undeploy/subnet:network:*/*/*/delete:after", Failpoint("undeploy/subnet:network:*/*/*/delete", AFTER)),
        ("undeploy/network:*/*/delete:before:2", Failpoint("undeploy/network:*/*/delete", BEFORE, 2)),
    ],
)
def test_a_failpoint_is_read(text: str, point: Failpoint) -> None:
    assert Failpoint.parse(text) == point


@pytest.mark.parametrize(
    "text", ["deploy", "deploy/begin", "deploy/begin:during", "begin:before", "deploy/begin:after:0"]
)
def test_what_is_no_failpoint_says_what_one_is(text: str) -> None:
    with pytest.raises(ValueError, match=r"flow/step:before\|after\[:n\]"):
        Failpoints.from_environment({"OPENESC_FAILPOINT": text})


async def test_a_failpoint_of_the_environment_fires_once(tmp_path: Path) -> None:
    once = tmp_path / "fired"
    armed = {"OPENESC_FAILPOINT": "deploy/*/server:after", "OPENESC_FAILPOINT_ONCE": str(once)}
    house = House.on(tmp_path, **armed)
    runs = Runs(house)
    try:
        names = await runs.prepare(DEPLOY_ONE)
        await house.ask_for(DEPLOY_ONE.request, names)
        await house.died()
        assert once.exists()
        await house.restart()
        assert (await house.ended(names))["state"] == "succeeded"
    finally:
        house.close()
