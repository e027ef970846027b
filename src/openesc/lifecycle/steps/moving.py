"""Resize and migration of one VM in the cloud: asked for once, judged by what is different afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from openesc.inventory.records import Vm
from openesc.lifecycle.context import Work
from openesc.lifecycle.errors import StepFailed
from openesc.lifecycle.operation import Attempt
from openesc.lifecycle.steps.calls import change_once, persist
from openesc.lifecycle.steps.power import required_server, why
from openesc.store import Tx
from openesc.vim import goals
from openesc.vim.errors import VimForbidden
from openesc.vim.port import Cloud, Server
from openesc.vim.port_operations import Migration

RUNS_OR_OFF = frozenset({"ACTIVE", "SHUTOFF"})
OVER = frozenset({"completed", "confirmed", "finished", "reverted", "failed", "error", "cancelled"})
"""Statuses in which a migration record stays."""
PAUSE = 0.5
"""Seconds between two looks at a migration record."""


@dataclass(frozen=True, slots=True)
class Before:
    """The server as it was: what a success is judged by. `migration`: its newest migration record."""

    status: str
    host_id: str
    hostname: str | None
    flavor: str
    migration: str | None


async def look(work: Work, vm: Vm, path: str) -> Before:
    """Read the server, once over all lives of the operation. Raises: StepFailed."""
    cloud, server_id = await work.cloud(), required_server(vm)

    async def act(_: Attempt) -> dict[str, Any]:
        server = await persist(work.settings.patience, lambda: cloud.get_server(server_id))
        newest = await newest_migration(work, cloud, server_id)
        return {
            "status": server.status,
            "host_id": server.host_id,
            "hostname": server.hostname,
            "flavor": server.flavor,
            "migration": newest.id if newest is not None else None,
        }

    return Before(**await work.op.step(f"{path}/look", act))


async def newest_migration(work: Work, cloud: Cloud, server_id: str) -> Migration | None:
    """The newest record; None without one, and without the rights to see it."""
    try:
        found = await persist(work.settings.patience, lambda: cloud.migrations(server_id))
    except VimForbidden:
        return None
    return found[0] if found else None


async def ask(
    work: Work,
    vm: Vm,
    path: str,
    call: Callable[[Cloud, str], Awaitable[None]],
    took_effect: Callable[[Cloud, Server], Awaitable[bool]],
    record: Callable[[Tx], None],
    *,
    adopt: bool = False,
) -> None:
    """Make the request once. Where an earlier answer may be lost, `took_effect` tells from a fresh reading.

    `adopt`: a conflict is success when it took effect already, whoever asked for it. `record` writes in the transaction
    that makes the acceptance durable; the caller of the operation hears of it then.
    Raises: StepFailed in the cloud's words.
    """
    cloud, server_id = await work.cloud(), required_server(vm)

    async def there() -> bool:
        return await took_effect(cloud, await cloud.get_server(server_id))

    async def act(attempt: Attempt) -> None:
        await change_once(
            attempt,
            work.settings.patience,
            there,
            lambda: call(cloud, server_id),
            adopt=adopt,
            over=work.vim.http_timeout,
        )

    await work.op.step(path, act, lambda tx, _: record(tx))
    work.op.accept()


async def rested(work: Work, vm: Vm) -> Server:
    """The server once nothing is under way; what it came to is for the caller to judge. Raises: StepFailed."""
    cloud = await work.cloud()
    return await work.answered(cloud.wait_server(required_server(vm), goals.settled, work.settings.server_timeout))


async def migration_ended(work: Work, vm: Vm, before: Before) -> Migration | None:
    """The record of the migration asked for, once it is over; None when it cannot be seen. Raises: StepFailed."""
    cloud, server_id = await work.cloud(), required_server(vm)
    end = asyncio.get_running_loop().time() + work.settings.server_timeout
    while True:
        found = await work.answered(newest_migration(work, cloud, server_id))
        if found is None or found.id == before.migration:
            return None
        if found.status in OVER:
            return found
        if asyncio.get_running_loop().time() > end:
            raise StepFailed(f"the migration of VM [{vm.name}] is still {found.status} in the VIM")
        await work.op.wait(asyncio.sleep(PAUSE))


async def not_moved(work: Work, vm: Vm, server: Server, text: str) -> StepFailed:
    """The failure of a server that is as it was, with what the cloud's list of actions says of it."""
    return StepFailed(f"{text}{await why(work, await work.cloud(), server.id)}")
