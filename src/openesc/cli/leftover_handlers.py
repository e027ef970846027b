"""The control commands on leftovers.

==================  =========  =================================================================
command             arguments  result
==================  =========  =================================================================
``leftover.list``   none       id, kind, name, external_id, project, tenant, deployment, kept, reason
``leftover.clean``  ids        id, kind, name, result (removed, failed or kept), reason
==================  =========  =================================================================
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from openesc.cli.control import Arguments, Handler
from openesc.errors import NotFound
from openesc.inventory import store as inventory
from openesc.inventory.records import Leftover
from openesc.lifecycle.context import Services
from openesc.store import iso
from openesc.vim.errors import VimError, VimNotFound
from openesc.vim.port import Cloud

GONE_SECONDS = 30.0
"""How long a server may take to be gone."""


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
    """Those named; without names all that are not kept on purpose. Servers go before what they hold."""
    unknown = set(ids) - {row.id for row in rows}
    if unknown:
        raise NotFound(f"there is no leftover {', '.join(sorted(unknown))}; see openesc leftover list")
    chosen = [row for row in rows if row.id in ids] if ids else [row for row in rows if not row.kept]
    return sorted(chosen, key=lambda row: _ORDER.index(row.kind) if row.kind in _ORDER else len(_ORDER))


async def _clean(services: Services, row: Leftover) -> dict[str, Any]:
    reason = await _removal_failure(services, row)
    if reason is None:
        await services.store.write(lambda tx: inventory.remove_leftover(tx, row.id))
    result = "removed" if reason is None else "failed"
    return {"id": row.id, "kind": row.kind, "name": row.name, "result": result, "reason": reason}


async def _removal_failure(services: Services, row: Leftover) -> str | None:
    """Remove it from the cloud. Returns why that failed, None when it is gone."""
    try:
        if row.kind == "project":
            await services.vims.get(row.vim_id).delete_project(row.external_id)
        else:
            cloud = await services.vims.get(row.vim_id).cloud(row.project)
            await _REMOVERS[row.kind](cloud, row)
    except VimNotFound:
        return None  # its project is gone, and everything with it
    except VimError as error:
        return str(error)
    except KeyError:
        return f"there is no VIM connector {row.vim_id} any more"
    return None


async def _server(cloud: Cloud, row: Leftover) -> None:
    """By id, or by name where the answer with the id was lost. What it holds is free once it is gone."""
    named = await cloud.servers_named(row.name)
    ids = {row.external_id, *(server.id for server in named)} - {row.name}
    for server_id in ids:
        await cloud.delete_server(server_id)
    await asyncio.gather(*(cloud.wait_server_gone(server_id, GONE_SECONDS) for server_id in ids))


_REMOVERS: Mapping[str, Callable[[Cloud, Leftover], Awaitable[None]]] = {
    "server": _server,
    "port": lambda cloud, row: cloud.delete_port(row.external_id),
    "volume": lambda cloud, row: cloud.delete_volume(row.external_id),
    "volume-snapshot": lambda cloud, row: cloud.delete_volume_snapshot(row.external_id),
    "subnet": lambda cloud, row: cloud.delete_subnet(row.external_id),
    "network": lambda cloud, row: cloud.delete_network(row.external_id),
    "server_group": lambda cloud, row: cloud.delete_server_group(row.external_id),
    "image": lambda cloud, row: cloud.delete_image(row.external_id),
    "flavor": lambda cloud, row: cloud.delete_flavor(row.external_id),
}
_ORDER = tuple(_REMOVERS)
