"""Takes leftovers out of the cloud: for `openesc leftover clean`, and for the undeployment of what left them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping

from openesc.inventory.records import Leftover
from openesc.lifecycle.reach import reach
from openesc.vim.errors import VimError, VimNotFound
from openesc.vim.port import Cloud, VimRegistry

GONE_SECONDS = 30.0
"""How long a server or a volume may take to be gone."""


def in_order(rows: Iterable[Leftover]) -> list[Leftover]:
    """Servers go before what they hold."""
    return sorted(rows, key=lambda row: _ORDER.index(row.kind) if row.kind in _ORDER else len(_ORDER))


async def removal_failure(vims: VimRegistry, row: Leftover) -> str | None:
    """Remove it from the cloud. Returns why that failed, None when it is gone."""
    try:
        if row.kind == "project":
            await vims.get(row.vim_id).delete_project(row.external_id)
        else:
            cloud = await reach(vims.get(row.vim_id), row.project)
            await _REMOVERS[row.kind](cloud, row)
    except VimNotFound:
        return None
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


async def remove_volume(cloud: Cloud, volume_id: str) -> None:
    """Delete a volume, and wait until it is gone. Raises: VimError, WaitTimedOut among them."""
    await cloud.delete_volume(volume_id)
    await cloud.wait_volume(volume_id, "deleted", GONE_SECONDS)


_REMOVERS: Mapping[str, Callable[[Cloud, Leftover], Awaitable[None]]] = {
    "server": _server,
    "port": lambda cloud, row: cloud.delete_port(row.external_id),
    "volume": lambda cloud, row: remove_volume(cloud, row.external_id),
    "volume-snapshot": lambda cloud, row: cloud.delete_volume_snapshot(row.external_id),
    "subnet": lambda cloud, row: cloud.delete_subnet(row.external_id),
    "network": lambda cloud, row: cloud.delete_network(row.external_id),
    "server_group": lambda cloud, row: cloud.delete_server_group(row.external_id),
    "image": lambda cloud, row: cloud.delete_image(row.external_id),
    "flavor": lambda cloud, row: cloud.delete_flavor(row.external_id),
}
_ORDER = tuple(_REMOVERS)
