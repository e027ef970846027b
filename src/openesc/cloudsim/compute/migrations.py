"""Migration records."""

from __future__ import annotations

from typing import Any

from openesc.cloudsim.compute.changes import finish_action, save
from openesc.cloudsim.compute.states import find_server, wrong
from openesc.cloudsim.core.call import Call, empty
from openesc.cloudsim.core.cloud import Cloud, iso, new_uuid, parse_time
from openesc.cloudsim.core.faults import bad_request, not_found
from openesc.cloudsim.core.http import Response
from openesc.cloudsim.core.records import Migration, Server
from openesc.cloudsim.core.routing import Routes

routes = Routes("compute", "/compute/v2.1")
IN_PROGRESS = frozenset({"queued", "preparing", "running", "post-migrating"})


def new_migration(
    call: Call, server: Server, kind: str, dest: str | None, flavor: dict[str, Any] | None = None
) -> Migration:
    """Record that a migration begins."""
    cloud, now = call.cloud, call.cloud.now()
    number = (
        max((int(row.id) for row in cloud.migrations), default=0) + 1 if len(cloud.migrations) < 2 else _next(cloud)
    )
    status = "accepted" if kind == "live-migration" else "pre-migrating"
    row = Migration(
        str(number), new_uuid(), server.id, server.project_id, call.user_id, kind, server.host or "", dest, status,
        now, now,
        server.flavor["id"], (flavor or server.flavor)["id"],
    )  # fmt: skip
    return cloud.migrations.put(row)


def _next(cloud: Cloud) -> int:
    newest = next(cloud.migrations.newest_first())
    return int(newest.id) + 1


def set_status(cloud: Cloud, identifier: str, status: str, dest: str | None = None) -> None:
    """Change a record's status, and its destination once it is known."""
    row = cloud.migrations.get(identifier)
    if row is not None:
        row.status, row.updated = status, cloud.now()
        row.dest = dest or row.dest
        cloud.migrations.put(row)


def latest(cloud: Cloud, server_id: str) -> Migration | None:
    """The server's newest record."""
    rows = cloud.migrations.by("server", server_id)
    return rows[-1] if rows else None


def _view(call: Call, row: Migration) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": int(row.id), "instance_uuid": row.server_id, "status": row.status, "source_compute": row.source,
        "source_node": row.source, "dest_compute": row.dest, "dest_node": row.dest, "dest_host": row.dest,
        "old_instance_type_id": 1, "new_instance_type_id": 2, "created_at": iso(row.created, micros=True),
        "updated_at": iso(row.updated, micros=True),
    }  # fmt: skip
    if call.microversion >= (2, 23):
        shown["migration_type"] = row.kind
    if call.microversion >= (2, 59):
        shown["uuid"] = row.uuid
    if call.microversion >= (2, 80):
        shown |= {"user_id": row.user_id, "project_id": row.project_id}
    return shown


_FILTERS = {
    "instance_uuid": "server_id",
    "status": "status",
    "migration_type": "kind",
    "source_compute": "source",
}


@routes.add("GET", "/os-migrations", "migration.list", "admin", "os_compute_api:os-migrations:index")
def list_migrations(call: Call) -> Response:
    """Records, newest first."""
    server = call.arg("instance_uuid")
    rows = call.cloud.migrations.by("server", server) if server else list(call.cloud.migrations)
    rows.reverse()
    for argument, attribute in _FILTERS.items():
        wanted = call.arg(argument)
        if wanted is not None:
            rows = [row for row in rows if getattr(row, attribute) == wanted]
    if call.arg("host"):
        rows = [row for row in rows if call.arg("host") in (row.source, row.dest)]
    if call.arg("changes-since"):
        moment = int(parse_time(call.arg("changes-since") or ""))
        rows = [row for row in rows if row.updated >= moment]
    at = next((i + 1 for i, row in enumerate(rows) if row.uuid == call.arg("marker")), 0)
    limit = int(call.arg("limit") or 1000)
    return call.answer({"migrations": [_view(call, row) for row in rows[at : at + limit]]})


def _in_progress(call: Call) -> list[Migration]:
    rows = call.cloud.migrations.by("server", find_server(call).id)
    return [row for row in rows if row.kind == "live-migration" and row.status in IN_PROGRESS]


def _server_view(call: Call, row: Migration) -> dict[str, Any]:
    numbers = dict.fromkeys(
        ("memory_total_bytes", "memory_processed_bytes", "memory_remaining_bytes", "disk_total_bytes",
         "disk_processed_bytes", "disk_remaining_bytes"), 0,
    )  # fmt: skip
    shown = {key: value for key, value in _view(call, row).items() if "instance" not in key and key != "migration_type"}
    return {**shown, **numbers, "server_uuid": row.server_id}


@routes.add(
    "GET",
    "/servers/{id}/migrations",
    "server_migration.list",
    "manager",
    "os_compute_api:servers:migrations:index",
)
def list_server_migrations(call: Call) -> Response:
    """Live migrations under way."""
    return call.answer({"migrations": [_server_view(call, row) for row in _in_progress(call)]})


def _one(call: Call) -> Migration:
    for row in _in_progress(call):
        if row.id == call.params["migration"]:
            return row
    raise not_found(
        f"In-progress live migration {call.params['migration']} is not found for server {call.params['id']}."
    )


@routes.add(
    "GET",
    "/servers/{id}/migrations/{migration}",
    "server_migration.show",
    "manager",
    "os_compute_api:servers:migrations:show",
)
def show_server_migration(call: Call) -> Response:
    """One live migration under way."""
    return call.answer({"migration": _server_view(call, _one(call))})


@routes.add(
    "DELETE",
    "/servers/{id}/migrations/{migration}",
    "server_migration.abort",
    "manager",
    "os_compute_api:servers:migrations:delete",
)
def abort(call: Call) -> Response:
    """The server stays where it is; the record is cancelled."""
    server = find_server(call)
    if server.task_state != "migrating":
        raise wrong(server, "abort live migration", f"task_state {server.task_state}")
    row = _one(call)
    for job in call.cloud.job_rows.by("subject", server.id):
        if job.step.startswith("live."):
            finish_action(call.cloud, job, "compute_live_migration")
            call.cloud.job_rows.drop(job.id)
    set_status(call.cloud, row.id, "cancelled")
    save(call.cloud, server, task_state=None)
    return empty(202)


@routes.add(
    "POST",
    "/servers/{id}/migrations/{migration}/action",
    "server_migration.action",
    "manager",
    "os_compute_api:servers:migrations:force_complete",
)
def force_complete(call: Call) -> Response:
    """Finish a live migration at once."""
    if "force_complete" not in call.document:
        raise bad_request("There is no such action")
    row = _one(call)
    for job in call.cloud.job_rows.by("subject", row.server_id):
        if job.step.startswith("live."):
            call.cloud.jobs.hurry(job)
    return empty(202)
