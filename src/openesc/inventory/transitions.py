"""Every transition of services and VMs: one line each, with why. `docs/states.md` is generated from this table."""

from __future__ import annotations

from dataclasses import dataclass

from openesc.inventory import states as s


@dataclass(frozen=True, slots=True)
class Transition:
    """From `source` on `trigger` to `target`."""

    source: str
    trigger: str
    target: str
    why: str


class IllegalTransition(Exception):
    """The table has no such line: a defect of the flow that asked for it."""


_UP = (s.VM_ALIVE, s.VM_INERT, s.VM_MONITOR_UNSET)

SERVICE = (
    Transition(s.SERVICE_UNDEF, "deploy", s.SERVICE_DEPLOYING, "its operation begins"),
    Transition(s.SERVICE_DEPLOYING, "deploy", s.SERVICE_DEPLOYING, "a deploy goes on after a restart"),
    Transition(s.SERVICE_ERROR, "deploy", s.SERVICE_DEPLOYING, "the document was sent again: what is missing is made"),
    Transition(s.SERVICE_DEPLOYING, "up", s.SERVICE_INERT, "every VM is up, not every one is alive"),
    Transition(s.SERVICE_INERT, "up", s.SERVICE_INERT, "its last VM came up before"),
    Transition(s.SERVICE_INERT, "alive", s.SERVICE_ACTIVE, "every monitored VM is alive"),
    Transition(s.SERVICE_DEPLOYING, "fail", s.SERVICE_ERROR, "a step of the deploy failed"),
    Transition(s.SERVICE_INERT, "fail", s.SERVICE_ERROR, "a VM did not become alive in time"),
    Transition(s.SERVICE_ACTIVE, "fail", s.SERVICE_ERROR, "an update failed"),
    Transition(s.SERVICE_ERROR, "fail", s.SERVICE_ERROR, "it failed again"),
    Transition(s.SERVICE_ACTIVE, "update", s.SERVICE_ACTIVE, "an update leaves the service in service"),
    Transition(s.SERVICE_ERROR, "update", s.SERVICE_ACTIVE, "an update made good what had failed"),
    Transition(s.SERVICE_STOPPED, "update", s.SERVICE_STOPPED, "what was changed counts from the next start on"),
    *(
        Transition(source, trigger, target, why)
        for trigger, target, sources, why in (
            ("stop", s.SERVICE_STOPPING, (s.SERVICE_ACTIVE, s.SERVICE_INERT, s.SERVICE_ERROR), "its VMs go off"),
            ("start", s.SERVICE_STARTING, (s.SERVICE_STOPPED, s.SERVICE_ACTIVE, s.SERVICE_ERROR), "its VMs go on"),
            ("reboot", s.SERVICE_REBOOTING, (s.SERVICE_ACTIVE, s.SERVICE_INERT, s.SERVICE_ERROR), "off and on again"),
        )
        for source in (*sources, target)
    ),
    Transition(s.SERVICE_ERROR, "recover", s.SERVICE_ACTIVE, "a recovery made good what had failed"),
    Transition(s.SERVICE_STOPPING, "off", s.SERVICE_STOPPED, "every VM is off"),
    Transition(s.SERVICE_STARTING, "alive", s.SERVICE_ACTIVE, "every monitored VM is alive after the start"),
    Transition(s.SERVICE_REBOOTING, "alive", s.SERVICE_ACTIVE, "every monitored VM is alive after the reboot"),
    Transition(s.SERVICE_ACTIVE, "alive", s.SERVICE_ACTIVE, "its VMs are monitored again"),
    Transition(s.SERVICE_STOPPING, "fail", s.SERVICE_ERROR, "a VM could not be stopped"),
    Transition(s.SERVICE_STARTING, "fail", s.SERVICE_ERROR, "a VM could not be started"),
    Transition(s.SERVICE_REBOOTING, "fail", s.SERVICE_ERROR, "a VM could not be rebooted"),
    Transition(s.SERVICE_STOPPED, "fail", s.SERVICE_ERROR, "an update failed"),
    *(
        Transition(source, "undeploy", s.SERVICE_UNDEPLOYING, "undeploy interrupts everything")
        for source in (
            s.SERVICE_UNDEF,
            s.SERVICE_DEPLOYING,
            s.SERVICE_INERT,
            s.SERVICE_ACTIVE,
            s.SERVICE_STOPPING,
            s.SERVICE_STOPPED,
            s.SERVICE_STARTING,
            s.SERVICE_REBOOTING,
            s.SERVICE_ERROR,
            s.SERVICE_UNDEPLOYING,
        )
    ),
    Transition(s.SERVICE_UNDEPLOYING, "gone", s.GONE, "nothing of it is left, or what is left is recorded"),
)

