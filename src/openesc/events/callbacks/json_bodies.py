"""Bodies as JSON: the event style of ESC 5.x (user guide, create bootable volume: sample callback)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from openesc.events.escevent import EscEvent, VmInfo

_VOLUME = (
    *("external_volume_id", "size", "sizeunit", "bus", "type", "outOfBand", "bootIndex", "name", "format"),
    *("deviceType", "storageLocation", "external_tenant_id", "internal_tenant_id", "internal_volume_id", "valid"),
    *("event_type", "image"),
)
"""The fields of a volume, in the sample's order."""


def body(event: EscEvent, internal_tenant: str | None, delivery_id: str, transaction_id: str) -> str:
    """The callback of one event, whose tenant REST calls `internal_tenant`. What ESC's sample has and openesc does not
    know is null.
    """
    of_volume = event.volume is not None
    return json.dumps(
        {
            "escTransactionId": transaction_id,
            "eventType": f"{event.type}_EVENT",
            "eventSourceContext": _vm(event.vm_source),
            "eventTargetContext": _vm(event.vm_target),
            "message": event.status_message,
            "stateMachineEventNBInfo": _information(delivery_id),
            "escParameter": _volume(event.volume or {}) if of_volume else _deployment(event, internal_tenant),
            "vmUpdateType": None,
            "requestDetails": None,
            "statusCode": str(event.status_code),
            "notificationOnlyEvent": False,
        },
        indent=2,
    )


def _information(delivery_id: str) -> dict[str, Any]:
    """The id is the same at every try of the delivery: a receiver can tell a repetition by it."""
    return {
        "id": delivery_id,
        "message": {},
        "logNames": [],
        "keywords": {},
        "actionInfo": {},
        "stackTrace": "",
    }


def _volume(known: Mapping[str, str]) -> dict[str, str | None]:
    return {name: known.get(name) for name in _VOLUME}


def _deployment(event: EscEvent, internal_tenant: str | None) -> dict[str, str | None]:
    return {
        "internal_deployment_id": event.depid,
        "deployment_name": event.depname,
        "vm_group_name": event.vm_group,
        "external_tenant_id": event.tenant_id,
        "internal_tenant_id": internal_tenant,
        "event_type": event.type,
    }


def _vm(vm: VmInfo | None) -> dict[str, Any] | None:
    """The leaves of `vm_source` and `vm_target`, as in the escEvent."""
    if vm is None:
        return None
    leaves = {name: getattr(vm, name) for name in VmInfo.__slots__ if name != "interfaces"}
    return {**leaves, "interfaces": [dict(interface) for interface in vm.interfaces]}
