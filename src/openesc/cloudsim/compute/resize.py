"""Resize and cold migration, confirm and revert.

RESIZE/resize_prep > resize_migrating > resize_migrated (the host changes) > resize_finish > VERIFY_RESIZE. Without a
host the server is ACTIVE again and only the action list tells.
"""

from __future__ import annotations

from typing import Any

from openesc.cloudsim.compute import flavors
from openesc.cloudsim.compute.actions import action
from openesc.cloudsim.compute.changes import (
    NO_VALID_HOST,
    begin,
    failure,
    finish_action,
    host_is_up,
    no_valid_host,
    place,
    power_off,
    power_on,
    save,
    to_error,
    zone_of,
)
from openesc.cloudsim.compute.migrations import latest, new_migration, set_status
from openesc.cloudsim.compute.quotas import check_quota
from openesc.cloudsim.compute.scheduler import candidates
from openesc.cloudsim.compute.states import SHUTDOWN, require_state
from openesc.cloudsim.compute.steps import server_step
from openesc.cloudsim.compute.views import flavor_copy
from openesc.cloudsim.core.call import Call, empty
from openesc.cloudsim.core.cloud import Cloud
from openesc.cloudsim.core.faults import bad_request, conflict
from openesc.cloudsim.core.http import Response
from openesc.cloudsim.core.jobs import Next
from openesc.cloudsim.core.records import Job, Server

_FROM = ("active", "stopped")


@action("resize", "resize")
def resize(call: Call, server: Server) -> Response:
    """To another flavor, on another host unless the settings allow the same."""
    flavor = flavor_copy(flavors.find_for_server(call, call.body("resize").get("flavorRef", "")))
    require_state(server, "resize", _FROM)
    _require_host(call, server)
    if flavor["id"] == server.flavor["id"]:
        raise bad_request("When resizing, instances must change flavor!")
    more = {"cores": flavor["vcpus"] - server.flavor["vcpus"], "ram": flavor["ram"] - server.flavor["ram"]}
    check_quota(call.cloud, server.project_id, {name: amount for name, amount in more.items() if amount > 0})
    _begin(call, server, "resize", flavor, None)
    return empty(202)


@action("migrate", "migrate", "manager", "os_compute_api:os-migrate-server:migrate")
def migrate(call: Call, server: Server) -> Response:
    """Cold, to another host; a named one only for an admin (2.56)."""
    given = call.document["migrate"]
    host = given.get("host") if isinstance(given, dict) else None
    if host is not None:
        call.require("admin", "os_compute_api:os-migrate-server:migrate:host")
    require_state(server, "migrate", _FROM)
    _require_host(call, server)
    if host is not None and host == server.host:
        raise bad_request("Cannot migrate to the host where the server exists.")
    if host is not None and host not in call.cloud.hosts:
        raise bad_request(f"Compute host {host} could not be found.")
    _begin(call, server, "migrate", dict(server.flavor), host)
    return empty(202)


def _require_host(call: Call, server: Server) -> None:
    if not host_is_up(call.cloud, server):
        raise conflict("Service is unavailable at this time.")


def _begin(call: Call, server: Server, name: str, flavor: dict[str, Any], host: str | None) -> None:
    save(call.cloud, server, task_state="resize_prep")
    kind = "resize" if name == "resize" else "migration"
    migration = new_migration(call, server, kind, None, flavor)
    begin(call, server, name, "resize.prep", 0.4, flavor=flavor, host=host, migration=migration.id)


@server_step("resize.prep")
def prepare(cloud: Cloud, job: Job, server: Server) -> Next:
    """Choose the host."""
    same_ok = cloud.settings.same_host_resize and job.args["action"] == "resize"
    exclude = () if same_ok else (server.host or "",)
    hosts = [] if no_valid_host(job) else candidates(cloud, server, job.args["flavor"], exclude)
    wanted = job.args["host"]
    hosts = [host for host in hosts if wanted in (None, host)]
    if not hosts:
        sought = "resize" if job.args["action"] == "resize" else "cold migrate"
        for event in ("conductor_migrate_server", "cold_migrate"):
            finish_action(cloud, job, event, f"{NO_VALID_HOST}No valid host found for {sought}")
        set_status(cloud, job.args["migration"], "error")
        save(cloud, server, task_state=None)
        return None
    set_status(cloud, job.args["migration"], "migrating", dest=hosts[0])
    job.args["host"] = hosts[0]
    return ("resize.migrating", 0.4)


@server_step("resize.migrating")
def migrating(cloud: Cloud, job: Job, server: Server) -> Next:
    """The guest is off and its disk travels."""
    save(cloud, server, task_state="resize_migrating")
    return ("resize.migrated", 0.2)


