"""The attributes of an edit: operation (RFC 6241 section 7.2), insert, key and value (RFC 7950 7.8.6)."""

from __future__ import annotations

from collections.abc import Iterator

from lxml.etree import _Element

from openesc.yang.errors import YANG_NS, YangError
from openesc.yang.instance_path import error_at
from openesc.yang.schema import SchemaNode
from openesc.yang.types import resolve_qname
from openesc.yang.xml import NETCONF_NS, split
from openesc.yang.xpath_ast import Binary, Expr, Literal, Path, XPathSyntaxError, parse

OPERATION = f"{{{NETCONF_NS}}}operation"
INSERT = f"{{{YANG_NS}}}insert"
KEY = f"{{{YANG_NS}}}key"
VALUE = f"{{{YANG_NS}}}value"

_OPERATIONS = ("merge", "replace", "create", "delete", "remove", "none")
_PLACES = ("first", "last", "before", "after")
_WITH_DEFAULTS = "{urn:ietf:params:xml:ns:netconf:default:1.0}default"
_XML = "http://www.w3.org/XML/1998/namespace"
_SCHEMA_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"


def operation_of(element: _Element) -> str | None:
    """The element's own operation; None if it has none or a wrong one (`check_attributes` tells)."""
    value = element.get(OPERATION)
    return value.strip() if value is not None and value.strip() in _OPERATIONS else None


def check_attributes(element: _Element, node: SchemaNode, *, operations: bool = True) -> list[YangError]:
    """All that is wrong with the attributes of an element of an edit."""
    if not element.attrib:
        return []
    return [
        error_at(element, node, tag, message, error_info={"bad-attribute": name, "bad-element": node.name})
        for tag, name, message in _faults(element, node, operations)
    ]


def _faults(element: _Element, node: SchemaNode, operations: bool) -> Iterator[tuple[str, str, str]]:
    for attribute, value in ((str(name), str(text)) for name, text in element.attrib.items()):
        namespace, name = split(attribute)
        if attribute == OPERATION and operations:
            if value.strip() not in _OPERATIONS:
                yield "bad-attribute", name, f"operation {value!r} is not one of {', '.join(_OPERATIONS)}"
        elif attribute in (INSERT, KEY, VALUE) and operations:
            yield from _insert_faults(element, node, attribute, value)
        elif attribute != _WITH_DEFAULTS and namespace not in (_XML, _SCHEMA_INSTANCE):
            yield "unknown-attribute", name, _unknown(name, namespace, node)


def _unknown(name: str, namespace: str, node: SchemaNode) -> str:
    hint = f": operation must be in the namespace {NETCONF_NS}" if name == "operation" else ""
    where = f"of the namespace {namespace}" if namespace else "without a namespace"
    return f"attribute {name} {where} is not known on {node.name}{hint}"


def _insert_faults(element: _Element, node: SchemaNode, attribute: str, value: str) -> Iterator[tuple[str, str, str]]:
    name = split(attribute)[1]
    if not node.ordered_by_user:
        yield "bad-attribute", name, f"{name}: {node.name} is not ordered by the user"
    elif attribute == INSERT and value not in _PLACES:
        yield "bad-attribute", name, f"insert {value!r} is not one of {', '.join(_PLACES)}"
    elif attribute == INSERT and value in ("before", "after") and insert_point(element, node)[1] is None:
        wanted = "value" if node.is_leafy else "key"
        yield "bad-attribute", wanted, f"insert {value} needs the attribute {wanted}, naming an entry"


def insert_point(element: _Element, node: SchemaNode) -> tuple[str, tuple[str, ...] | None]:
    """Where insert wants an entry, and for before and after the key of the entry meant."""
    where = element.get(INSERT, "last")
    if where not in ("before", "after"):
        return where, None
    if node.is_leafy:
        value = element.get(VALUE)
        return where, None if value is None else (value.strip(),)
    return where, _key(element, node, element.get(KEY, ""))


def _key(element: _Element, node: SchemaNode, text: str) -> tuple[str, ...] | None:
    """The key in predicates such as ``[ex:name='x']``."""
    try:
        tree = parse(f"entry{text}")
    except XPathSyntaxError:
        return None
    if not isinstance(tree, Path):
        return None
    found = dict(_equation(part, element, node) for part in tree.steps[0].predicates)
    values = tuple(found[name] for name in node.keys if name in found)
    return values if len(values) == len(node.keys) else None


def _equation(part: Expr, element: _Element, node: SchemaNode) -> tuple[str, str]:
    match part:
        case Binary("=", Path(steps=(step,)), Literal(value)):
            name = resolve_qname(step.test, element) if ":" in step.test else None
            return name or f"{{{node.namespace}}}{step.test}", value
        case _:
            return "", ""
