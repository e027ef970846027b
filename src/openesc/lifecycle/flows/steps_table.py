"""The steps of every flow as failpoint patterns: ``*`` stands for the name or number of a group, VM, network ...

Held against the journals of real runs by the crash tests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

_TENANT = ("tenant/*/found", "tenant/*", "tenant/*/failed")
_NETWORKS = ("network/*", "network/*/failed", "network/*/subnet/*", "network/*/subnet/*/failed")
_VM = (
    "*/lookup",
    "*/*/begin",
    "*/*/again/server/delete",
    "*/*/again/port/delete",
    "*/*/again/volume/*/delete",
    "*/*/again/volume/*/deleted",
    "*/*/again/volume/*/left",
    "*/*/port/*",
    "*/*/volume/*",
    "*/*/volume/*/available",
    "*/*/server",
    "*/*/up",
    "*/*/alive/deadline",
    "*/*/alive",
    "*/*/undo/server/delete",
    "*/*/undo/port/delete",
    "*/*/undo/volume/*/delete",
    "*/*/undo/volume/*/deleted",
    "*/*/undo/leftover",
    "*/*/failed",
)
_INTERFACE = ("interface/*/detach", "interface/*/delete", "port/*", "interface/*/attach", "interface/*/change")
_VOLUME = tuple(
    f"volume/*{step}"
    for step in ("/detach", "/detached", "/delete", "/deleted", "/left", "", "/available", "/attach", "/attached")
)
_RESTORE = tuple(
    f"restore/{step}"
    for step in (
        *("lookup", "volume/*", "volume/*/available", "swap", "swapped", "server/delete", "server/gone"),
        *("volume/*/left", "server", "up", "stop"),
    )
)
_CHANGED = ("updated", "metadata", "refused", "resume", "alive/deadline", "alive", "failed")
_CHANGE = tuple(f"*/*/change/{step}" for step in ("pause", *_INTERFACE, *_VOLUME, *_RESTORE, *_CHANGED))
_VOLUME_GOES = ("vm/*/volume/*/delete", "vm/*/volume/*/deleted")
_REMOVE = ("vm/*/server/delete", "vm/*/port/delete", *_VOLUME_GOES, "vm/*/gone", "vm/*/failed")
_LATE = ("late/until", "late/*/server/delete", "late/*/port/delete", "late/strays")
_SUBNET_GOES = ("subnet:network:*/*/*/delete", "subnet:network:*/*/*/delete/failed")
_NETWORKS_GO = (*_SUBNET_GOES, "network:*/*/delete", "network:*/*/delete/failed")
_PLACEMENT = ("placement/*", "placement/*/delete")
_CONVERGE = (
    *("plan", *_TENANT, "project", *_NETWORKS, *_PLACEMENT, *_CHANGE, *_VM),
    *("leaving/first", "leaving", *_REMOVE, *_NETWORKS_GO),
)


def _of_vm(*steps: str) -> tuple[str, ...]:
    """Steps below group and number of a VM."""
    return tuple(f"*/*/{step}" for step in steps)


def _doubles(kind: str) -> tuple[str, ...]:
    return (f"{kind}/*/doubles/until", f"{kind}/*/doubles", f"{kind}/*/doubles/left")


_POWER = _of_vm(
    "stop", "off", "start", "up", "alive/deadline", "alive", "metadata", "monitored", "unmonitored", "failed"
)
_FINISH = _of_vm("complete", "metadata", "alive/deadline", "alive")
_RESIZE = ("resize/plan", *_of_vm("flavor", "look", "pause", "resize", "resize/*", "verify"), *_FINISH)
_MIGRATE = _of_vm("look", "pause", "migrate", "migrated", "resume", "verify")
_TRY = (
    *("begin", "server/delete", "undeployed", "undeploy/failed", "interface/*/delete", "port/*", "interface/*/change"),
    *("volume/*/delete", "volume/*/deleted", "volume/*/left", "volume/*", "volume/*/available"),
    *("server", "up", "deploy/failed", "alive/deadline", "alive/failed"),
)
_RECOVERY = (
    *("reboots", "reboot", "back/deadline", "rebooted", "reboot/failed", "reboot/alive/failed", "*/lookup"),
    *(f"try/*/{step}" for step in _TRY),
    *_of_vm("metadata"),
)
_BACKUP = ("doubles/since", "doubles/find", "doubles", "export", "temporary/find", "temporary", "undo")

STEPS: Mapping[str, Sequence[str]] = {
    "deploy": ("begin", *_CONVERGE, *_RESIZE, "close"),
    "update": ("*/*/sound", *_CONVERGE, *_RESIZE, "close"),
    "unchanged": ("close",),
    "undeploy": (
        *("begin", "project", *_REMOVE, *_LATE, *_NETWORKS_GO, "placement/*/delete", "leftovers", "proof", "close"),
    ),
    "service-action": ("begin", *_POWER, "close"),
    "confirm-resize": ("begin", *_of_vm("confirm"), *_FINISH, "close"),
    "revert-resize": ("begin", *_of_vm("revert"), *_FINISH, "close"),
    "migrate": ("begin", *_MIGRATE, *_FINISH, "close"),
    "vm-action": ("begin", *_POWER, "close"),
    "backup": ("begin", "look", "image", "volumes", "active/started", *_BACKUP, "close"),
    "snapshot-delete": ("project", "image/find", "image", "volume/*", "gone/started", "close"),
    "volume-from-snapshot": (
        *("look", "volume", "doubles/find", "doubles", "available/started", "available", "bootable", "close"),
    ),
    "recover": ("begin", *_RECOVERY, "close"),
    "sweep": ("vm/*", "strays"),
    "create-tenant": _TENANT,
    "delete-tenant": ("tenant/*/delete", "failed"),
    "create-artifact": ("image/*/found", "image/*", *_doubles("image"), "flavor/*/found", "flavor/*", "failed"),
    "delete-artifact": ("image/*/delete", "flavor/*/delete", "failed"),
    "apply-network": (*_TENANT, *_NETWORKS, *_doubles("network"), *_SUBNET_GOES),
    "delete-network": (*_NETWORKS_GO, "failed"),
}
