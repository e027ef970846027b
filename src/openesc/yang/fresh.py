"""The fast way for what is new as a whole: a subtree without attributes, merged into nothing.

Such a subtree is copied child by child into schema order. Whatever is not plain sailing (an error, a value
with prefixes, anydata) makes `build` give up: the editor then goes its ordinary way and finds the words.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

from lxml import etree
from lxml.etree import _Element

from openesc.yang.errors import TypeViolation
from openesc.yang.schema import SchemaNode
from openesc.yang.xml import make

_has_attributes = etree.XPath("boolean(descendant::*/@*)")
_MEMO_LIMIT = 10_000


class _NotPlainError(Exception):
    """To be left to the editor."""


class FreshBuilder:
    """Builds new subtrees. `state` allows config false nodes."""

    def __init__(self, *, state: bool) -> None:
        self._state = state
        self._memos: dict[SchemaNode, dict[str, str]] = {}
        self._build: dict[str, Callable[[_Element, SchemaNode, list[_Element]], None]] = {
            "container": self._container,
            "list": self._list,
            "leaf": self._leaf,
            "leaf-list": self._leaf_list,
        }

    def build(self, source: _Element, node: SchemaNode, created: _Element) -> bool:
        """Fill `created`, an empty instance of `node`, from `source`; False, with nothing done, when the
        editor has to look at it."""
        if _has_attributes(source):
            return False
        try:
            self._fill(source, node, created)
        except (_NotPlainError, TypeViolation):
            for child in list(created):
                created.remove(child)
            return False
        return True

    def _fill(self, source: _Element, node: SchemaNode, created: _Element) -> None:
        groups: dict[SchemaNode, list[_Element]] = {}
        children = node.children
        if source.text and source.text.strip():
            raise _NotPlainError
        for child in source:
            below = children.get(child.tag)
            if below is None or (child.tail and child.tail.strip()):
                raise _NotPlainError
            groups.setdefault(below, []).append(child)
        for below in sorted(groups, key=lambda below: below.order) if len(groups) > 1 else groups:
            if not (below.config or self._state) or below.kind not in self._build:
                raise _NotPlainError
            if below.rivals and any(children[rival] in groups for rival in below.rivals):
                raise _NotPlainError
            self._build[below.kind](created, below, groups[below])

    def _container(self, out: _Element, node: SchemaNode, sources: list[_Element]) -> None:
        created = make(out, node.qname)
        self._fill(_only(sources), node, created)
        if not node.presence and not len(created):
            out.remove(created)

    def _list(self, out: _Element, node: SchemaNode, sources: list[_Element]) -> None:
        taken: set[tuple[str, ...]] = set()
        count = len(node.keys)
        for source in sources:
            created = make(out, node.qname)
            self._fill(source, node, created)
            if count:
                key = tuple(leaf.text or "" for leaf in islice(created, count) if leaf.tag in node.keys)
                if len(key) < count or key in taken:
                    raise _NotPlainError
                taken.add(key)

    def _leaf(self, out: _Element, node: SchemaNode, sources: list[_Element]) -> None:
        value = self._value(_only(sources), node)
        make(out, node.qname).text = value or None

    def _leaf_list(self, out: _Element, node: SchemaNode, sources: list[_Element]) -> None:
        values = [self._value(source, node) for source in sources]
        if len(set(values)) < len(values):
            raise _NotPlainError
        for value in values:
            make(out, node.qname).text = value or None

    def _value(self, source: _Element, node: SchemaNode) -> str:
        memo = self._memos.get(node)
        if memo is None:
            if node.type is None or not node.type.context_free:
                raise _NotPlainError
            memo = self._memos[node] = {}
        text = source.text or ""
        value = memo.get(text)
        if len(source):
            raise _NotPlainError
        if value is None:
            assert node.type is not None
            value = node.type.canonical(text, source)
            if len(memo) < _MEMO_LIMIT:
                memo[text] = value
        return value


def _only(sources: list[_Element]) -> _Element:
    if len(sources) > 1:
        raise _NotPlainError
    return sources[0]
