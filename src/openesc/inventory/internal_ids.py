"""The ids that clients of REST choose for what they make (``internal_tenant_id`` and its like): another name for it.

An id counts as long as what it names is there; what was made by NETCONF goes by its name. Deployments need none of
this: the id a client chooses is their depid.
"""

from __future__ import annotations

from sqlalchemy import Connection, and_, select

from openesc.store import Tx
from openesc.store import tables as t


def resolve(connection: Connection, kind: str, scope: str, internal_id: str) -> str | None:
    """The name that goes with an id, None when nobody chose it. `scope`: the tenant, "" for what is shared."""
    c = t.internal_ids.c
    where = and_(c.kind == kind, c.scope == scope, c.id == internal_id)
    name: str | None = connection.execute(select(c.name).where(where)).scalar()
    return name


def chosen(connection: Connection, kind: str) -> dict[tuple[str, str], str]:
    """The ids that were chosen for a kind, by scope and name."""
    c = t.internal_ids.c
    rows = connection.execute(select(c.scope, c.name, c.id).where(c.kind == kind))
    return {(row.scope, row.name): row.id for row in rows}


def assign(tx: Tx, kind: str, scope: str, internal_id: str, name: str) -> None:
    """Let `internal_id` name it from now on, in place of an older id and of what the id named before."""
    c = t.internal_ids.c
    old = and_(c.kind == kind, c.scope == scope, (c.id == internal_id) | (c.name == name))
    tx.execute(t.internal_ids.delete().where(old))
    if internal_id != name:
        tx.execute(t.internal_ids.insert(), {"kind": kind, "scope": scope, "id": internal_id, "name": name})
