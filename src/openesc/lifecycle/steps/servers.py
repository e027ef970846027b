"""A VM: its ports, its server, its first sign of life; and the way back."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import replace
from typing import Any

from openesc.events import types
from openesc.inventory import states
from openesc.inventory import store as inventory
from openesc.inventory.door import move_service, move_vm
from openesc.inventory.records import Interface, Vm
from openesc.lifecycle import announce, intent
from openesc.lifecycle.changes import monitor_mark
from openesc.lifecycle.context import Work
from openesc.lifecycle.errors import StepFailed
from openesc.lifecycle.operation import Attempt
from openesc.lifecycle.pools import reserved
from openesc.lifecycle.steps import day_zero, volumes
from openesc.lifecycle.steps.alive import wait_alive
from openesc.lifecycle.steps.calls import create_once, persist
from openesc.lifecycle.steps.lookup import GroupFacts
from openesc.lifecycle.steps.names import vm_tag
from openesc.lifecycle.steps.placement import ensure_server_group
from openesc.store import Tx
from openesc.vim import goals
from openesc.vim.port import Server, ServerSpec


class VmSteps:
    """The steps of one VM in one operation. `path` is the prefix of their names."""

    def __init__(self, work: Work, vm: Vm, group: intent.Group) -> None:
        self.work = work
        self.op = work.op
        self.vm = vm
        self.group = group
        self.path = f"{group.name}/{vm.ordinal}"

    async def begin(self) -> None:
        """The VM is being deployed."""
        await self.op.commit(f"{self.path}/begin", lambda tx: move_vm(tx, self.vm.id, "deploy", failure=None))

    async def server(self, facts: GroupFacts, interfaces: list[Interface], devices: volumes.Devices) -> str:
        """The server is asked for; returns its id. A lost answer is looked up by the generated name."""
        cloud = await self.work.cloud()
        rule = self.work.intent.rule_of(self.group.name)
        server_group_id = await ensure_server_group(self.work, rule) if rule is not None else None

        async def act(attempt: Attempt) -> dict[str, Any]:
            held = await self.work.services.store.read(lambda connection: reserved(connection, self.vm.id))
            rendered = await day_zero.render(self.group, held.variables, interfaces, self.work.sources)
            spec = replace(self._server_spec(facts, interfaces, rendered, devices), server_group_id=server_group_id)
            server, doubt = await create_once(
                attempt,
                self.work.settings.patience,
                lambda: cloud.find_server(self.vm.name),
                lambda: cloud.create_server(spec),
            )
            return {"id": server.id, "doubt": doubt}

        def record(tx: Tx, result: dict[str, Any]) -> None:
            inventory.update_vm(
                tx, self.vm.id, server_id=result["id"], image=self.group.image, flavor=facts.flavor_name
            )
            inventory.all_attached(tx, self.vm.id)
            volumes.attached(tx, self.vm.id, self.group.volumes)

        return str((await self.op.step(f"{self.path}/server", act, record))["id"])

    async def up(self, server_id: str, interfaces: list[Interface]) -> None:
        """The server is ACTIVE: VM_DEPLOYED, with what opdata says of it written before."""
        if self.op.done(f"{self.path}/up"):
            return
        cloud = await self.work.cloud()
        server = await self.work.answered(cloud.wait_server(server_id, goals.active, self.work.settings.server_timeout))
        await self.op.commit(f"{self.path}/up", lambda tx: self._announce(tx, server, interfaces))

    def _announce(self, tx: Tx, server: Server, interfaces: list[Interface]) -> None:
        move_vm(
            tx, self.vm.id, "up", host_id=server.host_id, hostname=server.hostname, announced=True, server_id=server.id
        )
        vm = inventory.vm(tx.connection, self.vm.id)
        assert vm is not None
        self._all_up(tx)
        self.work.tell(tx, announce.vm(types.VM_DEPLOYED, self.work.deployment, vm, interfaces))

    def _all_up(self, tx: Tx) -> None:
        """The last VM of a deploy to come up takes the service there: up, and not all of it alive."""
        deployment_id = self.work.deployment.id
        current = inventory.deployment(tx.connection, deployment_id)
        deploying = current is not None and current.state == states.SERVICE_DEPLOYING
        if deploying and inventory.all_vms_in(tx.connection, deployment_id, states.VM_UP):
            move_service(tx, deployment_id, "up")

    async def alive(self, server_id: str, interfaces: list[Interface]) -> None:
        """VM_ALIVE once its monitor says so. A VM without a KPI stays INERT. Raises: StepFailed after bootup_time."""
        if self.group.alive_kpi is None or self.op.done(f"{self.path}/alive"):
            return
        await wait_alive(self.work, self.group, self.vm.name, server_id, interfaces, f"{self.path}/alive")
        await self.op.commit(f"{self.path}/alive", lambda tx: self._announce_alive(tx))

    def _announce_alive(self, tx: Tx) -> None:
        move_vm(tx, self.vm.id, "alive", monitor=monitor_mark(self.group))
        vm = inventory.vm(tx.connection, self.vm.id)
        assert vm is not None
        self.work.tell(tx, announce.vm(types.VM_ALIVE, self.work.deployment, vm))

    async def fail(self, event_type: str, failure: StepFailed) -> None:
        """Write the failure down and tell it."""
        await self.op.commit(f"{self.path}/failed", lambda tx: self._failed(tx, event_type, failure.reason))

    def _failed(self, tx: Tx, event_type: str, reason: str) -> None:
        move_vm(tx, self.vm.id, "fail", failure=reason)
        vm = inventory.vm(tx.connection, self.vm.id)
        assert vm is not None
        self.work.tell(tx, announce.vm(event_type, self.work.deployment, vm, failure=reason))

    def _server_spec(
        self,
        facts: GroupFacts,
        interfaces: list[Interface],
        rendered: day_zero.Rendered,
        devices: volumes.Devices,
    ) -> ServerSpec:
        return ServerSpec(
            name=self.vm.name,
            flavor_id=facts.flavor_id,
            image_id=None if devices.boots else facts.image_id,
            port_ids=tuple(interface.port_id for interface in interfaces),
            metadata={"openesc:deployment": self.work.deployment.id, "openesc:vm": self.vm.id},
            user_data=rendered.user_data,
            files=dict(rendered.files),
            config_drive=bool(self.group.day_zero),
            block_devices=devices.devices,
            availability_zone=next((p.zone for p in self.group.placements if p.zone), None),
            host=next((p.host for p in self.group.placements if p.host), None),
        )


async def remove_from_cloud(work: Work, vm: Vm, path: str, keep: Collection[Interface] = ()) -> None:
    """Server and ports of a VM are gone from the cloud, whatever an interrupted operation left of them; the ports of
    the interfaces in `keep` stay.

    Raises: StepFailed.
    """
    cloud = await work.cloud()
    patience, kept = work.settings.patience, {row.port_id for row in keep}

    async def delete_ports(_: Attempt) -> None:
        marked = await persist(patience, lambda: cloud.ports_marked(vm_tag(vm.id)))
        rows = await work.services.store.read(lambda c: inventory.interfaces_of(c, [vm.id])[vm.id])
        leaving = ({port.id for port in marked} | {row.port_id for row in rows}) - kept
        await asyncio.gather(*(persist(patience, lambda i=i: cloud.delete_port(i)) for i in leaving))  # type: ignore[misc]

    def forget(tx: Tx, _: object) -> None:
        for row in inventory.interfaces_of(tx.connection, [vm.id])[vm.id]:
            if row.port_id not in kept:
                inventory.remove_interface(tx, row)

    ids = await delete_servers(work, vm, path)
    if not work.op.done(f"{path}/port/delete"):
        await _gone(work, ids)
    await work.op.step(f"{path}/port/delete", delete_ports, forget)


async def delete_servers(work: Work, vm: Vm, path: str) -> list[str]:
    """Ask for the deletion of the VM's server, and of whatever else has its name. Returns their ids."""
    cloud, patience = await work.cloud(), work.settings.patience

    async def act(_: Attempt) -> list[str]:
        named = await persist(patience, lambda: cloud.servers_named(vm.name))
        ids = {server.id for server in named} | ({vm.server_id} if vm.server_id else set())
        await asyncio.gather(*(persist(patience, lambda i=i: cloud.delete_server(i)) for i in ids))  # type: ignore[misc]
        return sorted(ids)

    ids: list[str] = await work.op.step(f"{path}/server/delete", act)
    return ids


async def remove_server(work: Work, vm: Vm, path: str) -> None:
    """The VM has no server any more; its ports and volumes stay. Raises: StepFailed."""
    ids = await delete_servers(work, vm, path)
    if not work.op.done(f"{path}/server/gone"):
        await _gone(work, ids)
    nothing = {"server_id": None, "host_id": None, "hostname": None}
    await work.op.commit(f"{path}/server/gone", lambda tx: inventory.update_vm(tx, vm.id, **nothing))


async def _gone(work: Work, server_ids: list[str]) -> None:
    cloud = await work.cloud()
    waits = (cloud.wait_server_gone(server_id, work.settings.delete_timeout) for server_id in server_ids)
    await work.answered(asyncio.gather(*waits))


def without_server(vm: Vm) -> Vm:
    """The VM as it is once nothing of it is in the cloud."""
    return replace(vm, server_id=None, host_id=None, hostname=None)
