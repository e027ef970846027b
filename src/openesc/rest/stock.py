"""Resources as they are: what is configured joined with what the inventory knows of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lxml import etree
from sqlalchemy import Connection

from openesc.datastore.running import Running
from openesc.inventory import internal_ids
from openesc.inventory import store as inventory
from openesc.inventory.records import Resource
from openesc.rest.codec import Fields, json_value
from openesc.rest.shelves import SHELVES, Owner, Shelf
from openesc.yang import parse_xml


@dataclass(frozen=True, slots=True)
class Item:
    """One resource: its name, its internal id, and what an answer says of it."""

    name: str
    internal_id: str
    fields: Fields


def items(connection: Connection, running: Running, shelf: Shelf, owner: Owner) -> list[Item]:
    """All of a kind that belong to `owner`, by name; networks that live and die with a deployment are left out."""
    configured = _configured(running, shelf, owner)
    known = {row.name: row for row in _rows(connection, shelf, owner)}
    ids = internal_ids.chosen(connection, shelf.kind)
    tenants = internal_ids.chosen(connection, "tenant")
    found = []
    for name in sorted({*configured, *known}):
        internal_id = ids.get((owner.scope, name), shelf.default_id(owner, name))
        tenant = tenants.get(("", owner.tenant or ""), owner.tenant)
        fields = {
            **configured.get(name, {"name": name}),
            f"internal_{shelf.kind}_id": internal_id,
            **({"internal_tenant_id": tenant} if tenant is not None else {}),
            **_facts(shelf, known.get(name)),
        }
        found.append(Item(name, internal_id, fields))
    return found


def _facts(shelf: Shelf, row: Resource | None) -> dict[str, Any]:
    """The leaves of ESC's callbacks, and why something failed."""
    there = row is not None and row.external_id is not None
    enabled = {"tenant": "enabled", "image": "imageisenabled"}.get(shelf.kind)
    facts: dict[str, Any] = {enabled: there} if enabled is not None else {}
    if row is not None:
        facts[f"external_{shelf.kind}_id"] = row.external_id
        facts |= {name: row.facts.get(name) for name in shelf.facts}
        facts["failure_reason"] = row.failure
    return facts


def _rows(connection: Connection, shelf: Shelf, owner: Owner) -> list[Resource]:
    if shelf.kind == "subnet":
        network = _network(connection, owner)
        return inventory.resources(connection, kind="subnet", parent=network.key) if network is not None else []
    rows = inventory.resources(connection, kind=shelf.kind, deployment_id=None)
    shared = shelf.kind in ("tenant", "image", "flavor")
    return rows if shared else [row for row in rows if row.tenant == owner.tenant]


def _network(connection: Connection, owner: Owner) -> Resource | None:
    rows = _rows(connection, SHELVES["network"], Owner(owner.tenant))
    return next((row for row in rows if row.name == owner.network), None)


def _configured(running: Running, shelf: Shelf, owner: Owner) -> dict[str, dict[str, Any]]:
    """The configuration of each entry, by name."""
    kind = shelf.unit(owner)
    node = running.schema.find(running.tree.kinds[kind].path)
    found = {}
    for unit in running.of_kind(kind, *owner.keys):
        entry = _own_element(parse_xml(unit.document), len(running.tree.steps(unit.id.kind)))
        value = json_value(entry, node)
        for one in value.get("subnet", []) if shelf.kind == "subnet" else [value]:
            found[str(one["name"])] = one
    return found


def _own_element(root: etree._Element, depth: int) -> etree._Element:
    """The element of the unit itself: a unit's document is one element wide down to it, after the keys above."""
    element = root
    for _ in range(depth - 1):
        element = element[-1]
    return element
