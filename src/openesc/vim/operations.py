"""What is asked of a server that exists (Nova): power, resize, migration, snapshot, attachments; and server groups.

Each call returns when the cloud has accepted, not when it is done; `openesc.vim.goals` says what to wait for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from openstack.compute.v2.server import Server as SdkServer

from openesc.vim import convert, rest
from openesc.vim.calls import ProjectCalls
from openesc.vim.port_operations import ActionEvent, Migration, ServerAction, ServerGroup
from openesc.vim.rest import Json
from openesc.vim.servers import NEWEST
from openesc.vim.services import Services


class Operations(ProjectCalls):
    """The operations part of `openesc.vim.port.Cloud`, where each method is described."""

    async def stop_server(self, server_id: str) -> None:
        await self._act("stop_server", server_id, {"os-stop": None})

    async def start_server(self, server_id: str) -> None:
        await self._act("start_server", server_id, {"os-start": None})

    async def reboot_server(self, server_id: str, *, hard: bool = False) -> None:
        await self._act("reboot_server", server_id, {"reboot": {"type": "HARD" if hard else "SOFT"}})

    async def resize_server(self, server_id: str, flavor_id: str) -> None:
        await self._act("resize_server", server_id, {"resize": {"flavorRef": flavor_id}})

    async def confirm_resize(self, server_id: str) -> None:
        await self._act("confirm_resize", server_id, {"confirmResize": None})

    async def revert_resize(self, server_id: str) -> None:
        await self._act("revert_resize", server_id, {"revertResize": None})

    async def _act(self, what: str, server_id: str, action: Json) -> None:
        await self._ask(what, lambda conn: rest.post(conn.compute, f"/servers/{server_id}/action", action, NEWEST))

    async def live_migrate(self, server_id: str, host: str | None = None, block_migration: bool | None = None) -> None:
        # the SDK asks at 2.30, where Nova checks before it accepts: a refusal comes as an answer
        await self._ask(
            "live_migrate",
            lambda conn: conn.compute.live_migrate_server(server_id, host, block_migration=block_migration),
        )

    async def cold_migrate(self, server_id: str, host: str | None = None) -> None:
        await self._ask("cold_migrate", lambda conn: conn.compute.migrate_server(server_id, host=host))

    async def migrations(self, server_id: str) -> Sequence[Migration]:
        def listed(conn: Services) -> Sequence[Migration]:
            found = map(convert.migration, conn.compute.migrations(server_id=server_id))
            return sorted(found, key=_newest, reverse=True)

        return await self._ask("migrations", listed)

    async def server_actions(self, server_id: str) -> Sequence[ServerAction]:
        def listed(conn: Services) -> Sequence[ServerAction]:
            return list(map(convert.server_action, conn.compute.server_actions(server_id)))

        return await self._ask("server_actions", listed)

    async def action_events(self, server_id: str, request_id: str) -> Sequence[ActionEvent]:
        def read(conn: Services) -> Sequence[ActionEvent]:
            action = conn.compute.get_server_action(request_id, server_id)
            return list(map(convert.action_event, action.events or ()))

        return await self._ask("action_events", read)

    async def create_server_image(self, server_id: str, name: str, metadata: Mapping[str, str] | None = None) -> str:
        def ask(conn: Services) -> str:
            # not the proxy's method: that one reads the image through another layer before it returns
            return SdkServer.new(id=server_id).create_image(conn.compute, name, dict(metadata or {}))

        return await self._ask("create_server_image", ask)

    async def set_server_metadata(self, server_id: str, metadata: Mapping[str, str]) -> None:
        await self._ask(
            "set_server_metadata",
            lambda conn: conn.compute.set_server_metadata(server_id, **metadata),
        )

    async def attach_volume(self, server_id: str, volume_id: str) -> None:
        await self._ask("attach_volume", lambda conn: conn.compute.create_volume_attachment(server_id, volume_id))

    async def detach_volume(self, server_id: str, volume_id: str) -> None:
        await self._ask("detach_volume", lambda conn: conn.compute.delete_volume_attachment(server_id, volume_id))

    async def swap_volume(self, server_id: str, volume_id: str, other_id: str) -> None:
        url, body = (
            f"/servers/{server_id}/os-volume_attachments/{volume_id}",
            {"volumeAttachment": {"volumeId": other_id}},
        )
        await self._ask("swap_volume", lambda conn: rest.put(conn.compute, url, body))

    async def attach_interface(self, server_id: str, port_id: str) -> None:
        await self._ask(
            "attach_interface", lambda conn: conn.compute.create_server_interface(server_id, port_id=port_id)
        )

    async def detach_interface(self, server_id: str, port_id: str) -> None:
        await self._ask("detach_interface", lambda conn: conn.compute.delete_server_interface(port_id, server_id))

    async def find_server_group(self, name: str) -> ServerGroup | None:
        def found(conn: Services) -> ServerGroup | None:
            named = (one for one in conn.compute.server_groups() if one.name == name)
            return convert.maybe(convert.server_group, next(named, None))

        return await self._ask("find_server_group", found)

    async def server_groups_named(self, name: str) -> Sequence[ServerGroup]:
        """All of the project's server groups of exactly this name."""

        def listed(conn: Services) -> Sequence[ServerGroup]:
            return [convert.server_group(one) for one in conn.compute.server_groups() if one.name == name]

        return await self._ask("server_groups_named", listed)

    async def create_server_group(self, name: str, policy: str) -> ServerGroup:
        return await self._ask(
            "create_server_group",
            lambda conn: convert.server_group(conn.compute.create_server_group(name=name, policy=policy)),
        )

    async def delete_server_group(self, group_id: str) -> None:
        await self._ask("delete_server_group", lambda conn: conn.compute.delete_server_group(group_id))


def _newest(migration: Migration) -> tuple[int, str]:
    """Nova counts migrations; where the id is no number its time must do."""
    return (int(migration.id) if migration.id.isdigit() else -1, migration.updated_at)
