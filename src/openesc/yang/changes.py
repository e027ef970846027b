"""Which schema nodes differ between two documents: what `validate` takes as `touched`."""

from __future__ import annotations

from collections.abc import Iterable

from lxml.etree import _Element

from openesc.yang.output import Key
from openesc.yang.schema import Schema, SchemaNode


def changed_nodes(schema: Schema, before: _Element | None, after: _Element | None) -> set[SchemaNode]:
    """The nodes of which instances were made, removed, changed or moved between two canonical trees of the
    same top-level node; None stands for a tree that is not there."""
    changed: set[SchemaNode] = set()
    present = after if after is not None else before
    if present is not None:
        _compare(schema.root.children[present.tag], before, after, changed)
    return changed


def _compare(node: SchemaNode, before: _Element | None, after: _Element | None, changed: set[SchemaNode]) -> None:
    if before is None or after is None:
        present = after if after is not None else before
        if present is not None:
            changed.update(_all(node, present))
    elif node.children:
        _compare_children(node, before, after, changed)
    elif _value(node, before) != _value(node, after):
        changed.add(node)


def _compare_children(node: SchemaNode, before: _Element, after: _Element, changed: set[SchemaNode]) -> None:
    old, new = _children(node, before), _children(node, after)
    for child in node.children.values():
        ours, theirs = old.get(child, {}), new.get(child, {})
        if child.ordered_by_user and list(ours) != list(theirs):
            changed.add(child)
        for key in ours.keys() | theirs.keys():
            _compare(child, ours.get(key), theirs.get(key), changed)


def _children(node: SchemaNode, element: _Element) -> dict[SchemaNode, dict[Key, _Element]]:
    found: dict[SchemaNode, dict[Key, _Element]] = {}
    for child in element:
        below = node.children.get(child.tag)
        if below is not None:
            found.setdefault(below, {})[_key(below, child)] = child
    return found


def _key(node: SchemaNode, element: _Element) -> Key:
    if node.kind == "leaf-list":
        return (element.text or "",)
    return tuple(element.findtext(key) or "" for key in node.keys)


def _value(node: SchemaNode, element: _Element) -> object:
    if node.is_leafy:
        return element.text or ""
    return [(part.tag, part.text, part.tail) for part in element.iter()]


def _all(node: SchemaNode, element: _Element) -> Iterable[SchemaNode]:
    yield node
    for child in element:
        below = node.children.get(child.tag)
        if below is not None:
            yield from _all(below, child)
