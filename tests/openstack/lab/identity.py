"""Users, projects, roles and the catalogue; made once, and looked at when the lab comes up again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from openstack.connection import Connection
from tests.openstack.lab.configure import SERVICE_USERS
from tests.openstack.lab.settings import LOGINS, REGION, Settings

CATALOGUE = {
    "glance": ("image", ""),
    "placement": ("placement", ""),
    "nova": ("compute", "/v2.1"),
    "neutron": ("network", ""),
    "cinder": ("block-storage", "/v3"),
}
"""Service: its type, and the path of its API."""

ROLES = ("admin", "manager", "member", "reader", "service")


def make_identity(cloud: Connection, settings: Settings) -> None:
    """Make what is missing. Raises: what openstacksdk raises."""
    identity: Any = cloud.identity  # of API version 3, as the lab has no other
    roles = {name: _ensure(identity.find_role, identity.create_role, name).id for name in ROLES}
    # services act for users after the users' tokens have expired: the role service lets them
    for name in SERVICE_USERS:
        _user(identity, name, "service", settings.password, [roles["admin"], roles["service"]])
    for login in LOGINS:
        _user(identity, login.user, login.project, settings.password, [roles[name] for name in login.roles])
    there = {(one.service_id, one.interface) for one in identity.endpoints()}
    for name, (kind, path) in CATALOGUE.items():
        service = _ensure(identity.find_service, identity.create_service, name, type=kind)
        for interface in ("public", "internal", "admin"):
            if (service.id, interface) not in there:
                identity.create_endpoint(
                    service_id=service.id, interface=interface, url=settings.url(name, path), region_id=REGION
                )


def _user(identity: Any, name: str, project_name: str, password: str, role_ids: list[str]) -> None:
    project = _ensure(identity.find_project, identity.create_project, project_name, domain_id="default")
    user = _ensure(identity.find_user, identity.create_user, name, domain_id="default", password=password)
    for role in role_ids:
        identity.assign_project_role_to_user(project, user, role)


def _ensure(find: Callable[..., Any], create: Callable[..., Any], name: str, **words: str) -> Any:
    return find(name) or create(name=name, **words)
