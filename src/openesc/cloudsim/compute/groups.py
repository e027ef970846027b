"""Nova server groups."""

from __future__ import annotations

from typing import Any

from openesc.cloudsim.core.call import Call, empty
from openesc.cloudsim.core.cloud import new_uuid
from openesc.cloudsim.core.faults import bad_request, not_found
from openesc.cloudsim.core.http import Response
from openesc.cloudsim.core.records import ServerGroup
from openesc.cloudsim.core.routing import Routes

routes = Routes("compute", "/compute/v2.1")
POLICIES = ("affinity", "anti-affinity", "soft-affinity", "soft-anti-affinity")


def _view(call: Call, row: ServerGroup) -> dict[str, Any]:
    shown: dict[str, Any] = {"id": row.id, "name": row.name, "members": row.members}
    if call.microversion >= (2, 64):
        shown |= {"policy": row.policy, "rules": row.rules}
    else:
        shown |= {"policies": [row.policy], "metadata": {}}
    if call.microversion >= (2, 13):
        shown |= {"project_id": row.project_id, "user_id": row.user_id}
    return shown


def _find(call: Call) -> ServerGroup:
    row = call.cloud.server_groups.get(call.params["id"])
    if row is None or not (call.is_admin or row.project_id == call.project_id):
        raise not_found(f"Instance group {call.params['id']} could not be found.")
    call.about(row.id, row.name)
    return row


@routes.add("GET", "/os-server-groups", "server_group.list")
def list_groups(call: Call) -> Response:
    """The project's groups; all for an admin who asks."""
    every = call.is_admin and "all_projects" in call.request.query
    rows = list(call.cloud.server_groups) if every else call.cloud.server_groups.by("project", call.project_id)
    return call.answer({"server_groups": [_view(call, row) for row in rows]})


@routes.add("POST", "/os-server-groups", "server_group.create", "member", "os_compute_api:os-server-groups:create")
def create(call: Call) -> Response:
    """Make a group."""
    given = call.body("server_group")
    policy = given.get("policy") or next(iter(given.get("policies") or []), None)
    if policy not in POLICIES or not given.get("name"):
        raise bad_request(
            f"Invalid input for field/attribute policy. Value: {policy}. {policy!r} is not one of {list(POLICIES)}"
        )
    row = ServerGroup(new_uuid(), given["name"], call.project_id, call.user_id, policy, given.get("rules") or {})
    call.cloud.server_groups.put(row)
    call.about(row.id, row.name)
    return call.answer({"server_group": _view(call, row)})


@routes.add("GET", "/os-server-groups/{id}", "server_group.show")
def show(call: Call) -> Response:
    """One group."""
    return call.answer({"server_group": _view(call, _find(call))})


@routes.add(
    "DELETE",
    "/os-server-groups/{id}",
    "server_group.delete",
    "member",
    "os_compute_api:os-server-groups:delete",
)
def delete(call: Call) -> Response:
    """Forget a group; its members stay."""
    call.cloud.server_groups.drop(_find(call).id)
    return empty(204)
