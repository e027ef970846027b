"""The transitions of birth and death.

BUILD/scheduling > BUILD/- > networking > block_device_mapping > spawning > ACTIVE; ACTIVE/deleting > DELETED > gone.
"""

from __future__ import annotations

from openesc.cloudsim.compute.changes import (
    NO_VALID_HOST,
    NOT_ENOUGH_HOSTS,
    failure,
    finish_action,
    no_valid_host,
    place,
    power_on,
    save,
    to_error,
)
from openesc.cloudsim.compute.scheduler import candidates
from openesc.cloudsim.compute.steps import server_step
from openesc.cloudsim.core.cloud import Cloud
from openesc.cloudsim.core.faults import ApiError
from openesc.cloudsim.core.jobs import Next
from openesc.cloudsim.core.records import Job, Port, Server
from openesc.cloudsim.network.ports import bind, drop_port, new_port, unbind
from openesc.cloudsim.volume.attaching import attach, detach, volume_for_device

MAX_ATTEMPTS = 3

NETWORKS_FAILED = "Failed to allocate the network(s), not rescheduling."


@server_step("boot.schedule")
def schedule(cloud: Cloud, job: Job, server: Server) -> Next:
    """Choose a host."""
    tried = tuple(job.args.get("tried", ()))
    hosts = [] if no_valid_host(job) else candidates(cloud, server, server.flavor, tried)
    if server.wanted_host is not None:
        hosts = [host for host in hosts if host == server.wanted_host]
    if not hosts:
        return _no_host(cloud, job, server, tried)
    job.args["host"] = hosts[0]
    return ("boot.claim", 0.2)


def _no_host(cloud: Cloud, job: Job, server: Server, tried: tuple[str, ...]) -> Next:
    text = NOT_ENOUGH_HOSTS if server.wanted_host is not None else NO_VALID_HOST
    if tried:
        text = (
            "Exceeded maximum number of retries. Exhausted all hosts available for retrying build "
            "failures for instance "
            f"{server.id}."
        )
    finish_action(cloud, job, "conductor_schedule_and_build_instances", text)
    to_error(cloud, server, text)
    return None


@server_step("boot.claim")
def claim(cloud: Cloud, job: Job, server: Server) -> Next:
    """The host is chosen. Another member of its server group may have come there since: then choose again."""
    tried = tuple(job.args.get("tried", ()))
    if server.group_id and job.args["host"] not in candidates(cloud, server, server.flavor, tried):
        return ("boot.schedule", 0.1)
    place(cloud, server, job.args["host"])
    save(cloud, server, task_state=None)
    return ("boot.network", 0.1)


@server_step("boot.network")
def network(cloud: Cloud, job: Job, server: Server) -> Next:
    """Make the ports asked for by network, bind the ports given."""
    save(cloud, server, task_state="networking")
    try:
        for request in server.networks:
            _plug(cloud, server, request)
    except ApiError as error:
        # of a port that somebody else took meanwhile Nova says no more than this
        taken = error.status == 409
        return abort(cloud, job, server, NETWORKS_FAILED if taken else error.message)
    server.addresses = addresses(cloud, server)
    cloud.servers.put(server)
    return ("boot.volumes", 0.1) if server.devices else ("boot.spawn", 0.2)


def _plug(cloud: Cloud, server: Server, request: dict[str, str]) -> None:
    port = cloud.ports.get(request["port"]) if request.get("port") else None
    if request.get("port") and port is None:
        raise ApiError(404, f"Port {request['port']} could not be found.")
    if port is not None and port.device_id not in ("", server.id):
        raise ApiError(409, f"Port {port.id} is still in use.")
    if port is None:
        port = _new_port(cloud, server, request)
        request["port"] = port.id
    bind(cloud, port, server.id, server.host or "", server.zone or "nova")


def _new_port(cloud: Cloud, server: Server, request: dict[str, str]) -> Port:
    wanted = request.get("fixed_ip")
    given: dict[str, object] = {"fixed_ips": [{"ip_address": wanted}]} if wanted else {}
    try:
        port = new_port(cloud, request["network"], server.project_id, given)
    except ApiError as error:
        if error.kind == "InvalidIpForNetwork":
            text = (
                f"Invalid input received: Fixed IP {wanted} is not a valid ip address for network {request['network']}."
            )
            raise ApiError(400, text) from None
        raise
    port.made_by_nova = True
    return port


def addresses(cloud: Cloud, server: Server) -> dict[str, list[dict[str, object]]]:
    """The ``addresses`` of a server, from its ports, in the order they were asked for."""
    order = {request.get("port"): number for number, request in enumerate(server.networks)}
    ports = sorted(cloud.ports.by("device", server.id), key=lambda port: order.get(port.id, len(order)))
    shown: dict[str, list[dict[str, object]]] = {}
    for port in ports:
        network = cloud.networks.get(port.network_id)
        entries = shown.setdefault(network.name if network else port.network_id, [])
        for fixed in port.fixed_ips:
            address = fixed["ip_address"]
            entries.append({
                "version": 6 if ":" in address else 4, "addr": address, "OS-EXT-IPS:type": "fixed",
                "OS-EXT-IPS-MAC:mac_addr": port.mac_address,
            })  # fmt: skip
    return shown


