"""Where a node stands in a document: instance identifiers with keys (RFC 7950 section 9.13)."""

from __future__ import annotations

from typing import Any

from lxml.etree import _Element

from openesc.yang.errors import YangError
from openesc.yang.schema import SchemaNode
from openesc.yang.xpath_ast import quote


def instance_path(element: _Element, node: SchemaNode) -> str:
    """The path of `element`, an instance of `node`, from its top-level node; list entries with their keys,
    leaf-list entries with their value."""
    steps: list[str] = []
    at: _Element | None = element
    above: SchemaNode | None = node
    while above is not None and above.kind != "root" and at is not None:
        steps.append(_step(at, above))
        at, above = at.getparent(), above.parent
    return "/" + "/".join(reversed(steps))


def _step(element: _Element, node: SchemaNode) -> str:
    step = f"{node.prefix}:{node.name}"
    if node.kind == "list":
        return step + "".join(_key(element, node, key) for key in node.keys)
    if node.kind == "leaf-list":
        return f"{step}[.={quote((element.text or '').strip())}]"
    return step


def _key(element: _Element, node: SchemaNode, key: str) -> str:
    value = element.findtext(key)
    leaf = node.children[key]
    return "" if value is None else f"[{leaf.prefix}:{leaf.name}={quote(value.strip())}]"


def prefixes_of(node: SchemaNode) -> dict[str, str]:
    """The prefixes in a path to `node`, with their namespaces."""
    found = {node.prefix: node.namespace} if node.prefix else {}
    for above in node.ancestors():
        if above.prefix:
            found[above.prefix] = above.namespace
    return found


def error_at(
    element: _Element, node: SchemaNode, tag: str, message: str, kind: type[YangError] = YangError, **more: Any
) -> YangError:
    """An error about `element`, an instance of `node`; `more` goes to `kind`."""
    path = instance_path(element, node) if node.kind != "root" else None
    return kind(tag, message, error_path=path, namespaces=prefixes_of(node), **more)


def error_below(parent: _Element, node: SchemaNode, tag: str, message: str, **more: Any) -> YangError:
    """A YangError about an instance of `node` that is missing under `parent`."""
    assert node.parent is not None
    above = instance_path(parent, node.parent) if node.parent.kind != "root" else ""
    path = f"{above}/{node.prefix}:{node.name}"
    return YangError(tag, message, error_path=path, namespaces=prefixes_of(node), **more)
