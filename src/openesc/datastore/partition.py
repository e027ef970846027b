"""Splits an edit-config document into one edit per touched unit.

What stands on an ancestor of units (an operation attribute on ``tenants``, a deleted tenant with deployments) is
carried to the units below it, those that the document does not mention included: RFC 6241 section 7.2 knows no units.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from lxml import etree

from openesc.datastore.units import UnitId, UnitNode, UnitTree
from openesc.yang import TargetError, YangError, YangErrors
from openesc.yang.errors import TypeViolation

OPERATION = "{urn:ietf:params:xml:ns:netconf:base:1.0}operation"
_REMOVING = frozenset({"delete", "remove", "replace"})
_OPERATIONS = frozenset({"merge", "replace", "create", "delete", "remove", "none"})


@dataclass(frozen=True, slots=True)
class UnitEdit:
    """The part of an edit that falls on one unit.

    `document` has the unit's spine, as `openesc.yang.apply_edit` takes it.
    """

    id: UnitId
    document: etree._Element
    names_only: bool = False
    """The unit stands in the edit only as an ancestor: nothing but its keys, merged."""
    fresh: bool = False
    """An ancestor is replaced: nothing of the unit is there when the edit is applied."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """Units at and below `node` with these leading `keys` go, unless the document brings them again (`kept`)."""

    keys: tuple[str, ...]
    node: UnitNode
    kept: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Demand:
    """``delete`` and ``create`` on a container above units: it must be there, or must not (RFC 6241 section 7.2).

    A container without presence is there when any unit below it is.
    """

    keys: tuple[str, ...]
    node: UnitNode
    operation: str
    path: str

    def error(self, exists: bool) -> YangError | None:
        """What is wrong where `exists` tells whether the container is there."""
        if exists == (self.operation == "delete"):
            return None
        tag, text = ("data-exists", "exists already") if exists else ("data-missing", "is not there")
        return TargetError(
            error_tag=tag,
            error_path=self.path,
            error_message=f"{self.operation}: {self.node.schema.name} {text}",
            error_info={"bad-element": self.node.schema.name},
        )


@dataclass(slots=True)
class SplitEdit:
    """A whole edit, ready for the lane: nothing in it depends on what running holds."""

    edits: list[UnitEdit] = field(default_factory=list)
    sweeps: list[Sweep] = field(default_factory=list)
    demands: list[Demand] = field(default_factory=list)


def split(tree: UnitTree, config: etree._Element, default_operation: str) -> SplitEdit:
    """Split the children of `config`.

    Raises: YangErrors for elements and operations that are unknown, missing keys and doubles. Unlike other list
    entries a unit cannot be removed and made again in one edit.
    """
    splitter = _Splitter(default_operation)
    for root in _elements(config):
        node = tree.roots.get(str(root.tag))
        if node is None:
            splitter.errors.append(_unknown_root(root))
        else:
            path = f"/{node.schema.name}"
            splitter.walk(root, node, _Place([], (), default_operation, path, default_operation == "replace"))
    if splitter.errors:
        raise YangErrors(splitter.errors)
    if default_operation == "replace":  # the document is all there is to be
        splitter.result.sweeps += [Sweep((), node, splitter.seen) for node in tree.roots.values()]
    return splitter.result


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an element of the edit stands: its ancestors, their keys, what it inherits."""

    spine: Sequence[etree._Element]
    keys: tuple[str, ...]
    operation: str
    path: str
    fresh: bool = False


