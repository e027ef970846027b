"""Rebuild, evacuate, shelve and unshelve, forced and soft deletion."""

from __future__ import annotations

from openesc.cloudsim.compute.actions import action
from openesc.cloudsim.compute.changes import (
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
)
from openesc.cloudsim.compute.create import usable_image
from openesc.cloudsim.compute.migrations import new_migration, set_status
from openesc.cloudsim.compute.scheduler import candidates
from openesc.cloudsim.compute.servers import delete_server
from openesc.cloudsim.compute.states import require_state
from openesc.cloudsim.compute.steps import server_step
from openesc.cloudsim.compute.views import server_view
from openesc.cloudsim.core.call import Call, empty
from openesc.cloudsim.core.cloud import Cloud
from openesc.cloudsim.core.faults import bad_request
from openesc.cloudsim.core.http import Response
from openesc.cloudsim.core.jobs import Next
from openesc.cloudsim.core.records import Job, Server

ROOT_VOLUME_FROM = (2, 93)
STAYS_OFF_FROM = (2, 95)


@action("rebuild", "rebuild")
def rebuild(call: Call, server: Server) -> Response:
    """REBUILD/rebuilding > rebuild_block_device_mapping > ACTIVE (> SHUTOFF if it was off)."""
    given = call.body("rebuild")
    require_state(server, "rebuild", ("active", "stopped", "error", "paused", "suspended"))
    image = usable_image(call, str(given.get("imageRef", "")).rstrip("/").rsplit("/", 1)[-1])
    if not server.image_id and call.microversion < ROOT_VOLUME_FROM:
        raise bad_request(
            f"Image {image.id} is unacceptable: Unable to rebuild with a different image for a volume-backed server."
        )
    if server.image_id:
        server.image_id = image.id
    server.name = given.get("name") or server.name
    server.metadata = {k: str(v) for k, v in given["metadata"].items()} if "metadata" in given else server.metadata
    server.user_data = given.get("user_data", server.user_data)
    was_off = server.vm_state == "stopped"
    save(call.cloud, server, task_state="rebuilding")
    begin(call, server, "rebuild", "rebuild.map", 0.6, was_off=was_off)
    return call.answer({"server": {**server_view(call, server), "adminPass": server.id[:12]}}, 202)


@server_step("rebuild.map")
def _map(cloud: Cloud, job: Job, server: Server) -> Next:
    task = "rebuild_spawning" if server.image_id else "rebuild_block_device_mapping"
    save(cloud, server, task_state=task)
    return ("rebuild.active", 0.4)


@server_step("rebuild.active")
def _active(cloud: Cloud, job: Job, server: Server) -> Next:
    error = failure(job, server.host)
    finish_action(cloud, job, "compute_rebuild_instance", error)
    if error is not None:
        to_error(cloud, server, error)
        return None
    power_on(cloud, server)
    off = job.args["was_off"]
    save(
        cloud,
        server,
        vm_state="active",
        task_state="powering-off" if off else None,
        fault=None,
        launched=cloud.now(),
    )
    return ("rebuild.off", 0.2) if off else None


@server_step("rebuild.off")
def _off(cloud: Cloud, job: Job, server: Server) -> Next:
    power_off(server)
    save(cloud, server, vm_state="stopped", task_state=None)
    return None


@action("evacuate", "evacuate", "admin", "os_compute_api:os-evacuate")
def evacuate(call: Call, server: Server) -> Response:
    """Build the server anew on another host, because its own is dead; from 2.95 it stays off."""
    host = call.body("evacuate").get("host")
    require_state(server, "evacuate", ("active", "stopped", "error"))
    if host_is_up(call.cloud, server):
        raise bad_request(f"Compute service of {server.host} is still in use.")
    off = server.vm_state == "stopped" or call.microversion >= STAYS_OFF_FROM
    migration = new_migration(call, server, "evacuation", host)
    save(call.cloud, server, task_state="rebuilding")
    begin(call, server, "evacuate", "evacuate.move", 0.8, was_off=off, host=host, migration=migration.id)
    return call.answer({"adminPass": server.id[:12]}) if call.microversion < (2, 14) else empty(200)


@server_step("evacuate.move")
def _evacuate(cloud: Cloud, job: Job, server: Server) -> Next:
    hosts = [] if no_valid_host(job) else candidates(cloud, server, server.flavor, (server.host or "",))
    hosts = [host for host in hosts if job.args["host"] in (None, host)]
    if not hosts:
        finish_action(cloud, job, "conductor_rebuild_server", "No valid host was found. ")
        set_status(cloud, job.args["migration"], "error")
        to_error(cloud, server, "No valid host was found. There are not enough hosts available.")
        return None
    place(cloud, server, hosts[0])
    set_status(cloud, job.args["migration"], "done", dest=hosts[0])
    cloud.servers.put(server)
    return ("rebuild.active", 0.4)


@action("shelve", "shelve")
def shelve(call: Call, server: Server) -> Response:
    """ACTIVE/shelving > SHELVED_OFFLOADED."""
    require_state(server, "shelve", ("active", "stopped", "paused", "suspended"))
    save(call.cloud, server, task_state="shelving")
    begin(call, server, "shelve", "shelve.done", 0.6)
    return empty(202)


@server_step("shelve.done")
def _shelved(cloud: Cloud, job: Job, server: Server) -> Next:
    _set_volumes(cloud, server, "reserved")
    power_off(server)
    place(cloud, server, None)
    finish_action(cloud, job, "compute_shelve_instance")
    save(cloud, server, vm_state="shelved_offloaded", task_state=None)
    return None


def _set_volumes(cloud: Cloud, server: Server, status: str) -> None:
    for device in server.devices:
        volume = cloud.volumes.get(device.get("volume_id") or "")
        if volume is not None:
            volume.status = status
            cloud.volumes.put(volume)


@action("shelveOffload", "shelve_offload", "admin", "os_compute_api:os-shelve:shelve_offload")
def shelve_offload(call: Call, server: Server) -> Response:
    """Servers are offloaded when they are shelved."""
    require_state(server, "shelveOffload", ("shelved", "shelved_offloaded"))
    return empty(202)


@action("unshelve", "unshelve")
def unshelve(call: Call, server: Server) -> Response:
    """SHELVED_OFFLOADED/unshelving > spawning > ACTIVE, on any host."""
    require_state(server, "unshelve", ("shelved", "shelved_offloaded"))
    save(call.cloud, server, task_state="unshelving")
    begin(call, server, "unshelve", "unshelve.spawn", 0.5)
    return empty(202)


@server_step("unshelve.spawn")
def _unshelve(cloud: Cloud, job: Job, server: Server) -> Next:
    hosts = [] if no_valid_host(job) else candidates(cloud, server, server.flavor)
    if not hosts:
        finish_action(cloud, job, "conductor_unshelve_server", "No valid host was found. ")
        save(cloud, server, task_state=None)
        return None
    place(cloud, server, hosts[0])
    save(cloud, server, task_state="spawning")
    return ("unshelve.done", 0.6)


@server_step("unshelve.done")
def _unshelved(cloud: Cloud, job: Job, server: Server) -> Next:
    _set_volumes(cloud, server, "in-use")
    power_on(cloud, server)
    finish_action(cloud, job, "compute_unshelve_instance")
    save(cloud, server, vm_state="active", task_state=None)
    return None


@action("forceDelete", "force_delete")
def force_delete(call: Call, server: Server) -> Response:
    """As DELETE."""
    delete_server(call, server)
    return empty(202)
