"""What each failing step leads to: events, states, what stays. `docs/failures.md` is generated from this table."""

from __future__ import annotations

from dataclasses import dataclass

from openesc.events import types as e
from openesc.inventory import states as s

REFUSED = "refused"
"""The cloud answers the call with an error that will not pass (4xx)."""
BROKEN = "broken"
"""The call is accepted; what it asked for goes to ERROR afterwards."""
SILENT = "silent"
"""The VM is up and never answers its monitor."""


@dataclass(frozen=True, slots=True)
class Fault:
    """How to bring a failure about. `call` is an operation of the cloud, in words of the simulator's fault rules."""

    call: str
    effect: str = REFUSED


@dataclass(frozen=True, slots=True)
class Failure:
    """One line: in `operation`, `step` fails.

    `events`: those with FAILURE, in order (successes before them are as without the failure). `state` of the service
    and `vm_state` of the VM concerned in operational data afterwards; None: no such entry. `stays`: what is left in
    the cloud and in openesc. `fault`: what makes it happen; None: `step` says it.
    """

    operation: str
    step: str
    events: tuple[str, ...]
    stays: str
    state: str | None = None
    vm_state: str | None = None
    fault: Fault | None = None


NOTHING = "nothing of the VM: what was made of it is taken away again"
LISTED = "what the cloud keeps is listed as leftovers"


def _making(operation: str, closing: str) -> tuple[Failure, ...]:
    """Deploy, and the update that adds: they differ in the event that closes them."""
    error = s.SERVICE_ERROR

    def vm(step: str, fault: Fault | None, stays: str = NOTHING, event: str = e.VM_DEPLOYED) -> Failure:
        return Failure(operation, step, (event, closing), stays, error, s.VM_ERROR, fault)

    return (
        Failure(
            operation,
            "the project of a new tenant is made",
            (e.CREATE_TENANT, closing),
            "nothing",
            error,
            s.VM_UNDEF,
            Fault("project.create"),
        ),
        Failure(
            operation,
            "an ephemeral network is made",
            (e.CREATE_NETWORK, closing),
            "the tenant, and networks that were made beside it",
            error,
            s.VM_UNDEF,
            Fault("network.create"),
        ),
        Failure(
            operation,
            "a subnet is made",
            (e.CREATE_SUBNET, closing),
            "the tenant and the networks",
            error,
            s.VM_UNDEF,
            Fault("subnet.create"),
        ),
        vm("a group names an image, flavor, network or subnet that is not there", None),
        vm("a port is made", Fault("port.create")),
        vm("a volume is made", Fault("volume.create")),
        vm("the server is asked for (quota, host)", Fault("server.create")),
        vm("the server goes to ERROR while it boots", Fault("server.create", BROKEN)),
        vm("the VM is not alive within bootup_time", Fault("server.create", SILENT), "the VM", e.VM_ALIVE),
        vm("a group that must be alive before (policies/startup) failed", None, "nothing of the VM"),
    )


AS_BEFORE = "the VM as it was, monitored again"
PENDING = "the VM, waiting as before"
IN_ERROR = "the VM, in ERROR in the VIM; reboot or recover it"
AS_IN_VIM = "the VM as the VIM has it; the action can be sent again"
GONE = "nothing once the undeploy, which follows, has ended"
HALF_MADE = "what was made of the snapshot: it can be deleted; the image of an EXPORT is listed as a leftover"
TURN = "what it waited for left a state that rejects it: the words of the table of what meets what"
INTERRUPTED = "an undeploy interrupts it (`interrupted by undeploy`)"


def _action(step: str, event: str, closing: str) -> tuple[Failure, ...]:
    """An action on a service and on one VM: they differ in the event that closes the one on a service."""
    return (
        Failure("service-action", step, (event, closing), AS_IN_VIM, s.SERVICE_ERROR, s.VM_ERROR),
        Failure("vm-action", step, (event,), AS_IN_VIM, s.SERVICE_ACTIVE, s.VM_ERROR),
    )


def _waiting(
    operation: str, event: str, remark: str = "", *, interrupted: str | None = None, interrupted_stays: str = GONE
) -> tuple[Failure, ...]:
    """What may befall an operation that waits, and one that an undeploy interrupts."""
    return (
        Failure(operation, TURN, (event,), f"everything as it was{remark}"),
        Failure(operation, INTERRUPTED, (interrupted or event,), f"{interrupted_stays}{remark}"),
    )


