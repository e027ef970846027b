"""Strays: what a call with a lost answer made beside what the inventory knows, found by name and tag."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Connection

from openesc.inventory import store as inventory
from openesc.inventory.records import Vm
from openesc.lifecycle import intent
from openesc.lifecycle.context import Work
from openesc.lifecycle.leftover_removal import remove_volume
from openesc.lifecycle.operation import Attempt
from openesc.lifecycle.steps.calls import persist
from openesc.lifecycle.steps.names import network_name, server_group_name, vm_tag, volume_name
from openesc.lifecycle.steps.placement import KIND as SERVER_GROUP
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
    ports = [port.id for port in await cloud.ports_marked(vm_tag(vm.id)) if port.id not in port_ids]
    await _delete_all(cloud.delete_server, servers)
    await _delete_all(cloud.delete_port, ports)
    return servers + ports


@dataclass(frozen=True, slots=True)
class Names:
    """Names in the cloud that are one deployment's alone, by kind."""

    by_kind: Mapping[str, Sequence[str]]

    def __bool__(self) -> bool:
        return any(self.by_kind.values())


def names(deployment_id: str, vms: Sequence[Vm], documents: Iterable[intent.Deployment]) -> Names:
    """Of the volumes that `documents` have made for `vms`, of their ephemeral networks and of their server groups."""
    found: dict[str, dict[str, None]] = {kind: {} for kind in _KINDS}
    for wanted in documents:
        groups = {group.name: group for group in wanted.groups}
        made = [(vm, volume) for vm in vms if vm.vm_group in groups for volume in groups[vm.vm_group].volumes]
        found["volume"] |= {volume_name(vm.name, volume.name): None for vm, volume in made if volume.size is not None}
        found["network"] |= {network_name(network.name, deployment_id): None for network in wanted.networks}
        found[SERVER_GROUP] |= {server_group_name(rule.name, deployment_id): None for rule in wanted.rules}
    return Names({kind: tuple(listed) for kind, listed in found.items()})


async def remove_strays(work: Work, its: Names, path: str) -> None:
    """The same for what has these names; what is recorded as left stays. Raises: StepFailed."""
    if not its:
        return
    cloud = await work.cloud()
    known = await work.services.store.read(lambda connection: _known(connection, work.deployment.id))

    async def delete() -> list[str]:
        strays = [(kind, external_id) for kind, external_id, _ in await named(cloud, its) if external_id not in known]
        await asyncio.gather(*(_KINDS[kind].delete(cloud, external_id) for kind, external_id in strays))
        return [external_id for _, external_id in strays]

    async def act(_: Attempt) -> list[str]:
        return await persist(work.settings.patience, delete)

    await work.op.step(path, act)


def _known(connection: Connection, deployment_id: str) -> set[str]:
    rows = inventory.resources(connection, deployment_id=deployment_id)
    left = {row.external_id for row in inventory.leftovers_of(connection, deployment_id)}
    return left | {row.external_id for row in rows if row.external_id}


async def named(cloud: Cloud, its: Names) -> list[tuple[str, str, str]]:
    """Kind, id and name of what the cloud has under these names."""
    asked = [(kind, name) for kind, listed in its.by_kind.items() for name in listed]
    found = await asyncio.gather(*(_KINDS[kind].named(cloud, name) for kind, name in asked))
    return [(kind, one.id, name) for (kind, name), several in zip(asked, found, strict=True) for one in several]


class _Identified(Protocol):
    @property
    def id(self) -> str: ...


@dataclass(frozen=True, slots=True)
class _Kind:
    named: Callable[[Cloud, str], Awaitable[Sequence[_Identified]]]
    delete: Callable[[Cloud, str], Awaitable[None]]


_KINDS: Mapping[str, _Kind] = {
    "volume": _Kind(lambda cloud, name: cloud.volumes_named(name), remove_volume),
    "network": _Kind(lambda cloud, name: cloud.networks_named(name), lambda cloud, one: cloud.delete_network(one)),
    SERVER_GROUP: _Kind(
        lambda cloud, name: cloud.server_groups_named(name), lambda cloud, one: cloud.delete_server_group(one)
    ),
}


async def _delete_all(delete: Callable[[str], Awaitable[None]], ids: Sequence[str]) -> None:
    await asyncio.gather(*(delete(external_id) for external_id in ids))
