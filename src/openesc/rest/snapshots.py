"""Snapshots: listed and deleted (user guide, VNF backup operations). They are made through their VM."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from typing import Final
from urllib.parse import unquote_plus

from sqlalchemy import Connection

from openesc.inventory import snapshots as inventory
from openesc.inventory.snapshots import Snapshot
from openesc.northbound import access
from openesc.northbound.snapshot_volumes import VolumeWanted
from openesc.rest.answers import Answer, Done, Listing
from openesc.rest.call import Call
from openesc.rest.codec import Fields
from openesc.rest.payloads import action, invoke, payload
from openesc.rest.tenants import tenant_named
from openesc.store import iso

_TENANT: Final = "internalTenantId"
_VM: Final = "generatedVMName"
_RUN_ON: Final = re.compile(rf"{_TENANT}=(?P<tenant>[^&]*?)-?{_VM}=(?P<vm>[^&]*)")
"""The user guide prints ``-`` between the two parameters, where ``&`` belongs."""


async def listed(call: Call) -> Answer:
    """GET /v0/snapshots: always 200, with the entries there are."""
    tenant, vm = _filters(call)
    found = await call.context.store.read(partial(_found, tenant=tenant, vm=vm))
    visible = [one for one in found if access.may_use_tenant(call.user, one.tenant)]
    return Listing("snapshots", "snapshot", [fields_of(one) for one in visible])


def _filters(call: Call) -> tuple[str | None, str | None]:
    misprint = _RUN_ON.search(call.request.url.query)
    if misprint is not None:
        return unquote_plus(misprint["tenant"]) or None, unquote_plus(misprint["vm"]) or None
    return call.query(_TENANT), call.query(_VM)


def _found(connection: Connection, tenant: str | None, vm: str | None) -> Sequence[Snapshot]:
    name = tenant_named(connection, tenant) if tenant is not None else None
    return inventory.snapshots(connection, name, vm)


def fields_of(snapshot: Snapshot) -> Fields:
    """What a list tells of a snapshot, in the order of the user guide."""
    return {
        "id": snapshot.id,
        "name": snapshot.name,
        "creation_start_date": iso(snapshot.started_at),
        "creation_end_date": iso(snapshot.ended_at) if snapshot.ended_at is not None else None,
        "status": snapshot.status,
        "status_message": snapshot.status_message,
        "created_from_generated_vm_name": snapshot.vm_name,
        "vim_id": snapshot.vim_id,
        "tenant": snapshot.tenant,
        "volume_snapshot_id": snapshot.boot_volume_snapshot_id,
    }


async def delete(call: Call) -> Answer:
    """DELETE /v0/snapshots/{snapshot}: an id, or a name that no other snapshot has."""
    rpc = action("snapshotAction", actionType="DELETE", snapshot=call.path("snapshot"))
    await invoke(call, rpc)
    return Done()


async def make_volume(call: Call) -> Answer:
    """POST /v0/snapshots/{snapshot}/volumes: 202 once the VIM has taken it; what it does not know is ignored."""
    access.check_operation(call.user, "volume-from-snapshot")
    wanted = await payload(call, "volume", any_root=True, tolerant=True)
    await call.context.volumes.create_volume_from_snapshot(
        await call.requester(),
        call.path("snapshot"),
        VolumeWanted(
            name=wanted.get("name", ""),
            volume_type=wanted.get("volume_type") or None,
            multiattach=wanted.get("multiattach") == "true",
            bootable=wanted.get("bootable", "true") == "true",
        ),
    )
    return Done(202)