class _Splitter:
    def __init__(self, default_operation: str) -> None:
        self.default_operation = default_operation
        self.result = SplitEdit()
        self.errors: list[YangError] = []
        self._seen: set[str] = set()

    @property
    def seen(self) -> frozenset[str]:
        return frozenset(self._seen)

    def walk(self, element: etree._Element, node: UnitNode, place: _Place) -> None:
        """Take `element`, an instance of the trie node `node`."""
        keys = place.keys + self._keys_of(element, node, place.path)
        own_operation = element.get(OPERATION)
        operation = own_operation or place.operation
        if not self._first(node, keys, place.path):
            return
        place = replace(place, keys=keys, operation=operation)
        if node.kind is not None:
            self._take_unit(element, node, place)
        else:
            self._check_ancestor(element, node, place)
        seen_before = set(self._seen)
        if operation not in ("delete", "remove"):
            self._walk_below(element, node, place)
        if own_operation in _REMOVING:
            self.result.sweeps.append(Sweep(keys, node, frozenset(self._seen - seen_before)))
        if own_operation in ("delete", "create") and not node.keys and node.children:
            self._demand(Demand(keys, node, own_operation, place.path), place)

    def _demand(self, demand: Demand, place: _Place) -> None:
        if not place.fresh:
            self.result.demands.append(demand)
        elif error := demand.error(exists=False):
            self.errors.append(error)

    def _walk_below(self, element: etree._Element, node: UnitNode, place: _Place) -> None:
        below = replace(
            place,
            spine=[*place.spine, _skeleton(element, node, place.keys)],
            fresh=place.fresh or place.operation == "replace",
        )
        for child, child_node in _nested(element, node):
            self.walk(child, child_node, replace(below, path=f"{place.path}/{child_node.schema.name}"))

    def _check_ancestor(self, element: etree._Element, node: UnitNode, place: _Place) -> None:
        """What belongs to no unit is looked at by nobody else."""
        if place.operation not in _OPERATIONS:
            message = f"operation {place.operation!r}: it takes {', '.join(sorted(_OPERATIONS - {'none'}))}"
            self._error("bad-attribute", place.path, message, {"bad-attribute": "operation"}, node)
        for child in _elements(element):
            if child.tag not in node.children:
                name = etree.QName(child).localname
                message = f"{name} is not known in {node.schema.name}"
                self._error("unknown-element", f"{place.path}/{name}", message, {"bad-element": name})
        text = "".join([element.text or "", *(child.tail or "" for child in element)]).strip()
        if text:
            message = f"text {text[:40]!r} directly inside {node.schema.name}, where only elements are allowed"
            self._error("bad-element", place.path, message, {}, node)

    def _error(self, tag: str, path: str, message: str, info: Mapping[str, str], node: UnitNode | None = None) -> None:
        named = {"bad-element": node.schema.name} if node is not None else {}
        self.errors.append(
            YangError(error_tag=tag, error_path=path, error_message=message, error_info={**named, **info})
        )

    def _keys_of(self, element: etree._Element, node: UnitNode, path: str) -> tuple[str, ...]:
        values = []
        for key in node.keys:
            found = element.find(key)
            if found is None or not found.text:
                name = etree.QName(key).localname
                message = f"the key {name} of {node.schema.name} is missing"
                self._error("missing-element", path, message, {"bad-element": name})
            values.append(_canonical(found, node, key) if found is not None else "")
        return tuple(values)

    def _first(self, node: UnitNode, keys: tuple[str, ...], path: str) -> bool:
        mark = _mark(node, keys)
        if mark in self._seen:
            named = f" {keys[-1]!r}" if node.keys else ""
            self._error("bad-element", path, f"{node.schema.name}{named} stands twice in this edit", {}, node)
            return False
        self._seen.add(mark)
        return True

    def _take_unit(self, element: etree._Element, node: UnitNode, place: _Place) -> None:
        own = _own_part(element, node)
        if not node.keys and node.children and not len(own):
            return  # a top-level container that only leads to units
        if place.operation != self.default_operation:
            own.set(OPERATION, place.operation)
        assert node.kind is not None
        names_only = place.operation in ("merge", "none") and len(own) == len(node.keys) and not place.fresh
        document = _on_spine(place.spine, own)
        self.result.edits.append(UnitEdit(UnitId(node.kind, place.keys), document, names_only, place.fresh))


def _mark(node: UnitNode, keys: tuple[str, ...]) -> str:
    return f"{node.schema.path}\0" + "\0".join(keys)


def _canonical(found: etree._Element, node: UnitNode, key: str) -> str:
    """The key as running holds it; a value that its type refuses is reported with the unit."""
    kind = node.schema.children[key].type
    try:
        return kind.canonical(found.text or "", found) if kind is not None else found.text or ""
    except TypeViolation:
        return found.text or ""


def _own_part(element: etree._Element, node: UnitNode) -> etree._Element:
    """`element` without the children that belong to nested units."""
    own = etree.Element(element.tag, dict(element.attrib), nsmap=element.nsmap)  # type: ignore[arg-type, misc]
    own.text = element.text
    for child in element:
        if not (isinstance(child.tag, str) and child.tag in node.children):
            own.append(copy.deepcopy(child))
    return own


def _skeleton(element: etree._Element, node: UnitNode, keys: tuple[str, ...]) -> etree._Element:
    """`element` as an ancestor: its keys and nothing else."""
    skeleton = etree.Element(element.tag, nsmap=element.nsmap)  # type: ignore[arg-type]
    for key, value in zip(node.keys, keys[len(keys) - len(node.keys) :], strict=True):
        etree.SubElement(skeleton, key).text = value
    return skeleton


def _on_spine(spine: Sequence[etree._Element], own: etree._Element) -> etree._Element:
    if not spine:
        return own
    root = leaf = copy.deepcopy(spine[0])
    for ancestor in spine[1:]:
        below = copy.deepcopy(ancestor)
        leaf.append(below)
        leaf = below
    leaf.append(own)
    return root


def _nested(element: etree._Element, node: UnitNode) -> Iterator[tuple[etree._Element, UnitNode]]:
    for child in _elements(element):
        below = node.children.get(str(child.tag))
        if below is not None:
            yield child, below


def _elements(parent: etree._Element) -> Iterable[etree._Element]:
    return (child for child in parent if isinstance(child.tag, str))


def _unknown_root(root: etree._Element) -> YangError:
    name = etree.QName(root)
    return YangError(
        error_tag="unknown-element",
        error_path="/",
        error_message=(
            f"{name.localname} (namespace {name.namespace or 'none'}) is not part of this server's configuration"
        ),
        error_info={"bad-element": name.localname},
    )


def within(
    node: UnitNode,
    keys: tuple[str, ...],
    ids: Iterable[UnitId],
    path_of: Callable[[UnitId], Sequence[UnitNode]],
) -> Iterator[UnitId]:
    """Those of `ids` that are the instance `keys` of `node` or lie below it."""
    return (unit for unit in ids if unit.keys[: len(keys)] == keys and any(step is node for step in path_of(unit)))


def swept(sweep: Sweep, ids: Iterable[UnitId], path_of: Callable[[UnitId], Sequence[UnitNode]]) -> Iterator[UnitId]:
    """Those of `ids` that the sweep takes away."""
    found = within(sweep.node, sweep.keys, ids, path_of)
    return (unit for unit in found if _mark(path_of(unit)[-1], unit.keys) not in sweep.kept)
