"""Who may do what: by group and by tenants. One place, so that NACM (RFC 8341) can take it over.

``admin`` may everything; ``operator`` everything within its tenants; ``read-only`` reads within its tenants.
A user without a list of tenants is not limited to some.
"""

from __future__ import annotations

from collections.abc import Iterable

from openesc.datastore.units import UnitId
from openesc.errors import AccessDenied
from openesc.events.escevent import EscEvent
from openesc.lifecycle import intent
from openesc.lifecycle.announce import SHARED_TENANT
from openesc.netconf import User
from openesc.northbound.model import SECRET_KINDS, TENANT_KINDS, local

READING = frozenset(
    {"get", "get-config", "get-schema", "close-session", "create-subscription", "lock", "unlock", "validate"}
)
"""Operations that every group may use."""
ADMIN_ONLY = frozenset({"kill-session"})


def check_operation(user: User, qname: str) -> None:
    """Raises: AccessDenied when the user's group may not use the operation."""
    name = local(qname)
    if user.group == "admin" or name in READING:
        return
    if user.group != "operator" or name in ADMIN_ONLY:
        raise AccessDenied(f"user {user.name} (group {user.group}) may not use {name}")


def check_edit(user: User, units: Iterable[UnitId]) -> None:
    """Raises: AccessDenied naming the first unit the user may not change."""
    for unit in units:
        if not may_edit(user, unit):
            raise AccessDenied(f"user {user.name} (group {user.group}) may not change {unit.text}")


def check_project(user: User, deployment: intent.Deployment) -> None:
    """A locator leads out of the tenant: the project it names is used with the connector's rights.

    Raises: AccessDenied.
    """
    if not may_use_tenant(user, deployment.project):
        raise AccessDenied(
            f"user {user.name} may not deploy into project {deployment.project}, which vim_project of "
            f"{deployment.tenant}/{deployment.name} names"
        )


def may_edit(user: User, unit: UnitId) -> bool:
    """Shared things belong to those whose tenants are not limited, credentials to admins."""
    if is_administrator(user):
        return True
    if user.group not in ("admin", "operator"):
        return False
    if unit.kind.name in TENANT_KINDS:
        return may_use_tenant(user, unit.keys[0])
    return user.tenants is None and unit.kind.name not in SECRET_KINDS


def may_read(user: User, unit: UnitId) -> bool:
    """Tenants' units are seen by who may use the tenant; what is shared is seen by all."""
    return may_use_tenant(user, unit.keys[0]) if unit.kind.name in TENANT_KINDS else True


def may_use_tenant(user: User, tenant: str) -> bool:
    """Raises nothing: just the answer."""
    return user.tenants is None or tenant in user.tenants


def may_see_event(user: User, event: EscEvent) -> bool:
    """Events of other tenants are not delivered, live or replayed."""
    return event.tenant is None or event.tenant == SHARED_TENANT or may_use_tenant(user, event.tenant)


def is_administrator(user: User) -> bool:
    """An admin whose tenants are not limited."""
    return user.group == "admin" and user.tenants is None


def sees_secrets(user: User) -> bool:
    """Credentials are shown to admins, as ESC's direct clients need them; others see them masked."""
    return is_administrator(user)
