"""Servers of a project (Nova): making, finding, reading, waiting, deleting."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import Any

from openesc.vim import convert, rest
from openesc.vim.batch import Batch
from openesc.vim.calls import ProjectCalls
from openesc.vim.errors import VimConflict, VimNotFound
from openesc.vim.port import BlockDevice, Server, ServerSpec
from openesc.vim.rest import given
from openesc.vim.services import Services
from openesc.vim.watcher import Listing, Watcher

NEWEST = "2.100"
"""The compute microversion asked for where the cloud has it: that of openstacksdk 4.22."""

PERSONALITY = "2.56"
"""The last compute microversion that puts files into a server."""

OVERLAP = timedelta(seconds=10)
"""How far a list of changes reaches back before the last one: clocks of the cloud's own parts differ, and
count whole seconds.
"""


class Servers(ProjectCalls):
    """The server part of `openesc.vim.port.Cloud`."""

    _servers: Watcher[Server]

    async def get_server(self, server_id: str) -> Server:
        """Read one server. Raises: VimNotFound (also for a moment while Nova still reports it DELETED it
        is returned).
        """
        return await self._ask("get_server", lambda conn: _read(conn, server_id))

    async def find_server(self, name: str) -> Server | None:
        """The project's server of exactly this name. Raises: VimConflict when there are several."""
        found = await self.servers_named(name)
        if len(found) > 1:
            ids = ", ".join(one.id for one in found)
            raise VimConflict(f"{len(found)} servers are named {name}: {ids}")
        return found[0] if found else None

    async def servers_named(self, name: str) -> Sequence[Server]:
        """All servers of the project with exactly this name. Many names that are asked for at once are one list."""
        return await self._names.ask(name)

    @cached_property
    def _names(self) -> Batch[Sequence[Server]]:
        return Batch(lambda names: self._ask("servers_named", lambda conn: _named(conn, names)), ())

    async def create_server(self, spec: ServerSpec) -> Server:
        """Ask for a server; it is BUILD when this returns, and may still end in ERROR.

        A volume at boot index 0 is the root disk: the image is then left out. `host` needs admin rights and
        microversion 2.74. `files` go by the old personality way (microversion 2.56), where a named host is
        given with its zone.

        Raises: VimQuotaExceeded, VimBadRequest (image, flavor, network, zone), VimConflict (port in use),
            VimForbidden (host).
            After VimUnreachable or VimTimeout it may exist: look by name.
        """
        return await self._ask("create_server", lambda conn: _create(conn, spec))

    async def delete_server(self, server_id: str) -> None:
        """Ask for deletion; `wait_server_gone` tells when it is done."""
        await self._ask("delete_server", lambda conn: rest.delete(conn.compute, f"/servers/{server_id}", NEWEST))

    async def wait_server(
        self,
        server_id: str,
        done: Callable[[Server], bool],
        timeout: float,
        *,
        fault_on_error: bool = True,
    ) -> Server:
        """Wait until `done` (see `openesc.vim.goals`) says so of a fresh reading.

        Raises: VimFault with the server's fault when it rests in ERROR (unless `fault_on_error` is False),
            VimNotFound when it is gone, WaitTimedOut after `timeout` seconds. That the cloud does not answer
            ends no wait.
        """
        return await self._servers.wait(self.project.id, server_id, done, timeout, fault_on_error=fault_on_error)

    async def wait_server_gone(
        self,
        server_id: str,
        timeout: float,
    ) -> None:
        """Wait until the server is DELETED or 404. Raises: WaitTimedOut."""
        try:
            await self.wait_server(server_id, lambda server: False, timeout, fault_on_error=False)
        except VimNotFound:
            return


def _read(conn: Services, server_id: str) -> Server:
    body, _ = rest.get(conn.compute, f"/servers/{server_id}", NEWEST)
    return convert.server(body["server"])


def _named(conn: Services, names: Sequence[str]) -> dict[str, list[Server]]:
    # Nova takes a regular expression, in the words of its database: anchored, escaped, and compared here
    pattern = "|".join(map(re.escape, names))
    listed, _ = _list(conn, name=f"^({pattern})$" if len(names) > 1 else f"^{pattern}$")
    found: dict[str, list[Server]] = {name: [] for name in names}
    for one in map(convert.server, listed):
        if one.name in found and one.status != "DELETED":  # a deleted one is listed for a moment more
            found[one.name].append(one)
    return found


