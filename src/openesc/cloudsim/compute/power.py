"""Power: stop, start, reboot, pause, suspend; lock, reset-state, console and the like."""

from __future__ import annotations

from openesc.cloudsim.compute.actions import action
from openesc.cloudsim.compute.changes import (
    begin,
    failure,
    finish_action,
    power_off,
    power_on,
    save,
    to_error,
)
from openesc.cloudsim.compute.states import PAUSED, RUNNING, SUSPENDED, require_launched, require_state, wrong
from openesc.cloudsim.compute.steps import server_step
from openesc.cloudsim.core.call import Call, empty
from openesc.cloudsim.core.cloud import Cloud
from openesc.cloudsim.core.faults import bad_request, conflict
from openesc.cloudsim.core.http import Response
from openesc.cloudsim.core.jobs import Next
from openesc.cloudsim.core.records import Job, Server


@action("os-stop", "stop")
def stop(call: Call, server: Server) -> Response:
    """ACTIVE/powering-off > SHUTOFF."""
    require_launched(server, "stop")
    require_state(server, "stop", ("active", "error"))
    save(call.cloud, server, task_state="powering-off")
    begin(call, server, "stop", "power.off", 0.3)
    return empty(202)


@server_step("power.off", on_host=True)
def _off(cloud: Cloud, job: Job, server: Server) -> Next:
    error = failure(job, server.host)
    finish_action(cloud, job, "compute_stop_instance", error)
    if error is None:
        power_off(server)
        server.vm_state = "stopped"
    save(cloud, server, task_state=None)
    return None


@action("os-start", "start")
def start(call: Call, server: Server) -> Response:
    """SHUTOFF/powering-on > ACTIVE."""
    require_launched(server, "start")
    require_state(server, "start", ("stopped",))
    save(call.cloud, server, task_state="powering-on")
    begin(call, server, "start", "power.on", 0.4)
    return empty(202)


@server_step("power.on", on_host=True)
def _on(cloud: Cloud, job: Job, server: Server) -> Next:
    error = failure(job, server.host)
    finish_action(cloud, job, "compute_start_instance", error)
    if error is None:
        power_on(cloud, server)
        server.vm_state = "active"
    save(cloud, server, task_state=None)
    return None


_HARD_FROM = ("active", "stopped", "paused", "suspended", "error")


@action("reboot", "reboot")
def reboot(call: Call, server: Server) -> Response:
    """REBOOT or HARD_REBOOT > ACTIVE; a hard reboot also starts a stopped server and heals one in ERROR."""
    kind = str(call.body("reboot").get("type", "")).upper()
    if kind not in ("SOFT", "HARD"):
        raise bad_request(
            f"Invalid input for field/attribute type. Value: {kind}. {kind!r} is not one of ['HARD', 'SOFT']"
        )
    hard = kind == "HARD"
    if hard:
        require_launched(server, "hard reboot")
    require_state(server, "reboot", _HARD_FROM if hard else ("active",), ("rebooting",) if hard else ())
    suffix = "_hard" if hard else ""
    save(call.cloud, server, task_state=f"rebooting{suffix}")
    begin(call, server, "reboot", "reboot.pending", 0.1, suffix=suffix)
    return empty(202)


@server_step("reboot.pending", on_host=True)
def _reboot_pending(cloud: Cloud, job: Job, server: Server) -> Next:
    save(cloud, server, task_state=f"reboot_pending{job.args['suffix']}")
    return ("reboot.started", 0.1)


@server_step("reboot.started")
def _reboot_started(cloud: Cloud, job: Job, server: Server) -> Next:
    save(cloud, server, task_state=f"reboot_started{job.args['suffix']}")
    return ("reboot.done", 0.2)


@server_step("reboot.done")
def _reboot_done(cloud: Cloud, job: Job, server: Server) -> Next:
    error = failure(job, server.host)
    if error is not None and server.power_state != RUNNING:
        finish_action(cloud, job, "compute_reboot_instance", error)
        to_error(cloud, server, error)
        return None
    # one that fails while the guest runs on is told nowhere
    finish_action(cloud, job, "compute_reboot_instance")
    if error is None:
        power_on(cloud, server)
        server.vm_state, server.fault = "active", None
    save(cloud, server, task_state=None)
    return None


