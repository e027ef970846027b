"""Keystone's directory: projects, users, roles, assignments, domains, services, regions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from openesc.cloudsim.core.call import Call, empty
from openesc.cloudsim.core.cloud import new_hex
from openesc.cloudsim.core.faults import bad_request, conflict, forbidden, not_found
from openesc.cloudsim.core.http import Response
from openesc.cloudsim.core.records import Assignment, Project, Role, User
from openesc.cloudsim.core.routing import Routes
from openesc.cloudsim.core.store import Table
from openesc.cloudsim.identity.tokens import REGION, SERVICES, catalog, hash_password, role_name, with_implied
from openesc.cloudsim.identity.views import domain_view, project_view, role_view, user_view
from openesc.cloudsim.network.security import ensure_default_group

routes = Routes("identity", "/identity/v3")


def need(call: Call, table: Table[Any], identifier: str, what: str) -> Any:
    """The record, or Keystone's 404."""
    record = table.get(identifier)
    if record is None:
        raise not_found(f"Could not find {what}: {identifier}.")
    call.about(record.id, record.name)
    return record


def _listed(call: Call, key: str, rows: list[Any], view: Callable[[Call, Any], dict[str, Any]]) -> Response:
    name, domain = call.arg("name"), call.arg("domain_id")
    chosen = [row for row in rows if (name is None or row.name == name) and domain in (None, "default")]
    links = {"self": call.request.base_url + call.request.path, "next": None, "previous": None}
    return call.answer({key: [view(call, row) for row in chosen], "links": links})


def _free_name(table: Table[Any], what: str, name: Any, own: str = "") -> None:
    if not isinstance(name, str) or not name.strip():
        raise bad_request(f"Invalid input for field 'name': {name!r} is too short")
    taken = table.first("name", name)
    if taken is not None and taken.id != own:
        raise conflict(
            f"Conflict occurred attempting to store {what} - Duplicate entry found with name {name} at "
            f"domain ID default."
        )


@routes.add("GET", "/projects", "project.list", "reader", "identity:list_projects")
def list_projects(call: Call) -> Response:
    """Projects; only for admins, as Keystone's default policy is for project tokens."""
    if not call.is_admin:
        raise forbidden("You are not authorized to perform the requested action: identity:list_projects.")
    return _listed(call, "projects", list(call.cloud.projects), project_view)


@routes.add("POST", "/projects", "project.create", "admin", "identity:create_project")
def create_project(call: Call) -> Response:
    """Make a project, with its default security group."""
    given = call.body("project")
    _free_name(call.cloud.projects, "project", given.get("name"))
    kept = {k: given[k] for k in ("description", "enabled", "tags", "options") if given.get(k) is not None}
    project = call.cloud.projects.put(Project(new_hex(), given["name"], **kept))
    ensure_default_group(call.cloud, project.id)
    call.about(project.id, project.name)
    return call.answer({"project": project_view(call, project)}, 201)


@routes.add("GET", "/projects/{id}", "project.show", "any")
def show_project(call: Call) -> Response:
    """One project; others' only for admins."""
    project = need(call, call.cloud.projects, call.params["id"], "project")
    if not call.is_admin and project.id != call.project_id:
        raise forbidden("You are not authorized to perform the requested action: identity:get_project.")
    return call.answer({"project": project_view(call, project)})


@routes.add("PATCH", "/projects/{id}", "project.update", "admin", "identity:update_project")
def update_project(call: Call) -> Response:
    """Change a project."""
    project, given = need(call, call.cloud.projects, call.params["id"], "project"), call.body("project")
    if "name" in given:
        _free_name(call.cloud.projects, "project", given["name"], project.id)
    _change(project, given, ("name", "description", "enabled", "tags", "options"))
    call.cloud.projects.put(project)
    return call.answer({"project": project_view(call, project)})


def _change(record: Any, given: dict[str, Any], names: tuple[str, ...]) -> None:
    for name in names:
        if name in given:
            setattr(record, name, given[name])


@routes.add("DELETE", "/projects/{id}", "project.delete", "admin", "identity:delete_project")
def delete_project(call: Call) -> Response:
    """Forget a project. What other services hold for it stays, as in a real cloud."""
    project = need(call, call.cloud.projects, call.params["id"], "project")
    for assignment in call.cloud.assignments.by("target", project.id):
        call.cloud.assignments.drop(assignment.id)
    for token in [t for t in call.cloud.tokens if t.project_id == project.id]:
        call.cloud.tokens.drop(token.id)
    call.cloud.projects.drop(project.id)
    return empty(204)


@routes.add("GET", "/users", "user.list", "admin", "identity:list_users")
def list_users(call: Call) -> Response:
    """Users."""
    return _listed(call, "users", list(call.cloud.users), user_view)