def _moving(operation: str, init: str, done: str, stays: str) -> tuple[Failure, ...]:
    """What the cloud may refuse, which the caller is answered, or take and not do."""
    refused = s.VM_ALIVE if stays == AS_BEFORE else s.VM_MONITOR_DISABLED
    active = s.SERVICE_ACTIVE
    return (
        Failure(operation, "the cloud refuses it: its words answer the caller", (init,), stays, active, refused),
        Failure(operation, "the server goes to ERROR on the way", (done,), IN_ERROR, active, s.VM_ERROR),
    )


def _confirming(operation: str, init: str, done: str) -> tuple[Failure, ...]:
    """Confirm and revert."""
    silent = "the VM is not alive within bootup_time afterwards"
    return (
        *_moving(operation, init, done, PENDING),
        Failure(operation, silent, (e.VM_ALIVE,), "the VM", s.SERVICE_ACTIVE, s.VM_ERROR),
        Failure(operation, INTERRUPTED, (done,), GONE),
    )


_OPERATIONS = (
    *_action("the server is stopped", e.VM_STOPPED, e.SERVICE_STOPPED),
    *_action("the server is started", e.VM_STARTED, e.SERVICE_ALIVE),
    *_action("the server is stopped and started (REBOOT)", e.VM_REBOOTED, e.SERVICE_ALIVE),
    *_action("the VM is not alive within bootup_time after START or REBOOT", e.VM_ALIVE, e.SERVICE_ALIVE),
    Failure(
        "service-action",
        "the VM is not alive within bootup_time after ENABLE_MONITOR",
        (e.VM_ALIVE, e.SERVICE_ALIVE),
        AS_IN_VIM,
        s.SERVICE_ERROR,
        s.VM_ERROR,
    ),
    Failure(
        "vm-action",
        "the VM is not alive within bootup_time after ENABLE_MONITOR",
        (e.VM_MONITOR_SET,),
        AS_IN_VIM,
        s.SERVICE_ACTIVE,
        s.VM_ERROR,
    ),
    *_waiting("service-action", e.SERVICE_ALIVE, "; the event is the one that closes the action"),
    *_waiting("vm-action", e.VM_REBOOTED, "; the event is the one of the action"),
    *_waiting("migrate", e.VM_MIGRATE_INIT, interrupted=e.VM_MIGRATED),
    *_waiting("backup", e.VM_BACKUP_COMPLETE, interrupted_stays=HALF_MADE),
    *_waiting("recover", e.VM_RECOVERY_COMPLETE, interrupted=e.VM_RECOVERY_CANCELLED),
    Failure(
        "update",
        f"{TURN}: scaling of what was stopped, another flavor of what waits for confirm or revert",
        (e.SERVICE_UPDATED,),
        "the VMs as they were; the document is tried again when it is sent again",
        s.SERVICE_ERROR,
    ),
    *_confirming("confirm-resize", e.VM_CONFIRM_RESIZE_INIT, e.VM_CONFIRM_RESIZE_COMPLETE),
    *_confirming("revert-resize", e.VM_REVERT_RESIZE_INIT, e.VM_REVERT_RESIZE_COMPLETE),
    *_moving("migrate", e.VM_MIGRATE_INIT, e.VM_MIGRATED, AS_BEFORE),
    Failure(
        "migrate",
        "no valid host, a migration that fails on the way or ends where it began",
        (e.VM_MIGRATED,),
        AS_BEFORE,
        s.SERVICE_ACTIVE,
        s.VM_ALIVE,
    ),
    Failure(
        "migrate",
        "the VM is not alive within bootup_time after a live migration",
        (e.VM_MIGRATE_COMPLETE,),
        "the VM",
        s.SERVICE_ACTIVE,
        s.VM_ERROR,
    ),
    Failure(
        "update",
        "a port is made, given to a VM, changed, taken from it or deleted",
        (e.VM_UPDATED, e.SERVICE_UPDATED),
        "the VM with what was changed before, monitored again; the document sent again does the rest",
        s.SERVICE_ERROR,
        s.VM_ALIVE,
        Fault("interface.create"),
    ),
    Failure(
        "update",
        "a volume is made, found, given to a VM, taken from it or deleted",
        (e.VM_UPDATED, e.SERVICE_UPDATED),
        "the VM with what was changed before, monitored again; the document sent again does the rest",
        s.SERVICE_ERROR,
        s.VM_ALIVE,
        Fault("volume_attachment.create"),
    ),
    Failure(
        "update",
        "a boot volume is replaced, the cloud does not swap it, and `restore.root_volume` is refuse",
        (e.VM_UPDATED, e.SERVICE_UPDATED),
        "the VM as it was",
        s.SERVICE_ERROR,
        s.VM_ALIVE,
    ),
    Failure(
        "update",
        "a boot volume is replaced: the server that is made anew is refused, or goes to ERROR",
        (e.VM_UPDATED, e.SERVICE_UPDATED),
        "ports, addresses and volumes; the document sent again, or a recovery, makes the server on them",
        s.SERVICE_ERROR,
        s.VM_ERROR,
        Fault("server.create"),
    ),
    Failure(
        "update",
        "a changed VM is not alive within bootup_time when its monitor is set again",
        (e.VM_ALIVE, e.SERVICE_UPDATED),
        "the VM, changed",
        s.SERVICE_ERROR,
        s.VM_ERROR,
    ),
    Failure("update", "the cloud refuses a resize", (e.SERVICE_UPDATED,), AS_BEFORE, s.SERVICE_ERROR, s.VM_ALIVE),
    Failure(
        "update",
        "the server goes to ERROR in a resize",
        (e.VM_VERIFY_RESIZE,),
        IN_ERROR,
        s.SERVICE_ACTIVE,
        s.VM_ERROR,
    ),
    Failure(
        "update",
        "no valid host for a resize: the flavor is the old one",
        (e.VM_VERIFY_RESIZE,),
        AS_BEFORE,
        s.SERVICE_ACTIVE,
        s.VM_ALIVE,
    ),
    Failure(
        "backup",
        "the cloud refuses the snapshot: its words answer the caller",
        (e.VM_BACKUP_COMPLETE,),
        "nothing of the snapshot",
        s.SERVICE_ACTIVE,
        s.VM_ALIVE,
        Fault("server.create_image"),
    ),
    Failure(
        "backup",
        "the snapshot does not become active in time, or breaks off",
        (e.VM_BACKUP_COMPLETE,),
        "the half-made image, named in the event and kept in the list to be deleted",
        s.SERVICE_ACTIVE,
        s.VM_ALIVE,
    ),
    Failure(
        "backup",
        "EXPORT: the image's bytes cannot be had, do not fit their checksum or cannot be written",
        (e.VM_BACKUP_COMPLETE,),
        "nothing: neither image nor file",
        s.SERVICE_ACTIVE,
        s.VM_ALIVE,
        Fault("image.download"),
    ),
    Failure(
        "snapshot-delete",
        "the cloud refuses to delete the image: its words answer the caller",
        (e.VM_SNAPSHOT_DELETED,),
        "the snapshot, as it was",
        s.SERVICE_ACTIVE,
        s.VM_ALIVE,
        Fault("image.delete"),
    ),
    Failure(
        "snapshot-delete",
        "a volume snapshot is deleted, or the time is up before all of it is gone",
        (e.VM_SNAPSHOT_DELETED,),
        "what the cloud kept, in the list to be deleted again",
        s.SERVICE_ACTIVE,
        s.VM_ALIVE,
        Fault("snapshot.delete"),
    ),
    Failure(
        "volume-from-snapshot",
        "the cloud refuses the volume: its words answer the caller",
        (e.VM_VOLUME_CREATED,),
        "nothing",
        fault=Fault("volume.create"),
    ),
    Failure(
        "volume-from-snapshot",
        "the volume does not become available in time, or goes to ERROR",
        (e.VM_VOLUME_CREATED,),
        "the volume, named in the callback: it is not openesc's to delete",
        fault=Fault("volume.create", BROKEN),
    ),
    Failure(
        "recover",
        "the reboot: with REBOOT_THEN_REDEPLOY the redeploy follows",
        (e.VM_RECOVERY_REBOOT,),
        "the VM, made again",
        s.SERVICE_ACTIVE,
        s.VM_ALIVE,
    ),
    Failure(
        "recover",
        "the server is deleted: the next try follows",
        (e.VM_RECOVERY_UNDEPLOYED,),
        "the VM, made again by a later try",
        s.SERVICE_ACTIVE,
        s.VM_ALIVE,
        Fault("server.delete"),
    ),
    Failure(
        "recover",
        "the new server is asked for, or goes to ERROR: the next try follows",
        (e.VM_RECOVERY_DEPLOYED,),
        "the VM, made again by a later try",
        s.SERVICE_ACTIVE,
        s.VM_ALIVE,
        Fault("server.create"),
    ),
    Failure(
        "recover",
        "every try of the recovery policy",
        (e.VM_RECOVERY_COMPLETE,),
        "what the last try left; the recovery can be asked for again",
        s.SERVICE_ERROR,
        s.VM_ERROR,
    ),
)

