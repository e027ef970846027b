"""How Keystone shows projects, users, roles and domains."""

from __future__ import annotations

from typing import Any

from openesc.cloudsim.core.call import Call
from openesc.cloudsim.core.records import Project, Role, User


def self_link(call: Call, collection: str, identifier: str) -> dict[str, str]:
    """The ``links`` of one resource."""
    return {"self": f"{call.request.base_url}/identity/v3/{collection}/{identifier}"}


def project_view(call: Call, project: Project) -> dict[str, Any]:
    """A project."""
    return {
        **vars(project), "parent_id": project.domain_id, "is_domain": False,
        "links": self_link(call, "projects", project.id),
    }  # fmt: skip


def user_view(call: Call, user: User) -> dict[str, Any]:
    """A user, without the secret."""
    shown = {key: value for key, value in vars(user).items() if key != "secret" and value is not None}
    return {**shown, "options": {}, "password_expires_at": None, "links": self_link(call, "users", user.id)}


def role_view(call: Call, role: Role) -> dict[str, Any]:
    """A role."""
    return {**vars(role), "domain_id": None, "options": {}, "links": self_link(call, "roles", role.id)}


def domain_view(call: Call) -> dict[str, Any]:
    """The one domain."""
    return {
        "id": "default", "name": "Default", "description": "The default domain", "enabled": True,
        "tags": [], "options": {}, "links": self_link(call, "domains", "default"),
    }  # fmt: skip
