"""Where each kind of resource stands: in a path, in the data model, in the inventory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from lxml import etree

from openesc.lifecycle.announce import SHARED_TENANT
from openesc.rest.documents import leaf, model, tenant_element

Place = tuple[etree._Element, etree._Element]
"""A ``config`` and the element in it that entries of the kind are put into."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose a resource is: a tenant's (None: shared), for a subnet also which network's."""

    tenant: str | None = None
    network: str | None = None

    @property
    def scope(self) -> str:
        """The scope of internal ids."""
        return "/".join(self.keys)

    @property
    def keys(self) -> tuple[str, ...]:
        """What the keys of the units begin with."""
        return tuple(name for name in (self.tenant, self.network) if name is not None)

    @property
    def prefix(self) -> str:
        """What ESC's internal ids of networks and subnets begin with, before the name."""
        return f"{self.tenant or SHARED_TENANT}{self.network or ''}"


@dataclass(frozen=True, slots=True)
class Shelf:
    """One kind of resource.

    Attributes:
        kind: its name, which is that of its element and its kind in the inventory.
        plural: the name of a list of them.
        unit: the kind of unit that holds it, by owner.
        place: makes an edit with room for one.
        facts: what the inventory knows of it that an answer tells.
        shared: it may belong to nobody in particular: then it is at ``SystemAdminTenantId``.
        prefixed: without an id of a client's choice it goes by owner and name together, as in events.
    """

    kind: str
    plural: str
    unit: Callable[[Owner], str]
    place: Callable[[Owner], Place]
    facts: Sequence[str] = ()
    prefixed: bool = False
    shared: bool = True

    def default_id(self, owner: Owner, name: str) -> str:
        """The internal id of what was made without one."""
        return f"{owner.prefix}{name}" if self.prefixed else name

    @property
    def missing(self) -> str:
        """ESC's words where there is none of that id."""
        return f"{self.kind.capitalize()} Id not found"


def _top(container: str) -> Callable[[Owner], Place]:
    def place(_owner: Owner) -> Place:
        config, root = model()
        return config, leaf(root, container)

    return place


def _networks(owner: Owner) -> Place:
    config, parent = model() if owner.tenant is None else tenant_element(owner.tenant)
    return config, leaf(parent, "networks")


def _volumes(owner: Owner) -> Place:
    config, parent = tenant_element(owner.tenant or "")
    return config, leaf(parent, "volumes")


def _subnets(owner: Owner) -> Place:
    config, networks = _networks(owner)
    network = leaf(networks, "network")
    leaf(network, "name", owner.network)
    return config, network


def _of_tenant_or(shared: str, of_tenant: str) -> Callable[[Owner], str]:
    return lambda owner: shared if owner.tenant is None else of_tenant


_NETWORK: Final = _of_tenant_or("network", "tenant-network")

SHELVES: Final[Mapping[str, Shelf]] = {
    shelf.kind: shelf
    for shelf in (
        Shelf("tenant", "tenants", lambda _: "tenant", _top("tenants")),
        Shelf("image", "images", lambda _: "image", _top("images"), ("public",)),
        Shelf("flavor", "flavors", lambda _: "flavor", _top("flavors"), ("public",)),
        Shelf("network", "networks", _NETWORK, _networks, ("status",), prefixed=True),
        Shelf("subnet", "subnets", _NETWORK, _subnets, ("cidr",), prefixed=True),
        Shelf("volume", "volumes", lambda _: "tenant-volume", _volumes, shared=False),
    )
}
