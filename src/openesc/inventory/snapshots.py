"""Snapshots of VMs: an image, and volume snapshots where the VM boots from a volume. They outlive the deployment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, or_, select

from openesc.store import Tx
from openesc.store import tables as t

CREATING: Final = "creating"
AVAILABLE: Final = "available"
DELETING: Final = "deleting"
ERROR: Final = "error"
"""Half made or half deleted: what there is of it can be deleted."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot ESC manages. `id` is ours and the reference; names need not be unique. Times in UTC milliseconds.

    `volume_snapshots`: of each volume of the VM that has one its ``id`` (Cinder's), ``volume_id`` and ``boot``.
    `source`: the leaves of `vm_source` as they were, for events after the VM has gone.
    """

    id: str
    name: str
    status: str
    status_message: str
    vm_name: str
    vm_group: str
    deployment: str
    deployment_id: str
    tenant: str
    vim_id: str | None
    project: str
    server_id: str
    started_at: int
    image_id: str | None = None
    volume_snapshots: Sequence[Mapping[str, Any]] = ()
    source: Mapping[str, Any] = field(default_factory=dict)
    document: str | None = None
    ended_at: int | None = None

    @property
    def boot_volume_snapshot_id(self) -> str | None:
        """The snapshot of the volume the VM boots from; None: it boots from an image."""
        return next((one["id"] for one in self.volume_snapshots if one["boot"]), None)


def snapshot(connection: Connection, snapshot_id: str) -> Snapshot | None:
    """By our id."""
    found = _select(connection, t.snapshots.c.id == snapshot_id)
    return found[0] if found else None


def snapshots(connection: Connection, tenant: str | None = None, vm_name: str | None = None) -> list[Snapshot]:
    """All, or those of a tenant, or of the VM of this generated name; oldest first."""
    s = t.snapshots.c
    return _select(
        connection,
        *([s.tenant == tenant] if tenant is not None else []),
        *([s.vm_name == vm_name] if vm_name is not None else []),
    )


def snapshots_meant(connection: Connection, reference: str) -> list[Snapshot]:
    """What `reference` may stand for: the snapshot of this id, else all of this name."""
    s = t.snapshots.c
    found = _select(connection, or_(s.id == reference, s.name == reference))
    return [one for one in found if one.id == reference] or found


def known_volume_snapshots(connection: Connection) -> set[str]:
    """Cinder's ids of all volume snapshots that belong to a snapshot of ours."""
    return {one["id"] for found in _select(connection) for one in found.volume_snapshots}


def add_snapshot(tx: Tx, record: Snapshot) -> None:
    tx.execute(t.snapshots.insert(), _columns(asdict(record)))


def update_snapshot(tx: Tx, snapshot_id: str, **values: Any) -> None:
    tx.execute(t.snapshots.update().where(t.snapshots.c.id == snapshot_id).values(_columns(values)))


def remove_snapshot(tx: Tx, snapshot_id: str) -> None:
    tx.execute(t.snapshots.delete().where(t.snapshots.c.id == snapshot_id))


def _select(connection: Connection, *where: Any) -> list[Snapshot]:
    statement = select(t.snapshots).where(*where).order_by(t.snapshots.c.started_at)
    return [Snapshot(**row._mapping) for row in connection.execute(statement)]


def _columns(values: Mapping[str, Any]) -> dict[str, Any]:
    """JSON columns take lists and dicts alone."""
    plain = dict(values)
    if "volume_snapshots" in plain:
        plain["volume_snapshots"] = [dict(one) for one in plain["volume_snapshots"]]
    return plain