@routes.add("POST", "/users", "user.create", "admin", "identity:create_user")
def create_user(call: Call) -> Response:
    """Make a user."""
    given = call.body("user")
    _free_name(call.cloud.users, "user", given.get("name"))
    user = User(new_hex(), given["name"], hash_password(given.get("password") or new_hex()))
    _change(user, given, ("description", "email", "enabled", "default_project_id"))
    call.cloud.users.put(user)
    call.about(user.id, user.name)
    return call.answer({"user": user_view(call, user)}, 201)


@routes.add("GET", "/users/{id}", "user.show", "any")
def show_user(call: Call) -> Response:
    """One user; others only for admins."""
    if not call.is_admin and call.params["id"] != call.user_id:
        raise forbidden("You are not authorized to perform the requested action: identity:get_user.")
    return call.answer({"user": user_view(call, need(call, call.cloud.users, call.params["id"], "user"))})


@routes.add("PATCH", "/users/{id}", "user.update", "admin", "identity:update_user")
def update_user(call: Call) -> Response:
    """Change a user; a new password revokes the tokens."""
    user, given = need(call, call.cloud.users, call.params["id"], "user"), call.body("user")
    _change(user, given, ("name", "description", "email", "enabled", "default_project_id"))
    if "password" in given:
        user.secret = hash_password(given["password"])
        for token in [t for t in call.cloud.tokens if t.user_id == user.id]:
            call.cloud.tokens.drop(token.id)
    call.cloud.users.put(user)
    return call.answer({"user": user_view(call, user)})


@routes.add("DELETE", "/users/{id}", "user.delete", "admin", "identity:delete_user")
def delete_user(call: Call) -> Response:
    """Forget a user."""
    user = need(call, call.cloud.users, call.params["id"], "user")
    for assignment in call.cloud.assignments.by("user", user.id):
        call.cloud.assignments.drop(assignment.id)
    call.cloud.users.drop(user.id)
    return empty(204)


@routes.add("GET", "/users/{id}/projects", "user.projects", "any")
def user_projects(call: Call) -> Response:
    """Projects a user has a role on."""
    if not call.is_admin and call.params["id"] != call.user_id:
        raise forbidden("You are not authorized to perform the requested action: identity:list_user_projects.")
    held = {a.target_id for a in call.cloud.assignments.by("user", call.params["id"])}
    return _listed(call, "projects", [p for p in call.cloud.projects if p.id in held], project_view)


@routes.add("GET", "/roles", "role.list", "reader")
def list_roles(call: Call) -> Response:
    """Roles."""
    return _listed(call, "roles", list(call.cloud.roles), role_view)


@routes.add("POST", "/roles", "role.create", "admin", "identity:create_role")
def create_role(call: Call) -> Response:
    """Make a role."""
    given = call.body("role")
    _free_name(call.cloud.roles, "role", given.get("name"))
    role = call.cloud.roles.put(Role(new_hex(), given["name"], given.get("description") or ""))
    return call.answer({"role": role_view(call, role)}, 201)


@routes.add("GET", "/roles/{id}", "role.show", "reader")
def show_role(call: Call) -> Response:
    """One role."""
    return call.answer({"role": role_view(call, need(call, call.cloud.roles, call.params["id"], "role"))})


@routes.add("DELETE", "/roles/{id}", "role.delete", "admin", "identity:delete_role")
def delete_role(call: Call) -> Response:
    """Forget a role."""
    call.cloud.roles.drop(need(call, call.cloud.roles, call.params["id"], "role").id)
    return empty(204)


def _assignment_id(call: Call) -> str:
    return f"{call.params['user']}:{call.params['target']}:{call.params['role']}"


def _grant(call: Call, target_type: str) -> Response:
    need(call, call.cloud.users, call.params["user"], "user")
    need(call, call.cloud.roles, call.params["role"], "role")
    if target_type == "project":
        need(call, call.cloud.projects, call.params["target"], "project")
    p = call.params
    call.cloud.assignments.put(Assignment(_assignment_id(call), p["user"], p["target"], target_type, p["role"]))
    return empty(204)


@routes.add("PUT", "/projects/{target}/users/{user}/roles/{role}", "role.assign", "admin", "identity:create_grant")
def grant_on_project(call: Call) -> Response:
    """Give a user a role on a project."""
    return _grant(call, "project")


@routes.add("PUT", "/domains/{target}/users/{user}/roles/{role}", "role.assign", "admin", "identity:create_grant")
def grant_on_domain(call: Call) -> Response:
    """Give a user a role on the domain."""
    return _grant(call, "domain")


def _check(call: Call) -> Response:
    if _assignment_id(call) not in call.cloud.assignments:
        raise not_found("Could not find role assignment with the role, user and target given.")
    return empty(204)


