"""The two ways to get a VM back: a hard reboot, and its server made anew on the ports and volumes it had."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import Any

from openesc.events import types
from openesc.events.escevent import EscEvent
from openesc.inventory import store as inventory
from openesc.inventory.door import move_vm
from openesc.inventory.records import Interface, Vm
from openesc.lifecycle import announce, intent
from openesc.lifecycle.context import Work
from openesc.lifecycle.errors import StepFailed
from openesc.lifecycle.operation import Attempt
from openesc.lifecycle.recovery_policy import RecoveryPolicy
from openesc.lifecycle.steps import volumes
from openesc.lifecycle.steps.alive import NO_LIMIT, wait_alive
from openesc.lifecycle.steps.calls import change_once, persist
from openesc.lifecycle.steps.interfaces import Interfaces, kept_interfaces
from openesc.lifecycle.steps.lookup import GroupFacts
from openesc.lifecycle.steps.servers import VmSteps
from openesc.store import Tx, now_ms
from openesc.vim import goals
from openesc.vim.port import Server

REBOOT = "reboot"


class RecoverySteps:
    """The steps on one VM. `vm` is the VM as it was when the recovery began: the `vm_source` of its events."""

    def __init__(self, work: Work, vm: Vm, group: intent.Group, policy: RecoveryPolicy) -> None:
        self.work = work
        self.op = work.op
        self.vm = vm
        # a resize that was reverted stays reverted; the image may be a newer one on purpose
        self.group = replace(group, flavor=vm.flavor or group.flavor)
        self.policy = policy
        self.lost = vm
        """The VM the next event is about: the first one, then each that was made in vain."""

    # reboot

    async def reboot(self) -> None:
        """A hard reboot: VM_RECOVERY_REBOOT once the server runs again. Raises: StepFailed."""
        if self.op.done("rebooted"):
            return
        if self.vm.server_id is None:
            raise StepFailed("it has no server")
        await self._ask_reboot(self.vm.server_id)
        server = await self._running_again(self.vm.server_id)
        await self.op.commit("rebooted", lambda tx: self._rebooted(tx, server))

    async def _ask_reboot(self, server_id: str) -> None:
        """The list of the server's actions tells whether a request whose answer was lost has had its effect."""
        cloud = await self.work.cloud()

        async def newest() -> str:
            actions = await cloud.server_actions(server_id)
            return next((one.request_id for one in actions if one.action == REBOOT), "")

        async def before(_: Attempt) -> str:
            return await persist(self.work.settings.patience, newest)

        last = await self.op.step("reboots", before)

        async def there() -> bool:
            return bool(await newest() != last)

        async def act(attempt: Attempt) -> None:
            patience, over = self.work.settings.patience, self.work.vim.http_timeout
            ask = partial(cloud.reboot_server, server_id, hard=True)
            await change_once(attempt, patience, there, ask, over=over)

        await self.op.step(REBOOT, act)

    async def _running_again(self, server_id: str) -> Server:
        cloud = await self.work.cloud()
        seconds = self.policy.reboot_time if self.policy.reboot_time >= 0 else NO_LIMIT
        until = await self.op.deadline("back", seconds)
        left = max(1.0, (until - now_ms()) / 1000)
        server = await self.work.answered(cloud.wait_server(server_id, goals.settled, left, fault_on_error=False))
        if server.status != "ACTIVE":
            raise StepFailed(server.fault or f"server {server_id} is {server.status}")
        return server

    def _rebooted(self, tx: Tx, server: Server) -> None:
        move_vm(tx, self.vm.id, "up", host_id=server.host_id, hostname=server.hostname)
        self.tell(tx, types.VM_RECOVERY_REBOOT)

    async def alive_after_reboot(self) -> None:
        """The VM is alive within reboot_time of the reboot, if it is monitored. Raises: StepFailed."""
        assert self.vm.server_id is not None
        within = replace(self.group, bootup_time=self.policy.reboot_time)
        await self._alive(within, self.vm.server_id, await self.interfaces(), "back")

    # redeploy

    async def undeploy(self, path: str) -> None:
        """The server goes, its ports and volumes stay: VM_RECOVERY_UNDEPLOYED. Raises: StepFailed."""
        self.lost = Vm(**await self.op.commit(f"{path}/begin", self._redeployed))
        cloud, patience = await self.work.cloud(), self.work.settings.patience

        async def act(_: Attempt) -> list[str]:
            named = await persist(patience, lambda: cloud.servers_named(self.vm.name))
            known = (await self.current()).server_id
            ids = sorted({server.id for server in named} | ({known} if known else set()))
            await asyncio.gather(*(persist(patience, lambda i=i: cloud.delete_server(i)) for i in ids))  # type: ignore[misc]
            return ids

        ids = await self.op.step(f"{path}/server/delete", act)
        if not self.op.done(f"{path}/undeployed"):
            gone = (cloud.wait_server_gone(one, self.work.settings.delete_timeout) for one in ids)
            await self.work.answered(asyncio.gather(*gone))
        await self.op.commit(f"{path}/undeployed", lambda tx: self._undeployed(tx))

    def _redeployed(self, tx: Tx) -> dict[str, Any]:
        move_vm(tx, self.vm.id, "redeploy")
        vm = inventory.vm(tx.connection, self.vm.id)
        lost = vm if vm is not None and vm.server_id is not None else self.lost
        return {name: getattr(lost, name) for name in lost.__slots__}

    def _undeployed(self, tx: Tx) -> None:
        self.tell(tx, types.VM_RECOVERY_UNDEPLOYED)
        inventory.update_vm(tx, self.vm.id, server_id=None, host_id=None, hostname=None)

    async def deploy(self, facts: GroupFacts, path: str) -> None:
        """A new server of the same name: VM_RECOVERY_DEPLOYED once it runs. Raises: StepFailed."""
        if self.op.done(f"{path}/up"):
            return
        steps = VmSteps(self.work, self.vm, self.group)
        steps.path = path
        interfaces = await self._interfaces(facts, path)
        await volumes.drop_unwanted(self.work, self.vm, self.group, path)
        devices = await volumes.prepare(self.work, self.vm, self.group, facts.image_id, path)
        server_id = await steps.server(facts, interfaces, devices)
        waiting = (await self.work.cloud()).wait_server(server_id, goals.active, self.work.settings.server_timeout)
        server = await self.work.answered(waiting)
        await self.op.commit(f"{path}/up", lambda tx: self._deployed(tx, server, interfaces))

    def _deployed(self, tx: Tx, server: Server, interfaces: list[Interface]) -> None:
        facts = {"server_id": server.id, "host_id": server.host_id, "hostname": server.hostname}
        move_vm(tx, self.vm.id, "up", **facts, announced=True)
        self.tell(tx, types.VM_RECOVERY_DEPLOYED, target=inventory.vm(tx.connection, self.vm.id), interfaces=interfaces)

    async def _interfaces(self, facts: GroupFacts, path: str) -> list[Interface]:
        """The ports the VM had, while the cloud has them and the document wants them; else new ones."""
        kept = {row.nicid for row in await kept_interfaces(self.work, self.vm, self.group)}
        ports = Interfaces(self.work, self.vm, self.group, path)
        for row in await self.interfaces():
            if row.nicid not in kept:
                await ports.remove(row, None)
        return [await ports.ensure(wanted, facts) for wanted in self.group.interfaces]

    async def alive_after_deploy(self, path: str) -> None:
        """The new VM is alive within bootup_time, if it is monitored. Raises: StepFailed."""
        server_id = (await self.current()).server_id or ""
        await self._alive(self.group, server_id, await self.interfaces(), f"{path}/alive")

    # both

    async def _alive(self, group: intent.Group, server_id: str, interfaces: list[Interface], path: str) -> None:
        if group.alive_kpi is not None:
            await wait_alive(self.work, group, self.vm.name, server_id, interfaces, path)

    async def interfaces(self) -> list[Interface]:
        """Those of the VM, as the inventory has them now."""
        return await self.work.services.store.read(lambda c: inventory.interfaces_of(c, [self.vm.id])[self.vm.id])

    async def current(self) -> Vm:
        """The VM's row as it is now."""
        return await self.work.services.store.read(lambda c: inventory.vm(c, self.vm.id)) or self.vm

    def tell(self, tx: Tx, event_type: str, failure: str | None = None, **more: Any) -> None:
        """An event of the recovery; see `recovery_event`."""
        self.work.tell(tx, recovery_event(self.work, event_type, self.lost, failure, **more))


def recovery_event(
    work: Work,
    event_type: str,
    source: Vm,
    failure: str | None = None,
    target: Vm | None = None,
    interfaces: list[Interface] | None = None,
) -> EscEvent:
    """`vm_source` is the VM that was lost, `target` the one there is afterwards; equal ids: a reboot was enough."""
    event = announce.vm(event_type, work.deployment, source, failure=failure)
    if target is None:
        return event
    return replace(event, vm_target=announce.vm_info(work.deployment, target, interfaces or ()))
