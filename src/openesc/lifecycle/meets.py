"""What meets what: the one table of which operation may run in which state (user guide, VNF operations).

Rows are operations, columns the state of what the operation is about: of the VM for an operation on one VM, of the
service for all others. ``docs/what-meets-what.md`` is generated from it. A cell is `RUN`, `QUEUE` (it waits for what
is under way, and its cell is looked up again when its turn comes) or the words it is rejected with.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from sqlalchemy import Connection

from openesc.inventory import states as s
from openesc.inventory import store as inventory
from openesc.inventory.records import Deployment, Vm
from openesc.lifecycle import intent, journal

RUN: Final = "run"
QUEUE: Final = "queue"

DEPLOYING: Final = "deploying"
ACTIVE: Final = "ACTIVE"
INERT: Final = "INERT"
UNMONITORED: Final = "unmonitored"
PARTLY_STOPPED: Final = "partly stopped"
STOPPED: Final = "STOPPED"
REBOOTING: Final = "REBOOTING"
VERIFY_RESIZE: Final = "VERIFY_RESIZE"
ERROR: Final = "ERROR"
RECOVERING: Final = "recovering"
UNDEPLOYING: Final = "undeploying"

COLUMNS: Final = (
    DEPLOYING, ACTIVE, INERT, UNMONITORED, PARTLY_STOPPED, STOPPED, REBOOTING, VERIFY_RESIZE, ERROR, RECOVERING,
    UNDEPLOYING,
)  # fmt: skip

MEANING: Final[Mapping[str, str]] = {
    DEPLOYING: "accepted or being made",
    ACTIVE: "every VM runs, and is alive where it is monitored",
    INERT: "up, no sign of life yet",
    UNMONITORED: "up, its monitor taken off by DISABLE_MONITOR",
    PARTLY_STOPPED: "the service has running and stopped VMs; an operation on one VM is about a running one",
    STOPPED: "off",
    REBOOTING: "being rebooted, started, stopped, resized or migrated",
    VERIFY_RESIZE: "resized or cold migrated, waiting for confirm or revert",
    ERROR: "an operation failed",
    RECOVERING: "being recovered",
    UNDEPLOYING: "being taken away",
}

_DEPLOYING = "is being deployed"
_STARTED = "is already started"
_OFF = "is already stopped"
_START_IT = "is stopped: start it"
_MONITORED = "is already monitored"
_UNMONITORED = "is already without a monitor"
_NO_MONITOR = "is stopped and has no monitor: start it"
_ERROR = "is in error: reboot it, recover it or send its document again"
_VERIFY = "waits for CONFIRM_RESIZE or REVERT_RESIZE"
_NOTHING = "is not in VERIFY_RESIZE: there is nothing to confirm or revert"
_COLD = "is powered off: use a cold migration"
_NO_SCALING = "is stopped: it takes no scaling"
_NO_RECOVERY = "is stopped: it takes no recovery"
_NOT_ALIVE = "is not alive: a snapshot takes a VM that is alive or stopped"
_GONE = "is being undeployed"

_Row = Sequence[str]
# fmt: off
_CELLS: Mapping[str, _Row] = {
    # in the order of COLUMNS
    "service START":           (_DEPLOYING, _STARTED, _STARTED, _STARTED, RUN, RUN, QUEUE, _VERIFY, RUN, QUEUE, _GONE),
    "service STOP":            (QUEUE, RUN, RUN, RUN, RUN, _OFF, QUEUE, _VERIFY, RUN, QUEUE, _GONE),
    "service REBOOT":          (QUEUE, RUN, RUN, RUN, RUN, _START_IT, QUEUE, _VERIFY, RUN, QUEUE, _GONE),
    "service ENABLE_MONITOR":  (_DEPLOYING, _MONITORED, _MONITORED, RUN, RUN, _NO_MONITOR, QUEUE, _VERIFY, _ERROR,
                                QUEUE, _GONE),
    "service DISABLE_MONITOR": (QUEUE, RUN, RUN, RUN, RUN, _NO_MONITOR, QUEUE, _VERIFY, _ERROR, QUEUE, _GONE),
    "vm START":                (_DEPLOYING, _STARTED, _STARTED, _STARTED, _STARTED, RUN, QUEUE, _VERIFY, RUN, QUEUE,
                                _GONE),
    "vm STOP":                 (QUEUE, RUN, RUN, RUN, RUN, _OFF, QUEUE, _VERIFY, RUN, QUEUE, _GONE),
    "vm REBOOT":               (QUEUE, RUN, RUN, RUN, RUN, _START_IT, QUEUE, _VERIFY, RUN, QUEUE, _GONE),
    "vm ENABLE_MONITOR":       (_DEPLOYING, _MONITORED, _MONITORED, RUN, _MONITORED, _NO_MONITOR, QUEUE, _VERIFY,
                                _ERROR, QUEUE, _GONE),
    "vm DISABLE_MONITOR":      (QUEUE, RUN, RUN, _UNMONITORED, RUN, _NO_MONITOR, QUEUE, _VERIFY, _ERROR, QUEUE, _GONE),
    "vm CONFIRM_RESIZE":       (_DEPLOYING, _NOTHING, _NOTHING, _NOTHING, _NOTHING, _NOTHING, _NOTHING, RUN, _NOTHING,
                                _NOTHING, _GONE),
    "vm REVERT_RESIZE":        (_DEPLOYING, _NOTHING, _NOTHING, _NOTHING, _NOTHING, _NOTHING, _NOTHING, RUN, _NOTHING,
                                _NOTHING, _GONE),
    "live migration":          (QUEUE, RUN, RUN, RUN, RUN, _COLD, QUEUE, _VERIFY, _ERROR, QUEUE, _GONE),
    "cold migration":          (QUEUE, RUN, RUN, RUN, RUN, RUN, QUEUE, _VERIFY, _ERROR, QUEUE, _GONE),
    "recovery":                (_DEPLOYING, RUN, RUN, RUN, RUN, _NO_RECOVERY, QUEUE, _VERIFY, RUN, QUEUE, _GONE),
    "backup":                  (_DEPLOYING, RUN, _NOT_ALIVE, RUN, RUN, RUN, QUEUE, _VERIFY, _ERROR, QUEUE, _GONE),
    "update":                  (QUEUE, RUN, RUN, RUN, RUN, RUN, QUEUE, RUN, RUN, QUEUE, QUEUE),
    "update of a flavor":      (QUEUE, RUN, RUN, RUN, RUN, RUN, QUEUE, _VERIFY, RUN, QUEUE, QUEUE),
    "update of a VM":          (QUEUE, RUN, RUN, RUN, RUN, RUN, QUEUE, _VERIFY, RUN, QUEUE, QUEUE),
    "scaling":                 (QUEUE, RUN, RUN, RUN, RUN, _NO_SCALING, QUEUE, RUN, RUN, QUEUE, QUEUE),
    "undeploy":                (RUN, RUN, RUN, RUN, RUN, RUN, RUN, RUN, RUN, RUN, RUN),
}
# fmt: on

TABLE: Mapping[str, Mapping[str, str]] = {row: dict(zip(COLUMNS, cells, strict=True)) for row, cells in _CELLS.items()}

_UNDER_WAY = frozenset({s.VM_STOPPING, s.VM_STARTING, s.VM_REBOOTING, s.VM_MONITOR_DISABLED})
_SERVICE_UNDER_WAY = frozenset({s.SERVICE_STOPPING, s.SERVICE_STARTING, s.SERVICE_REBOOTING})


def verdict(row: str, column: str) -> str:
    """`RUN`, `QUEUE`, or why not. Raises: KeyError."""
    return TABLE[row][column]


def rejection(row: str, column: str, what: str) -> str | None:
    """The whole text when `what` (``VM [name]``, ``Service group [name]``) rejects the operation; None: it does not."""
    cell = verdict(row, column)
    return None if cell in (RUN, QUEUE) else f"{what} {cell}"


def column_of_vm(connection: Connection, deployment: Deployment, vm: Vm) -> str:
    """The column of an operation on one VM."""
    operations = journal.open_operations(connection, deployment.id)
    early = _going_or_coming(deployment) or _recovering(operations, vm.id)
    if early is not None:
        return early
    if vm.vim_status == s.VERIFY_RESIZE:
        return VERIFY_RESIZE
    if vm.state in _UNDER_WAY or deployment.state in _SERVICE_UNDER_WAY:
        return REBOOTING
    column = _VM_COLUMNS[vm.state]
    if column == INERT and not intent.is_monitored(deployment.wanted, vm.vm_group):
        column = ACTIVE  # up is all it can be
    if column == ACTIVE and _any_off(inventory.vms_of(connection, deployment.id)):
        return PARTLY_STOPPED
    return column


_VM_COLUMNS: Mapping[str, str] = {
    s.VM_UNDEF: DEPLOYING,
    s.VM_DEPLOYING: DEPLOYING,
    s.VM_ALIVE: ACTIVE,
    s.VM_INERT: INERT,
    s.VM_MONITOR_UNSET: UNMONITORED,
    s.VM_SHUTOFF: STOPPED,
    s.VM_ERROR: ERROR,
    s.VM_UNDEPLOYING: UNDEPLOYING,
}


def column_of_service(connection: Connection, deployment: Deployment) -> str:
    """The column of an operation on the whole service."""
    operations = journal.open_operations(connection, deployment.id)
    return service_column(deployment, inventory.vms_of(connection, deployment.id), operations)


def service_column(deployment: Deployment, vms: Sequence[Vm], operations: Iterable[journal.OperationRow]) -> str:
    """`column_of_service` for who has read the deployment's VMs and open operations already."""
    early = _going_or_coming(deployment) or _recovering(operations, None)
    if early is not None:
        return early
    if any(vm.vim_status == s.VERIFY_RESIZE for vm in vms):
        return VERIFY_RESIZE
    if deployment.state in _SERVICE_UNDER_WAY or any(vm.state in _UNDER_WAY for vm in vms):
        return REBOOTING
    return _resting(deployment.state, vms)


