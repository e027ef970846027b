"""Operations on a deployment and on one VM: ESC's own actions, by their REST names (user guide, VNF operations)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Final

from sqlalchemy import Connection

from openesc.errors import InvalidRequest, NotFound
from openesc.inventory import store as inventory
from openesc.inventory.records import Deployment, Vm
from openesc.northbound.actions import deployment_named
from openesc.rest.answers import Answer, Done
from openesc.rest.call import Call
from openesc.rest.deployments import edit
from openesc.rest.documents import deployment_element, leaf
from openesc.rest.lookups import deployment_meant
from openesc.rest.payloads import Payload, action, invoke, payload
from openesc.rest.tenants import Reach, reach


async def service_operation(call: Call) -> Answer:
    """POST /v0/{tenant}/deployments/service/{deployment}."""
    where, wanted = await reach(call), await payload(call, "service_operation")
    read = partial(_service, where=where, internal_id=call.path("deployment"))
    found = await call.context.store.read(read)
    rpc = action("serviceAction", actionType=wanted["operation"].upper(), tenantName=found.tenant, depName=found.name)
    await invoke(call, rpc)
    return Done()


def _service(connection: Connection, where: Reach, internal_id: str) -> Deployment:
    """The deployment, or the one of its name that took its place: the action then says that it is being undeployed."""
    found = deployment_meant(connection, where, internal_id)
    if deployment_named(connection, found.tenant, found.name).id != found.id:
        raise NotFound(f"deployment {internal_id} is being undeployed; another one has its name now")
    return found


async def vm_operation(call: Call) -> Answer:
    """POST /v0/{tenant}/deployments/vm/{vm}."""
    where, wanted = await reach(call), await payload(call, "vm_operation")
    deployment, vm = await _vm(call, where)
    await _VM_OPERATIONS.get(wanted["operation"], _act)(call, wanted, deployment, vm)
    return Done()


async def migrate(call: Call) -> Answer:
    """POST /v0/{tenant}/deployments/migrate-vm/{vm}."""
    where, wanted = await reach(call), await payload(call, "vm_migrate_operation")
    await _migrate(call, wanted, *await _vm(call, where))
    return Done()


async def snapshot(call: Call) -> Answer:
    """POST /v0/{tenant}/deployments/snapshot-vm/{vm}."""
    where, wanted = await reach(call), await payload(call, "snapshot_operation", any_root=True)
    _, vm = await _vm(call, where)
    rpc = action("vmBackupAction", vmName=vm.name, backupName=wanted["name"])
    await invoke(call, rpc)
    return Done()


async def _vm(call: Call, where: Reach) -> tuple[Deployment, Vm]:
    return await call.context.store.read(partial(vm_meant, where=where, name=call.path("vm")))


def vm_meant(connection: Connection, where: Reach, name: str) -> tuple[Deployment, Vm]:
    """The VM of this generated name within reach, with its deployment. Raises: NotFound."""
    vm = inventory.vm_named(connection, name)
    deployment = inventory.deployment(connection, vm.deployment_id) if vm is not None else None
    if vm is None or deployment is None or not where.covers(deployment.tenant):
        raise NotFound(f"VM [{name}] not found: the vm_name of a path is a generated name")
    return deployment, vm


async def _act(call: Call, wanted: Payload, _deployment: Deployment, vm: Vm) -> None:
    rpc = action("vmAction", actionType=wanted["operation"].upper(), vmName=vm.name, force=wanted.get("force"))
    await invoke(call, rpc)


async def _migrate(call: Call, wanted: Payload, _deployment: Deployment, vm: Vm) -> None:
    rpc = action(
        "vmMigrate",
        vmName=vm.name,
        migrationType=wanted.get("migrationType"),
        host=wanted.get("host"),
        blockMigration=wanted.get("blockMigration"),
    )
    await invoke(call, rpc)


async def _recover(call: Call, _wanted: Payload, _deployment: Deployment, vm: Vm) -> None:
    rpc = action("recoveryVmAction", actionType="DO", vmName=vm.name)
    await invoke(call, rpc)


async def _resize(call: Call, wanted: Payload, deployment: Deployment, vm: Vm) -> None:
    """A flavor belongs to the group: its change is an update of the deployment (user guide, VM resize)."""
    if "flavor" not in wanted:
        raise InvalidRequest(
            "flavor is missing: give the new one here, or PUT the deployment with it to "
            f"/ESCManager/v0/deployments/{deployment.id}",
            path="/vm_operation/flavor",
        )
    config, element = deployment_element(deployment.tenant, deployment.name)
    group = leaf(element, "vm_group")
    leaf(group, "name", vm.vm_group)
    leaf(group, "flavor", wanted["flavor"])
    await edit(call, config)


_VM_OPERATIONS: Final[Mapping[str, Callable[[Call, Payload, Deployment, Vm], Awaitable[None]]]] = {
    "migrate": _migrate,
    "resize": _resize,
    "recover": _recover,
}
"""Operations that are no vmAction."""
