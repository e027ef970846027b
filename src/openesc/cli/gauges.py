"""States that /metrics shows, read from the rooms when somebody asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection, func, select

from openesc import metrics
from openesc.events import block
from openesc.events.callbacks import outbox
from openesc.events.callbacks.deliveries import DEAD, WAITING
from openesc.events.position import stored_position
from openesc.lifecycle import journal
from openesc.store import Store, now_ms
from openesc.store import tables as t

READERS = {"callbacks": outbox.POSITION_KEY, "log-block": block.POSITION_KEY}
"""The durable readers of the event log, by the keys of their positions."""


def watch_states(store: Store, sessions: Callable[[], int], readers: Mapping[str, str] = READERS) -> None:
    """Show operations, events and callbacks that wait, and sessions."""

    def read(fn: Callable[[Connection], Any]) -> Callable[[], Any]:
        return lambda: store.read_now(fn)

    metrics.watch("openesc_operations_open", "Operations that have not ended.", read(_open_operations), ("state",))
    metrics.watch(
        "openesc_event_backlog",
        "Events that a durable reader of the log has not taken yet.",
        read(lambda connection: {(name,): _behind(connection, key)[0] for name, key in readers.items()}),
        ("reader",),
    )
    metrics.watch(
        "openesc_event_backlog_oldest_seconds",
        "Age of the oldest event that a reader has not taken yet.",
        read(lambda connection: {(name,): _behind(connection, key)[1] for name, key in readers.items()}),
        ("reader",),
    )
    metrics.watch("openesc_callback_backlog", "Callbacks that wait, and dead letters.", read(_callbacks), ("state",))
    metrics.watch("openesc_callback_backlog_oldest_seconds", "Age of the oldest callback that waits.", read(_oldest))
    metrics.watch("openesc_netconf_sessions", "NETCONF sessions that are open.", sessions)


def _open_operations(connection: Connection) -> metrics.Reading:
    state = t.operations.c.state
    rows = connection.execute(select(state, func.count()).where(state.in_(journal.OPEN)).group_by(state))
    return {**{(one,): 0.0 for one in journal.OPEN}, **{(row[0],): float(row[1]) for row in rows}}


def _behind(connection: Connection, key: str) -> tuple[float, float]:
    """How many events, and the age of the oldest in seconds."""
    position = t.events.c.position
    missing = select(func.count(), func.min(position)).where(position > stored_position(connection, key))
    count, oldest = connection.execute(missing).one()
    return float(count), _age(oldest)


def _callbacks(connection: Connection) -> metrics.Reading:
    state = t.callback_deliveries.c.state
    rows = connection.execute(select(state, func.count()).where(state.in_((WAITING, DEAD))).group_by(state))
    return {(WAITING,): 0.0, (DEAD,): 0.0, **{(row[0],): float(row[1]) for row in rows}}


def _oldest(connection: Connection) -> float:
    d = t.callback_deliveries.c
    return _age(connection.execute(select(func.min(d.position)).where(d.state == WAITING)).scalar())


def _age(position: int | None) -> float:
    return 0.0 if position is None else max(0.0, (now_ms() - position) / 1000)
