"""Live migration: MIGRATING/migrating on the old host > ACTIVE on the new one; the record follows a moment later.

What is refused before the answer (below 2.34) or after it (from 2.34) has the same reason, told only in the events
of the action.
"""

from __future__ import annotations

from typing import Any

from openesc.cloudsim.compute.actions import action
from openesc.cloudsim.compute.changes import (
    NO_VALID_HOST,
    NOT_ENOUGH_HOSTS,
    begin,
    failure,
    finish_action,
    host_is_up,
    no_valid_host,
    place,
    record_action,
    save,
)
from openesc.cloudsim.compute.migrations import new_migration, set_status
from openesc.cloudsim.compute.scheduler import candidates
from openesc.cloudsim.compute.states import require_state
from openesc.cloudsim.compute.steps import server_step
from openesc.cloudsim.core.call import Call, empty
from openesc.cloudsim.core.cloud import Cloud
from openesc.cloudsim.core.faults import bad_request
from openesc.cloudsim.core.http import Response
from openesc.cloudsim.core.jobs import Next, real, step
from openesc.cloudsim.core.records import Job, Server

ASYNC_FROM = (2, 34)


@action("os-migrateLive", "live_migrate", "manager", "os_compute_api:os-migrate-server:migrate_live")
def live_migrate(call: Call, server: Server) -> Response:
    """Move a running server; a named host only for an admin."""
    given = call.body("os-migrateLive")
    host = given.get("host")
    if host is not None:
        call.require("admin", "os_compute_api:os-migrate-server:migrate_live:host")
    require_state(server, "os-migrateLive", ("active", "paused"))
    if host is not None and host not in call.cloud.hosts:
        raise bad_request(f"Compute host {host} could not be found.")
    if not host_is_up(call.cloud, server):
        raise bad_request(f"Compute service of {server.host} is unavailable at this time.")
    block = given.get("block_migration", "auto")
    if call.microversion < ASYNC_FROM:
        _refuse_now(call, server, host, block)
    save(call.cloud, server, task_state="migrating")
    migration = new_migration(call, server, "live-migration", host)
    begin(call, server, "live-migration", "live.check", 0.5, host=host, block=block, migration=migration.id)
    return empty(202)


def _refuse_now(call: Call, server: Server, host: str | None, block: Any) -> None:
    if call.cloud.service_down("scheduler") or (call.plan or {}).get("type") == "no_valid_host":
        reason, detail = (None, "") if call.plan is None else (NO_VALID_HOST, NO_VALID_HOST)
    else:
        _target, reason, detail = choose(call.cloud, server, host, block)
    if reason is None:
        return
    record_action(call, server, "live-migration")
    job = Job("", "", server.id, 0.0, {"request": call.request_id})
    finish_action(call.cloud, job, "compute_check_can_live_migrate_destination", detail)
    set_status(call.cloud, new_migration(call, server, "live-migration", host).id, "error")
    raise bad_request(reason)


def choose(cloud: Cloud, server: Server, host: str | None, block: Any) -> tuple[str, str | None, str]:
    """The target host, or why there is none: what the API says, and what only the events say."""
    reachable = candidates(cloud, server, server.flavor, (server.host or "",))
    if not reachable and host is None:
        return "", NO_VALID_HOST, NO_VALID_HOST
    targets = [name for name in reachable if host in (None, name)]
    if not targets:
        return "", NOT_ENOUGH_HOSTS, f"{host} cannot take the server."
    detail = _storage_refusal(cloud, server, block)
    return (targets[0], NOT_ENOUGH_HOSTS, detail) if detail else (targets[0], None, "")


def _storage_refusal(cloud: Cloud, server: Server, block: Any) -> str:
    shared = cloud.settings.shared_storage
    if block in (True, "true", "True") and shared:
        return f"{server.host} is not on local storage: Block migration can not be used with shared storage."
    if block in (False, "false", "False") and not shared and server.image_id:
        return (
            f"{server.host} is not on shared storage: Shared storage live-migration requires either shared storage or "
            "boot-from-volume with no local disks."
        )
    return ""


@server_step("live.check")
def check(cloud: Cloud, job: Job, server: Server) -> Next:
    """The scheduler and both hosts agree, or the server is ACTIVE again."""
    if cloud.service_down("scheduler"):
        return (job.step, real(0.5))
    target, reason, detail = choose(cloud, server, job.args["host"], job.args["block"])
    if no_valid_host(job):
        reason, detail = NO_VALID_HOST, NO_VALID_HOST
    early = failure(job, server.host) if (job.plan or {}).get("stage") == "pre" else None
    if reason is not None or early is not None:
        return _back(cloud, job, server, detail or str(early), "error" if early is None else "failed", quiet=False)
    job.args["host"] = target
    set_status(cloud, job.args["migration"], "running", dest=target)
    return ("live.moved", 1.8)


def _back(cloud: Cloud, job: Job, server: Server, detail: str, status: str, quiet: bool) -> Next:
    finish_action(cloud, job, "compute_check_can_live_migrate_source", detail, quiet=quiet)
    set_status(cloud, job.args["migration"], status)
    save(cloud, server, task_state=None)
    return None


@server_step("live.moved")
def moved(cloud: Cloud, job: Job, server: Server) -> Next:
    """The guest runs on the new host, or was rolled back: then only the record says so."""
    error = failure(job, server.host)
    if error is not None or not cloud.find_host_up(job.args["host"]):
        return _back(cloud, job, server, error or "target host died", "failed", quiet=True)
    place(cloud, server, job.args["host"])
    for volume in map(cloud.volumes.get, [device.get("volume_id") or "" for device in server.devices]):
        if volume is not None:
            for attachment in volume.attachments:
                attachment["host_name"] = server.host
            cloud.volumes.put(volume)
    finish_action(cloud, job, "compute_live_migration")
    save(cloud, server, task_state=None)
    return ("live.completed", 0.2)


@step("live.completed")
def completed(cloud: Cloud, job: Job) -> Next:
    """The record follows."""
    set_status(cloud, job.args["migration"], "completed")
    return None
