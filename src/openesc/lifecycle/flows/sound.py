"""A VM that an action left in error and that the cloud has in order is kept: an update must not take its data."""

from __future__ import annotations

from collections.abc import Mapping

from openesc.inventory import states
from openesc.inventory import store as inventory
from openesc.inventory.door import move_vm
from openesc.inventory.records import Vm
from openesc.lifecycle.context import Work
from openesc.lifecycle.flows.parts import together

TRIGGERS: Mapping[str, str] = {"ACTIVE": "sound", "SHUTOFF": "off"}
"""What a server in this status makes of its VM."""


async def keep_sound_vms(work: Work) -> None:
    """Take VMs out of error whose servers are up or off, so that they are changed in place and monitored again.

    Those whose server is gone or in ERROR, and those that were not alive since they were made or found sound, are left
    to be made anew. Raises: StepFailed.
    """
    vms = await work.services.store.read(lambda connection: inventory.vms_of(connection, work.deployment.id))
    await together(_keep(work, vm) for vm in vms if vm.state == states.VM_ERROR and _was_alive(work, vm))


def _was_alive(work: Work, vm: Vm) -> bool:
    group = next((group for group in work.intent.groups if group.name == vm.vm_group), None)
    if group is None or vm.server_id is None or not vm.announced:
        return False
    return vm.monitor is not None or group.alive_kpi is None


async def _keep(work: Work, vm: Vm) -> None:
    cloud = await work.cloud()
    server = await work.found(lambda: cloud.get_server(vm.server_id or ""))
    trigger = TRIGGERS.get(server.status) if server is not None and server.task_state is None else None
    if trigger is not None:
        path = f"{vm.vm_group}/{vm.ordinal}/sound"
        await work.op.commit(path, lambda tx: move_vm(tx, vm.id, trigger, failure=None, monitor=None))
