"""Building canonical trees: elements in schema order, keys first, found by key without searching."""

from __future__ import annotations

import os
from dataclasses import dataclass

from lxml import etree
from lxml.etree import _Element

from openesc.yang.errors import TypeViolation
from openesc.yang.schema import SchemaNode
from openesc.yang.xml import default_namespace, make

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Position:
    """A place in an ordered-by user list: first, last, or before or after the anchor."""

    where: str
    anchor: _Element | None = None


def key_of(entry: _Element, node: SchemaNode) -> Key | None:
    """The canonical key of a list entry; None when it has no keys or they are not right."""
    values = []
    for name in node.keys:
        found = entry.find(name)
        value = None if found is None else canonical(found, node.children[name])
        if value is None:
            return None
        values.append(value)
    return tuple(values) or None


def canonical(element: _Element, node: SchemaNode) -> str | None:
    """The canonical value of a leaf element; None if it is not of its type."""
    try:
        return None if node.type is None else node.type.canonical(element.text or "", element)
    except TypeViolation:
        return None


class Output:
    """Changes trees of one edit. Entries are indexed by key at the first look at their list."""

    def __init__(self) -> None:
        self._entries: dict[tuple[_Element, str], dict[Key, _Element]] = {}
        self._last: dict[tuple[_Element, str], _Element] = {}
        self._lost: list[tuple[_Element, dict[str, str]]] = []

    def canonical(self, element: _Element, node: SchemaNode) -> str | None:
        """See `canonical`."""
        return canonical(element, node)

    def entry(self, out: _Element, node: SchemaNode, key: Key) -> _Element | None:
        """The entry of a list or leaf-list with that key or value."""
        return self._index(out, node).get(key) if key else None

    def note_entry(self, out: _Element, node: SchemaNode, key: Key, entry: _Element) -> None:
        """Tell of a new entry."""
        if key:
            self._index(out, node)[key] = entry

    def _index(self, out: _Element, node: SchemaNode) -> dict[Key, _Element]:
        found = self._entries.get((out, node.qname))
        if found is None:
            found = {_known_key(entry, node): entry for entry in out.iterchildren(node.qname)}
            self._entries[out, node.qname] = found
        return found

    def create(self, out: _Element, node: SchemaNode, position: Position | None = None) -> _Element:
        """A new empty instance of `node` under `out`, in its place."""
        created = make(out, node.qname)
        self._place(out, node, created, position)
        return created

    def insert(self, out: _Element, node: SchemaNode, element: _Element) -> None:
        """Put a ready element under `out`, in its place."""
        out.append(element)
        self._place(out, node, element, None)

    def value(
        self,
        out: _Element,
        source: _Element,
        node: SchemaNode,
        existing: _Element | None = None,
        position: Position | None = None,
    ) -> _Element | None:
        """Set a leaf, or add a leaf-list entry, with the value of `source` in canonical form."""
        text = canonical(source, node)
        if text is None or node.type is None:
            return None
        bindings = node.type.bindings(text, source)
        if existing is not None and not bindings:
            existing.text = text or None
            return existing
        created = _leaf(out, node, bindings)
        created.text = text or None
        if existing is not None:
            out.replace(existing, created)
        else:
            self._place(out, node, created, position)
        if bindings and not bindings.items() <= created.nsmap.items():
            self._lost.append((created, bindings))
        return created

    def rebound(self, wrapper: _Element, root: _Element | None) -> _Element | None:
        """`root`, a copy of what `wrapper` holds, with the prefixes of values that lxml dropped.

        lxml drops a declaration when it moves an element to where the namespace has another name, and
        offers no way to declare it again: the text of the document does.
        """
        if root is None or not self._lost:
            return root
        mark = f"lost-{os.urandom(16).hex()}-"
        for element, bindings in self._lost:
            copied = _counterpart(element, wrapper, root)
            if copied is not None:
                copied.attrib.update({f"{mark}{prefix}": ns for prefix, ns in bindings.items()})
        text = etree.tostring(root).replace(mark.encode(), b"xmlns:")
        restored: _Element = etree.fromstring(text, etree.XMLParser(huge_tree=True))
        return restored

    def move(self, out: _Element, node: SchemaNode, entry: _Element, position: Position) -> None:
        """Put an existing entry somewhere else in its list."""
        if position.anchor is entry:
            return
        out.remove(entry)
        out.append(entry)
        self._last.pop((out, node.qname), None)
        self._place(out, node, entry, position)

    def remove(self, out: _Element, node: SchemaNode, element: _Element) -> None:
        """Take an instance of `node` away."""
        out.remove(element)
        self._last.pop((out, node.qname), None)
        index = self._entries.get((out, node.qname))
        if index is not None:
            for key in [_known_key(element, node)]:
                index.pop(key, None)

    def empty(self, element: _Element) -> None:
        """Take everything out of an element that is to be filled anew."""
        for child in list(element):
            element.remove(child)
        self._entries = {place: known for place, known in self._entries.items() if place[0] is not element}
        self._last = {place: known for place, known in self._last.items() if place[0] is not element}

    def _place(self, out: _Element, node: SchemaNode, element: _Element, position: Position | None) -> None:
        """Move `element`, the last child of `out`, to where it belongs; it ends the other cases."""
        if node.rivals:
            for rival in [child for child in out if child.tag in node.rivals]:
                self._forget(out, rival)
        if position is not None and position.anchor is not None:
            add = position.anchor.addprevious if position.where == "before" else position.anchor.addnext
            add(element)
        elif position is not None and position.where == "first":
            self._after(out, self._before_all(out, node, element), element)
        else:
            self._after(out, self._anchor(out, node, element), element)
        last = position is None or position.where == "last"
        if last:
            self._last[out, node.qname] = element
        else:
            self._last.pop((out, node.qname), None)

    def _forget(self, out: _Element, rival: _Element) -> None:
        out.remove(rival)
        self._entries.pop((out, rival.tag), None)
        self._last.pop((out, rival.tag), None)

    def _after(self, out: _Element, anchor: _Element | None, element: _Element) -> None:
        if anchor is None:
            out.insert(0, element)
        elif anchor.getnext() is not element:
            anchor.addnext(element)

    def _anchor(self, out: _Element, node: SchemaNode, element: _Element) -> _Element | None:
        """The last of the siblings that stand before a new last instance of `node`."""
        known = self._last.get((out, node.qname))
        return known if known is not None else _last_before(out, node, element, 0)

    def _before_all(self, out: _Element, node: SchemaNode, element: _Element) -> _Element | None:
        return _last_before(out, node, element, 1)


