"""The ways a server's record changes, shared by all transitions."""

from __future__ import annotations

from typing import Any

from openesc.cloudsim.compute.states import RUNNING, SHUTDOWN
from openesc.cloudsim.core.call import Call
from openesc.cloudsim.core.cloud import Cloud, iso
from openesc.cloudsim.core.jobs import Next, step
from openesc.cloudsim.core.records import Action, Job, Server

NO_VALID_HOST = "No valid host was found. "
NOT_ENOUGH_HOSTS = "No valid host was found. There are not enough hosts available."


def save(cloud: Cloud, server: Server, **changes: Any) -> None:
    """Set attributes, the time of change, and store."""
    for name, value in changes.items():
        setattr(server, name, value)
    server.updated = cloud.now()
    cloud.servers.put(server)


def power_on(cloud: Cloud, server: Server) -> None:
    """The guest begins to boot."""
    server.power_state, server.power_on_at = RUNNING, cloud.now()


def power_off(server: Server) -> None:
    """The guest is off."""
    server.power_state, server.power_on_at = SHUTDOWN, None


def place(cloud: Cloud, server: Server, host: str | None) -> None:
    """Move the server's claim to a host, or to none; its ports and volumes follow."""
    cloud.load.release(server.host, server.flavor)
    server.host = host
    server.zone = zone_of(cloud, host) if host else server.zone
    if host is not None:
        cloud.load.claim(host, server.flavor)
        for port in cloud.ports.by("device", server.id):
            port.host, port.updated = host, cloud.now()
            cloud.ports.put(port)


def zone_of(cloud: Cloud, host: str) -> str:
    """The availability zone of a host."""
    row = cloud.hosts.get(host)
    return row.zone if row else ""


def to_error(cloud: Cloud, server: Server, text: str, code: int = 500) -> None:
    """The server is in ERROR, and ``fault`` says why."""
    fault = {
        "code": code,
        "created": iso(cloud.now()),
        "message": text,
        "details": f"Traceback (most recent call last):\n{text}",
    }
    save(cloud, server, vm_state="error", task_state=None, fault=fault)


def begin(call: Call, server: Server, action: str, first: str, wait: float, **args: Any) -> None:
    """Record the action and begin its transition; a fault rule's plan goes with it."""
    record_action(call, server, action)
    start(call, server, first, wait, action=action, **args)


def start(call: Call, server: Server, first: str, wait: float, **args: Any) -> None:
    """Begin a transition whose action is recorded already."""
    plan, jobs = call.plan, call.cloud.jobs
    args["request"] = call.request_id
    if plan is not None and plan["type"] == "error":
        jobs.after("server.error", server.id, float(plan.get("after", 0.0)), outcome=plan, **args)
        if not plan.get("late"):
            return
        plan = None
    jobs.start(first, server.id, wait, plan, **args)


@step("server.error")
def _error(cloud: Cloud, job: Job) -> Next:
    server = cloud.servers.get(job.subject)
    plan = job.args["outcome"]
    if server is not None:
        for other in cloud.job_rows.by("subject", server.id):
            if other.id != job.id:
                cloud.job_rows.drop(other.id)
        text = plan.get("text", "Fault rule put the server into ERROR")
        finish_action(cloud, job, "compute_fault", text)
        to_error(cloud, server, text, int(plan.get("code", 500)))
    return None


def record_action(call: Call, server: Server, action: str) -> None:
    """Add an entry to the server's action list."""
    now = call.cloud.now()
    call.cloud.actions.put(
        Action(
            f"{server.id}:{call.request_id}",
            server.id,
            call.request_id,
            action,
            call.user_id,
            call.project_id,
            now,
            now,
        )
    )


def finish_action(cloud: Cloud, job: Job, event: str, error: str | None = None, quiet: bool = False) -> None:
    """Add an event to the action the job belongs to; an error makes the action's message "Error" unless `quiet`."""
    row = cloud.actions.get(f"{job.subject}:{job.args.get('request', '')}")
    if row is None:
        return
    server = cloud.servers.get(job.subject)
    row.events.append({
        "event": event, "start_time": row.start, "finish_time": cloud.now(), "host": server.host if server else None,
        "result": "Error" if error else "Success", "traceback": error, "details": error,
    })  # fmt: skip
    row.updated = cloud.now()
    if error is not None and not quiet:
        row.message = "Error"
    cloud.actions.put(row)


def failure(job: Job, host: str | None = None) -> str | None:
    """The text of the failure a fault rule plans for this transition (on this host), or None."""
    plan = job.plan
    if plan is None or plan["type"] != "fail":
        return None
    if host is not None and plan.get("host") not in (None, host):
        return None
    return str(plan.get("text", f"Fault rule {plan['rule']} failed {job.args.get('action', 'the build')} on {host}"))


def no_valid_host(job: Job) -> bool:
    """Whether a fault rule plans that no host is found."""
    return job.plan is not None and job.plan["type"] == "no_valid_host"


def host_is_up(cloud: Cloud, server: Server) -> bool:
    """Whether the server's nova-compute answers; a server without a host counts as up."""
    return server.host is None or cloud.find_host_up(server.host)
