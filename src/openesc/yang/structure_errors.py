"""What can be wrong with the structure of a document, whether it is an edit or a whole."""

from __future__ import annotations

from lxml.etree import _Element

from openesc.yang.errors import YangError
from openesc.yang.instance_path import error_at
from openesc.yang.schema import Schema, SchemaNode
from openesc.yang.xml import split


def unknown_element(schema: Schema, child: _Element, parent: _Element, above: SchemaNode) -> YangError:
    """The error for an element that the schema does not have there (RFC 6241 appendix A)."""
    namespace, name = split(child.tag)
    where = above.name or "the top level"
    if namespace not in schema.prefixes:
        info = {"bad-element": name, "bad-namespace": namespace}
        return error_at(
            parent,
            above,
            "unknown-namespace",
            f"{name}: no module has the namespace {namespace!r}",
            error_info=info,
        )
    info = {"bad-element": name}
    return error_at(parent, above, "unknown-element", f"{name} is not known in {where}", error_info=info)


def state_in_config(element: _Element, node: SchemaNode) -> YangError:
    """The error for a config false node in configuration."""
    message = f"{node.name} is operational state (config false) and cannot be configured"
    info = {"bad-element": node.name}
    return error_at(element, node, "unknown-element", message, error_info=info)


def missing_keys(entry: _Element, node: SchemaNode) -> list[YangError]:
    """One error for each key that a list entry lacks (RFC 7950 section 8.3.1)."""
    return [
        error_at(
            entry,
            node,
            "missing-element",
            f"the key {key.partition('}')[2]} of {node.name} is missing",
            error_info={"bad-element": key.partition("}")[2]},
        )
        for key in node.keys
        if entry.find(key) is None
    ]


def stray_text(element: _Element) -> str:
    """Text beside child elements, without white space at its ends."""
    own = (element.text or "").strip()
    return own or next((tail for child in element if (tail := (child.tail or "").strip())), "")
