"""Tenants, networks, subnets, images, flavors and volumes: made, read and taken away (REST guide 2.2).

They are configuration, as by NETCONF: POST creates the entry, DELETE deletes it, and what follows is an operation.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from lxml import etree
from sqlalchemy import Connection

from openesc.datastore.units import UnitId
from openesc.errors import InvalidRequest, NotFound, OperationRefused
from openesc.inventory import internal_ids
from openesc.inventory import store as inventory
from openesc.lifecycle.announce import SHARED_TENANT
from openesc.northbound import access
from openesc.northbound.model import ESC, local
from openesc.rest import stock
from openesc.rest.answers import Answer, Done, Entity, Listing
from openesc.rest.call import Call
from openesc.rest.codec import BASE, adopted
from openesc.rest.deployments import edit
from openesc.rest.documents import OPERATION, leaf
from openesc.rest.shelves import SHELVES, Owner, Shelf
from openesc.rest.stock import Item
from openesc.rest.tenants import NOT_FOUND, reach, require_there
from openesc.store import Tx

Handler = Callable[[Call], Awaitable[Answer]]
_ID: Final = re.compile(r"[^\x00-\x1f\x7f/]{1,72}")
"""The REST guide allows an image's id 72 characters; all others are held to the same."""


@dataclass(frozen=True, slots=True)
class Handlers:
    """The four calls of one kind of resource."""

    shelf: Shelf

    async def listed(self, call: Call) -> Answer:
        """GET all, by name."""
        items = await self._items(call, await owner_of(call, self.shelf))
        return Listing(self.shelf.plural, self.shelf.kind, [item.fields for item in items])

    async def show(self, call: Call) -> Answer:
        """GET one."""
        found = await self._meant(call, await owner_of(call, self.shelf))
        return Entity(self.shelf.kind, found.fields)

    async def create(self, call: Call) -> Answer:
        """POST with an id of the client's choice; the name is that id where the body has none."""
        shelf, internal_id = self.shelf, _checked(call.path(self.shelf.kind))
        owner = await owner_of(call, shelf)
        element = await self._element(call, internal_id)
        name = element.findtext(f"{{{ESC}}}name") or ""
        config, parent = shelf.place(owner)
        element.set(OPERATION, "create")
        parent.append(element)
        await edit(call, config, staged=partial(self._assign, call, owner, internal_id, name))
        made = [item for item in await self._items(call, owner) if item.name == name]
        return Entity(shelf.kind, made[0].fields) if made else Done()

    async def delete(self, call: Call) -> Answer:
        """DELETE one."""
        owner = await owner_of(call, self.shelf)
        found = await self._meant(call, owner)
        config, parent = self.shelf.place(owner)
        entry = leaf(parent, self.shelf.kind)
        entry.set(OPERATION, "delete")
        leaf(entry, "name", found.name)
        await edit(call, config, staged=partial(_require_empty, self.shelf, found.name))
        return Done()

    async def _element(self, call: Call, internal_id: str) -> etree._Element:
        kind = self.shelf.kind
        if call.request.headers.get("content-length") == "0" or "content-type" not in call.request.headers:
            element = etree.Element(f"{{{ESC}}}{kind}", nsmap={None: ESC})  # type: ignore[dict-item]
        else:
            element = adopted(await call.element(ESC, kind), ESC, (BASE,))
        if str(element.tag) != f"{{{ESC}}}{kind}":
            raise InvalidRequest(f"the body is {local(str(element.tag))}; this takes {kind}")
        if not (element.findtext(f"{{{ESC}}}name") or "").strip():
            for empty in element.findall(f"{{{ESC}}}name"):
                element.remove(empty)
            leaf(element, "name", internal_id)
        return element

    def _assign(self, call: Call, owner: Owner, internal_id: str, name: str, tx: Tx) -> None:
        """Raises: OperationRefused where the id names another one that is there."""
        items = stock.items(tx.connection, call.context.running, self.shelf, owner)
        taken = next((item for item in items if internal_id in (item.internal_id, item.name)), None)
        if taken is not None and taken.name != name:
            raise OperationRefused(f"Internal id: {internal_id} is already in use")
        internal_ids.assign(tx, self.shelf.kind, owner.scope, internal_id, name)

    async def _items(self, call: Call, owner: Owner) -> list[Item]:
        running, read = call.context.running, call.context.store.read
        found = await read(lambda connection: stock.items(connection, running, self.shelf, owner))
        if self.shelf.kind != "tenant":
            return found
        return [item for item in found if access.may_use_tenant(call.user, item.name)]

    async def _meant(self, call: Call, owner: Owner) -> Item:
        """Raises: NotFound."""
        return meant(await self._items(call, owner), call.path(self.shelf.kind), self.shelf, owner)


def meant(items: list[Item], reference: str, shelf: Shelf, owner: Owner) -> Item:
    """The one of this internal id, of this name, or of owner and name together. Raises: NotFound."""
    ways: tuple[Callable[[Item], str], ...] = (
        lambda item: item.internal_id,
        lambda item: item.name,
        lambda item: shelf.default_id(owner, item.name),
    )
    for way in ways:
        for item in items:
            if way(item) == reference:
                return item
    raise NotFound(shelf.missing)


async def owner_of(call: Call, shelf: Shelf) -> Owner:
    """Whose the path's resources are. ``SystemAdminTenantId`` owns what is shared.

    Raises: AccessDenied; NotFound for a tenant or network that is not there.
    """
    if "tenant" not in call.request.path_params or shelf.kind == "tenant":
        return Owner()
    tenant = None if call.path("tenant") == SHARED_TENANT else (await reach(call)).name
    if tenant is not None:
        await call.context.store.read(partial(_require_tenant, call, tenant))
    elif not shelf.shared:
        raise NotFound(NOT_FOUND)
    owner = Owner(tenant)
    if shelf.kind != "subnet":
        return owner
    networks = await Handlers(SHELVES["network"])._items(call, owner)
    return Owner(tenant, meant(networks, call.path("network"), SHELVES["network"], owner).name)


def _require_tenant(call: Call, tenant: str, connection: Connection) -> None:
    running = call.context.running
    if running.get(UnitId(running.tree.kinds["tenant"], (tenant,))) is None:
        require_there(connection, tenant)


def _checked(internal_id: str) -> str:
    if not _ID.fullmatch(internal_id) or internal_id == SHARED_TENANT:
        raise InvalidRequest(f"internal id {internal_id!r}: 1 to 72 characters, no slash, not {SHARED_TENANT}")
    return internal_id


def _require_empty(shelf: Shelf, name: str, tx: Tx) -> None:
    """Raises: OperationRefused for a tenant in which something is deployed: nothing is taken down on the way."""
    if shelf.kind == "tenant" and inventory.has_deployments(tx.connection, name):
        raise OperationRefused(f"tenant {name} has deployments: undeploy them first")
