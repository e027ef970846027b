"""One server: show, change, delete, metadata, tags, action list."""

from __future__ import annotations

from typing import Any

from openesc.cloudsim.compute.changes import begin, host_is_up, save
from openesc.cloudsim.compute.create import require_service
from openesc.cloudsim.compute.states import find_server, require_unlocked, wrong
from openesc.cloudsim.compute.views import host_hash, server_view
from openesc.cloudsim.core.call import Call, empty
from openesc.cloudsim.core.cloud import iso
from openesc.cloudsim.core.faults import bad_request, not_found
from openesc.cloudsim.core.http import Response
from openesc.cloudsim.core.records import Action, Server
from openesc.cloudsim.core.routing import Routes

routes = Routes("compute", "/compute/v2.1")


@routes.add("GET", "/servers/{id}", "server.show")
def show(call: Call) -> Response:
    """One server. Nova asks Neutron for its security groups, so without Neutron this is a 500."""
    server = find_server(call)
    require_service(call.cloud, "network")
    return call.answer({"server": server_view(call, server)})


@routes.add("PUT", "/servers/{id}", "server.update", "member", "os_compute_api:servers:update")
def update(call: Call) -> Response:
    """Rename or describe a server."""
    server, given = find_server(call), call.body("server")
    name = given.get("name", server.name)
    if not isinstance(name, str) or not name.strip() or len(name) > 255:
        raise bad_request(f"Invalid input for field/attribute name. Value: {name}.")
    save(call.cloud, server, name=name, description=given.get("description", server.description))
    return call.answer({"server": server_view(call, server)})


@routes.add("DELETE", "/servers/{id}", "server.delete", "member", "os_compute_api:servers:delete")
def delete(call: Call) -> Response:
    """Delete a server, whatever it is doing."""
    delete_server(call, find_server(call))
    return empty(204)


def delete_server(call: Call, server: Server) -> None:
    """Begin the end. On a dead host, or before a host was chosen, it comes at once."""
    require_unlocked(call, server)
    call.cloud.jobs.cancel(server.id)
    at_once = server.host is None or not host_is_up(call.cloud, server)
    save(call.cloud, server, task_state="deleting")
    begin(call, server, "delete", "delete.done", 0.0 if at_once else 0.3)
    if at_once and call.plan is None:
        call.cloud.jobs.run_due()


def _metadata(call: Call) -> Server:
    server = find_server(call)
    if call.request.method != "GET":
        require_unlocked(call, server)
        if server.vm_state == "error":
            verb = "delete" if call.request.method == "DELETE" else "update"
            raise wrong(server, f"{verb} metadata", "vm_state error")
    return server


def _store(call: Call, server: Server, metadata: dict[str, Any]) -> None:
    for key, value in metadata.items():
        if not 0 < len(key) <= 255 or len(str(value)) > 255:
            raise bad_request(f"Invalid input for field/attribute metadata. Value: {key}.")
    save(call.cloud, server, metadata={key: str(value) for key, value in metadata.items()})


@routes.add("GET", "/servers/{id}/metadata", "server_metadata.list")
def list_metadata(call: Call) -> Response:
    """All metadata."""
    return call.answer({"metadata": _metadata(call).metadata})


@routes.add(
    "POST",
    "/servers/{id}/metadata",
    "server_metadata.create",
    "member",
    "os_compute_api:server-metadata:create",
)
def add_metadata(call: Call) -> Response:
    """Add to the metadata."""
    server = _metadata(call)
    _store(call, server, {**server.metadata, **call.body("metadata")})
    return call.answer({"metadata": server.metadata})


@routes.add(
    "PUT",
    "/servers/{id}/metadata",
    "server_metadata.replace",
    "member",
    "os_compute_api:server-metadata:update_all",
)
def replace_metadata(call: Call) -> Response:
    """Set all metadata."""
    server = _metadata(call)
    _store(call, server, call.body("metadata"))
    return call.answer({"metadata": server.metadata})


@routes.add(
    "PUT",
    "/servers/{id}/metadata/{key}",
    "server_metadata.update",
    "member",
    "os_compute_api:server-metadata:update",
)
def set_metadata(call: Call) -> Response:
    """Set one key."""
    server = _metadata(call)
    _store(call, server, {**server.metadata, **call.body("meta")})
    return call.answer({"meta": call.body("meta")})


@routes.add("GET", "/servers/{id}/metadata/{key}", "server_metadata.show")
def show_metadata(call: Call) -> Response:
    """One key."""
    server, key = _metadata(call), call.params["key"]
    if key not in server.metadata:
        raise not_found("Metadata item was not found")
    return call.answer({"meta": {key: server.metadata[key]}})


