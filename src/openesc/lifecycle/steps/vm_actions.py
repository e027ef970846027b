"""What is done to one VM on request: stop, start, reboot, monitor on and off. Each with its state and its event."""

from __future__ import annotations

from typing import Any

from openesc.events import types
from openesc.inventory import states
from openesc.inventory import store as inventory
from openesc.inventory.door import move_vm
from openesc.inventory.records import Interface, Vm
from openesc.lifecycle import announce, intent
from openesc.lifecycle.changes import monitor_mark
from openesc.lifecycle.context import Work
from openesc.lifecycle.errors import StepFailed
from openesc.lifecycle.steps.alive import wait_alive
from openesc.lifecycle.steps.guest import tell_guest
from openesc.lifecycle.steps.power import RUNNING, SHUTOFF, bring_to, required_server
from openesc.store import Tx


class VmActions:
    """The steps of one VM in one operation; `group` is what the document wants of its group now, None: no more."""

    def __init__(self, work: Work, vm: Vm, group: intent.Group | None) -> None:
        self.work = work
        self.op = work.op
        self.vm = vm
        self.group = group
        self.path = f"{vm.vm_group}/{vm.ordinal}"

    @property
    def monitored(self) -> bool:
        """Whether the current kpi_data tell when the VM is alive."""
        return self.group is not None and self.group.alive_kpi is not None

    @property
    def _mark(self) -> str | None:
        return monitor_mark(self.group) if self.group is not None else None

    async def stop(self) -> None:
        """VM_STOPPED. Raises: StepFailed."""
        await bring_to(self.work, self.vm, SHUTOFF, f"{self.path}/stop")
        await self.op.commit(f"{self.path}/off", lambda tx: self._moved(tx, "off", types.VM_STOPPED))

    async def start(self) -> None:
        """VM_STARTED, then VM_ALIVE by the current KPI. Raises: StepFailed."""
        await self._up("start", types.VM_STARTED)
        await self.alive(types.ALIVE_AFTER["start"])

    async def reboot(self) -> None:
        """Stopped and started in the cloud: VM_REBOOTED, then VM_ALIVE. Raises: StepFailed."""
        if not self.op.done(f"{self.path}/off"):
            await bring_to(self.work, self.vm, SHUTOFF, f"{self.path}/stop")
            await self.op.commit(f"{self.path}/off", lambda tx: None)
        await self._up("reboot", types.VM_REBOOTED)
        await self.alive(types.ALIVE_AFTER["reboot"])

    async def _up(self, operation: str, event_type: str) -> None:
        if self.op.done(f"{self.path}/up"):
            return
        server = await bring_to(self.work, self.vm, RUNNING, f"{self.path}/start")
        await tell_guest(self.work, self.vm, self.path, operation, monitored=self.monitored)
        facts = {"host_id": server.host_id, "hostname": server.hostname}
        await self.op.commit(f"{self.path}/up", lambda tx: self._moved(tx, "up", event_type, **facts))

    async def unset_monitor(self) -> None:
        """VM_MONITOR_UNSET."""
        required_server(self.vm)
        await tell_guest(self.work, self.vm, self.path, "disable_monitor", monitored=False)
        await self.op.commit(
            f"{self.path}/unmonitored", lambda tx: self._moved(tx, "unmonitor", types.VM_MONITOR_UNSET)
        )

    async def set_monitor(self, event_type: str = types.VM_MONITOR_SET) -> None:
        """The monitor is set by the current KPI; `event_type` tells it once the VM is alive. Raises: StepFailed."""
        required_server(self.vm)
        await tell_guest(self.work, self.vm, self.path, "enable_monitor", monitored=self.monitored)
        await self.op.commit(f"{self.path}/monitored", lambda tx: move_vm(tx, self.vm.id, "monitor"))
        if self.monitored:
            await self.wait_alive()
        trigger = "alive" if self.monitored else "monitor"
        await self.op.commit(f"{self.path}/alive", lambda tx: self._moved(tx, trigger, event_type, monitor=self._mark))

    async def alive(self, text: str | None = None) -> None:
        """VM_ALIVE once the monitor says so; a VM without a KPI stays INERT. Raises: StepFailed after bootup_time."""
        if not self.monitored:
            return
        await self.wait_alive()
        await self.op.commit(
            f"{self.path}/alive", lambda tx: self._moved(tx, "alive", types.VM_ALIVE, text, monitor=self._mark)
        )

    async def wait_alive(self) -> None:
        """The first sign of life. Raises: StepFailed after bootup_time."""
        if self.op.done(f"{self.path}/alive"):
            return
        assert self.group is not None
        interfaces = await self._interfaces()
        server_id = required_server(self.vm)
        await wait_alive(self.work, self.group, self.vm.name, server_id, interfaces, f"{self.path}/alive")

    async def fail(self, event_type: str, failure: StepFailed, prefix: str = "") -> None:
        """The VM goes to error, and `event_type` FAILURE tells it. An operation that found it gone does nothing."""
        text = f"{prefix}: {failure.reason}" if prefix else failure.reason
        await self.op.commit(f"{self.path}/failed", lambda tx: self._failed(tx, event_type, text))

    async def _interfaces(self) -> list[Interface]:
        found = await self.work.services.store.read(lambda c: inventory.interfaces_of(c, [self.vm.id]))
        return found[self.vm.id]

    def _moved(self, tx: Tx, trigger: str, event_type: str, text: str | None = None, **values: Any) -> None:
        move_vm(tx, self.vm.id, trigger, failure=None, **values)
        self.tell(tx, event_type, text=text)

    def _failed(self, tx: Tx, event_type: str, text: str) -> None:
        current = inventory.vm(tx.connection, self.vm.id)
        if current is not None and current.state != states.VM_UNDEPLOYING:
            move_vm(tx, self.vm.id, "fail", failure=text)
        self.tell(tx, event_type, failure=text)

    def tell(self, tx: Tx, event_type: str, *, failure: str | None = None, text: str | None = None) -> None:
        """An event about the VM as it is now."""
        vm = inventory.vm(tx.connection, self.vm.id) or self.vm
        self.work.tell(tx, announce.vm(event_type, self.work.deployment, vm, failure=failure, text=text))
