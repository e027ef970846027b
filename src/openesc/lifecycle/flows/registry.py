"""Every kind of operation with its flow."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from openesc.events import types
from openesc.lifecycle.context import Services
from openesc.lifecycle.engine import Flow
from openesc.lifecycle.flows import (
    artifact,
    backup,
    confirm,
    converge,
    deploy,
    migrate,
    network,
    recovery,
    service_action,
    snapshot_delete,
    snapshot_volume,
    sweep,
    tenant,
    unchanged,
    undeploy,
    update,
    vm_action,
    vm_parts,
)
from openesc.lifecycle.journal import OperationRow
from openesc.lifecycle.operation import Operation
from openesc.store import Tx

Run = Callable[[Operation, Services], Awaitable[None]]
Abandoned = Callable[[Tx, Services, OperationRow, str], None]


def flows(services: Services) -> Mapping[str, Flow]:
    """The flows by kind of operation."""
    return {kind: _flow(services, run, abandoned) for kind, (run, abandoned) in TABLE.items()}


def _flow(services: Services, run: Run, abandoned: Abandoned) -> Flow:
    return Flow(
        run=lambda op: run(op, services),
        abandoned=lambda tx, row, reason: abandoned(tx, services, row, reason),
    )


def _as(abandoned: Callable[..., None], event_type: str) -> Abandoned:
    return lambda tx, services, row, reason: abandoned(tx, services, row, event_type, reason)


def _nothing(tx: Tx, services: Services, row: OperationRow, reason: str) -> None:
    """A sweep has nobody to tell."""


TABLE: Mapping[str, tuple[Run, Abandoned]] = {
    "deploy": (deploy.deploy, _as(converge.abandoned, types.SERVICE_ALIVE)),
    "update": (update.update, _as(converge.abandoned, types.SERVICE_UPDATED)),
    "unchanged": (unchanged.unchanged, unchanged.abandoned),
    "undeploy": (undeploy.undeploy, undeploy.abandoned),
    "service-action": (service_action.service_action, service_action.abandoned),
    "confirm-resize": (confirm.confirm, _as(vm_parts.abandoned, types.VM_CONFIRM_RESIZE_COMPLETE)),
    "revert-resize": (confirm.revert, _as(vm_parts.abandoned, types.VM_REVERT_RESIZE_COMPLETE)),
    "migrate": (migrate.migrate, _as(vm_parts.abandoned, types.VM_MIGRATED)),
    "vm-action": (vm_action.vm_action, vm_action.abandoned),
    "backup": (backup.backup, backup.abandoned),
    "snapshot-delete": (snapshot_delete.delete, snapshot_delete.abandoned),
    "volume-from-snapshot": (snapshot_volume.make, snapshot_volume.abandoned),
    "recover": (recovery.recover, _as(vm_parts.abandoned, types.VM_RECOVERY_COMPLETE)),
    "sweep": (sweep.sweep, _nothing),
    "create-tenant": (tenant.create, _as(tenant.abandoned, types.CREATE_TENANT)),
    "delete-tenant": (tenant.delete, _as(tenant.abandoned, types.DELETE_TENANT)),
    "create-artifact": (
        artifact.create,
        lambda tx, services, row, reason: artifact.abandoned(tx, services, row, deleting=False, reason=reason),
    ),
    "delete-artifact": (
        artifact.delete,
        lambda tx, services, row, reason: artifact.abandoned(tx, services, row, deleting=True, reason=reason),
    ),
    "apply-network": (network.apply, _as(network.abandoned, types.CREATE_NETWORK)),
    "delete-network": (network.delete, _as(network.abandoned, types.DELETE_NETWORK)),
}

__all__ = ["TABLE", "flows"]