@routes.add(
    "DELETE",
    "/servers/{id}/metadata/{key}",
    "server_metadata.delete",
    "member",
    "os_compute_api:server-metadata:delete",
)
def delete_metadata(call: Call) -> Response:
    """Remove one key."""
    server, key = _metadata(call), call.params["key"]
    if key not in server.metadata:
        raise not_found("Metadata item was not found")
    save(call.cloud, server, metadata={k: v for k, v in server.metadata.items() if k != key})
    return empty(204)


@routes.add("GET", "/servers/{id}/tags", "server_tags.list")
def list_tags(call: Call) -> Response:
    """Tags."""
    return call.answer({"tags": find_server(call).tags})


@routes.add("PUT", "/servers/{id}/tags", "server_tags.replace", "member", "os_compute_api:os-server-tags:update_all")
def replace_tags(call: Call) -> Response:
    """Set all tags."""
    server = find_server(call)
    save(call.cloud, server, tags=list(dict.fromkeys(call.document["tags"])))
    return call.answer({"tags": server.tags})


@routes.add("DELETE", "/servers/{id}/tags", "server_tags.clear", "member", "os_compute_api:os-server-tags:delete_all")
def clear_tags(call: Call) -> Response:
    """Remove all tags."""
    save(call.cloud, find_server(call), tags=[])
    return empty(204)


@routes.add("PUT", "/servers/{id}/tags/{tag}", "server_tags.add", "member", "os_compute_api:os-server-tags:update")
def add_tag(call: Call) -> Response:
    """Add one tag."""
    server, tag = find_server(call), call.params["tag"]
    if tag in server.tags:
        return empty(204)
    save(call.cloud, server, tags=[*server.tags, tag])
    return empty(201)


@routes.add(
    "DELETE",
    "/servers/{id}/tags/{tag}",
    "server_tags.delete",
    "member",
    "os_compute_api:os-server-tags:delete",
)
def delete_tag(call: Call) -> Response:
    """Remove one tag."""
    server, tag = find_server(call), call.params["tag"]
    if tag not in server.tags:
        raise not_found(f"Server {server.id} has no tag '{tag}'")
    save(call.cloud, server, tags=[other for other in server.tags if other != tag])
    return empty(204)


@routes.add("GET", "/servers/{id}/ips", "server_ips.list")
def list_addresses(call: Call) -> Response:
    """Addresses by network."""
    rows = {name: [_short(entry) for entry in entries] for name, entries in find_server(call).addresses.items()}
    return call.answer({"addresses": rows})


def _short(entry: dict[str, Any]) -> dict[str, Any]:
    return {"version": entry["version"], "addr": entry["addr"]}


def _action_rows(call: Call) -> list[Action]:
    identifier = call.params["id"]
    buried = call.cloud.tombstones.get(identifier)
    if buried is None or call.microversion < (2, 21):
        find_server(call)
    return list(reversed(call.cloud.actions.by("server", identifier)))


@routes.add("GET", "/servers/{id}/os-instance-actions", "server_action.list")
def list_actions(call: Call) -> Response:
    """The server's action list, newest first; of a deleted server too (2.21)."""
    rows = _action_rows(call)
    limit = call.arg("limit")
    rows = rows[: int(limit)] if limit and limit.isdigit() else rows
    return call.answer({"instanceActions": [_action_view(call, row) for row in rows]})


def _action_view(call: Call, row: Action) -> dict[str, Any]:
    return {
        "action": row.action, "instance_uuid": row.server_id, "request_id": row.request_id, "user_id": row.user_id,
        "project_id": row.project_id, "start_time": iso(row.start, micros=True), "message": row.message,
        "updated_at": iso(row.updated, micros=True),
    }  # fmt: skip


@routes.add("GET", "/servers/{id}/os-instance-actions/{request}", "server_action.show")
def show_action(call: Call) -> Response:
    """One action with its events; their details only for an admin."""
    row = call.cloud.actions.get(f"{call.params['id']}:{call.params['request']}")
    if row is None:
        raise not_found(f"Action for request_id {call.params['request']} on instance {call.params['id']} not found")
    _action_rows(call)
    events = [_event_view(call, row, event) for event in reversed(row.events)]
    return call.answer({"instanceAction": {**_action_view(call, row), "events": events}})


def _event_view(call: Call, row: Action, event: dict[str, Any]) -> dict[str, Any]:
    times = {key: iso(event[key], micros=True) for key in ("start_time", "finish_time")}
    shown = {
        "event": event["event"],
        "result": event["result"],
        "hostId": host_hash(row.project_id, event["host"]),
        **times,
    }
    if call.is_admin:
        shown |= {"host": event["host"], "traceback": event["traceback"]}
    if call.microversion >= (2, 84):
        shown["details"] = event["details"] if call.is_admin else None
    return shown
