"""Networks and subnets: shared, of a tenant, or ephemeral with a deployment."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from openesc.events import types
from openesc.inventory import store as inventory
from openesc.inventory.records import Deployment, Resource
from openesc.lifecycle import announce, intent
from openesc.lifecycle.context import Services
from openesc.lifecycle.errors import StepFailed
from openesc.lifecycle.operation import Attempt, Operation
from openesc.lifecycle.steps.calls import create_once, persist
from openesc.lifecycle.steps.doubles import remove_doubles
from openesc.lifecycle.steps.names import deployment_tag, network_name, operation_mark
from openesc.store import Tx
from openesc.vim.port import SHARED_PROJECT, Cloud, NetworkSpec, SubnetSpec
from openesc.vim.port import Network as CloudNetwork


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose network it is. `tenant` None: shared, the admin tenant's."""

    tenant: str | None = None
    deployment: Deployment | None = None

    def key(self, network: str) -> str:
        """The key of the network's row: the unit's for configured ones."""
        owner = self.deployment.id if self.deployment else self.tenant or ""
        return f"network:{owner}/{network}"

    def cloud_name(self, network: str) -> str:
        return network_name(network, self.deployment.id) if self.deployment else network


@dataclass(frozen=True, slots=True)
class Networking:
    """Makes and removes networks for one operation."""

    op: Operation
    services: Services
    cloud: Cloud
    scope: Scope

    async def ensure_network(self, wanted: intent.Network) -> str:
        """The network is there; returns the cloud's id. Raises: StepFailed (CREATE_NETWORK FAILURE was sent)."""
        key = self.scope.key(wanted.name)
        known = await self._known(key)
        if known is not None and known.external_id is not None:
            return known.external_id

        async def act(attempt: Attempt) -> dict[str, object]:
            found, doubt = await create_once(
                attempt,
                self.services.settings.patience,
                lambda: self._made(wanted.name),
                lambda: self.cloud.create_network(self._network_spec(wanted)),
            )
            facts = {"status": found.status, "shared": found.shared, "admin_state": found.admin_state}
            if found.provider_network_type is not None:
                facts["provider_network_type"] = found.provider_network_type
            return {"id": found.id, "facts": facts, "doubt": doubt}

        def record(tx: Tx, result: dict[str, object]) -> None:
            resource = self._put(tx, "network", key, wanted.name, None, result)
            self._tell(tx, announce.network(types.CREATE_NETWORK, resource, self.scope.deployment))

        return await self._guarded(
            f"network/{wanted.name}", act, record, lambda tx, why: self._network_failed(tx, wanted, why)
        )

    async def _made(self, name: str) -> CloudNetwork | None:
        """The network this operation made. One of the same name that others made is not taken for ours."""
        if self.scope.deployment:
            return await self.cloud.find_network(self.scope.cloud_name(name))
        return next(iter(await self._marked(name)), None)

    async def _marked(self, name: str) -> list[CloudNetwork]:
        named = await self.cloud.networks_named(name)
        return [network for network in named if network.description == operation_mark(self.op.id)]

    async def remove_doubles(self, name: str) -> None:
        """Where an answer was lost: take away networks that this operation made beside the one that is recorded."""
        if not self.op.doubted(f"network/{name}"):
            return
        record = await self._known(self.scope.key(name))
        known = record.external_id if record is not None else None

        async def find() -> list[str]:
            return [network.id for network in await self._marked(name) if network.id != known]

        project = self.scope.tenant or SHARED_PROJECT
        await remove_doubles(self.op, self.services, "network", name, project, find, self.cloud.delete_network)

    async def ensure_subnet(self, network: str, network_id: str, wanted: intent.Subnet) -> str:
        """The subnet is there; returns the cloud's id. Raises: StepFailed (CREATE_SUBNET FAILURE was sent)."""
        parent = self.scope.key(network)
        key = f"subnet:{parent}/{wanted.name}"
        known = await self._known(key)
        if known is not None and known.external_id is not None:
            return known.external_id

        async def act(attempt: Attempt) -> dict[str, object]:
            found, doubt = await create_once(
                attempt,
                self.services.settings.patience,
                lambda: self.cloud.find_subnet(wanted.name, network_id),
                lambda: self.cloud.create_subnet(self._subnet_spec(wanted, network_id)),
            )
            facts = {
                "cidr": found.cidr,
                "dhcp": found.dhcp,
                "ipversion": f"ipv{found.ip_version}",
                "gateway": found.gateway,
            }
            return {"id": found.id, "facts": facts, "doubt": doubt}

        def record(tx: Tx, result: dict[str, object]) -> None:
            resource = self._put(tx, "subnet", key, wanted.name, parent, result)
            self._tell(tx, announce.subnet(types.CREATE_SUBNET, resource, _required(tx, parent), self.scope.deployment))

        path = f"network/{network}/subnet/{wanted.name}"
        return await self._guarded(path, act, record, lambda tx, why: self._subnet_failed(tx, parent, wanted, why))

    async def remove_subnet(self, record: Resource) -> None:
        """Delete it in the cloud and forget it. Raises: StepFailed."""

        async def act(_: Attempt) -> None:
            if record.external_id is not None and record.owned:
                subnet_id = record.external_id
                await persist(self.services.settings.patience, lambda: self.cloud.delete_subnet(subnet_id))

        def forget(tx: Tx, _: object) -> None:
            assert record.parent is not None
            self._tell(
                tx, announce.subnet(types.DELETE_SUBNET, record, _required(tx, record.parent), self.scope.deployment)
            )
            inventory.remove_resource(tx, record.key)

        await self._guarded_removal(record, act, forget, self._subnet_stays)

    async def remove_network(self, record: Resource) -> None:
        """Delete it in the cloud and forget it. Raises: StepFailed."""

        async def act(_: Attempt) -> None:
            if record.external_id is not None and record.owned:
                network_id = record.external_id
                await persist(self.services.settings.patience, lambda: self.cloud.delete_network(network_id))

        def forget(tx: Tx, _: object) -> None:
            self._tell(tx, announce.network(types.DELETE_NETWORK, record, self.scope.deployment))
            inventory.remove_resource(tx, record.key)

        await self._guarded_removal(record, act, forget, self._network_stays)

    async def _guarded_removal(
        self,
        record: Resource,
        act: Callable[[Attempt], Coroutine[Any, Any, None]],
        forget: Callable[[Tx, object], None],
        stays: Callable[[Tx, Resource, str], None],
    ) -> None:
        path = f"{record.key}/delete"
        try:
            await self.op.step(path, act, forget)
        except StepFailed as failure:
            reason = failure.reason
            await self.op.commit(f"{path}/failed", lambda tx: stays(tx, record, reason))
            raise

    def _subnet_stays(self, tx: Tx, record: Resource, why: str) -> None:
        assert record.parent is not None
        parent = _required(tx, record.parent)
        self._tell(tx, announce.subnet(types.DELETE_SUBNET, record, parent, self.scope.deployment, why))

    def _network_stays(self, tx: Tx, record: Resource, why: str) -> None:
        self._tell(tx, announce.network(types.DELETE_NETWORK, record, self.scope.deployment, why))

    async def _known(self, key: str) -> Resource | None:
        return await self.services.store.read(lambda connection: inventory.resource(connection, key))

    async def _guarded(
        self,
        path: str,
        act: Callable[[Attempt], Coroutine[Any, Any, dict[str, object]]],
        record: Callable[[Tx, dict[str, object]], None],
        failed: Callable[[Tx, str], None],
    ) -> str:
        try:
            return str((await self.op.step(path, act, record))["id"])
        except StepFailed as failure:
            reason = failure.reason
            await self.op.commit(f"{path}/failed", lambda tx: failed(tx, reason))
            raise

    def _network_spec(self, wanted: intent.Network) -> NetworkSpec:
        deployment = self.scope.deployment
        return NetworkSpec(
            name=self.scope.cloud_name(wanted.name),
            shared=wanted.shared,
            admin_state=wanted.admin_state,
            provider_network_type=wanted.provider_network_type,
            provider_physical_network=wanted.provider_physical_network,
            provider_segmentation_id=wanted.provider_segmentation_id,
            tag=deployment_tag(deployment.id) if deployment else None,
            description=None if deployment else operation_mark(self.op.id),
        )

    def _subnet_spec(self, wanted: intent.Subnet, network_id: str) -> SubnetSpec:
        deployment = self.scope.deployment
        return SubnetSpec(
            name=wanted.name,
            network_id=network_id,
            cidr=wanted.cidr,
            ip_version=wanted.ip_version,
            gateway=wanted.gateway,
            no_gateway=wanted.no_gateway,
            dhcp=wanted.dhcp,
            tag=deployment_tag(deployment.id) if deployment else None,
        )

    def _put(self, tx: Tx, kind: str, key: str, name: str, parent: str | None, result: dict[str, object]) -> Resource:
        resource = self._resource(tx, kind, key, name, parent, result)
        inventory.remove_resource(tx, key)
        inventory.add_resource(tx, resource)
        return resource

    def _resource(
        self, tx: Tx, kind: str, key: str, name: str, parent: str | None, result: dict[str, object]
    ) -> Resource:
        deployment = self.scope.deployment
        return Resource(
            id=inventory.new_id(),
            kind=kind,
            key=key,
            name=name,
            tenant=deployment.tenant if deployment else self.scope.tenant,
            deployment_id=deployment.id if deployment else None,
            parent=parent,
            cloud_name=self.scope.cloud_name(name) if kind == "network" else name,
            external_id=str(result["id"]) if result.get("id") else None,
            owned=True,
            facts=dict(result.get("facts") or {}),  # type: ignore[call-overload]
            failure=None,
            created_at=tx.clock.tick(),
        )

    def _network_failed(self, tx: Tx, wanted: intent.Network, why: str) -> None:
        resource = self._resource(tx, "network", self.scope.key(wanted.name), wanted.name, None, {})
        self._tell(tx, announce.network(types.CREATE_NETWORK, resource, self.scope.deployment, why))

    def _subnet_failed(self, tx: Tx, parent: str, wanted: intent.Subnet, why: str) -> None:
        """Of a configured network its row stays: deleting what was never made is told too (developer guide, subnet)."""
        key = f"subnet:{parent}/{wanted.name}"
        made = self._resource if self.scope.deployment else self._put
        resource = made(tx, "subnet", key, wanted.name, parent, {})
        self._tell(
            tx, announce.subnet(types.CREATE_SUBNET, resource, _required(tx, parent), self.scope.deployment, why)
        )

    def _tell(self, tx: Tx, event: object) -> None:
        self.services.events.append(tx, event, self.op.id)  # type: ignore[arg-type]


def _required(tx: Tx, key: str) -> Resource:
    found = inventory.resource(tx.connection, key)
    assert found is not None, key
    return found
