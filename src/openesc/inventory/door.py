"""The one door through which every state changes: legal by the table, written, logged, with the caller's event."""

from __future__ import annotations

from typing import Any

import structlog
from sqlalchemy import Connection, select

from openesc.inventory import states
from openesc.inventory.transitions import target
from openesc.store import Tx
from openesc.store import tables as t

log = structlog.get_logger()


def move_service(tx: Tx, deployment_id: str, trigger: str, **values: Any) -> str:
    """Take a deployment through `trigger`, change the leaves in `values` with it, return the new state.

    Raises: IllegalTransition; KeyError when there is no such deployment.
    """
    return _move(tx, "service", t.deployments, deployment_id, trigger, values)


def move_vm(tx: Tx, vm_id: str, trigger: str, **values: Any) -> str:
    """The same for a VM, by our id."""
    return _move(tx, "vm", t.vms, vm_id, trigger, values)


def _move(tx: Tx, machine: str, table: Any, row_id: str, trigger: str, values: dict[str, Any]) -> str:
    source = _state(tx.connection, table, row_id)
    state = target(machine, source, trigger)
    if state == states.GONE:
        tx.execute(table.delete().where(table.c.id == row_id))
    else:
        tx.execute(table.update().where(table.c.id == row_id).values(state=state, **values))
    tx.on_commit.append(
        lambda: log.info("state", machine=machine, id=row_id, trigger=trigger, source=source, state=state)
    )
    return state


def _state(connection: Connection, table: Any, row_id: str) -> str:
    state: str | None = connection.execute(select(table.c.state).where(table.c.id == row_id)).scalar()
    if state is None:
        raise KeyError(row_id)
    return state
