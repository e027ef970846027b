"""Changes of VMs in place: monitor off, resources, VM_UPDATED, monitor on by the current kpi_data (user guide,
updating an existing deployment).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from openesc.events import types
from openesc.inventory import states
from openesc.inventory import store as inventory
from openesc.inventory.door import move_vm
from openesc.inventory.records import Interface, Vm
from openesc.lifecycle import announce
from openesc.lifecycle.changes import VmChange, monitor_mark
from openesc.lifecycle.context import Work
from openesc.lifecycle.errors import StepFailed
from openesc.lifecycle.flows.parts import together
from openesc.lifecycle.flows.vm_parts import is_lost, pause, rest
from openesc.lifecycle.steps.guest import tell_guest
from openesc.lifecycle.steps.interfaces import Interfaces
from openesc.lifecycle.steps.lookup import look_up
from openesc.lifecycle.steps.power import required_server
from openesc.lifecycle.steps.vm_actions import VmActions
from openesc.store import Tx


async def change_vms(work: Work, vms: Sequence[Vm], planned: Mapping[str, Any]) -> None:
    """Change the VMs that stand in `planned` (`VmChange` as JSON, by id). Raises: StepFailed once all have ended."""
    concerned = [vm for vm in vms if vm.id in planned]
    await together(_Change(work, vm, VmChange.from_json(planned[vm.id])).run() for vm in concerned)


class _Change:
    """The change of one VM."""

    def __init__(self, work: Work, vm: Vm, change: VmChange) -> None:
        self.work = work
        self.op = work.op
        self.change = change
        self.group = work.intent.group(vm.vm_group)
        self.vm = VmActions(work, vm, self.group)
        self.path = self.vm.path = f"{vm.vm_group}/{vm.ordinal}/change"
        self.interfaces = Interfaces(work, vm, self.group, self.path)

    async def run(self) -> None:
        """Raises: StepFailed after VM_UPDATED FAILURE, or VM_ALIVE FAILURE where the VM does not come back to life."""
        try:
            await self.op.commit(f"{self.path}/pause", lambda tx: pause(tx, self.vm.vm))
            if self.change.resources:
                await self._change_resources()
            await tell_guest(self.work, self.vm.vm, self.path, "update", monitored=self.vm.monitored)
        except StepFailed as failure:
            reason = failure.reason
            lost = await is_lost(self.vm)
            await self.op.commit(f"{self.path}/refused", lambda tx: self._refused(tx, reason, lost=lost))
            raise
        await self._monitor()

    async def _change_resources(self) -> None:
        facts = await look_up(self.work, self.group)  # before anything is taken away
        server_id = required_server(self.vm.vm)
        await self._remove_interfaces(server_id)
        wanted = {nic.nicid: nic for nic in self.group.interfaces}
        for nicid in (*self.change.new, *self.change.changed):
            row = await self.interfaces.ensure(wanted[nicid], facts, attached=False)
            if nicid in self.change.new:
                await self.interfaces.attach(row, server_id)
        await self.op.commit(f"{self.path}/updated", lambda tx: self._updated(tx))

    async def _remove_interfaces(self, server_id: str) -> None:
        """By the rows as they are now: one that is exchanged has its new row once the old one is gone."""
        rows = {row.nicid: row for row in await self.interfaces.rows()}
        for nicid in self.change.gone:
            if nicid in rows and not self.op.done(f"{self.path}/interface/{nicid}/delete"):
                await self.interfaces.remove(rows[nicid], server_id)

    def _updated(self, tx: Tx) -> None:
        vm, interfaces = _as_it_is(tx, self.vm.vm)
        self.work.tell(tx, announce.vm(types.VM_UPDATED, self.work.deployment, vm, interfaces))

    def _refused(self, tx: Tx, reason: str, *, lost: bool) -> None:
        """It is monitored as before, unless the cloud lost it."""
        vm, interfaces = _as_it_is(tx, self.vm.vm)
        current = inventory.deployment(tx.connection, self.work.deployment.id)
        assert current is not None
        if vm.state != states.VM_UNDEPLOYING:
            rest(tx, current, vm, reason, lost=lost)
            inventory.update_vm(tx, vm.id, failure=reason)
        self.work.tell(tx, announce.vm(types.VM_UPDATED, current, vm, interfaces, failure=reason))

    async def _monitor(self) -> None:
        """The monitor is set by the current kpi_data; a VM that was never alive before tells that it is."""
        mark = monitor_mark(self.group)
        state = await self.op.commit(f"{self.path}/resume", lambda tx: self._resume(tx, mark))
        if state != states.VM_INERT or mark is None:
            return
        try:
            await self.vm.wait_alive()
        except StepFailed as failure:
            await self.vm.fail(types.VM_ALIVE, failure)
            raise
        await self.op.commit(f"{self.path}/alive", lambda tx: self._alive(tx, mark))

    def _resume(self, tx: Tx, mark: str | None) -> str:
        values = {"monitor": None} if mark is None else {}
        return move_vm(tx, self.vm.vm.id, "resume", **values)

    def _alive(self, tx: Tx, mark: str) -> None:
        first = _as_it_is(tx, self.vm.vm)[0].monitor is None
        move_vm(tx, self.vm.vm.id, "alive", monitor=mark)
        if first:
            self.vm.tell(tx, types.VM_ALIVE)


def _as_it_is(tx: Tx, vm: Vm) -> tuple[Vm, list[Interface]]:
    row = inventory.vm(tx.connection, vm.id) or vm
    return row, inventory.interfaces_of(tx.connection, [vm.id])[vm.id]
