"""``{internal_tenant_id}`` in a path: which tenants it leads to, and whether the user may go there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from openesc.errors import AccessDenied, NotFound
from openesc.inventory import internal_ids
from openesc.inventory import store as inventory
from openesc.lifecycle.announce import SHARED_TENANT
from openesc.northbound import access
from openesc.northbound.actions import require_tenant
from openesc.rest.call import Call

NOT_FOUND: Final = "Deployment or tenant not found"
"""ESC's words for a tenant or deployment that is not there."""


@dataclass(frozen=True, slots=True)
class Reach:
    """What a tenant in a path reaches: one tenant by `name`; None: all of them."""

    name: str | None

    def covers(self, tenant: str) -> bool:
        return self.name in (None, tenant)


async def reach(call: Call) -> Reach:
    """What the path's tenant reaches.

    ``SystemAdminTenantId`` reaches every tenant and is for admins; anything else is a tenant's name, or the id it was
    made with. That there is such a tenant is not asked.
    Raises: AccessDenied.
    """
    given = call.path("tenant")
    if given == SHARED_TENANT:
        if not access.is_administrator(call.user):
            raise AccessDenied(f"user {call.user.name} (group {call.user.group}) may not use {SHARED_TENANT}")
        return Reach(None)
    name = await call.context.store.read(lambda connection: tenant_named(connection, given))
    require_tenant(call.user, name)
    return Reach(name)


def tenant_named(connection: Connection, reference: str) -> str:
    """The name of the tenant that was made with this id; otherwise `reference` is the name."""
    return internal_ids.resolve(connection, "tenant", "", reference) or reference


def require_there(connection: Connection, tenant: str) -> None:
    """Raises: NotFound unless the tenant is there or something is deployed in it."""
    known = inventory.resource(connection, f"tenant:{tenant}") is not None
    if not known and not inventory.has_deployments(connection, tenant):
        raise NotFound(NOT_FOUND)