def _resting(state: str, vms: Sequence[Vm]) -> str:
    vms = [vm for vm in vms if vm.state != s.VM_UNDEF]  # those are planned, for an update that waits or failed
    if vms and all(vm.state == s.VM_SHUTOFF for vm in vms):
        return STOPPED
    if state == s.SERVICE_ERROR or any(vm.state == s.VM_ERROR for vm in vms):
        return ERROR
    if _any_off(vms):
        return PARTLY_STOPPED
    if any(vm.state == s.VM_MONITOR_UNSET for vm in vms):
        return UNMONITORED
    return INERT if state == s.SERVICE_INERT else ACTIVE


def _any_off(vms: Iterable[Vm]) -> bool:
    return any(vm.state == s.VM_SHUTOFF for vm in vms)


def _going_or_coming(deployment: Deployment) -> str | None:
    if deployment.state == s.SERVICE_UNDEPLOYING:
        return UNDEPLOYING
    return DEPLOYING if deployment.state in (s.SERVICE_UNDEF, s.SERVICE_DEPLOYING) else None


def _recovering(operations: Iterable[journal.OperationRow], vm_id: str | None) -> str | None:
    """A recovery that is running; one that waits has not begun."""
    running = (row for row in operations if row.state == journal.RUNNING)
    found = any(row.kind.startswith("recover") and vm_id in (None, row.vm_id) for row in running)
    return RECOVERING if found else None
