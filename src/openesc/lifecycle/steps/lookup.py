"""What a group names in the cloud: flavor, image, networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from openesc.inventory import store as inventory
from openesc.lifecycle import intent
from openesc.lifecycle.context import Work
from openesc.lifecycle.errors import StepFailed
from openesc.lifecycle.operation import Attempt
from openesc.lifecycle.steps.calls import persist
from openesc.lifecycle.steps.networks import Scope
from openesc.vim.errors import VimNotFound
from openesc.vim.port import Cloud, Subnet


@dataclass(frozen=True, slots=True)
class NetworkFacts:
    """A network of the cloud with its subnets."""

    id: str
    subnets: tuple[Subnet, ...]

    def subnet(self, subnet_id: str) -> Subnet | None:
        return next((subnet for subnet in self.subnets if subnet.id == subnet_id), None)


@dataclass(frozen=True, slots=True)
class GroupFacts:
    """What the names of a group stand for."""

    flavor_id: str
    flavor_name: str
    image_id: str | None
    networks: dict[str, NetworkFacts]

    def subnet_id(self, wanted: intent.Interface) -> str | None:
        """The subnet an interface asks for by name or id. Raises: StepFailed."""
        if wanted.subnet is None:
            return None
        for subnet in self.networks[wanted.network].subnets:
            if wanted.subnet in (subnet.id, subnet.name):
                return subnet.id
        raise StepFailed(f"subnet {wanted.subnet} not found in network {wanted.network}")


async def look_up(work: Work, group: intent.Group, path: str | None = None) -> GroupFacts:
    """Find everything the group names, once for all its VMs, or under a `path` of one's own.

    Raises: StepFailed naming what is not there.
    """

    async def act(_: Attempt) -> dict[str, Any]:
        return await persist(work.settings.patience, lambda: _find(work, group))

    return _from_result(await work.op.step(f"{path or group.name}/lookup", act))


async def _find(work: Work, group: intent.Group) -> dict[str, Any]:
    cloud = await work.cloud()
    flavor = await cloud.find_flavor(group.flavor) if group.flavor else None
    if flavor is None:
        raise VimNotFound(
            f"flavor {group.flavor} not found" if group.flavor else f"vm_group {group.name} names no flavor"
        )
    image_id = None
    if group.image:
        image = await cloud.find_image(group.image)
        if image is None:
            raise VimNotFound(f"image {group.image} not found")
        image_id = image.id
    names = dict.fromkeys(interface.network for interface in group.interfaces)
    networks = {name: await _network(work, cloud, name) for name in names}
    return {"flavor_id": flavor.id, "flavor_name": flavor.name, "image_id": image_id, "networks": networks}


async def _network(work: Work, cloud: Cloud, name: str) -> dict[str, Any]:
    """An ephemeral network of the deployment, one of the tenant, a shared one of ours, or any of that name or id."""
    scopes = [Scope(deployment=work.deployment), Scope(tenant=work.deployment.tenant), Scope()]
    keys = [scope.key(name) for scope in scopes]

    def known(connection: Connection) -> str | None:
        rows = (inventory.resource(connection, key) for key in keys)
        return next((row.external_id for row in rows if row is not None and row.external_id), None)

    ours: str | None = await work.services.store.read(known)
    network = await cloud.find_network(ours or name)
    if network is None:
        raise VimNotFound(f"network {name} not found")
    subnets = [_subnet_leaves(subnet) for subnet in await cloud.subnets(network.id)]
    return {"id": network.id, "subnets": subnets}


def _subnet_leaves(subnet: Subnet) -> dict[str, Any]:
    return {name: getattr(subnet, name) for name in Subnet.__slots__}


def _from_result(result: dict[str, Any]) -> GroupFacts:
    networks = {
        name: NetworkFacts(found["id"], tuple(Subnet(**subnet) for subnet in found["subnets"]))
        for name, found in result["networks"].items()
    }
    return GroupFacts(result["flavor_id"], result["flavor_name"], result["image_id"], networks)
