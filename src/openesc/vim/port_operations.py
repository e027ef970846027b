"""The words for what is asked of servers that exist; a part of `openesc.vim.port.Cloud`.

Each request returns when the cloud has accepted it (202), not when it is done: `openesc.vim.goals` has what
to wait for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class VolumeSnapshot:
    """A snapshot of a volume; `size` in GiB, `status` in Cinder's words."""

    id: str
    name: str
    volume_id: str
    size: int
    status: str


@dataclass(frozen=True, slots=True)
class ServerGroup:
    """A server group; `policy` in Nova's words (affinity, anti-affinity, soft-affinity, soft-anti-affinity)."""

    id: str
    name: str
    policy: str
    member_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Migration:
    """A migration record, which only admins see.

    `type` is resize, migration, live-migration or evacuation; `status` in Nova's words: completed, finished
    (waits for confirm), confirmed, reverted, error, failed, cancelled, and others on the way.
    """

    id: str
    type: str
    status: str
    source: str | None
    target: str | None
    updated_at: str


@dataclass(frozen=True, slots=True)
class ServerAction:
    """One line of a server's action list. `message` is None unless the action is known to have failed."""

    request_id: str
    action: str
    message: str | None
    started_at: str


@dataclass(frozen=True, slots=True)
class ActionEvent:
    """One event of an action. `details` say why it failed, to admins (microversion 2.84)."""

    event: str
    result: str | None
    details: str | None


class ServerOperations(Protocol):
    """What can be asked of a server, and of what hangs on it."""

    async def stop_server(self, server_id: str) -> None:
        """Power off. Raises: VimConflict when it is stopped or busy."""
        ...

    async def start_server(self, server_id: str) -> None:
        """Power on. Raises: VimConflict when it runs or is busy."""
        ...

    async def reboot_server(self, server_id: str, *, hard: bool = False) -> None:
        """Reboot. A hard reboot is also accepted for a stopped server and for one in ERROR that ran before."""
        ...

    async def resize_server(self, server_id: str, flavor_id: str) -> None:
        """Ask for another flavor. Raises: VimBadRequest (same or unknown flavor), VimQuotaExceeded, VimConflict.

        Without a host for it the server goes back to ACTIVE with its old flavor and no fault (`openesc.vim.goals`).
        """
        ...

    async def confirm_resize(self, server_id: str) -> None:
        """Confirm a resize or cold migration. Raises: VimConflict outside VERIFY_RESIZE."""
        ...

    async def revert_resize(self, server_id: str) -> None:
        """Revert a resize or cold migration. Raises: VimConflict outside VERIFY_RESIZE."""
        ...

    async def live_migrate(self, server_id: str, host: str | None = None, block_migration: bool | None = None) -> None:
        """Live migrate, to a host or the scheduler's choice; `block_migration` None lets the cloud choose.

        Raises: VimBadRequest (no such host, no valid host), VimConflict (not running, busy), VimForbidden.
        """
        ...

    async def cold_migrate(self, server_id: str, host: str | None = None) -> None:
        """Cold migrate, to a host or the scheduler's choice. Raises: VimBadRequest (no such host, its
        own), VimForbidden.
        """
        ...

    async def migrations(self, server_id: str) -> Sequence[Migration]:
        """The server's migration records, newest first. Raises: VimForbidden without admin rights."""
        ...

    async def server_actions(self, server_id: str) -> Sequence[ServerAction]:
        """What was asked of the server, newest first."""
        ...

    async def action_events(self, server_id: str, request_id: str) -> Sequence[ActionEvent]:
        """The events of one action; where an action failed without a fault, the reason is in their details."""
        ...

    async def create_server_image(self, server_id: str, name: str, metadata: Mapping[str, str] | None = None) -> str:
        """Ask for a snapshot image; its id. Volumes give volume snapshots named ``snapshot for NAME``.

        A snapshot that fails shows only in that the image is gone (404).
        """
        ...

    async def set_server_metadata(self, server_id: str, metadata: Mapping[str, str]) -> None:
        """Set these keys and leave the others. Raises: VimConflict while the server is in ERROR."""
        ...

    async def attach_volume(self, server_id: str, volume_id: str) -> None:
        """Attach; the volume is ``in-use`` when it is done. Raises: VimBadRequest when it is attached already."""
        ...

    async def detach_volume(self, server_id: str, volume_id: str) -> None:
        """Detach; what is not attached is success. Raises: VimBadRequest for the root volume."""
        ...

    async def swap_volume(self, server_id: str, volume_id: str, other_id: str) -> None:
        """Exchange an attached volume, a root volume too, for another one.

        Nova's libvirt driver copies the content of the first over the second one: what it held is lost. Newer ones keep
        it for Cinder's own migrations. Raises: VimForbidden (no admin), VimConflict (not for callers like us).
        """
        ...

    async def attach_interface(self, server_id: str, port_id: str) -> None:
        """Give the server a port, while it runs or is stopped."""
        ...

    async def detach_interface(self, server_id: str, port_id: str) -> None:
        """Take a port from the server; the port stays when it was made before the server. Not attached is success."""
        ...

    async def find_server_group(self, name: str) -> ServerGroup | None: ...
    async def server_groups_named(self, name: str) -> Sequence[ServerGroup]: ...
    async def create_server_group(self, name: str, policy: str) -> ServerGroup: ...
    async def delete_server_group(self, group_id: str) -> None: ...

    async def find_volume_snapshots(self, name: str) -> Sequence[VolumeSnapshot]: ...
    async def get_volume_snapshot(self, snapshot_id: str) -> VolumeSnapshot: ...
    async def create_volume_snapshot(self, volume_id: str, name: str) -> VolumeSnapshot: ...
    async def delete_volume_snapshot(self, snapshot_id: str) -> None: ...