def _list(conn: Services, **query: Any) -> tuple[list[dict[str, Any]], datetime | None]:
    """Servers in detail, and the cloud's time when it began to list them; at least that of the newest change in the
    list, for not every web server in front of Nova says the time.
    """
    found, headers = rest.get_all(conn.compute, "/servers/detail", "servers", NEWEST, **query)
    return found, _date(headers) or max((at for one in found if (at := _changed(one))), default=None)


def _date(headers: Mapping[str, str]) -> datetime | None:
    try:
        return parsedate_to_datetime(headers["Date"]).astimezone(UTC)
    except (KeyError, ValueError):
        return None


def _changed(server: Mapping[str, Any]) -> datetime | None:
    try:
        return datetime.fromisoformat(server["updated"])
    except (KeyError, TypeError, ValueError):
        return None


def _create(conn: Services, spec: ServerSpec) -> Server:
    body: dict[str, Any] = {"server": server_body(spec)}
    if spec.server_group_id:
        body["os:scheduler_hints"] = {"group": spec.server_group_id}
    made = rest.post(conn.compute, "/servers", body, PERSONALITY if spec.files else NEWEST).json()["server"]
    return Server(id=made["id"], name=spec.name, status="BUILD", task_state="scheduling", metadata=dict(spec.metadata))


def server_body(spec: ServerSpec) -> dict[str, Any]:
    """What Nova is asked for: only what is given, since it refuses null."""
    devices = _devices(spec)
    root_is_volume = any(device.boot_index == 0 for device in spec.block_devices)
    return given(
        name=spec.name,
        flavorRef=spec.flavor_id,
        imageRef=None if root_is_volume else spec.image_id,
        networks=[{"port": port} for port in spec.port_ids] or "none",
        metadata=dict(spec.metadata) or None,
        user_data=_base64(spec.user_data),
        config_drive=True if spec.config_drive else None,
        block_device_mapping_v2=devices or None,
        personality=[{"path": path, "contents": _base64(data)} for path, data in spec.files.items()] or None,
        **_place(spec),
    )


def _place(spec: ServerSpec) -> dict[str, Any]:
    if spec.files and spec.host:  # the old way to name a host, and the only one at the old microversion
        return {"availability_zone": f"{spec.availability_zone or 'nova'}:{spec.host}"}
    return given(availability_zone=spec.availability_zone, host=spec.host)


def _base64(data: bytes | None) -> str | None:
    return None if data is None else base64.b64encode(data).decode("ascii")


def _devices(spec: ServerSpec) -> list[dict[str, Any]]:
    devices = [_device(device) for device in spec.block_devices]
    roots = [device for device in spec.block_devices if device.boot_index == 0]
    if devices and not roots and spec.image_id:
        image = {"uuid": spec.image_id, "source_type": "image", "destination_type": "local"}
        devices.insert(0, image | {"boot_index": 0, "delete_on_termination": True})
    return devices


def _device(device: BlockDevice) -> dict[str, Any]:
    return given(
        uuid=device.volume_id,
        source_type="volume",
        destination_type="volume",
        boot_index=device.boot_index,
        delete_on_termination=device.delete_on_termination,
        disk_bus=device.disk_bus,
    )


class ServerSource:
    """Servers for the watcher."""

    kind = "server"

    def __init__(self, clouds: Any) -> None:
        self._clouds = clouds

    async def read(self, scope: str, item_id: str) -> Server:
        """As `Servers.get_server`."""
        server: Server = await self._clouds.by_project(scope).get_server(item_id)
        return server

    async def listing(self, scope: str | None, since: datetime | None) -> Listing[Server]:
        """What changed since, deleted ones too; everything without `since`."""

        def listed(conn: Services) -> Listing[Server]:
            query = given(all_tenants="1" if scope is None else None)
            if since is not None:
                query["changes-since"] = (since - OVERLAP).strftime("%Y-%m-%dT%H:%M:%SZ")
            found, at = _list(conn, **query)
            return Listing([convert.server(one) for one in found], at)

        listing: Listing[Server] = await self._clouds.by_project(scope)._ask("list_servers", listed)
        return listing

    def failed(self, reading: Server) -> bool:
        """In ERROR and at rest: a hard reboot that brings a server back has it in ERROR on its way."""
        return reading.status == "ERROR" and reading.task_state is None

    async def fault(self, scope: str, reading: Server) -> str:
        """The server's fault."""
        return reading.fault or f"server {reading.name} is in status {reading.status}"
