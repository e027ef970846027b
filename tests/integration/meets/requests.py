"""How each operation of the table of what meets what is asked for, and the event that ends it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.integration.main_job.payloads import deployment
from tests.integration.meets.situations import FLAVOR, OTHER_FLAVOR, document, service
from tests.integration.operations.vnf import Vnf, rpc

Ask = Callable[[Vnf], object]


@dataclass(frozen=True)
class Request:
    """`ask` sends it; `closing` is the event that tells how it went. `on_vm`: its column is that of the first VM."""

    ask: Ask
    closing: str
    on_vm: bool = False


def _service(action: str) -> Ask:
    return lambda vnf: service(vnf, action)


def _vm(name: str, **leaves: str) -> Ask:
    return lambda vnf: rpc(vnf.admin, name, **{**leaves, "vmName": vnf.vms[0]})


def _edit(**changed: int) -> Ask:
    """Its document as it stands, but for `changed`."""
    return lambda vnf: vnf.admin.edit(document(vnf.name, flavor=_flavor(vnf), **changed))


def _flavor(vnf: Vnf) -> str:
    """What running names for g1."""
    return OTHER_FLAVOR if f"<flavor>{OTHER_FLAVOR}</flavor>" in (vnf.configured() or "") else FLAVOR


def _other_flavor(vnf: Vnf) -> None:
    other = {FLAVOR: OTHER_FLAVOR, OTHER_FLAVOR: FLAVOR}
    vnf.admin.edit(document(vnf.name, flavor=other[_flavor(vnf)]))


def _undeploy(vnf: Vnf) -> None:
    vnf.admin.edit(deployment(vnf.name, operation="remove"))  # also where it is gone from running already


def _act(action: str) -> Ask:
    return _vm("vmAction", actionType=action)


REQUESTS: Mapping[str, Request] = {
    "service START": Request(_service("START"), "SERVICE_ALIVE"),
    "service STOP": Request(_service("STOP"), "SERVICE_STOPPED"),
    "service REBOOT": Request(_service("REBOOT"), "SERVICE_ALIVE"),
    "service ENABLE_MONITOR": Request(_service("ENABLE_MONITOR"), "SERVICE_ALIVE"),
    "service DISABLE_MONITOR": Request(_service("DISABLE_MONITOR"), "SERVICE_MONITOR_UNSET"),
    "vm START": Request(_act("START"), "VM_STARTED", True),
    "vm STOP": Request(_act("STOP"), "VM_STOPPED", True),
    "vm REBOOT": Request(_act("REBOOT"), "VM_REBOOTED", True),
    "vm ENABLE_MONITOR": Request(_act("ENABLE_MONITOR"), "VM_MONITOR_SET", True),
    "vm DISABLE_MONITOR": Request(_act("DISABLE_MONITOR"), "VM_MONITOR_UNSET", True),
    "vm CONFIRM_RESIZE": Request(_act("CONFIRM_RESIZE"), "VM_CONFIRM_RESIZE_COMPLETE", True),
    "vm REVERT_RESIZE": Request(_act("REVERT_RESIZE"), "VM_REVERT_RESIZE_COMPLETE", True),
    "live migration": Request(_vm("vmMigrate", migrationType="live"), "VM_MIGRATE_COMPLETE", True),
    "cold migration": Request(_vm("vmMigrate", migrationType="cold"), "VM_VERIFY_RESIZE", True),
    "recovery": Request(_vm("recoveryVmAction", actionType="DO"), "VM_RECOVERY_COMPLETE", True),
    "backup": Request(_vm("vmBackupAction", backupName="kept"), "VM_BACKUP_COMPLETE", True),
    "update": Request(_edit(bootup=61), "SERVICE_UPDATED"),
    "update of a flavor": Request(_other_flavor, "VM_VERIFY_RESIZE", True),
    "update of a VM": Request(_edit(nics=2), "SERVICE_UPDATED", True),
    "scaling": Request(_edit(count=2), "SERVICE_UPDATED"),
    "undeploy": Request(_undeploy, "SERVICE_UNDEPLOYED"),
}
"""By row."""
