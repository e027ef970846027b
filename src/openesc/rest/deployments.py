"""Deployments: made, read, updated and taken away by their internal id (user guide, VM resize; REST guide 2.2)."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Final
from urllib.parse import quote

from lxml import etree
from sqlalchemy import Connection

from openesc.errors import InvalidRequest, OperationRefused
from openesc.inventory import states
from openesc.inventory import store as inventory
from openesc.inventory.records import Deployment
from openesc.netconf import User
from openesc.netconf.locks import NOT_NETCONF
from openesc.northbound import access, reading
from openesc.rest.answers import Answer, Done, Entity, Listing, Tree
from openesc.rest.call import Call
from openesc.rest.codec import Fields
from openesc.rest.documents import OPERATION, deployment_document, deployment_element, keys_of
from openesc.rest.lookups import deployment_meant, deployment_of_user
from openesc.rest.preconditions import etag, precondition
from openesc.rest.tenants import Reach, reach, require_there
from openesc.store import Tx, iso

BASE_PATH: Final = "/ESCManager/v0/deployments"
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,40}")
"""An internal id is the depid of events (at most 41 characters) and stands in tags in the cloud."""


async def edit(
    call: Call,
    config: etree._Element,
    *,
    deployment_id: str | None = None,
    before: Callable[[Tx], None] | None = None,
    staged: Callable[[Tx], None] | None = None,
) -> None:
    """Merge `config` into running, as an edit-config does; refused while a NETCONF session holds the lock.

    Raises: what `Edits.edit` and the lock raise.
    """
    access.check_operation(call.user, "edit-config")
    requester = await call.requester()
    async with call.context.locks.editing("running", NOT_NETCONF):
        await call.context.edits.edit(requester, config, deployment_id=deployment_id, before=before, staged=staged)


async def create(call: Call) -> Answer:
    """POST /v0/{tenant}/deployments/{deployment}."""
    return await _create(call, await reach(call), _checked_id(call.path("deployment")))


async def create_anywhere(call: Call) -> Answer:
    """POST /v0/deployments/{deployment}: the document names the tenant."""
    return await _create(call, Reach(None), _checked_id(call.path("deployment")))


async def create_unnamed(call: Call) -> Answer:
    """POST /v0/deployments and /v0/{tenant}/deployments: the id is chosen here and told in Location."""
    where = await reach(call) if "tenant" in call.request.path_params else Reach(None)
    return await _create(call, where, None)


async def _create(call: Call, where: Reach, internal_id: str | None) -> Answer:
    config, element = await deployment_document(call, where.name)
    tenant, name = keys_of(element)
    if not where.covers(tenant):
        raise InvalidRequest(
            f"the document names tenant {tenant}, the path {where.name}", path="/esc_datamodel/tenants"
        )
    element.set(OPERATION, "create")
    await edit(call, config, deployment_id=internal_id)
    made = await call.context.store.read(lambda connection: inventory.deployments_named(connection, tenant, name))
    return Entity("deployment", summary(made[-1]), {"Location": f"{BASE_PATH}/{quote(made[-1].id)}"})


def _checked_id(internal_id: str) -> str:
    if not _ID.fullmatch(internal_id):
        raise InvalidRequest(
            f"internal_deployment_id {internal_id!r}: 1 to 41 letters, digits, dots, underscores and hyphens"
        )
    return internal_id


async def update(call: Call) -> Answer:
    """PUT /v0/deployments/{deployment}: merged, so that groups which the document does not name stay."""
    current = await _meant(call)
    config, element = await deployment_document(call, current.tenant)
    if keys_of(element) != (current.tenant, current.name):
        tenant, name = keys_of(element)
        raise InvalidRequest(
            f"the document is of deployment {name} in tenant {tenant}; {current.id} is {current.name} in tenant "
            f"{current.tenant}",
            path="/esc_datamodel/tenants/tenant/deployments/deployment/name",
        )
    _require_staying(current)
    await edit(call, config, before=precondition(call, current))
    return Done()


async def delete(call: Call) -> Answer:
    """DELETE /v0/deployments/{deployment}, with and without the tenant in the path."""
    current = await _meant(call)
    _require_staying(current)
    config, _ = deployment_element(current.tenant, current.name, "delete")
    await edit(call, config, before=precondition(call, current))
    return Done()


def _require_staying(current: Deployment) -> None:
    """Raises: OperationRefused for one that goes: its name may be another one's already."""
    if current.state == states.SERVICE_UNDEPLOYING:
        raise OperationRefused(f"Service group [{current.name}] is being undeployed")


async def show(call: Call) -> Answer:
    """GET /v0/deployments/{deployment}: configuration and operational data, as NETCONF's get."""
    current = await _meant(call)
    running, tag = call.context.running, etag(call, current)
    document = await call.context.store.read(lambda connection: reading.deployment(connection, running, current))
    return Tree(document, {"ETag": tag} if tag is not None else {})


async def _meant(call: Call) -> Deployment:
    internal_id, read = call.path("deployment"), call.context.store.read
    if "tenant" not in call.request.path_params:
        return await read(lambda connection: deployment_of_user(connection, call.user, internal_id))
    return await read(partial(deployment_meant, where=await reach(call), internal_id=internal_id))


async def listed(call: Call) -> Answer:
    """GET /v0/deployments and /v0/{tenant}/deployments, oldest first."""
    where = await reach(call) if "tenant" in call.request.path_params else Reach(None)
    entries = await call.context.store.read(partial(_summaries, where=where, user=call.user))
    return Listing("deployments", "deployment", entries)


def _summaries(connection: Connection, where: Reach, user: User) -> list[Fields]:
    if where.name is not None:
        require_there(connection, where.name)
    rows = inventory.all_deployments(connection, where.name)
    return [summary(row) for row in rows if access.may_use_tenant(user, row.tenant)]


def summary(record: Deployment) -> Fields:
    """A deployment in a list: the leaves of ESC's callback, and more."""
    return {
        "internal_deployment_id": record.id,
        "internal_tenant_id": record.tenant,
        "name": record.name,
        "service_state_machine_state": record.state,
        "vim_id": record.vim_id,
        "vim_project": record.project,
        "failure_reason": record.failure,
        "created_at": iso(record.created_at),
    }