VM = (
    Transition(s.VM_UNDEF, "deploy", s.VM_DEPLOYING, "its server is asked for"),
    Transition(s.VM_DEPLOYING, "deploy", s.VM_DEPLOYING, "the deploy goes on after a restart"),
    Transition(s.VM_ERROR, "deploy", s.VM_DEPLOYING, "the document was sent again"),
    Transition(s.VM_DEPLOYING, "up", s.VM_INERT, "the cloud says ACTIVE"),
    Transition(s.VM_INERT, "up", s.VM_INERT, "it is up already: a deploy sent again asks only for what is missing"),
    Transition(s.VM_ALIVE, "up", s.VM_ALIVE, "it is alive already"),
    Transition(s.VM_INERT, "alive", s.VM_ALIVE, "its monitor says so"),
    Transition(s.VM_ALIVE, "alive", s.VM_ALIVE, "its monitor says so again"),
    Transition(s.VM_DEPLOYING, "fail", s.VM_ERROR, "the cloud refused it or it went to ERROR"),
    Transition(s.VM_UNDEF, "fail", s.VM_ERROR, "something it needs could not be had"),
    Transition(s.VM_INERT, "fail", s.VM_ERROR, "it did not become alive within bootup_time"),
    Transition(s.VM_ALIVE, "fail", s.VM_ERROR, "the cloud reports it in ERROR"),
    Transition(s.VM_ERROR, "fail", s.VM_ERROR, "it failed again"),
    *(
        Transition(source, trigger, target, why)
        for trigger, target, sources, why in (
            ("stop", s.VM_STOPPING, (*_UP, s.VM_ERROR), "its monitor is off and it is being stopped"),
            ("start", s.VM_STARTING, (s.VM_SHUTOFF, s.VM_ERROR), "it is being started"),
            ("reboot", s.VM_REBOOTING, (*_UP, s.VM_SHUTOFF, s.VM_ERROR), "its monitor is off; stopped and started"),
        )
        for source in (*sources, target)
    ),
    Transition(s.VM_STOPPING, "off", s.VM_SHUTOFF, "the cloud says SHUTOFF"),
    Transition(s.VM_ERROR, "off", s.VM_SHUTOFF, "an update finds it off: what it was to do failed, its data is there"),
    Transition(s.VM_ERROR, "sound", s.VM_MONITOR_DISABLED, "an update finds it up; its monitor is set again"),
    Transition(s.VM_STARTING, "up", s.VM_INERT, "the cloud says ACTIVE"),
    Transition(s.VM_REBOOTING, "up", s.VM_INERT, "the cloud says ACTIVE again"),
    Transition(s.VM_STOPPING, "fail", s.VM_ERROR, "the cloud did not stop it"),
    Transition(s.VM_STARTING, "fail", s.VM_ERROR, "the cloud did not start it"),
    Transition(s.VM_REBOOTING, "fail", s.VM_ERROR, "the cloud did not reboot it"),
    *(Transition(source, "unmonitor", s.VM_MONITOR_UNSET, "a request took its monitor off") for source in _UP),
    Transition(s.VM_MONITOR_UNSET, "monitor", s.VM_INERT, "a request set its monitor again; no sign of life yet"),
    Transition(s.VM_INERT, "monitor", s.VM_INERT, "its monitor is set"),
    *(
        Transition(source, "pause", s.VM_MONITOR_DISABLED, "its monitor is off for a resize or a migration")
        for source in (s.VM_ALIVE, s.VM_INERT, s.VM_MONITOR_DISABLED)
    ),
    Transition(s.VM_MONITOR_UNSET, "pause", s.VM_MONITOR_UNSET, "it is not monitored, and will not be afterwards"),
    Transition(s.VM_SHUTOFF, "pause", s.VM_SHUTOFF, "it is off, and stays off"),
    Transition(s.VM_MONITOR_DISABLED, "resume", s.VM_INERT, "the resize or migration is over; its monitor is set"),
    Transition(s.VM_MONITOR_UNSET, "resume", s.VM_MONITOR_UNSET, "it was not monitored before"),
    Transition(s.VM_SHUTOFF, "resume", s.VM_SHUTOFF, "it was off before"),
    Transition(s.VM_MONITOR_DISABLED, "fail", s.VM_ERROR, "the cloud lost it on the way"),
    Transition(s.VM_MONITOR_UNSET, "fail", s.VM_ERROR, "the cloud lost it on the way"),
    Transition(s.VM_SHUTOFF, "fail", s.VM_ERROR, "the cloud lost it on the way"),
    *(
        Transition(source, trigger, target, why)
        for trigger, target, why in (
            ("recover", s.VM_REBOOTING, "recovery: it gets a hard reboot"),
            ("redeploy", s.VM_DEPLOYING, "recovery: it is taken down and deployed again"),
        )
        for source in (*_UP, s.VM_MONITOR_DISABLED, s.VM_ERROR, s.VM_REBOOTING, s.VM_DEPLOYING)
    ),
    *(
        Transition(source, "undeploy", s.VM_UNDEPLOYING, "undeploy interrupts everything")
        for source in (
            s.VM_UNDEF,
            s.VM_DEPLOYING,
            s.VM_MONITOR_UNSET,
            s.VM_MONITOR_DISABLED,
            s.VM_STOPPING,
            s.VM_SHUTOFF,
            s.VM_STARTING,
            s.VM_REBOOTING,
            s.VM_INERT,
            s.VM_ALIVE,
            s.VM_ERROR,
            s.VM_UNDEPLOYING,
        )
    ),
    Transition(s.VM_UNDEPLOYING, "gone", s.GONE, "the cloud has nothing of it any more"),
)

_TABLES = {
    kind: {(line.source, line.trigger): line.target for line in lines}
    for kind, lines in (("service", SERVICE), ("vm", VM))
}


def target(machine: str, source: str, trigger: str) -> str:
    """Where `trigger` leads from `source` in the machine ``service`` or ``vm``. Raises: IllegalTransition."""
    try:
        return _TABLES[machine][source, trigger]
    except KeyError:
        raise IllegalTransition(f"{machine} in {source or 'no state'} does not take {trigger!r}") from None
