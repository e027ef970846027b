"""Placement rules as Nova server groups: made before the first VM of theirs, removed after the last."""

from __future__ import annotations

from typing import Any

from openesc.inventory import store as inventory
from openesc.inventory.records import Resource
from openesc.lifecycle.context import Work
from openesc.lifecycle.intent import PlacementRule
from openesc.lifecycle.operation import Attempt
from openesc.lifecycle.steps.calls import create_once, persist
from openesc.lifecycle.steps.names import server_group_name
from openesc.store import Tx
from openesc.vim.port import Cloud
from openesc.vim.port_operations import ServerGroup

KIND = "server_group"


async def ensure_server_group(work: Work, rule: PlacementRule) -> str:
    """The server group of a rule is there; returns the cloud's id. Raises: StepFailed."""
    known = await work.services.store.read(lambda c: inventory.resource(c, _key(work, rule)))
    if known is not None and known.external_id is not None:
        return known.external_id
    cloud = await work.cloud()
    name = server_group_name(rule.name, work.deployment.id)

    async def act(attempt: Attempt) -> dict[str, Any]:
        async def look() -> ServerGroup | None:
            return await cloud.find_server_group(name)

        made, doubt = await create_once(
            attempt, work.settings.patience, look, lambda: cloud.create_server_group(name, rule.policy)
        )
        return {"id": made.id, "doubt": doubt}

    def record(tx: Tx, result: dict[str, Any]) -> None:
        inventory.add_resource(tx, _resource(tx, work, rule, name, result["id"]))

    return str((await work.op.step(f"placement/{rule.name}", act, record))["id"])


async def remove_server_groups(work: Work, keep: frozenset[str] = frozenset()) -> None:
    """Delete the deployment's server groups but those of the rules named in `keep`. Raises: StepFailed."""
    rows = await work.services.store.read(lambda c: inventory.resources(c, kind=KIND, deployment_id=work.deployment.id))
    leaving = [row for row in rows if row.name not in keep]
    if leaving:
        cloud = await work.cloud()
        for row in leaving:
            await _remove(work, cloud, row)


async def _remove(work: Work, cloud: Cloud, row: Resource) -> None:
    async def act(_: Attempt) -> None:
        group_id = row.external_id or ""
        await persist(work.settings.patience, lambda: cloud.delete_server_group(group_id))

    def forget(tx: Tx, _: object) -> None:
        inventory.remove_resource(tx, row.key)

    await work.op.step(f"placement/{row.name}/delete", act, forget)


def _key(work: Work, rule: PlacementRule) -> str:
    return f"{KIND}:{work.deployment.id}/{rule.name}"


def _resource(tx: Tx, work: Work, rule: PlacementRule, cloud_name: str, group_id: str) -> Resource:
    return Resource(
        id=inventory.new_id(),
        kind=KIND,
        key=_key(work, rule),
        name=rule.name,
        tenant=work.deployment.tenant,
        deployment_id=work.deployment.id,
        parent=None,
        cloud_name=cloud_name,
        external_id=group_id,
        owned=True,
        facts={},
        failure=None,
        created_at=tx.clock.tick(),
    )