routes.add("HEAD", "/projects/{target}/users/{user}/roles/{role}", "role.check", "admin", "identity:check_grant")(
    _check
)
routes.add("HEAD", "/domains/{target}/users/{user}/roles/{role}", "role.check", "admin", "identity:check_grant")(_check)


def _revoke(call: Call) -> Response:
    _check(call)
    call.cloud.assignments.drop(_assignment_id(call))
    return empty(204)


routes.add(
    "DELETE",
    "/projects/{target}/users/{user}/roles/{role}",
    "role.unassign",
    "admin",
    "identity:revoke_grant",
)(_revoke)
routes.add("DELETE", "/domains/{target}/users/{user}/roles/{role}", "role.unassign", "admin", "identity:revoke_grant")(
    _revoke
)


def _roles_on(call: Call) -> Response:
    pairs = call.cloud.assignments.by("pair", (call.params["user"], call.params["target"]))
    held = {a.role_id for a in pairs}
    return _listed(call, "roles", [role for role in call.cloud.roles if role.id in held], role_view)


routes.add("GET", "/projects/{target}/users/{user}/roles", "role.list", "admin", "identity:list_grants")(_roles_on)
routes.add("GET", "/domains/{target}/users/{user}/roles", "role.list", "admin", "identity:list_grants")(_roles_on)


@routes.add("GET", "/role_assignments", "role_assignment.list", "admin", "identity:list_role_assignments")
def list_assignments(call: Call) -> Response:
    """Assignments, filtered by user, project and role; with ``effective`` the implied ones too."""
    wanted = {
        "user_id": call.arg("user.id"),
        "target_id": call.arg("scope.project.id"),
        "role_id": call.arg("role.id"),
    }
    rows = [
        row for row in call.cloud.assignments
        if all(value is None or getattr(row, key) == value for key, value in wanted.items())
    ]  # fmt: skip
    shown = [entry for row in rows for entry in _assignment_views(call, row)]
    return call.answer({"role_assignments": shown, "links": {}})


def _assignment_views(call: Call, row: Assignment) -> list[dict[str, Any]]:
    ids = [row.role_id]
    if "effective" in call.request.query:
        names = with_implied([role_name(call.cloud, row.role_id)])
        ids = [role.id for name in names if (role := call.cloud.roles.first("name", name))]
    cloud, domain = call.cloud, {"id": "default", "name": "Default"}
    target: dict[str, Any] = {"id": row.target_id}
    user: dict[str, Any] = {"id": row.user_id}
    if "include_names" in call.request.query:
        target["name"] = _name(cloud.projects, row.target_id) if row.target_type == "project" else domain["name"]
        user |= {"name": _name(cloud.users, row.user_id), "domain": domain}
        target |= {"domain": domain} if row.target_type == "project" else {}
    roles = [{"id": i, **({"name": _name(cloud.roles, i)} if "name" in user else {})} for i in ids]
    return [{"role": role, "user": user, "scope": {row.target_type: target}, "links": {}} for role in roles]


def _name(table: Table[Any], identifier: str) -> str:
    record = table.get(identifier)
    return record.name if record is not None else ""


@routes.add("GET", "/domains", "domain.list", "reader")
def list_domains(call: Call) -> Response:
    """The one domain."""
    hidden = call.arg("name") not in (None, "Default", "default")
    return call.answer({"domains": [] if hidden else [domain_view(call)], "links": {}})


@routes.add("GET", "/domains/{id}", "domain.show", "reader")
def show_domain(call: Call) -> Response:
    """The one domain, by its id."""
    if call.params["id"] != "default":
        raise not_found(f"Could not find domain: {call.params['id']}.")
    return call.answer({"domain": domain_view(call)})


@routes.add("GET", "/services", "service.list", "reader")
def list_services(call: Call) -> Response:
    """The services of the catalog."""
    entries = catalog(call.request.base_url, call.project_id)
    shown = [{"id": e["id"], "type": e["type"], "name": e["name"], "enabled": True, "links": {}} for e in entries]
    return call.answer({"services": shown, "links": {}})


@routes.add("GET", "/endpoints", "endpoint.list", "reader")
def list_endpoints(call: Call) -> Response:
    """The endpoints of the catalog."""
    entries = catalog(call.request.base_url, call.project_id)
    shown = [{**p, "service_id": e["id"], "enabled": True, "links": {}} for e in entries for p in e["endpoints"]]
    return call.answer({"endpoints": shown, "links": {}})


@routes.add("GET", "/regions", "region.list", "reader")
def list_regions(call: Call) -> Response:
    """The one region."""
    region: dict[str, Any] = {
        "id": REGION,
        "description": f"{len(SERVICES)} services",
        "parent_region_id": None,
        "links": {},
    }
    return call.answer({"regions": [region], "links": {}})
