"""What the guest can see of what was done to it: server metadata (user guide, VNF operations: after a reboot)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import structlog

from openesc.inventory.records import Vm
from openesc.lifecycle.context import Work
from openesc.lifecycle.errors import StepFailed
from openesc.lifecycle.operation import Attempt
from openesc.lifecycle.steps.calls import persist
from openesc.store import now_ms

log = structlog.get_logger()

LAST_OPERATION = "openesc:last_operation"
UPDATED = "openesc:updated"
MONITORING = "openesc:monitoring"
RECOVERY = "openesc:recovery"


async def tell_guest(work: Work, vm: Vm, path: str, operation: str, *, monitored: bool, **more: str) -> None:
    """Write `operation`, the time and whether the VM is monitored into the server's metadata.

    `more`: further keys below ``openesc:``. A cloud that refuses is logged: no operation fails for it.
    """
    assert vm.server_id is not None
    server_id, cloud = vm.server_id, await work.cloud()
    found: dict[str, str] = {
        LAST_OPERATION: operation,
        UPDATED: datetime.fromtimestamp(now_ms() / 1000, UTC).isoformat(timespec="seconds"),
        MONITORING: "enabled" if monitored else "disabled",
        **{f"openesc:{name}": value for name, value in more.items()},
    }

    async def act(_: Attempt) -> Any:
        return await persist(work.settings.patience, lambda: cloud.set_server_metadata(server_id, found))

    try:
        await work.op.step(f"{path}/metadata", act)
    except StepFailed as failure:
        log.warning("guest not told", vm=vm.name, reason=failure.reason)
