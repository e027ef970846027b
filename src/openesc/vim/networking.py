"""Networks, subnets and ports of a project (Neutron)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from openesc.vim import convert, rest
from openesc.vim.batch import Batch
from openesc.vim.calls import ProjectCalls
from openesc.vim.errors import VimNotFound
from openesc.vim.port import Network, NetworkSpec, Port, PortSpec, Subnet, SubnetSpec
from openesc.vim.rest import Json, given, looks_like_id, only_one, unless_missing
from openesc.vim.services import Services

TAGS_AT_BIRTH = "tag-ports-during-bulk-creation"
"""Neutron's extension with which a port may carry its tags in the request that makes it. Without it they are dropped
without a word (``tag-creation`` means something else: several tags in one request, later)."""


DEFAULT_GROUP = "default"
"""The name Neutron gives the security group that each project begins with."""


class Networking(ProjectCalls):
    """The networking part of `openesc.vim.port.Cloud`."""

    _tags_at_birth: bool | None = None

    async def find_network(self, name_or_id: str) -> Network | None:
        """By id or exact name; the project's own before shared and external ones, other projects' never."""
        return await self._ask(
            "find_network", lambda conn: convert.maybe(convert.network, self._network(conn, name_or_id))
        )

    def _network(self, conn: Services, name_or_id: str) -> Json | None:
        if looks_like_id(name_or_id):
            found = unless_missing(lambda: _read(conn, "network", name_or_id))
            if found is not None:
                return found
        visible = [one for one in _list(conn, "network", name=name_or_id) if self._sees(one)]
        return only_one("network", name_or_id, visible, self.project.id)

    async def networks_named(self, name: str) -> Sequence[Network]:
        """All of the project's own networks of exactly this name."""
        return await self._ask(
            "networks_named",
            lambda conn: [
                convert.network(one)
                for one in _list(conn, "network", name=name)
                if one["name"] == name and one.get("project_id") == self.project.id
            ],
        )

    def _sees(self, network: Json) -> bool:
        """An admin is shown everybody's networks; what is meant are those a member of the project could use."""
        own = network.get("project_id") == self.project.id
        return bool(own or network.get("shared") or network.get("router:external"))

    async def create_network(self, spec: NetworkSpec) -> Network:
        """Make a network. Provider attributes and `shared` need admin rights (VimForbidden)."""
        provider = {
            "provider:network_type": spec.provider_network_type,
            "provider:physical_network": spec.provider_physical_network,
            "provider:segmentation_id": spec.provider_segmentation_id,
        }
        common = {"shared": spec.shared or None, "admin_state_up": spec.admin_state, "description": spec.description}
        wanted = given(name=spec.name, **common, **provider)

        def create(conn: Services) -> Network:
            made = _create(conn, "network", wanted)
            _tag(conn, "network", made, [spec.tag] if spec.tag else [])
            return convert.network(made)

        return await self._ask("create_network", create)

    async def delete_network(self, network_id: str) -> None:
        """Delete. Raises: VimConflict while ports are on it."""
        await self._ask("delete_network", lambda conn: rest.delete(conn.network, f"/networks/{network_id}"))

    async def subnets(self, network_id: str) -> Sequence[Subnet]:
        """All subnets of the network that the project sees."""
        return await self._ask(
            "subnets",
            lambda conn: [convert.subnet(one) for one in _list(conn, "subnet", network_id=network_id)],
        )

    async def find_subnet(self, name_or_id: str, network_id: str | None = None) -> Subnet | None:
        """By id or exact name, in one network where `network_id` says which."""
        return await self._ask(
            "find_subnet",
            lambda conn: convert.maybe(convert.subnet, self._subnet(conn, name_or_id, network_id)),
        )

    def _subnet(self, conn: Services, name_or_id: str, network_id: str | None) -> Json | None:
        if looks_like_id(name_or_id):
            found = unless_missing(lambda: _read(conn, "subnet", name_or_id))
            if found is not None and network_id in (None, found["network_id"]):
                return found
        listed = _list(conn, "subnet", name=name_or_id, network_id=network_id)
        return only_one("subnet", name_or_id, listed, self.project.id)

    async def create_subnet(self, spec: SubnetSpec) -> Subnet:
        """Make a subnet. Raises: VimBadRequest (overlap, no CIDR, gateway outside)."""
        wanted = given(
            name=spec.name,
            network_id=spec.network_id,
            cidr=spec.cidr,
            ip_version=spec.ip_version,
            enable_dhcp=spec.dhcp,
            gateway_ip=spec.gateway,
        )
        if spec.no_gateway:  # null is how Neutron is told: none at all
            wanted["gateway_ip"] = None

        def create(conn: Services) -> Subnet:
            made = _create(conn, "subnet", wanted)
            _tag(conn, "subnet", made, [spec.tag] if spec.tag else [])
            return convert.subnet(made)

        return await self._ask("create_subnet", create)

    async def delete_subnet(self, subnet_id: str) -> None:
        """Delete. Raises: VimConflict while addresses of it are in use."""
        await self._ask("delete_subnet", lambda conn: rest.delete(conn.network, f"/subnets/{subnet_id}"))

    async def get_port(self, port_id: str) -> Port:
        """Read one port. Raises: VimNotFound."""
        return await self._ask("get_port", lambda conn: convert.port(_read(conn, "port", port_id)))

    async def find_port(self, name: str) -> Port | None:
        """By exact name among the project's ports."""

        def find(conn: Services) -> Port | None:
            found = only_one("port", name, self._ports(conn, name=name), self.project.id)
            return convert.maybe(convert.port, found)

        return await self._ask("find_port", find)

    async def ports_marked(self, mark: str) -> Sequence[Port]:
        """The project's ports with this tag; where Neutron takes no tags with the creation of a port, those with this
        description too. Many marks that are asked for at once are one list, or two.
        """
        return await self._marks.ask(mark)

    @cached_property
    def _marks(self) -> Batch[Sequence[Port]]:
        return Batch(lambda marks: self._ask("ports_marked", lambda conn: self._marked(conn, marks)), ())

    def _marked(self, conn: Services, marks: Sequence[str]) -> dict[str, list[Port]]:
        found = self._ports(conn, **{"tags-any": ",".join(marks)})
        if not self._may_tag_at_birth(conn):
            found += self._ports(conn, description=list(marks))
        ports = [(convert.port(one), one.get("description")) for one in {one["id"]: one for one in found}.values()]
        return {mark: [port for port, words in ports if mark in (*port.tags, words)] for mark in marks}

    def _ports(self, conn: Services, **query: str | list[str]) -> list[dict[str, Any]]:
        return _list(conn, "port", project_id=self.project.id, **query)

    async def create_port(self, spec: PortSpec) -> Port:
        """Make a port. Raises: VimConflict (address in use), VimBadRequest (address outside).

        The tags of what is returned are those it has: none where Neutron cannot take them with the creation.
        """

        def create(conn: Services) -> Port:
            wanted = port_body(spec)
            if spec.tags and self._may_tag_at_birth(conn):
                wanted["tags"] = list(spec.tags)
            if spec.security_groups is not None:
                wanted["security_groups"] = self._group_ids(conn, spec.security_groups)
            return convert.port(_create(conn, "port", wanted))

        return await self._ask("create_port", create)

    async def update_port(
        self,
        port_id: str,
        *,
        allowed_address_pairs: Sequence[tuple[str, str | None]],
        security_groups: Sequence[str] | None,
    ) -> Port:
        """Set the pairs (ip_address, mac_address or None) and the security groups, by name or id; None: the project's
        default one.

        Raises: VimNotFound (port, group), VimConflict (port security is off).
        """

        def update(conn: Services) -> Port:
            groups = [DEFAULT_GROUP] if security_groups is None else security_groups
            wanted = {
                "allowed_address_pairs": _pairs(allowed_address_pairs),
                "security_groups": self._group_ids(conn, groups),
            }
            rest.put(conn.network, f"/ports/{port_id}", {"port": wanted})
            return convert.port(_read(conn, "port", port_id))

        return await self._ask("update_port", update)

    def _group_ids(self, conn: Services, names: Sequence[str]) -> list[str]:
        """Neutron takes security groups by id alone. Raises: VimNotFound naming the one that is not there."""
        return [self._group_id(conn, name) for name in names]

    def _group_id(self, conn: Services, name: str) -> str:
        url = "/security-groups"
        if looks_like_id(name) and unless_missing(lambda: rest.get(conn.network, f"{url}/{name}")) is not None:
            return name
        listed, _ = rest.get_all(conn.network, url, "security_groups", name=name)
        own = [one for one in listed if one.get("project_id") == self.project.id]
        found = only_one("security group", name, own, self.project.id)
        if found is None:
            raise VimNotFound(f"security group {name} not found in project {self.project.name}")
        return str(found["id"])

    def _may_tag_at_birth(self, conn: Services) -> bool:
        if self._tags_at_birth is None:
            self._tags_at_birth = any(one["alias"] == TAGS_AT_BIRTH for one in _list(conn, "extension"))
        return self._tags_at_birth

    async def delete_port(self, port_id: str) -> None:
        """Delete; a port in use is taken from its server."""
        await self._ask("delete_port", lambda conn: rest.delete(conn.network, f"/ports/{port_id}"))


