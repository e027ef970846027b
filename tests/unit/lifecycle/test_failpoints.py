"""How failpoints are written; that they kill is tested with a process that dies."""

from __future__ import annotations

from pathlib import Path

import pytest

from openesc.lifecycle.failpoints import AFTER, BEFORE, Failpoint, Failpoints


@pytest.mark.parametrize(
    "text, expected",
    [
        ("deploy/*/server:after", Failpoint("deploy/*/server", AFTER, 1)),
        ("deploy/close:before:3", Failpoint("deploy/close", BEFORE, 3)),
        ("undeploy/subnet:network:d/n/s/delete:before", Failpoint("undeploy/subnet:network:d/n/s/delete", BEFORE, 1)),
    ],
)
def test_a_failpoint_is_read(text: str, expected: Failpoint) -> None:
    assert Failpoint.parse(text) == expected


@pytest.mark.parametrize("text", ["", "deploy/close", "deploy/close:during", "deploy:before", "deploy/close:before:0"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"flow/step:before\|after"):
        Failpoint.parse(text)


def test_where_it_fires() -> None:
    point = Failpoint.parse("deploy/*/server:after")
    assert point.matches("deploy/g/0/server", AFTER)
    assert not point.matches("deploy/g/0/server", BEFORE)
    assert not point.matches("update/g/0/server", AFTER)


def test_nothing_is_armed_by_default_or_once_it_has_fired(tmp_path: Path) -> None:
    Failpoints.from_environment({}).reach("deploy/close", BEFORE)
    fired = tmp_path / "fired"
    fired.touch()
    environment = {"OPENESC_FAILPOINT": "deploy/close:before", "OPENESC_FAILPOINT_ONCE": str(fired)}
    Failpoints.from_environment(environment).reach("deploy/close", AFTER)
