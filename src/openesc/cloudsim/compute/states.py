"""Nova's states: what ``status`` shows for a vm_state and a task_state, and what may be done in which.

Source: nova.api.openstack.common, ``_STATE_MAP``; times and pairs as a running 2026.1 shows them.
"""

from __future__ import annotations

from openesc.cloudsim.core.call import Call
from openesc.cloudsim.core.faults import ApiError, conflict, not_found
from openesc.cloudsim.core.records import Server

NOSTATE, RUNNING, PAUSED, SHUTDOWN, CRASHED, SUSPENDED = 0, 1, 3, 4, 6, 7

_RESIZING = dict.fromkeys(("resize_prep", "resize_migrating", "resize_migrated", "resize_finish"), "RESIZE")
_REBUILDING = dict.fromkeys(("rebuilding", "rebuild_block_device_mapping", "rebuild_spawning"), "REBUILD")
_SOFT = dict.fromkeys(("rebooting", "reboot_pending", "reboot_started"), "REBOOT")
_HARD = dict.fromkeys(("rebooting_hard", "reboot_pending_hard", "reboot_started_hard"), "HARD_REBOOT")

_MAP: dict[str, tuple[str, dict[str, str]]] = {
    "active": ("ACTIVE", {**_SOFT, **_HARD, **_REBUILDING, **_RESIZING, "migrating": "MIGRATING"}),
    "building": ("BUILD", {}),
    "stopped": ("SHUTOFF", {**_RESIZING, **_REBUILDING}),
    "resized": ("VERIFY_RESIZE", {"resize_reverting": "REVERT_RESIZE"}),
    "paused": ("PAUSED", {"migrating": "MIGRATING"}),
    "suspended": ("SUSPENDED", {}),
    "error": ("ERROR", _REBUILDING),
    "deleted": ("DELETED", {}),
    "soft-delete": ("SOFT_DELETED", {}),
    "shelved": ("SHELVED", {}),
    "shelved_offloaded": ("SHELVED_OFFLOADED", {}),
    "rescued": ("RESCUE", {}),
}


def status_of(server: Server) -> str:
    """What the API shows as ``status``."""
    default, by_task = _MAP.get(server.vm_state, ("UNKNOWN", {}))
    return by_task.get(server.task_state or "", default)


def find_server(call: Call, for_action: bool = False) -> Server:
    """The server of the path, if the caller may see it; Nova's 404 otherwise."""
    identifier = call.params["id"]
    server = call.cloud.servers.get(identifier)
    if server is None or not (call.is_admin or server.project_id == call.project_id):
        text = "Instance {} has no mapping to a cell." if for_action else "Instance {} could not be found."
        raise not_found(text.format(identifier))
    call.about(server.id, server.name)
    return server


def require_state(server: Server, action: str, vm_states: tuple[str, ...], tasks: tuple[str, ...] = ()) -> None:
    """Raise Nova's 409 unless the server is in one of these vm_states and does nothing but one of these tasks."""
    if server.vm_state not in vm_states:
        raise wrong(server, action, f"vm_state {server.vm_state}")
    if server.task_state is not None and server.task_state not in tasks:
        raise wrong(server, action, f"task_state {server.task_state}")


def wrong(server: Server, action: str, state: str) -> ApiError:
    """The 409 of an action in a state that does not allow it."""
    return conflict(f"Cannot '{action}' instance {server.id} while it is in {state}")


def require_launched(server: Server, action: str) -> None:
    """Raise Nova's 409 for a server that never ran."""
    if server.launched is None and server.vm_state == "error":
        texts = {
            "hard reboot": f"Instance {server.id} is in an invalid state for 'reboot'",
            "stop": f"Instance {server.id} is not ready",
            "start": f"Instance {server.id} is not ready",
        }
        if action in texts:
            raise conflict(texts[action])


def require_unlocked(call: Call, server: Server) -> None:
    """Raise Nova's 409 for a locked server, unless an admin asks."""
    if server.locked_by is not None and not call.is_admin:
        raise conflict(f"Instance {server.id} is locked")
