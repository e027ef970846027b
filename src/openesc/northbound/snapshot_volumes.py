"""Bootable volumes from snapshots: whether the request is right, then a durable operation (user guide, create bootable
volume from volume snapshot). REST alone has it.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from openesc.errors import InvalidRequest, NotFound, OperationRefused
from openesc.inventory import snapshots as inventory
from openesc.inventory.snapshots import Snapshot
from openesc.lifecycle import journal
from openesc.lifecycle.engine import Engine
from openesc.lifecycle.locks import SHARED
from openesc.lifecycle.queue import Draft
from openesc.lifecycle.volume_types import VolumeTypeQuestion, VolumeTypes
from openesc.netconf import User
from openesc.northbound import access
from openesc.northbound.actions import Actions, Rules
from openesc.northbound.requester import Requester
from openesc.store import Store, Tx

MAX_NAME = 255
"""Characters of a volume's name."""


@dataclass(frozen=True, slots=True)
class VolumeWanted:
    """The payload. Cinder has multiattach as a property of the volume type."""

    name: str
    volume_type: str | None = None
    multiattach: bool = False
    bootable: bool = True


class SnapshotVolumes:
    """Accepts or rejects."""

    def __init__(self, store: Store, engine: Engine, rules: Rules, question: VolumeTypeQuestion) -> None:
        self._store = store
        self._engine = engine
        self._actions = Actions(store, engine, rules)
        self._question = question

    async def create_volume_from_snapshot(self, requester: Requester, snapshot_id: str, wanted: VolumeWanted) -> None:
        """Make a volume of the snapshot of a boot volume. Answers once the cloud took or refused it, or after
        accept_wait.

        Raises: AccessDenied, NotFound, InvalidRequest (name, volume type, multiattach, a VM without a boot volume),
        OperationRefused (a snapshot that is not available; the cloud's words), ResourceDenied (the cloud does not tell
        its volume types).
        """
        access.check_operation(requester.user, "volume-from-snapshot")
        _check_name(wanted.name)
        record = await self._store.read(lambda c: snapshot_for_volume(c, requester.user, snapshot_id))
        volume_type = await self._volume_type(record, wanted)
        arguments = {
            "snapshot_id": record.id,
            "name": wanted.name,
            "volume_type": volume_type,
            "bootable": wanted.bootable,
        }

        def submit(tx: Tx) -> journal.OperationRow:
            snapshot_for_volume(tx.connection, requester.user, snapshot_id)
            draft = Draft(
                kind="volume-from-snapshot",
                subject=f"volume {wanted.name} of snapshot {record.name} [{record.id}]",
                claims=[(f"snapshot/{record.id}", SHARED)],
                arguments=arguments,
                tenant=record.tenant,
            )
            return requester.submit(tx, self._engine, draft)

        await self._actions.taken(submit)

    async def _volume_type(self, record: Snapshot, wanted: VolumeWanted) -> str | None:
        """The type to ask for; None: the cloud's default."""
        if wanted.volume_type is None and not wanted.multiattach:
            return None
        return chosen_type(await self._question.ask(record.vim_id, record.project), wanted)


def _check_name(name: str) -> None:
    if not name:
        raise InvalidRequest("name must be specified", path="name")
    if len(name) > MAX_NAME:
        raise InvalidRequest(f"name has {len(name)} characters, more than {MAX_NAME}", path="name")


def snapshot_for_volume(connection: Connection, user: User, snapshot_id: str) -> Snapshot:
    """The snapshot of this id, of which a volume can be made. Raises: NotFound, OperationRefused, InvalidRequest."""
    found = inventory.snapshot(connection, snapshot_id)
    if found is None or not access.may_use_tenant(user, found.tenant):
        raise NotFound(f"Snapshot image [{snapshot_id}] not found.")
    if found.status != inventory.AVAILABLE:
        raise OperationRefused(f"Snapshot image [{snapshot_id}] is {found.status}: no volume can be made of it")
    if found.boot_volume_snapshot_id is None:
        raise InvalidRequest(
            f"Snapshot image [{snapshot_id}] has no volume snapshot: VM [{found.vm_name}] had no bootable volume"
        )
    return found


def chosen_type(types: VolumeTypes, wanted: VolumeWanted) -> str | None:
    """The name of the type to ask for. Raises: InvalidRequest naming the attribute."""
    if wanted.volume_type is None:
        return _multiattach_type(types)
    named = types.named(wanted.volume_type)
    if named is None:
        raise InvalidRequest(f"volume_type [{wanted.volume_type}] not found{_among(types)}", path="volume_type")
    if wanted.multiattach and not named.multiattach:
        raise InvalidRequest(f"multiattach: volume_type [{named.name}] has it not{_able(types)}", path="multiattach")
    return named.name


def _multiattach_type(types: VolumeTypes) -> str:
    """The default type, else the only one that can."""
    able = types.multiattach
    if types.default is not None and types.default.multiattach:
        return types.default.name
    if len(able) != 1:
        reason = "several volume types have it" if able else "no volume type of the VIM has it"
        raise InvalidRequest(f"multiattach: {reason}{_able(types)}", path="multiattach")
    return able[0].name


def _able(types: VolumeTypes) -> str:
    names = ", ".join(one.name for one in types.multiattach)
    return f"; give one of these as volume_type: {names}" if names else ""


def _among(types: VolumeTypes) -> str:
    return f"; there are: {', '.join(one.name for one in types.types)}" if types.types else ""
