"""The durable position of a reader that follows the event log and must miss nothing over restarts."""

from __future__ import annotations

from sqlalchemy import Connection, select

from openesc.store import Tx
from openesc.store.tables import meta


def stored_position(connection: Connection, key: str) -> int:
    """How far the reader of this `key` is; 0 when it never read."""
    value = connection.execute(select(meta.c.value).where(meta.c.key == key)).scalar()
    return int(value or 0)


def store_position(tx: Tx, key: str, position: int) -> None:
    """Everything up to `position` is read, once `tx` is durable."""
    changed = tx.execute(meta.update().where(meta.c.key == key).values(value=str(position)))
    if not changed.rowcount:
        tx.execute(meta.insert(), {"key": key, "value": str(position)})
