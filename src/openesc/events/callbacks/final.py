"""Which event is the final result of which operation: the place to look when a `Callback` gets the wrong one.

A kind of operation that has no row, or whose event did not come, gets the last event it had when it ended.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from openesc.events import types as e
from openesc.events.escevent import SUCCESS, EscEvent


@dataclass(frozen=True, slots=True)
class Final:
    """The events that end an operation with success; with FAILURE these and `failures`."""

    successes: frozenset[str]
    failures: frozenset[str] = field(default=frozenset())

    def closes(self, event: EscEvent) -> bool:
        return event.type in self.successes or (event.status != SUCCESS and event.type in self.failures)


def _final(*successes: str, failing: tuple[str, ...] = ()) -> Final:
    return Final(frozenset(successes), frozenset(failing))


_LAST = _final()
"""Its last event, once it has ended: what it tells depends on what it finds to do."""

FINAL: Mapping[str, Final] = {
    "deploy": _final(e.SERVICE_ALIVE),
    "update": _final(e.SERVICE_UPDATED),
    "unchanged": _final(e.SERVICE_UPDATED),
    "undeploy": _final(e.SERVICE_UNDEPLOYED),
    "service-action": _final(e.SERVICE_STOPPED, e.SERVICE_ALIVE, e.SERVICE_MONITOR_UNSET),
    "vm-action": _final(
        *(e.VM_STOPPED, e.VM_ALIVE, e.VM_MONITOR_SET, e.VM_MONITOR_UNSET), failing=(e.VM_STARTED, e.VM_REBOOTED)
    ),
    "confirm-resize": _final(e.VM_CONFIRM_RESIZE_COMPLETE, failing=(e.VM_CONFIRM_RESIZE_INIT,)),
    "revert-resize": _final(e.VM_REVERT_RESIZE_COMPLETE, failing=(e.VM_REVERT_RESIZE_INIT,)),
    "migrate": _final(e.VM_MIGRATE_COMPLETE, e.VM_VERIFY_RESIZE, failing=(e.VM_MIGRATE_INIT, e.VM_MIGRATED)),
    "backup": _final(e.VM_BACKUP_COMPLETE),
    "snapshot-delete": _final(e.VM_SNAPSHOT_DELETED),
    "volume-from-snapshot": _final(e.VM_VOLUME_CREATED),
    "recover": _final(e.VM_RECOVERY_COMPLETE, e.VM_RECOVERY_CANCELLED),
    "create-tenant": _final(e.CREATE_TENANT),
    "delete-tenant": _final(e.DELETE_TENANT),
    "create-artifact": _final(e.CREATE_IMAGE, e.CREATE_FLAVOR),
    "delete-artifact": _final(e.DELETE_IMAGE, e.DELETE_FLAVOR),
    "apply-network": _LAST,
    "delete-network": _final(e.DELETE_NETWORK),
}


def closes(kind: str, event: EscEvent) -> bool:
    """Whether `event` is the final result of an operation of this kind."""
    return FINAL.get(kind, _LAST).closes(event)
