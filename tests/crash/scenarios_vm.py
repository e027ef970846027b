"""What is done to a VNF that is there: its power, its monitors, its flavor and host, its backups, its recovery."""

from __future__ import annotations

from tests.crash import documents, requests
from tests.crash.requests import Request
from tests.crash.scenario import Scenario

ONE_VM = (documents.single,)
TWO_VMS = (documents.pair,)
FROM_VOLUME = (documents.booting_from_volume,)

_UP = ("start", "metadata", "up", "alive/deadline", "alive")
_POWER = {
    "STOP": ("stop", "off"),
    "START": _UP,
    "REBOOT": ("stop", "off", *_UP),
    "DISABLE_MONITOR": ("metadata", "unmonitored"),
    "ENABLE_MONITOR": ("metadata", "monitored", "alive/deadline", "alive"),
}
_CALLS = {
    "STOP": ("stop",),
    "START": ("start",),
    "REBOOT": ("stop", "start"),
    "DISABLE_MONITOR": ("metadata",),
    "ENABLE_MONITOR": ("metadata",),
}
_AHEAD = {"START": "STOP", "ENABLE_MONITOR": "DISABLE_MONITOR"}
"""What has to be done first."""


def _of(vm: str, steps: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{vm}/{step}" for step in steps)


def _service(action: str) -> Scenario:
    """On two VMs at once."""
    ahead = [requests.service_action(_AHEAD[action])] if action in _AHEAD else []
    steps = ("begin", *_of("g1/0", _POWER[action]), *_of("g1/1", _POWER[action]), "close")
    return Scenario(
        f"service-{action.lower().replace('_', '-')}",
        "service-action",
        requests.service_action(action),
        steps,
        before=[*TWO_VMS, *ahead],
        sample=_of("g1/0", _CALLS[action]),
    )


def _vm(action: str) -> Scenario:
    ahead = [requests.vm_action(_AHEAD[action])] if action in _AHEAD else []
    steps = ("begin", *_of("g1/0", _POWER[action]), "close")
    return Scenario(
        f"vm-{action.lower().replace('_', '-')}",
        "vm-action",
        requests.vm_action(action),
        steps,
        before=[*ONE_VM, *ahead],
        sample=_of("g1/0", _CALLS[action]),
    )


SERVICE = tuple(_service(action) for action in _POWER)
VM = tuple(_vm(action) for action in _POWER)

_FINISH = ("g1/0/complete", "g1/0/metadata", "g1/0/alive/deadline", "g1/0/alive")
_RESIZE = ("plan", "resize/plan", *_of("g1/0", ("flavor", "look", "pause", "resize")), "close", "g1/0/verify")
_COLD = ("begin", *_of("g1/0", ("look", "pause", "migrate", "migrated", "verify")))
_LIVE = ("look", "pause", "migrate", "migrated", "resume", "alive/deadline", "alive")
AUTO_CONFIRM = {"auto_confirm": True}

RESIZE = Scenario("resize", "update", documents.single_of_other_flavor, _RESIZE, before=ONE_VM)
RESIZE_AUTO = Scenario(
    "resize-auto", "update", documents.single_of_other_flavor, (*_RESIZE, *_FINISH), before=ONE_VM, cloud=AUTO_CONFIRM
)
LIVE = Scenario(
    "migrate-live", "migrate", requests.migrate("live"), ("begin", *_of("g1/0", _LIVE), "close"), before=ONE_VM
)
COLD = Scenario("migrate-cold", "migrate", requests.migrate("cold"), (*_COLD, "close"), before=ONE_VM)
COLD_AUTO = Scenario(
    "migrate-cold-auto",
    "migrate",
    requests.migrate("cold"),
    (*_COLD, *_FINISH, "close"),
    before=ONE_VM,
    cloud=AUTO_CONFIRM,
)


def _decided(word: str, name: str, ahead: Request) -> Scenario:
    """A resize or cold migration that waited is confirmed or reverted."""
    return Scenario(
        f"{word}-{name}",
        f"{word}-resize",
        requests.vm_action(f"{word.upper()}_RESIZE"),
        ("begin", f"g1/0/{word}", *_FINISH, "close"),
        before=[*ONE_VM, ahead],
    )


MOVES = (
    *(RESIZE, RESIZE_AUTO, LIVE, COLD, COLD_AUTO),
    *(_decided(word, "resize", documents.single_of_other_flavor) for word in ("confirm", "revert")),
    *(_decided(word, "cold", requests.migrate("cold")) for word in ("confirm", "revert")),
)

_DOUBLES = ("doubles/since", "doubles/find", "doubles")
_MADE = ("begin", "look", "image", "volumes", "active/started")
LOST_IMAGE = {
    "match": {"operation": "server.create_image"},
    "action": {"type": "lost_reply", "effect_after": 1.0},
}
"""The image is asked for again before the first one shows itself."""

BACKUP_IMAGE = Scenario("backup-image", "backup", requests.backup(), (*_MADE, "close"), before=ONE_VM)
BACKUP_VOLUME = Scenario("backup-volume", "backup", requests.backup(), (*_MADE, "close"), before=FROM_VOLUME)
BACKUP_LOST = Scenario(
    "backup-lost",
    "backup",
    requests.backup(),
    (*_MADE, *_DOUBLES, "close"),
    before=FROM_VOLUME,
    refused=[LOST_IMAGE],
)
EXPORT = Scenario(
    "export",
    "backup",
    requests.backup("EXPORT"),
    ("begin", "look", "image", "active/started", "export", "temporary/find", "temporary", "close"),
    before=ONE_VM,
)
DELETE_IMAGE = Scenario(
    "snapshot-delete-image",
    "snapshot-delete",
    requests.delete_snapshot(),
    ("project", "image/find", "image", "gone/started", "close"),
    before=[*ONE_VM, requests.backup()],
)
DELETE_VOLUME = Scenario(
    "snapshot-delete-volume",
    "snapshot-delete",
    requests.delete_snapshot(),
    ("project", "image/find", "image", "volume/*", "gone/started", "close"),
    before=[*FROM_VOLUME, requests.backup()],
)
VOLUME = Scenario(
    "volume-from-snapshot",
    "volume-from-snapshot",
    requests.volume_from_snapshot(),
    ("look", "volume", "available/started", "available", "bootable", "close"),
    before=[*FROM_VOLUME, requests.backup()],
)
SNAPSHOTS = (BACKUP_IMAGE, BACKUP_VOLUME, BACKUP_LOST, EXPORT, DELETE_IMAGE, DELETE_VOLUME, VOLUME)

_TRY = ("begin", "server/delete", "undeployed", "volume/root/available", "volume/data/available", "server", "up")
RECOVER_REBOOT = Scenario(
    "recover-reboot",
    "recover",
    requests.recover(),
    ("begin", "reboots", "reboot", "back/deadline", "rebooted", "g1/0/metadata", "close"),
    before=ONE_VM,
)
RECOVER_REDEPLOY = Scenario(
    "recover-redeploy",
    "recover",
    requests.recover(),
    ("begin", "g1/lookup", *_of("try/1", (*_TRY, "alive/deadline")), "g1/0/metadata", "close"),
    before=FROM_VOLUME,
)
RECOVERY = (RECOVER_REBOOT, RECOVER_REDEPLOY)