def port_body(spec: PortSpec) -> dict[str, Any]:
    """What Neutron is asked for, its security groups apart."""
    address = given(subnet_id=spec.subnet_id, ip_address=spec.ip_address)
    vnic_type = {"binding:vnic_type": spec.vnic_type}
    return given(
        name=spec.name,
        network_id=spec.network_id,
        fixed_ips=[address] if address else None,
        mac_address=spec.mac_address,
        description=spec.description,
        allowed_address_pairs=_pairs(spec.allowed_address_pairs) or None,
        **vnic_type,
    )


def _pairs(pairs: Sequence[tuple[str, str | None]]) -> list[dict[str, Any]]:
    return [given(ip_address=ip, mac_address=mac) for ip, mac in pairs]


def _read(conn: Services, kind: str, identifier: str) -> dict[str, Any]:
    found: dict[str, Any] = rest.get(conn.network, f"/{kind}s/{identifier}")[0][kind]
    return found


def _list(conn: Services, kind: str, **query: Any) -> list[dict[str, Any]]:
    return rest.get_all(conn.network, f"/{kind}s", f"{kind}s", **query)[0]


def _create(conn: Services, kind: str, wanted: Json) -> dict[str, Any]:
    made: dict[str, Any] = rest.post(conn.network, f"/{kind}s", {kind: wanted}).json()[kind]
    return made


def _tag(conn: Services, kind: str, made: dict[str, Any], tags: list[str]) -> None:
    """Give it its tags, in the cloud and in what is returned."""
    if tags:
        rest.put(conn.network, f"/{kind}s/{made['id']}/tags", {"tags": tags})
        made["tags"] = tags
