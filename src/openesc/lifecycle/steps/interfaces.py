"""The interfaces of a VM: ports made and kept, given to its server, changed, taken away."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from openesc.inventory import store as inventory
from openesc.inventory.records import Interface, Vm
from openesc.lifecycle import intent
from openesc.lifecycle.changes import asked, same_port
from openesc.lifecycle.context import Work
from openesc.lifecycle.errors import StepFailed
from openesc.lifecycle.operation import Attempt
from openesc.lifecycle.pools import give_back_addresses, reserved
from openesc.lifecycle.steps.calls import change_once, create_once, persist
from openesc.lifecycle.steps.lookup import GroupFacts
from openesc.lifecycle.steps.names import deployment_tag, port_name, vm_tag
from openesc.store import Tx
from openesc.vim.port import Port, PortSpec

PAUSE = 0.3
"""Seconds between two looks at a port that is being unplugged."""


class Interfaces:
    """The steps on the interfaces of one VM. `path` is the prefix of their names."""

    def __init__(self, work: Work, vm: Vm, group: intent.Group, path: str) -> None:
        self.work = work
        self.op = work.op
        self.vm = vm
        self.group = group
        self.path = path

    async def rows(self) -> list[Interface]:
        """Those of the VM, as the inventory has them now."""
        return await self.work.services.store.read(lambda c: inventory.interfaces_of(c, [self.vm.id])[self.vm.id])

    async def ensure(self, wanted: intent.Interface, facts: GroupFacts, *, attached: bool = True) -> Interface:
        """A port as the interface wants it: the one the VM has while the cloud has it, else a new one, found by its tag
        after a lost answer.

        `attached`: a new one goes to the server with its creation. Raises: StepFailed.
        """
        held = await self.work.services.store.read(lambda connection: reserved(connection, self.vm.id))
        leaves = asked(wanted, held)
        kept = await self._kept(wanted.nicid, leaves)
        if kept is None:
            return await self._made(wanted, leaves, facts, attached=attached)
        if kept.asked not in (None, leaves):
            return await self._changed(kept, leaves)
        return kept

    async def _kept(self, nicid: int, leaves: Mapping[str, Any]) -> Interface | None:
        row = next((row for row in await self.rows() if row.nicid == nicid), None)
        if row is None or not same_port(row, leaves):
            return None
        cloud = await self.work.cloud()
        marked = await self.work.answered(
            persist(self.work.settings.patience, lambda: cloud.ports_marked(vm_tag(self.vm.id)))
        )
        return row if row.port_id in {port.id for port in marked} else None

    async def _made(
        self, wanted: intent.Interface, leaves: Mapping[str, Any], facts: GroupFacts, *, attached: bool
    ) -> Interface:
        cloud, patience = await self.work.cloud(), self.work.settings.patience
        spec = self._spec(wanted, leaves, facts)

        async def look() -> Port | None:
            marked = await cloud.ports_marked(vm_tag(self.vm.id))
            return next((port for port in marked if port.name == spec.name), None)

        async def act(attempt: Attempt) -> dict[str, Any]:
            port, doubt = await create_once(attempt, patience, look, lambda: cloud.create_port(spec))
            found = _leaves(self.vm, wanted, port, facts, self.group.pool(wanted.network))
            return {"interface": {**found, "asked": dict(leaves), "attached": attached}, "doubt": doubt}

        def record(tx: Tx, result: dict[str, Any]) -> None:
            inventory.put_interface(tx, Interface(**result["interface"]))

        result = await self.op.step(f"{self.path}/port/{wanted.nicid}", act, record)
        return Interface(**result["interface"])

    async def _changed(self, row: Interface, leaves: Mapping[str, Any]) -> Interface:
        cloud, patience = await self.work.cloud(), self.work.settings.patience

        async def act(_: Attempt) -> None:
            await persist(
                patience,
                lambda: cloud.update_port(
                    row.port_id,
                    allowed_address_pairs=[(address, None) for address in leaves["allowed_address_pairs"]],
                    security_groups=leaves["security_groups"] or None,
                ),
            )

        def record(tx: Tx, _: object) -> None:
            inventory.update_interface(tx, row, asked=dict(leaves))

        await self.op.step(f"{self.path}/interface/{row.nicid}/change", act, record)
        return next(found for found in await self.rows() if found.nicid == row.nicid)

    async def attach(self, row: Interface, server_id: str) -> None:
        """Give the port to the running or stopped server. Raises: StepFailed."""
        cloud = await self.work.cloud()

        async def there() -> bool:
            return (await cloud.get_port(row.port_id)).device_id == server_id

        async def act(attempt: Attempt) -> None:
            await change_once(
                attempt,
                self.work.settings.patience,
                there,
                lambda: cloud.attach_interface(server_id, row.port_id),
                adopt=True,
            )

        def record(tx: Tx, _: object) -> None:
            inventory.update_interface(tx, row, attached=True)

        await self.op.step(f"{self.path}/interface/{row.nicid}/attach", act, record)

    async def remove(self, row: Interface, server_id: str | None) -> None:
        """Take the port from the server (None: it has none) and delete it. Raises: StepFailed."""
        cloud, patience = await self.work.cloud(), self.work.settings.patience
        path = f"{self.path}/interface/{row.nicid}"
        if server_id is not None:
            await self._detach(row, server_id, path)

        async def act(_: Attempt) -> None:
            await persist(patience, lambda: cloud.delete_port(row.port_id))

        def record(tx: Tx, _: object) -> None:
            inventory.remove_interface(tx, row)
            wanted = next((nic.network for nic in self.group.interfaces if nic.nicid == row.nicid), None)
            give_back_addresses(tx, self.vm.id, row.nicid, unless=wanted)

        await self.op.step(f"{path}/delete", act, record)

    async def _detach(self, row: Interface, server_id: str, path: str) -> None:
        cloud, patience = await self.work.cloud(), self.work.settings.patience

        async def act(_: Attempt) -> None:
            await persist(patience, lambda: cloud.detach_interface(server_id, row.port_id))

        await self.op.step(f"{path}/detach", act)
        if not self.op.done(f"{path}/delete"):
            await self._free(row.port_id, server_id)

    async def _free(self, port_id: str, server_id: str) -> None:
        """Nova unplugs after it has answered."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self.work.settings.delete_timeout
        while await self._plugged(port_id, server_id):
            if loop.time() > end:
                raise StepFailed(f"port {port_id} is still plugged into server {server_id}")
            await self.op.wait(asyncio.sleep(PAUSE))

    async def _plugged(self, port_id: str, server_id: str) -> bool:
        cloud = await self.work.cloud()
        port = await self.work.found(lambda: cloud.get_port(port_id))
        return port is not None and port.device_id == server_id

    def _spec(self, wanted: intent.Interface, leaves: Mapping[str, Any], facts: GroupFacts) -> PortSpec:
        return PortSpec(
            name=port_name(self.vm.name, wanted.nicid),
            network_id=facts.networks[wanted.network].id,
            subnet_id=facts.subnet_id(wanted),
            ip_address=leaves["ip_address"],
            mac_address=leaves["mac_address"],
            allowed_address_pairs=wanted.allowed_address_pairs,
            security_groups=wanted.security_groups or None,
            vnic_type="direct" if wanted.type == "direct" else None,
            tags=(deployment_tag(self.work.deployment.id), vm_tag(self.vm.id)),
            description=vm_tag(self.vm.id),
        )


