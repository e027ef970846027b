"""Units: the parts running is stored and edited in.

A unit is a list entry at one of the unit paths (a deployment, a tenant, an image ...) without the units nested in it,
or what is left of a top-level container once all units are taken out. Its document is canonical XML from the top-level
element down: the spine of its ancestors with their keys, then the unit itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from openesc.yang import Schema, SchemaNode


@dataclass(frozen=True, slots=True)
class UnitKind:
    """One kind of unit: its `name` and the schema path of its list (or top-level container)."""

    name: str
    path: str


@dataclass(slots=True)
class UnitNode:
    """A node of the trie of unit paths. `kind` is None where the node is only an ancestor of units."""

    schema: SchemaNode
    kind: UnitKind | None = None
    children: dict[str, UnitNode] = field(default_factory=dict)

    @property
    def keys(self) -> Sequence[str]:
        """Clark names of the list keys, empty for a container."""
        return self.schema.keys


@dataclass(frozen=True, slots=True)
class UnitId:
    """Which unit: its kind and the key values from the top down."""

    kind: UnitKind
    keys: tuple[str, ...]

    @property
    def text(self) -> str:
        """The primary key of its row, for example ``deployment:admin/Cirros-VNF``."""
        return f"{self.kind.name}:" + "/".join(quote(key, safe="") for key in self.keys)


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit as it is in running. `document` is canonical XML in UTF-8, without declaration."""

    id: UnitId
    document: bytes


class UnitTree:
    """The trie of all unit paths of a schema, one root for each top-level container."""

    def __init__(self, schema: Schema, kinds: Sequence[UnitKind]) -> None:
        self.schema = schema
        self.kinds: Mapping[str, UnitKind] = {kind.name: kind for kind in kinds}
        self.roots: dict[str, UnitNode] = {}
        for kind in kinds:
            self._node(schema.find(kind.path)).kind = kind
        for node in self.roots.values():
            if node.kind is None:
                node.kind = UnitKind(node.schema.name, node.schema.path)
        self.kinds = {node.kind.name: node.kind for node in self._walk() if node.kind is not None}
        self._steps = {kind: self._path(kind) for kind in self.kinds.values()}

    def _node(self, schema: SchemaNode) -> UnitNode:
        above = schema.parent
        siblings = self.roots if above is None or above is self.schema.root else self._node(above).children
        return siblings.setdefault(schema.qname, UnitNode(schema))

    def _walk(self) -> Iterator[UnitNode]:
        stack = list(self.roots.values())
        while stack:
            node = stack.pop()
            yield node
            stack.extend(node.children.values())

    def steps(self, kind: UnitKind) -> Sequence[UnitNode]:
        """The trie nodes from the top-level container down to the unit's own."""
        return self._steps[kind]

    def _path(self, kind: UnitKind) -> Sequence[UnitNode]:
        schema = self.schema.find(kind.path)
        names = [
            schema.qname,
            *(above.qname for above in schema.ancestors() if above is not self.schema.root),
        ]
        path: list[UnitNode] = []
        siblings = self.roots
        for name in reversed(names):
            path.append(siblings[name])
            siblings = siblings[name].children
        return path

    def parse_id(self, text: str) -> UnitId:
        """The inverse of `UnitId.text`."""
        from urllib.parse import unquote

        name, _, keys = text.partition(":")
        return UnitId(self.kinds[name], tuple(unquote(key) for key in keys.split("/")) if keys else ())
