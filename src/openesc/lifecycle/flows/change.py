"""Changes of VMs in place: monitor off, resources, VM_UPDATED, monitor on by the current kpi_data (user guide,
updating an existing deployment).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from openesc.events import types
from openesc.inventory import states
from openesc.inventory import store as inventory
from openesc.inventory.door import move_vm
from openesc.inventory.records import Deployment, Interface, Vm
from openesc.lifecycle import announce
from openesc.lifecycle.changes import VmChange, monitor_mark
from openesc.lifecycle.context import Work
from openesc.lifecycle.errors import StepFailed
from openesc.lifecycle.flows.parts import together
from openesc.lifecycle.flows.vm_parts import is_lost, pause, rest
from openesc.lifecycle.handover import Handover
from openesc.lifecycle.steps import volumes
from openesc.lifecycle.steps.attachments import attach, detach
from openesc.lifecycle.steps.guest import tell_guest
from openesc.lifecycle.steps.interfaces import Interfaces
from openesc.lifecycle.steps.lookup import GroupFacts, look_up
from openesc.lifecycle.steps.power import required_server
from openesc.lifecycle.steps.restore import Restore
from openesc.lifecycle.steps.vm_actions import VmActions
from openesc.store import Tx


async def change_vms(work: Work, vms: Sequence[Vm], planned: Mapping[str, Any]) -> None:
    """Change the VMs that stand in `planned` (`VmChange` as JSON, by id). Raises: StepFailed once all have ended."""
    changes = {vm_id: VmChange.from_json(change) for vm_id, change in planned.items()}
    concerned = [vm for vm in vms if vm.id in changes]
    handover = Handover(vm.id for vm in concerned if changes[vm.id].gives_up)
    await together(_Change(work, vm, changes[vm.id], handover).run() for vm in concerned)


class _Change:
    """The change of one VM."""

    def __init__(self, work: Work, vm: Vm, change: VmChange, handover: Handover) -> None:
        self.work = work
        self.op = work.op
        self.change = change
        self.handover = handover
        self.group = work.intent.group(vm.vm_group)
        self.before = vm
        self.vm = VmActions(work, vm, self.group)
        self.path = self.vm.path = f"{vm.vm_group}/{vm.ordinal}/change"
        self.interfaces = Interfaces(work, vm, self.group, self.path)

    async def run(self) -> None:
        """Raises: StepFailed after VM_UPDATED FAILURE, or VM_ALIVE FAILURE where the VM does not come back to life."""
        try:
            self.before = Vm(**await self.op.commit(f"{self.path}/pause", self._pause))
            if self.change.resources:
                await self._change_resources()
            await self._refresh()
            await tell_guest(self.work, self.vm.vm, self.path, "update", monitored=self.vm.monitored)
        except StepFailed as failure:
            reason = failure.reason
            await self._refresh()
            lost = await is_lost(self.vm)
            await self.op.commit(f"{self.path}/refused", lambda tx: self._refused(tx, reason, lost=lost))
            raise
        await self._monitor()

    def _pause(self, tx: Tx) -> dict[str, Any]:
        """The VM as it was when its change began: a later life may find it with another server, or with none."""
        vm, _ = _as_it_is(tx, self.vm.vm)
        pause(tx, vm)
        return {name: getattr(vm, name) for name in vm.__slots__}

    async def _change_resources(self) -> None:
        """What goes, goes first, of all VMs: its addresses and volumes may come back. Raises: StepFailed."""
        try:
            server_id = required_server(self.before)
            facts = await self._give_up(server_id)
        finally:
            self.handover.over(self.before.id)
        await self.op.wait(self.handover.wait())
        await self._add_interfaces(facts, server_id)
        await self._add_volumes(facts, server_id)
        if self.change.boot is not None:
            await Restore(self.work, self.before, self.group, self.path).run(*self.change.boot, server_id)
        await self.op.commit(f"{self.path}/updated", lambda tx: self._updated(tx))

    async def _give_up(self, server_id: str) -> GroupFacts:
        if self.change.faults:
            raise StepFailed("; ".join(text for _, text in self.change.faults))
        facts = await look_up(self.work, self.group)  # before anything is taken away
        await self._remove_interfaces(server_id)
        await self._remove_volumes(server_id)
        return facts

    async def _add_interfaces(self, facts: GroupFacts, server_id: str) -> None:
        wanted = {nic.nicid: nic for nic in self.group.interfaces}
        for nicid in (*self.change.new, *self.change.changed):
            row = await self.interfaces.ensure(wanted[nicid], facts, attached=False)
            if nicid in self.change.new:
                await self.interfaces.attach(row, server_id)

    async def _remove_volumes(self, server_id: str) -> None:
        rows = await volumes.rows_of(self.work, self.vm.vm)
        for name in self.change.volumes_gone:
            if name in rows:  # else it is gone since an earlier life
                await detach(self.work, rows[name], server_id, self.path)
                await volumes.let_go(self.work, rows[name], self.path)

    async def _add_volumes(self, facts: GroupFacts, server_id: str) -> None:
        wanted = {volume.name: volume for volume in self.group.volumes}
        for name in self.change.volumes_new:
            volume_id = await volumes.ensure(self.work, self.vm.vm, wanted[name], facts.image_id, self.path)
            await attach(self.work, self.vm.vm, wanted[name], volume_id, server_id, self.path)

    async def _refresh(self) -> None:
        """A restore may have given it another server."""
        found = await self.work.services.store.read(lambda c: inventory.vm(c, self.vm.vm.id))
        self.vm.vm = found or self.vm.vm

    async def _remove_interfaces(self, server_id: str) -> None:
        """By the rows as they are now: one that is exchanged has its new row once the old one is gone."""
        rows = {row.nicid: row for row in await self.interfaces.rows()}
        for nicid in self.change.gone:
            if nicid in rows and not self.op.done(f"{self.path}/interface/{nicid}/delete"):
                await self.interfaces.remove(rows[nicid], server_id)

    def _updated(self, tx: Tx) -> None:
        """A server that was made anew is the target; the source is the one that was."""
        vm, interfaces = _as_it_is(tx, self.vm.vm)
        event = announce.vm(types.VM_UPDATED, self.work.deployment, self.before, interfaces)
        if vm.server_id != self.before.server_id:
            event = replace(event, vm_target=announce.vm_info(self.work.deployment, vm, interfaces))
        self.work.tell(tx, event)

    def _refused(self, tx: Tx, reason: str, *, lost: bool) -> None:
        """It is monitored as before, unless the cloud lost it."""
        vm, interfaces = _as_it_is(tx, self.vm.vm)
        current = inventory.deployment(tx.connection, self.work.deployment.id)
        assert current is not None
        if vm.state != states.VM_UNDEPLOYING:
            self._rest(tx, current, vm, reason, lost=lost)
        self.work.tell(tx, announce.vm(types.VM_UPDATED, current, vm, interfaces, failure=reason))

    def _rest(self, tx: Tx, current: Deployment, vm: Vm, reason: str, *, lost: bool) -> None:
        if lost or vm.server_id is None:  # it was to be made anew, and was not
            move_vm(tx, vm.id, "fail", failure=reason)
        else:
            rest(tx, current, vm, reason, lost=False)
            inventory.update_vm(tx, vm.id, failure=reason)

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