def _last_before(out: _Element, node: SchemaNode, element: _Element, distance: int) -> _Element | None:
    siblings = {} if node.parent is None else node.parent.children
    limit = node.order - distance
    for sibling in out.iterchildren(tag=etree.Element, reversed=True):
        known = siblings.get(sibling.tag)
        if sibling is not element and known is not None and known.order <= limit:
            return sibling
    return None


def _counterpart(element: _Element, wrapper: _Element, root: _Element) -> _Element | None:
    """The element in `root` that is the copy of one under `wrapper`; None if that was taken away again."""
    positions: list[int] = []
    at, parent = element, element.getparent()
    while parent is not None:
        positions.append(parent.index(at))
        at, parent = parent, parent.getparent()
    if at is not wrapper:
        return None
    found = root
    for position in positions[-2::-1]:
        found = found[position]
    return found


def _known_key(entry: _Element, node: SchemaNode) -> Key:
    """The key of an entry of a canonical tree; for a list without keys the entry itself stands for it."""
    if node.is_leafy:
        return (entry.text or "",)
    return tuple(entry.findtext(name) or "" for name in node.keys) or (str(id(entry)),)


def _leaf(out: _Element, node: SchemaNode, bindings: dict[str, str]) -> _Element:
    if not bindings:
        return make(out, node.qname)
    return etree.SubElement(out, node.qname, nsmap=default_namespace(node.namespace, bindings))
