"""Puts units together again: the text of a tree that holds just the given ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from lxml import etree

from openesc.datastore.units import Unit, UnitNode, UnitTree


@dataclass(slots=True)
class _Branch:
    """One instance of a trie node: its own children as text, and the instances below it."""

    own: bytes = b""
    below: dict[tuple[str, tuple[str, ...]], _Branch] = field(default_factory=dict)


def assemble(tree: UnitTree, units: Iterable[Unit]) -> bytes:
    """The serialised top-level elements that hold `units` and their ancestors' keys, in schema order."""
    top = _Branch()
    for unit in units:
        steps = tree.steps(unit.id.kind)
        _branch(top, steps, unit.id.keys).own = inner(steps, unit)
    return b"".join(_texts(tree.roots, top, None))


def _branch(top: _Branch, steps: Sequence[UnitNode], keys: tuple[str, ...]) -> _Branch:
    branch, rest = top, keys
    for step in steps:
        own, rest = rest[: len(step.keys)], rest[len(step.keys) :]
        branch = branch.below.setdefault((step.schema.qname, own), _Branch())
    return branch


def _texts(nodes: dict[str, UnitNode], branch: _Branch, outer: str | None) -> Iterator[bytes]:
    """`outer`: the default namespace in force."""
    for qname, node in sorted(nodes.items(), key=lambda item: _order(item[1])):
        for (name, keys), below in branch.below.items():
            if name == qname:
                namespace = node.schema.namespace
                yield opening(node, outer).encode()
                yield below.own or key_text(node, keys).encode()
                yield from _texts(node.children, below, namespace)
                yield f"</{node.schema.name}>".encode()


def _order(node: UnitNode) -> int:
    parent = node.schema.parent
    return list(parent.children).index(node.schema.qname) if parent is not None else 0


def opening(node: UnitNode, outer: str | None) -> str:
    """The start tag of `node` where `outer` is the default namespace."""
    if node.schema.namespace == outer:
        return f"<{node.schema.name}>"
    return f'<{node.schema.name} xmlns="{node.schema.namespace}">'


def key_text(node: UnitNode, keys: Sequence[str]) -> str:
    """The key leaves of a list entry."""
    names = [etree.QName(key).localname for key in node.keys]
    return "".join(f"<{name}>{escape(key)}</{name}>" for name, key in zip(names, keys, strict=True))


def spine_document(steps: Sequence[UnitNode], keys: tuple[str, ...]) -> etree._Element | None:
    """The ancestors of a unit that is not there: what an edit that makes it is applied to."""
    root: etree._Element | None = None
    parent: etree._Element | None = None
    for step in steps[:-1]:
        tag = step.schema.qname
        element = _top(tag, step.schema.namespace) if parent is None else etree.SubElement(parent, tag)
        own, keys = keys[: len(step.keys)], keys[len(step.keys) :]
        for name, value in zip(step.keys, own, strict=True):
            etree.SubElement(element, name).text = value
        root = element if root is None else root
        parent = element
    return root


def _top(tag: str, namespace: str) -> etree._Element:
    return etree.Element(tag, nsmap={None: namespace})  # type: ignore[dict-item]


def inner(steps: Sequence[UnitNode], unit: Unit) -> bytes:
    """The children of the unit's own element as text, in the default namespace of its spine."""
    head, tail = _frame(steps, unit.id.keys)
    document = unit.document
    if document.startswith(head) and document.endswith(tail):
        return document[len(head) : len(document) - len(tail)]
    return _inner_by_parsing(document, len(steps))


def _frame(steps: Sequence[UnitNode], keys: tuple[str, ...]) -> tuple[bytes, bytes]:
    parts, outer, rest = [], None, keys
    for step in steps:
        own, rest = rest[: len(step.keys)], rest[len(step.keys) :]
        parts.append(opening(step, outer))
        outer = step.schema.namespace
        if step is not steps[-1]:
            parts.append(key_text(step, own))
    closing = "".join(f"</{step.schema.name}>" for step in reversed(steps))
    return "".join(parts).encode(), closing.encode()


def _inner_by_parsing(document: bytes, depth: int) -> bytes:
    """For documents that carry more than the one default namespace."""
    element = etree.fromstring(document)
    for _ in range(depth - 1):
        element = element[-1]
    return b"".join(etree.tostring(child, with_tail=False) for child in element)
