"""Subtree filters (RFC 6241 section 6)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy

from lxml.etree import _Element

from openesc.yang.schema import Schema, SchemaNode
from openesc.yang.xml import elements, make, split

#: The parts of a tree to return: an element with the children wanted of it, or None for all of it.
Wanted = dict[_Element, "Wanted | None"]


def subtree_filter(schema: Schema, roots: Sequence[_Element], filter_element: _Element) -> list[_Element]:
    """The parts of `roots` (top-level data elements, or notifications) that a filter element selects, as new trees.

    An element without a namespace matches that local name in any namespace. List entries come with their
    keys. An empty filter selects nothing; one root gives at most one tree.
    """
    parts = elements(filter_element)
    result = []
    for root in roots:
        wanted: Wanted = {}
        for part in parts:
            if _matches(part, root):
                wanted = _merge(wanted, _select(part, root))
        if wanted:
            result.append(copy_parts(root, schema.top(root.tag), wanted))
    return result


def _name_matches(part: _Element, element: _Element) -> bool:
    namespace, name = split(part.tag)
    if namespace:
        return bool(part.tag == element.tag)
    return split(element.tag)[1] == name


def _matches(part: _Element, element: _Element) -> bool:
    """Name, namespace and attribute match (sections 6.2.1 and 6.2.2)."""
    if not isinstance(element.tag, str) or not _name_matches(part, element):
        return False
    return all(_attribute(element, str(name)) == value for name, value in part.attrib.items())


def _attribute(element: _Element, name: str) -> str | None:
    found = element.get(name)
    return None if found is None else str(found)


def _select(part: _Element, element: _Element) -> Wanted:
    """What one filter element selects of an element that it matches; empty for nothing."""
    inner = elements(part)
    if not inner:
        return {element: None}  # a selection node (section 6.2.4); content was matched by the parent
    content = [child for child in inner if _is_content_match(child)]
    if not all(_has_content(child, element) for child in content):
        return {}
    others = [child for child in inner if not _is_content_match(child)]
    if not others:
        return {element: None}  # only content match nodes: everything (section 6.2.5)
    chosen = _children(others, element)
    matched = [child for child in element if any(_matches(part, child) for part in content)]
    chosen.update(dict.fromkeys(matched))  # content match nodes are part of the output
    return {element: chosen} if chosen else {}


def _children(parts: Sequence[_Element], element: _Element) -> Wanted:
    chosen: Wanted = {}
    for sibling in element:
        for part in parts:
            if _matches(part, sibling):
                chosen = _merge(chosen, _select(part, sibling))
    return chosen


def _is_content_match(part: _Element) -> bool:
    return not len(elements(part)) and bool((part.text or "").strip())


def _has_content(part: _Element, element: _Element) -> bool:
    """Whether a sibling has the wanted value, white space at its ends aside (section 6.2.5)."""
    wanted = (part.text or "").strip()
    return any(_matches(part, child) and (child.text or "").strip() == wanted for child in element)


def _merge(first: Wanted, second: Wanted) -> Wanted:
    merged = dict(first)
    for element, inner in second.items():
        merged[element] = _union(merged[element], inner) if element in merged else inner
    return merged


def _union(first: Wanted | None, second: Wanted | None) -> Wanted | None:
    return None if first is None or second is None else _merge(first, second)


def copy_parts(element: _Element, node: SchemaNode | None, wanted: Wanted, parent: _Element | None = None) -> _Element:
    """A new tree with the parts of `element` that `wanted` names under it; keys of entries are added."""
    inner = wanted[element]
    if inner is None:
        return _append(parent, deepcopy(element))
    created = make(parent, element.tag)
    keys = () if node is None else node.keys
    for key in keys:
        found = element.find(key)
        if found is not None:
            _append(created, deepcopy(found))
    ordered = sorted(inner, key=_ordering(element, inner))
    for child in ordered:
        if child.tag not in keys:
            below = None if node is None else node.children.get(child.tag)
            copy_parts(child, below, inner, created)
    return created


def _ordering(element: _Element, inner: Wanted) -> Callable[[_Element], int]:
    """Document order, found without walking a long list for a single hit."""
    if len(inner) < 2:
        return lambda child: 0
    places = {child: place for place, child in enumerate(element)}
    return places.__getitem__


def _append(parent: _Element | None, element: _Element) -> _Element:
    element.tail = None
    if parent is not None:
        parent.append(element)
    return element
