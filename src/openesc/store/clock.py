"""Time as a position: UTC milliseconds that strictly grow, also when the machine's clock steps back."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from sqlalchemy import Connection, func, select

from openesc.store.tables import events, meta

_KEY = "clock"


class Clock:
    """Hands out positions. Only the writer lane ticks it, so a position is also the order of transactions.

    Bursts above 1,000 ticks a second run ahead of the wall clock until they calm down; positions stay unique and
    ordered.
    """

    def __init__(self, last: int = 0) -> None:
        self._last = last

    @property
    def last(self) -> int:
        """The newest position handed out, in milliseconds since 1970-01-01 UTC."""
        return self._last

    def tick(self) -> int:
        """The next position, in milliseconds since 1970-01-01 UTC."""
        self._last = max(self._last + 1, now_ms())
        return self._last


def now_ms() -> int:
    """Now, in milliseconds since 1970-01-01 UTC."""
    return time.time_ns() // 1_000_000


def iso(position: int) -> str:
    """`position` as ESC prints event times: ``2021-09-14T12:18:39.836+00:00``."""
    return datetime.fromtimestamp(position / 1000, UTC).isoformat(timespec="milliseconds")


def position_of(moment: datetime) -> int:
    """The position of `moment` (naive values are taken as UTC)."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(aware.timestamp() * 1000)


def save_position(connection: Connection, position: int) -> None:
    """Keep the newest position with what was written at it: a clock that stepped back meanwhile must not repeat it."""
    changed = connection.execute(meta.update().where(meta.c.key == _KEY).values(value=str(position)))
    if not changed.rowcount:
        connection.execute(meta.insert(), {"key": _KEY, "value": str(position)})


def saved_position(connection: Connection) -> int:
    """The newest position that is durable, 0 in an empty store."""
    saved = connection.execute(select(meta.c.value).where(meta.c.key == _KEY)).scalar()
    newest = connection.execute(select(func.max(events.c.position))).scalar()
    return max(int(saved or 0), newest or 0)