TABLE: tuple[Failure, ...] = (
    *_making("deploy", e.SERVICE_ALIVE),
    Failure(
        "deploy",
        "an undeploy interrupts it (`interrupted by undeploy`)",
        (e.SERVICE_ALIVE,),
        "nothing once the undeploy, which follows, has ended",
    ),
    *_making("update", e.SERVICE_UPDATED),
    Failure(
        "update",
        "the server or a port of a VM that leaves is deleted",
        (e.VM_UNDEPLOYED, e.SERVICE_UPDATED),
        LISTED,
        s.SERVICE_ERROR,
        None,
        Fault("server.delete"),
    ),
    Failure(
        "update",
        "a volume of a VM that leaves is deleted (the cloud keeps one that has snapshots)",
        (e.VM_UNDEPLOYED, e.SERVICE_UPDATED),
        LISTED,
        s.SERVICE_ERROR,
        None,
        Fault("volume.delete"),
    ),
    Failure(
        "update",
        "an ephemeral network that leaves, or its subnet, is deleted",
        (e.DELETE_NETWORK, e.SERVICE_UPDATED),
        "the network; the next update or the undeploy tries again",
        s.SERVICE_ERROR,
        None,
        Fault("network.delete"),
    ),
    Failure(
        "undeploy",
        "the server of a VM is deleted",
        (e.VM_UNDEPLOYED, e.SERVICE_UNDEPLOYED),
        LISTED,
        fault=Fault("server.delete"),
    ),
    Failure(
        "undeploy",
        "a port of a VM is deleted",
        (e.VM_UNDEPLOYED, e.SERVICE_UNDEPLOYED),
        LISTED,
        fault=Fault("port.delete"),
    ),
    Failure(
        "undeploy",
        "a volume of a VM is deleted (the cloud keeps one that has snapshots)",
        (e.VM_UNDEPLOYED, e.SERVICE_UNDEPLOYED),
        LISTED,
        fault=Fault("volume.delete"),
    ),
    Failure(
        "undeploy",
        "a subnet is deleted (its network is not tried)",
        (e.DELETE_SUBNET, e.SERVICE_UNDEPLOYED),
        LISTED,
        fault=Fault("subnet.delete"),
    ),
    Failure(
        "undeploy",
        "an ephemeral network is deleted",
        (e.DELETE_NETWORK, e.SERVICE_UNDEPLOYED),
        LISTED,
        fault=Fault("network.delete"),
    ),
    Failure(
        "undeploy",
        "the cloud cannot be had within the patience of a step",
        (e.VM_UNDEPLOYED, e.SERVICE_UNDEPLOYED),
        LISTED,
    ),
    Failure(
        "undeploy",
        "something of it is still there when all was deleted (the proof)",
        (e.SERVICE_UNDEPLOYED,),
        LISTED,
    ),
    Failure("create-tenant", "the project is made", (e.CREATE_TENANT,), "nothing", fault=Fault("project.create")),
    Failure(
        "create-tenant",
        "managed_resource is false and the project is not there",
        (e.CREATE_TENANT,),
        "nothing",
    ),
    Failure("delete-tenant", "the project is deleted", (e.DELETE_TENANT,), LISTED, fault=Fault("project.delete")),
    Failure("apply-network", "the network is made", (e.CREATE_NETWORK,), "nothing", fault=Fault("network.create")),
    Failure("apply-network", "a subnet is made", (e.CREATE_SUBNET,), "the network", fault=Fault("subnet.create")),
    Failure(
        "apply-network",
        "a subnet that is no longer wanted is deleted",
        (e.DELETE_SUBNET,),
        "the subnet; sending the network again tries again",
        fault=Fault("subnet.delete"),
    ),
    Failure(
        "delete-network",
        "a subnet is deleted (the network is not tried)",
        (e.DELETE_SUBNET, e.DELETE_NETWORK),
        LISTED,
        fault=Fault("subnet.delete"),
    ),
    Failure("delete-network", "the network is deleted", (e.DELETE_NETWORK,), LISTED, fault=Fault("network.delete")),
    Failure(
        "create-artifact",
        "the image is made or uploaded",
        (e.CREATE_IMAGE,),
        "nothing",
        fault=Fault("image.create"),
    ),
    Failure("delete-artifact", "the image is deleted", (e.DELETE_IMAGE,), LISTED, fault=Fault("image.delete")),
    Failure("create-artifact", "the flavor is made", (e.CREATE_FLAVOR,), "nothing", fault=Fault("flavor.create")),
    Failure("delete-artifact", "the flavor is deleted", (e.DELETE_FLAVOR,), LISTED, fault=Fault("flavor.delete")),
    *_OPERATIONS,
)
