"""Events about snapshots: told from the snapshot's record, for its VM and deployment may be gone."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from openesc.events import types
from openesc.events.escevent import FAILURE, SUCCESS, EscEvent, VmInfo
from openesc.events.types import TEXTS
from openesc.inventory.records import Deployment, Vm
from openesc.inventory.snapshots import Snapshot
from openesc.lifecycle import announce

ACCEPTED = 202
CODES = {types.VM_BACKUP_CREATED: ACCEPTED}
"""Status codes of a success other than 200."""


def about(event_type: str, record: Snapshot, failure: str | None = None, message: str | None = None) -> EscEvent:
    """An event of a backup or of a deletion; `failure` makes it a FAILURE 500, `message` replaces the usual text."""
    source = VmInfo(**record.source)
    return EscEvent(
        event_type,
        SUCCESS if failure is None else FAILURE,
        CODES.get(event_type, announce.OK) if failure is None else announce.FAILED,
        failure or message or text(event_type, record),
        depname=record.deployment,
        tenant=record.tenant,
        tenant_id=source.vim_project_id,
        depid=record.deployment_id,
        vm_group=record.vm_group,
        vm_source=source,
    )


def text(event_type: str, record: Snapshot) -> str:
    """The status_message of a success."""
    return TEXTS[event_type].format(name=record.vm_name, id=record.id, snapshot=record.name)


def source_of(deployment: Deployment, vm: Vm) -> dict[str, Any]:
    """The leaves of `vm_source` to be kept with a snapshot."""
    leaves = asdict(announce.vm_info(deployment, vm))
    del leaves["interfaces"]
    return leaves