async def kept_interfaces(work: Work, vm: Vm, group: intent.Group) -> list[Interface]:
    """The interfaces of a VM that is made again whose ports serve its group's document."""

    def read(connection: Connection) -> list[Interface]:
        held = reserved(connection, vm.id)
        wanted = {nic.nicid: asked(nic, held) for nic in group.interfaces}
        rows = inventory.interfaces_of(connection, [vm.id])[vm.id]
        return [row for row in rows if row.nicid in wanted and same_port(row, wanted[row.nicid])]

    return await work.services.store.read(read)


def _leaves(
    vm: Vm, wanted: intent.Interface, port: Port, facts: GroupFacts, pool: intent.Pool | None
) -> dict[str, Any]:
    """What opdata shows; the group's pool may say netmask and gateway."""
    address = port.fixed_ips[0] if port.fixed_ips else None
    subnet = facts.networks[wanted.network].subnet(address.subnet_id) if address else None
    return {
        "vm_id": vm.id,
        "nicid": wanted.nicid,
        "type": wanted.type,
        "port_id": port.id,
        "network_id": port.network_id,
        "subnet_id": address.subnet_id if address else "",
        "ip_address": address.ip_address if address else "",
        "mac_address": port.mac_address,
        "netmask": (pool and pool.netmask) or (subnet.netmask if subnet else None),
        "gateway": (pool and pool.gateway) or (subnet.gateway if subnet else None),
    }
