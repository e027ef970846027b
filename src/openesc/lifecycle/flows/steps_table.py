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
    "*/*/undo/leftover",
    "*/*/failed",
)
_INTERFACE = ("interface/*/detach", "interface/*/delete", "port/*", "interface/*/attach", "interface/*/change")
_VOLUME = tuple(
    f"volume/*{step}" for step in ("/detach", "/detached", "/delete", "/left", "", "/available", "/attach", "/attached")
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
_REMOVE = ("vm/*/server/delete", "vm/*/port/delete", "vm/*/volume/*/delete", "vm/*/gone", "vm/*/failed")
_LATE = ("late/until", "late/*/server/delete", "late/*/port/delete", "late/volumes-and-networks")
_SUBNET_GOES = ("subnet:network:*/*/*/delete", "subnet:network:*/*/*/delete/failed")
_NETWORKS_GO = (*_SUBNET_GOES, "network:*/*/delete", "network:*/*/delete/failed")
_CONVERGE = ("plan", *_TENANT, "project", *_NETWORKS, *_CHANGE, *_VM, "leaving", *_REMOVE, *_NETWORKS_GO)
_POWER = (
    "*/stop",
    "*/off",
    "*/start",
    "*/up",
    "*/alive/deadline",
    "*/alive",
    "*/metadata",
    "*/monitored",
    "*/unmonitored",
)
_FINISH = ("*/complete", "*/metadata", "*/alive/deadline", "*/alive", "close")
_RESIZE = ("resize/plan", "*/flavor", "*/look", "*/pause", "*/resize", "*/resize/*", "*/verify", "*/complete")
_TRY = (
    *(
        "begin",
        "server/delete",
        "undeployed",
        "undeploy/failed",
        "interface/*/delete",
        "port/*",
        "interface/*/change",
        "volume/*",
        "volume/*/available",
    ),
    *("server", "up", "deploy/failed", "alive/deadline", "alive/failed"),
)
_RECOVERY = (
    *("reboots", "reboot", "back/deadline", "rebooted", "reboot/failed", "reboot/alive/failed", "*/lookup"),
    *(f"try/*/{step}" for step in _TRY),
    "*/*/metadata",
)
_BACKUP = ("doubles/since", "doubles/find", "doubles", "export", "temporary/find", "temporary", "undo")

STEPS: Mapping[str, Sequence[str]] = {
    "deploy": ("begin", *_CONVERGE, *_RESIZE, "close"),
    "update": ("*/*/sound", *_CONVERGE, *_RESIZE, "close"),
    "unchanged": ("close",),
    "undeploy": ("begin", "project", *_REMOVE, *_LATE, *_NETWORKS_GO, "leftovers", "proof", "close"),
    "service-action": ("begin", *_POWER, "close"),
    "confirm-resize": ("begin", "*/confirm", *_FINISH),
    "revert-resize": ("begin", "*/revert", *_FINISH),
    "migrate": ("begin", "*/look", "*/pause", "*/migrate", "*/migrated", "*/resume", "*/verify", *_FINISH),
    "vm-action": ("begin", *_POWER, "close"),
    "backup": ("begin", "look", "image", "volumes", "active/started", *_BACKUP, "close"),
    "snapshot-delete": ("project", "image/find", "image", "volume/*", "gone/started", "close"),
    "volume-from-snapshot": (
        *("look", "volume", "doubles/find", "doubles", "available/started", "available", "bootable", "close"),
    ),
    "recover": ("begin", *_RECOVERY, "close"),
    "sweep": ("vm/*", "volumes-and-networks"),
    "create-tenant": _TENANT,
    "delete-tenant": ("tenant/*/delete", "failed"),
    "create-artifact": ("image/*/found", "image/*", "flavor/*/found", "flavor/*", "failed"),
    "delete-artifact": ("image/*/delete", "flavor/*/delete", "failed"),
    "apply-network": (*_TENANT, *_NETWORKS, *_SUBNET_GOES),
    "delete-network": (*_NETWORKS_GO, "failed"),
}