@server_step("boot.volumes")
def volumes(cloud: Cloud, job: Job, server: Server) -> Next:
    """Make and attach the volumes."""
    save(cloud, server, task_state="block_device_mapping")
    if cloud.service_down("volume"):
        return abort(cloud, job, server, "Connection to cinder host failed: Unable to establish connection")
    for number, device in enumerate(server.devices):
        try:
            volume = volume_for_device(cloud, server, device)
        except ApiError as error:
            return abort(cloud, job, server, error.message)
        device["volume_id"] = volume.id
        device["device"] = device["device"] or f"/dev/vd{chr(ord('a') + number + (1 if server.image_id else 0))}"
        attach(cloud, volume, server.id, device["device"], server.host, device["attachment_id"])
    if not server.image_id:
        root = next((device for device in server.devices if device["boot_index"] == 0), None)
        server.root_device = root["device"] if root else server.root_device
    cloud.servers.put(server)
    return ("boot.spawn", 0.2)


@server_step("boot.spawn")
def spawn(cloud: Cloud, job: Job, server: Server) -> Next:
    """The hypervisor starts the guest."""
    save(cloud, server, task_state="spawning")
    return ("boot.finish", 0.4)


@server_step("boot.finish")
def finish(cloud: Cloud, job: Job, server: Server) -> Next:
    """The guest runs, or the host failed and another is tried."""
    error = failure(job, server.host)
    if error is not None:
        return _retry(cloud, job, server, error)
    power_on(cloud, server)
    finish_action(cloud, job, "compute__do_build_and_run_instance")
    now = cloud.now()
    save(cloud, server, vm_state="active", task_state=None, launched=now, progress=100, fault=None)
    return None


def _retry(cloud: Cloud, job: Job, server: Server, error: str) -> Next:
    host = server.host or ""
    finish_action(cloud, job, "compute__do_build_and_run_instance", error, quiet=True)
    job.args["tried"] = [*job.args.get("tried", ()), host]
    leave(cloud, server, keep_volumes=True)
    if len(job.args["tried"]) < MAX_ATTEMPTS:
        save(cloud, server, task_state="scheduling")
        return ("boot.schedule", 0.4)
    text = (
        f"Exceeded maximum number of retries. Exceeded max scheduling attempts {MAX_ATTEMPTS} for "
        f"instance {server.id}. "
        f"Last exception: {error}"
    )
    finish_action(cloud, job, "conductor_build_instances", text)
    to_error(cloud, server, text)
    return None


def abort(cloud: Cloud, job: Job, server: Server, reason: str) -> Next:
    """The build cannot succeed anywhere."""
    text = f"Build of instance {server.id} aborted: {reason}"
    leave(cloud, server)
    finish_action(cloud, job, "compute__do_build_and_run_instance", text)
    to_error(cloud, server, text)
    return None


def leave(cloud: Cloud, server: Server, keep_volumes: bool = False) -> None:
    """Give back host, ports and volumes."""
    place(cloud, server, None)
    for port in cloud.ports.by("device", server.id):
        if port.made_by_nova:
            drop_port(cloud, port)
            for request in server.networks:
                if request.get("port") == port.id and "network" in request:
                    del request["port"]
        else:
            unbind(cloud, port)
    server.addresses = {}
    if not keep_volumes:
        for device in server.devices:
            detach(cloud, device, server.id)


@server_step("delete.done")
def deleted(cloud: Cloud, job: Job, server: Server) -> Next:
    """The guest is gone; the API shows DELETED for a moment."""
    error = failure(job, server.host)
    finish_action(cloud, job, "compute_terminate_instance", error)
    if error is not None:
        to_error(cloud, server, error)
        return None
    leave(cloud, server)
    save(
        cloud,
        server,
        vm_state="deleted",
        task_state=None,
        power_state=0,
        power_on_at=None,
        terminated=cloud.now(),
    )
    return ("delete.gone", 0.1)


@server_step("delete.gone")
def gone(cloud: Cloud, job: Job, server: Server) -> Next:
    """Only ``changes-since`` still tells of the server."""
    bury(cloud, server)
    return None


def bury(cloud: Cloud, server: Server) -> None:
    """Move a deleted server to the tombstones and forget old ones."""
    cloud.servers.drop(server.id)
    group = cloud.server_groups.get(server.group_id) if server.group_id else None
    if group is not None and server.id in group.members:
        group.members.remove(server.id)
        cloud.server_groups.put(group)
    cloud.tombstones.put(server)
    _forget_old(cloud)


def _forget_old(cloud: Cloud) -> None:
    limit = cloud.now() - cloud.settings.tombstone_seconds
    while (server := cloud.tombstones.oldest()) is not None and server.updated < limit:
        cloud.tombstones.drop(server.id)
        for action in cloud.actions.by("server", server.id):
            cloud.actions.drop(action.id)