# Actions that only change the power state: (body key, name, from, task, vm_state after, power after).
_SIMPLE = (
    ("pause", "pause", ("active",), "pausing", "paused", PAUSED),
    ("unpause", "unpause", ("paused",), "unpausing", "active", RUNNING),
    ("suspend", "suspend", ("active",), "suspending", "suspended", SUSPENDED),
    ("resume", "resume", ("suspended",), "resuming", "active", RUNNING),
)


def _register(key: str, name: str, sources: tuple[str, ...], task: str, after: str, power: int) -> None:
    @action(key, name)
    def handle(call: Call, server: Server) -> Response:
        require_state(server, name, sources)
        save(call.cloud, server, task_state=task)
        begin(
            call,
            server,
            name,
            "power.simple",
            0.4,
            after=after,
            power=power,
            event=f"compute_{name}_instance",
        )
        return empty(202)


for _row in _SIMPLE:
    _register(*_row)


@server_step("power.simple", on_host=True)
def _simple(cloud: Cloud, job: Job, server: Server) -> Next:
    error = failure(job, server.host)
    finish_action(cloud, job, job.args["event"], error)
    if error is None:
        server.vm_state, server.power_state = job.args["after"], job.args["power"]
    save(cloud, server, task_state=None)
    return None


@action("lock", "lock", locks=False)
def lock(call: Call, server: Server) -> Response:
    """Lock: only an admin, or nobody but the owner, may act."""
    given = call.document.get("lock")
    reason = given.get("locked_reason") if isinstance(given, dict) else None
    save(call.cloud, server, locked_by="admin" if call.is_admin else "owner", locked_reason=reason)
    return empty(202)


@action("unlock", "unlock", locks=False)
def unlock(call: Call, server: Server) -> Response:
    """Unlock."""
    if server.locked_by == "admin" and not call.is_admin:
        raise conflict(f"Instance {server.id} is locked")
    save(call.cloud, server, locked_by=None, locked_reason=None)
    return empty(202)


@action("os-resetState", "reset_state", "admin", "os_compute_api:os-admin-actions:reset_state", locks=False)
def reset_state(call: Call, server: Server) -> Response:
    """Set vm_state to active or error; whatever was going on is forgotten."""
    state = call.body("os-resetState").get("state")
    if state not in ("active", "error"):
        raise bad_request(
            f"Invalid input for field/attribute state. Value: {state}. {state!r} is not one of ['active', 'error']"
        )
    call.cloud.jobs.cancel(server.id)
    save(call.cloud, server, vm_state=state, task_state=None, fault=server.fault if state == "error" else None)
    return empty(202)


@action("os-getConsoleOutput", "console_output")
def console_output(call: Call, server: Server) -> Response:
    """A line or two."""
    if server.vm_state == "building":
        raise wrong(server, "get_console_output", "vm_state building")
    return call.answer({"output": f"cloudsim: guest {server.name}\n{server.name} login: "})


@action("changePassword", "change_password")
def change_password(call: Call, server: Server) -> Response:
    """Accepted and without effect: there is no guest agent."""
    require_state(server, "changePassword", ("active",))
    return empty(202)


@action("addSecurityGroup", "add_security_group")
def add_security_group(call: Call, server: Server) -> Response:
    """Name one more security group."""
    name = call.body("addSecurityGroup")["name"]
    save(call.cloud, server, security_groups=list(dict.fromkeys([*server.security_groups, name])))
    return empty(202)


@action("removeSecurityGroup", "remove_security_group")
def remove_security_group(call: Call, server: Server) -> Response:
    """Name one security group less."""
    name = call.body("removeSecurityGroup")["name"]
    save(call.cloud, server, security_groups=[other for other in server.security_groups if other != name])
    return empty(202)
