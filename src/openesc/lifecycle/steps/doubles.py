"""Doubles of what stands beside any deployment: made by a call whose answer was lost, found by the operation's mark."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from openesc.inventory import store as inventory
from openesc.lifecycle.context import Services
from openesc.lifecycle.errors import StepFailed
from openesc.lifecycle.operation import Attempt, Operation
from openesc.lifecycle.steps.calls import persist
from openesc.store import Tx, now_ms

Find = Callable[[], Awaitable[Sequence[str]]]
Delete = Callable[[str], Awaitable[None]]


async def remove_doubles(
    op: Operation, services: Services, kind: str, name: str, project: str, find: Find, delete: Delete
) -> None:
    """Wait until no call of the operation can have an effect any more, then delete what `find` finds.

    `find` names the ids of what carries the operation's mark and is not its result. Never raises for a cloud's
    refusal: what may be left is recorded.
    """
    path, patience = f"{kind}/{name}/doubles", services.settings.patience
    wait = round(services.vims.get(None).http_timeout * 1000)
    until: int = await op.commit(f"{path}/until", lambda tx: now_ms() + wait)
    await op.wait(asyncio.sleep(max(0, until - now_ms()) / 1000))

    async def act(_: Attempt) -> list[str]:
        found = list(await persist(patience, find))
        for external_id in found:
            await persist(patience, lambda external_id=external_id: delete(external_id))  # type: ignore[misc]
        return found

    try:
        await op.step(path, act)
    except StepFailed as failure:
        reason = f"{failure.reason}; an answer was lost: there may be another one of this name"
        await op.commit(f"{path}/left", lambda tx: _leave(tx, kind, name, project, reason))


def _leave(tx: Tx, kind: str, name: str, project: str, reason: str) -> None:
    leftover = {"kind": kind, "external_id": name, "name": name, "project": project, "reason": reason}
    inventory.add_leftover(tx, leftover)
