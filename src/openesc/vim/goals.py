"""What a server may be waited for. Each goal is a predicate on a reading of the cloud, for `Cloud.wait_server`.

**ACTIVE without a task is not success by itself.** A resize or cold migration that finds no host, a live
migration that fails and a stop that fails all end in ACTIVE with no task and no fault, as if nothing had
been asked. A flow therefore waits for what is to be different afterwards (status, host, flavor), and where
that need not come waits for `settled` and then compares: host or flavor as before means refused, and the
action list (`Cloud.server_actions`) or the migration record (`Cloud.migrations`) says why.
"""

from __future__ import annotations

from collections.abc import Callable

from openesc.vim.port import Server

Goal = Callable[[Server], bool]


def settled(server: Server) -> bool:
    """No task is under way and the status is one a server rests in. It may be the status it had before."""
    return server.task_state is None and server.status in RESTING


RESTING = frozenset(
    {
        "ACTIVE",
        "SHUTOFF",
        "VERIFY_RESIZE",
        "ERROR",
        "PAUSED",
        "SUSPENDED",
        "SHELVED_OFFLOADED",
        "SHELVED",
        "RESCUE",
    }
)
"""Statuses a server stays in until somebody asks for something."""


def status(wanted: str) -> Goal:
    """In this status with no task under way (Nova's words: ACTIVE, SHUTOFF, VERIFY_RESIZE, ...)."""

    def reached(server: Server) -> bool:
        return server.status == wanted and server.task_state is None

    return reached


active = status("ACTIVE")
"""Runs. Right after a boot, start or reboot; not proof of anything after a resize or a migration."""

shutoff = status("SHUTOFF")
"""Stopped."""

verify_resize = status("VERIFY_RESIZE")
"""Resized or cold migrated and waiting for confirm or revert. A cloud may confirm by itself: see `resized_to`."""


def flavor_is(name: str) -> Goal:
    """Has this flavor and rests (confirmed, reverted, or waiting for it)."""

    def reached(server: Server) -> bool:
        return server.flavor == name and settled(server)

    return reached


def on_host(host: str) -> Goal:
    """Is on this compute host and rests. Needs admin rights: to others `Server.hostname` is None, and
    this never comes true.
    """

    def reached(server: Server) -> bool:
        return server.hostname == host and settled(server)

    return reached


def moved_from(before: Server) -> Goal:
    """Rests on another host than in the reading `before`, told by the hash every credential sees."""

    def reached(server: Server) -> bool:
        return bool(server.host_id) and server.host_id != before.host_id and settled(server)

    return reached


def any_of(*goals: Goal) -> Goal:
    """At least one of the goals, such as VERIFY_RESIZE or, where the cloud confirms by itself, ACTIVE
    with the new flavor.
    """

    def reached(server: Server) -> bool:
        return any(goal(server) for goal in goals)

    return reached


def all_of(*goals: Goal) -> Goal:
    """All of the goals in one reading."""

    def reached(server: Server) -> bool:
        return all(goal(server) for goal in goals)

    return reached


def resized_to(name: str) -> Goal:
    """Waits for confirmation, or has the flavor already (a cloud that confirms by itself, or a resize that was refused:
    then the flavor is the old one and this does not come true)."""
    return any_of(verify_resize, flavor_is(name))
