"""Networks of the admin tenant (shared) and of tenants, with their subnets (developer guide, network and subnet
workflows).
"""

from __future__ import annotations

from lxml import etree

from openesc.events import types
from openesc.inventory import store as inventory
from openesc.inventory.records import Resource
from openesc.lifecycle import announce, intent, journal
from openesc.lifecycle.context import Services
from openesc.lifecycle.errors import Interrupted, OperationFailed, StepFailed
from openesc.lifecycle.flows.parts import together
from openesc.lifecycle.operation import Operation
from openesc.lifecycle.steps.calls import persist
from openesc.lifecycle.steps.networks import Networking, Scope
from openesc.lifecycle.steps.tenants import ensure_tenant
from openesc.lifecycle.xmlread import first
from openesc.store import Tx
from openesc.vim.errors import VimError
from openesc.vim.port import SHARED_PROJECT


async def apply(op: Operation, services: Services) -> None:
    """Make the network and the subnets that are missing, remove the subnets that are no longer wanted."""
    wanted = parse(op.arguments["document"].encode())
    try:
        networking = await _networking(op, services)
        try:
            await _make(networking, services, wanted)
        except StepFailed:
            await networking.remove_doubles(wanted.name)
            raise
        await networking.remove_doubles(wanted.name)
    except StepFailed as failure:
        raise OperationFailed(failure.reason) from failure


async def _make(networking: Networking, services: Services, wanted: intent.Network) -> None:
    network_id = await networking.ensure_network(wanted)
    await together(networking.ensure_subnet(wanted.name, network_id, subnet) for subnet in wanted.subnets)
    names = {subnet.name for subnet in wanted.subnets}
    await _remove_subnets(networking, services, wanted.name, keep=names)


async def delete(op: Operation, services: Services) -> None:
    """Subnets, then the network. For one that was never made the cloud is not asked, nor its tenant's project made."""
    name = op.arguments["name"]
    key = Scope(tenant=op.arguments.get("tenant")).key(name)
    record = await services.store.read(lambda connection: inventory.resource(connection, key))
    if record is None:
        return
    try:
        networking = await _networking(op, services)
        await _remove_subnets(networking, services, name, keep=set())
        await networking.remove_network(record)
    except (StepFailed, Interrupted) as failure:
        reason = failure.reason
        await op.commit("failed", lambda tx: _delete_failed(tx, services, op, reason), always=True)
        raise OperationFailed(reason) from failure


def parse(document: bytes) -> intent.Network:
    """The network of a unit's document, at either level."""
    root = etree.fromstring(document)
    top = first(root, "networks/network")
    element = top if top is not None else first(root, "tenants/tenant/networks/network")
    assert element is not None
    return intent.network(element, shared=top is not None)


async def _networking(op: Operation, services: Services) -> Networking:
    tenant = op.arguments.get("tenant")
    vim = services.vims.get(None)
    if tenant is not None:
        await ensure_tenant(op, services, vim, tenant)
    try:
        cloud = await op.wait(persist(services.settings.patience, lambda: vim.cloud(tenant or SHARED_PROJECT)))
    except VimError as error:
        raise StepFailed(str(error), error.status) from error
    return Networking(op, services, cloud, Scope(tenant=tenant))


async def _remove_subnets(networking: Networking, services: Services, network: str, keep: set[str]) -> None:
    parent = networking.scope.key(network)
    rows = await services.store.read(lambda c: inventory.resources(c, kind="subnet", parent=parent))
    await together(networking.remove_subnet(row) for row in rows if row.name not in keep)


def _delete_failed(tx: Tx, services: Services, op: Operation, reason: str) -> None:
    """The configuration is gone already: what the cloud keeps becomes a leftover."""
    scope = Scope(tenant=op.arguments.get("tenant"))
    record = inventory.resource(tx.connection, scope.key(op.arguments["name"]))
    if record is None:
        return
    rows = [*inventory.resources(tx.connection, kind="subnet", parent=record.key), record]
    for row in rows:
        _to_leftover(tx, row, reason)
    if not op.done(f"{record.key}/delete/failed"):  # told already where it was the network itself that stayed
        services.events.append(tx, announce.network(types.DELETE_NETWORK, record, None, reason), op.id)


def _to_leftover(tx: Tx, row: Resource, reason: str) -> None:
    if row.external_id:
        leftover = {
            "kind": row.kind,
            "external_id": row.external_id,
            "name": row.cloud_name,
            "project": row.tenant or SHARED_PROJECT,
            "tenant": row.tenant,
            "reason": reason,
        }
        inventory.add_leftover(tx, leftover)
    inventory.remove_resource(tx, row.key)


def abandoned(tx: Tx, services: Services, row: journal.OperationRow, event_type: str, reason: str) -> None:
    scope = Scope(tenant=row.arguments.get("tenant"))
    record = inventory.resource(tx.connection, scope.key(str(row.arguments["name"])))
    if record is not None:
        services.events.append(tx, announce.network(event_type, record, None, reason), row.id)
