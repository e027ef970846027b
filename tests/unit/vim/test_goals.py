"""Goals: what is success, and what only looks like it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from openesc.vim import goals
from openesc.vim.port import Server

RUNNING = Server(id="1", name="vm", status="ACTIVE", flavor="small", host_id="hash-a", hostname="cmp-a")


@pytest.mark.parametrize(
    "goal, server, reached",
    [
        (goals.active, RUNNING, True),
        (goals.active, replace(RUNNING, task_state="powering-off"), False),
        (goals.active, replace(RUNNING, status="BUILD"), False),
        (goals.shutoff, replace(RUNNING, status="SHUTOFF"), True),
        (goals.shutoff, replace(RUNNING, status="SHUTOFF", task_state="powering-on"), False),
        (goals.verify_resize, replace(RUNNING, status="VERIFY_RESIZE"), True),
        (goals.flavor_is("big"), RUNNING, False),
        (goals.flavor_is("big"), replace(RUNNING, flavor="big"), True),
        (
            goals.flavor_is("big"),
            replace(RUNNING, flavor="big", status="RESIZE", task_state="resize_finish"),
            False,
        ),
        (goals.on_host("cmp-b"), RUNNING, False),
        (goals.on_host("cmp-b"), replace(RUNNING, hostname="cmp-b"), True),
        (goals.on_host("cmp-b"), replace(RUNNING, hostname="cmp-b", status="MIGRATING"), False),
        (goals.moved_from(RUNNING), RUNNING, False),
        (goals.moved_from(RUNNING), replace(RUNNING, host_id="hash-b"), True),
        (goals.moved_from(RUNNING), replace(RUNNING, host_id=""), False),
        (goals.resized_to("big"), replace(RUNNING, status="VERIFY_RESIZE", flavor="big"), True),
        (goals.resized_to("big"), replace(RUNNING, flavor="big"), True),
        (goals.resized_to("big"), RUNNING, False),
        (goals.all_of(goals.active, goals.on_host("cmp-a")), RUNNING, True),
        (goals.all_of(goals.active, goals.on_host("cmp-b")), RUNNING, False),
        (goals.settled, replace(RUNNING, status="REBOOT"), False),
        (goals.settled, replace(RUNNING, status="ERROR"), True),
    ],
)
def test_goal(goal: goals.Goal, server: Server, reached: bool) -> None:
    assert goal(server) is reached