def _broken(cloud: Cloud, job: Job, server: Server, stage: str) -> bool:
    error = failure(job, server.host)
    if error is None or (job.plan or {}).get("stage", "migrate") != stage:
        return False
    finish_action(cloud, job, "compute_resize_instance", error)
    set_status(cloud, job.args["migration"], "error")
    to_error(cloud, server, error)
    return True


@server_step("resize.migrated")
def migrated(cloud: Cloud, job: Job, server: Server) -> Next:
    """The server belongs to the new host."""
    if _broken(cloud, job, server, "migrate"):
        return None
    server.old = {
        "host": server.host, "flavor": dict(server.flavor), "vm_state": server.vm_state,
        "migration": job.args["migration"]
    }  # fmt: skip
    power_off(server)
    place(cloud, server, job.args["host"])
    set_status(cloud, job.args["migration"], "post-migrating")
    save(cloud, server, task_state="resize_migrated")
    return ("resize.finish", 0.4)


@server_step("resize.finish")
def finish(cloud: Cloud, job: Job, server: Server) -> Next:
    """The new host starts it."""
    save(cloud, server, task_state="resize_finish")
    return ("resize.verify", 0.1)


@server_step("resize.verify")
def verify(cloud: Cloud, job: Job, server: Server) -> Next:
    """VERIFY_RESIZE: wait for confirm or revert, unless the cloud confirms by itself."""
    if _broken(cloud, job, server, "finish"):
        return None
    set_flavor(cloud, server, job.args["flavor"])
    if server.old is not None and server.old["vm_state"] == "active":
        power_on(cloud, server)
    finish_action(cloud, job, "compute_finish_resize")
    set_status(cloud, job.args["migration"], "finished")
    save(cloud, server, vm_state="resized", task_state=None)
    return ("resize.confirmed", 0.5) if cloud.settings.auto_confirm else None


def set_flavor(cloud: Cloud, server: Server, flavor: dict[str, Any]) -> None:
    """Change the flavor and the claim on the host."""
    cloud.load.release(server.host, server.flavor)
    server.flavor = flavor
    if server.host is not None:
        cloud.load.claim(server.host, flavor)


def _require_finished(call: Call, server: Server) -> str:
    migration = latest(call.cloud, server.id)
    if migration is None or migration.status != "finished":
        raise bad_request("Instance has not been resized.")
    return migration.id


@action("confirmResize", "confirm_resize")
def confirm(call: Call, server: Server) -> Response:
    """VERIFY_RESIZE > ACTIVE, or SHUTOFF if it was off before. The task state stays empty meanwhile."""
    require_state(server, "confirmResize", ("resized",))
    migration = _require_finished(call, server)
    set_status(call.cloud, migration, "confirming")
    begin(call, server, "confirmResize", "resize.confirmed", 0.6, migration=migration)
    return empty(204)


@server_step("resize.confirmed")
def confirmed(cloud: Cloud, job: Job, server: Server) -> Next:
    """The old host forgets the server."""
    if server.vm_state != "resized":
        return None
    error = failure(job, server.host)
    finish_action(cloud, job, "compute_confirm_resize", error)
    if error is not None:
        set_status(cloud, job.args["migration"], "error")
        to_error(cloud, server, error)
        return None
    set_status(cloud, job.args["migration"], "confirmed")
    state = "stopped" if server.power_state == SHUTDOWN else "active"
    save(cloud, server, vm_state=state, task_state=None, old=None)
    return None


@action("revertResize", "revert_resize")
def revert(call: Call, server: Server) -> Response:
    """REVERT_RESIZE/resize_reverting on the new host, then on the old, then as before."""
    require_state(server, "revertResize", ("resized",))
    migration = _require_finished(call, server)
    set_status(call.cloud, migration, "reverting")
    save(call.cloud, server, task_state="resize_reverting")
    begin(call, server, "revertResize", "resize.reverting", 0.7, migration=migration)
    return empty(202)


@server_step("resize.reverting")
def reverting(cloud: Cloud, job: Job, server: Server) -> Next:
    """Back on the old host with the old flavor."""
    if server.old is None or _broken(cloud, job, server, "migrate"):
        return None
    set_flavor(cloud, server, server.old["flavor"])
    place(cloud, server, server.old["host"])
    save(cloud, server, zone=zone_of(cloud, server.old["host"]))
    return ("resize.reverted", 0.5)


@server_step("resize.reverted")
def reverted(cloud: Cloud, job: Job, server: Server) -> Next:
    """As before."""
    if server.old is None:
        return None
    if server.old["vm_state"] == "active":
        power_on(cloud, server)
    else:
        power_off(server)
    finish_action(cloud, job, "compute_finish_revert_resize")
    set_status(cloud, job.args["migration"], "reverted")
    save(cloud, server, vm_state=server.old["vm_state"], task_state=None, old=None)
    return None
