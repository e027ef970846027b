"""Strays: what a call with a lost answer made beside what the inventory knows, found by name and tag."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from openesc.inventory import store as inventory
from openesc.inventory.records import Vm
from openesc.lifecycle import intent
from openesc.lifecycle.context import Work
from openesc.lifecycle.operation import Attempt
from openesc.lifecycle.steps.calls import persist
from openesc.lifecycle.steps.names import network_name, vm_tag, volume_name
from openesc.vim.port import Cloud


async def remove_vm_strays(work: Work, vm: Vm, path: str) -> None:
    """Delete servers of the VM's name and ports of its tag that the inventory does not know. Raises: StepFailed."""
    cloud = await work.cloud()
    known_ports = await work.services.store.read(lambda c: inventory.interfaces_of(c, [vm.id])[vm.id])
    port_ids = {interface.port_id for interface in known_ports}

    async def act(_: Attempt) -> list[str]:
        return await persist(work.settings.patience, lambda: _delete_vm_strays(cloud, vm, port_ids))

    await work.op.step(path, act)


async def _delete_vm_strays(cloud: Cloud, vm: Vm, port_ids: set[str]) -> list[str]:
    servers = [server.id for server in await cloud.servers_named(vm.name) if server.id != vm.server_id]
    ports = [port.id for port in await cloud.ports_tagged(vm_tag(vm.id)) if port.id not in port_ids]
    await _delete_all(cloud.delete_server, servers)
    await _delete_all(cloud.delete_port, ports)
    return servers + ports


async def remove_volume_and_network_strays(work: Work, vms: Sequence[Vm], path: str) -> None:
    """The same for volumes made for `vms` and for ephemeral networks, whose names are the deployment's alone.

    Raises: StepFailed.
    """
    volumes, networks = names(work, vms)
    if not volumes and not networks:
        return
    cloud = await work.cloud()
    rows = await work.services.store.read(lambda c: inventory.resources(c, deployment_id=work.deployment.id))
    known = {row.external_id for row in rows if row.external_id}

    async def delete() -> list[str]:
        found = await named(cloud, volumes, networks)
        strays = {
            kind: [external_id for external_id, _ in entries if external_id not in known] for kind, entries in found
        }
        await _delete_all(cloud.delete_volume, strays["volume"])
        await _delete_all(cloud.delete_network, strays["network"])
        return [*strays["volume"], *strays["network"]]

    async def act(_: Attempt) -> list[str]:
        return await persist(work.settings.patience, delete)

    await work.op.step(path, act)


def names(work: Work, vms: Sequence[Vm]) -> tuple[list[str], list[str]]:
    """The cloud's names of the volumes made for `vms`, and of the deployment's ephemeral networks."""
    wanted = intent.parse(work.deployment.wanted)
    groups = {group.name: group for group in wanted.groups}
    volumes = [
        volume_name(vm.name, volume.name)
        for vm in vms
        if vm.vm_group in groups
        for volume in groups[vm.vm_group].volumes
        if volume.size is not None
    ]
    return volumes, [network_name(network.name, work.deployment.id) for network in wanted.networks]


async def named(
    cloud: Cloud, volumes: Sequence[str], networks: Sequence[str]
) -> list[tuple[str, list[tuple[str, str]]]]:
    """Ids and names of what the cloud has under these names, by kind."""
    found_volumes = await asyncio.gather(*(cloud.volumes_named(name) for name in volumes))
    found_networks = await asyncio.gather(*(cloud.networks_named(name) for name in networks))
    return [
        ("volume", [(volume.id, volume.name) for several in found_volumes for volume in several]),
        ("network", [(network.id, network.name) for several in found_networks for network in several]),
    ]


async def _delete_all(delete: Callable[[str], Awaitable[None]], ids: Sequence[str]) -> None:
    await asyncio.gather(*(delete(external_id) for external_id in ids))
