"""The control commands on leftovers.

==================  =========  =================================================================
command             arguments  result
==================  =========  =================================================================
``leftover.list``   none       id, kind, name, external_id, project, tenant, deployment, kept, reason
``leftover.clean``  ids        id, kind, name, result (removed, failed or kept), reason
==================  =========  =================================================================
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from openesc.cli.control import Arguments, Handler
from openesc.errors import NotFound
from openesc.inventory import store as inventory
from openesc.inventory.records import Leftover
from openesc.lifecycle.context import Services
from openesc.lifecycle.leftover_removal import in_order, removal_failure
from openesc.store import iso


def leftover_handlers(services: Services) -> Mapping[str, Handler]:
    """The handlers of the commands above, by name."""

    async def listed(_arguments: Arguments) -> Any:
        rows = await services.store.read(inventory.leftovers)
        return [{**asdict(row), "created_at": iso(row.created_at)} for row in rows]

    async def clean(arguments: Arguments) -> Any:
        rows = await services.store.read(inventory.leftovers)
        chosen = _chosen(rows, arguments.get("ids") or [])
        return [await _clean(services, row) for row in chosen]

    return {"leftover.list": listed, "leftover.clean": clean}


def _chosen(rows: Sequence[Leftover], ids: Sequence[str]) -> list[Leftover]:
    """Those named; without names all that are not kept on purpose."""
    unknown = set(ids) - {row.id for row in rows}
    if unknown:
        raise NotFound(f"there is no leftover {', '.join(sorted(unknown))}; see openesc leftover list")
    chosen = [row for row in rows if row.id in ids] if ids else [row for row in rows if not row.kept]
    return in_order(chosen)


async def _clean(services: Services, row: Leftover) -> dict[str, Any]:
    reason = await removal_failure(services.vims, row)
    if reason is None:
        await services.store.write(lambda tx: inventory.remove_leftover(tx, row.id))
    result = "removed" if reason is None else "failed"
    return {"id": row.id, "kind": row.kind, "name": row.name, "result": result, "reason": reason}
