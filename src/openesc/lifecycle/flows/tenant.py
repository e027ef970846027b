"""Tenants: a project of the cloud (developer guide, tenant workflows)."""

from __future__ import annotations

from openesc.events import types
from openesc.inventory import store as inventory
from openesc.lifecycle import announce, journal
from openesc.lifecycle.context import Services
from openesc.lifecycle.errors import Interrupted, OperationFailed, StepFailed
from openesc.lifecycle.operation import Operation
from openesc.lifecycle.steps.tenants import delete_tenant, ensure_tenant, failed_record, tenant_key
from openesc.store import Tx


async def create(op: Operation, services: Services) -> None:
    """Make the project, or adopt the one of that name: CREATE_TENANT."""
    name, managed = op.arguments["name"], bool(op.arguments["managed"])
    try:
        await ensure_tenant(op, services, services.vims.get(None), name, managed=managed, always_tell=True)
    except StepFailed as failure:
        raise OperationFailed(failure.reason) from failure


async def delete(op: Operation, services: Services) -> None:
    """Delete the project if we made it: DELETE_TENANT. A tenant that was never made ends without a notification."""
    name = op.arguments["name"]
    record = await services.store.read(lambda connection: inventory.resource(connection, tenant_key(name)))
    if record is None:
        return
    try:
        await delete_tenant(op, services, services.vims.get(None), record)
    except (StepFailed, Interrupted) as failure:
        reason = failure.reason
        await op.commit("failed", lambda tx: _delete_failed(tx, services, op, name, reason), always=True)
        raise OperationFailed(reason) from failure


def _delete_failed(tx: Tx, services: Services, op: Operation, name: str, reason: str) -> None:
    record = inventory.resource(tx.connection, tenant_key(name))
    if record is None:
        return
    inventory.add_leftover(
        tx,
        {
            "kind": "project",
            "external_id": record.external_id or name,
            "name": name,
            "vim_id": None,
            "project": name,
            "tenant": name,
            "reason": reason,
        },
    )
    services.events.append(tx, announce.tenant(types.DELETE_TENANT, record, reason), op.id)
    inventory.remove_resource(tx, record.key)


def abandoned(tx: Tx, services: Services, row: journal.OperationRow, event_type: str, reason: str) -> None:
    record = failed_record(tx, str(row.arguments["name"]))
    services.events.append(tx, announce.tenant(event_type, record, reason), row.id)
