"""The JSON side (RFC 7951, metadata as in RFC 7952), tolerant about prefixes: ESC's JSON has none."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from lxml import etree

from openesc.errors import InvalidRequest
from openesc.yang import SchemaNode
from openesc.yang.types import LeafrefType, Type, UnionType

OPERATION: Final = "{urn:ietf:params:xml:ns:netconf:base:1.0}operation"
_NAME = re.compile(r"(?:[A-Za-z_][\w.-]*:)?([A-Za-z_][\w.-]*)")
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NUMBERS = frozenset({"int8", "int16", "int32", "uint8", "uint16", "uint32"})
"""Integers of 64 bits and decimals are strings in JSON (RFC 7951 section 6.1)."""

Metadata = Mapping[str, Any]


def parse_json(body: bytes, max_depth: int) -> Any:
    """The value of a JSON document. Raises: InvalidRequest unless it is one, without doubles and not nested deeper."""
    try:
        value = json.loads(body, object_pairs_hook=_distinct, parse_constant=_no_constant)
    except RecursionError:
        raise InvalidRequest(f"the JSON is nested deeper than {max_depth} levels") from None
    except (ValueError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"not well-formed JSON: {error}") from None
    if _deeper(value, max_depth):
        raise InvalidRequest(f"the JSON is nested deeper than {max_depth} levels")
    return value


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        double = next(name for name in found if sum(name == other for other, _ in pairs) > 1)
        raise ValueError(f"the member {double} stands twice in one object")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _deeper(value: Any, levels: int) -> bool:
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return bool(children) and (levels <= 0 or any(_deeper(child, levels - 1) for child in children))


def element_of(name: str, value: Any, namespace: str) -> etree._Element:
    """The element that `value` is in XML; what is unknown in it, or of a wrong type, is left for YANG to say.

    Raises: InvalidRequest for names and characters that no XML can have.
    """
    root = etree.Element(_tag(name, namespace), nsmap={None: namespace, "nc": OPERATION[1:].partition("}")[0]})  # type: ignore[dict-item]
    _fill(root, value, namespace)
    return root


def _fill(element: etree._Element, value: Any, namespace: str) -> None:
    if isinstance(value, dict):
        _annotate(element, value.get("@"))
        for name, member in value.items():
            if not name.startswith("@"):
                _append(element, name, member, value.get(f"@{name}"), namespace)
    elif isinstance(value, list):
        if value != [None]:  # YANG's type empty
            raise InvalidRequest(f"{etree.QName(element).localname}: an array within an array has no meaning here")
    elif value is not None:
        element.text = _text(value)


def _append(parent: etree._Element, name: str, value: Any, metadata: Any, namespace: str) -> None:
    many = value if isinstance(value, list) and value != [None] else [value]
    about = metadata if isinstance(metadata, list) else [metadata] * len(many)
    for place, one in enumerate(many):
        child = etree.SubElement(parent, _tag(name, namespace))
        _annotate(child, about[place] if place < len(about) else None)
        _fill(child, one, namespace)


def _annotate(element: etree._Element, metadata: Any) -> None:
    """The one attribute there is: ``nc:operation``, also written ``ietf-netconf:operation``."""
    for name, value in metadata.items() if isinstance(metadata, dict) else ():
        if name.rpartition(":")[2] != "operation" or not isinstance(value, str):
            raise InvalidRequest(f"{etree.QName(element).localname}: there is no attribute {name}")
        element.set(OPERATION, _clean(value))


def _tag(name: str, namespace: str) -> str:
    found = _NAME.fullmatch(name)
    if found is None:
        raise InvalidRequest(f"{name!r} is no name of an element")
    return f"{{{namespace}}}{found[1]}"


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return _clean(value) if isinstance(value, str) else json.dumps(value)


def _clean(text: str) -> str:
    if _NOT_XML.search(text):
        raise InvalidRequest("a string has a character that XML cannot carry")
    return text


def json_value(element: etree._Element, node: SchemaNode) -> dict[str, Any]:
    """The content of a container or list entry as a JSON object: lists are arrays, however many entries they have."""
    found: dict[str, Any] = {}
    for child in element.iterchildren(etree.Element):
        below = node.children[str(child.tag)]
        value = _leaf(child, below) if below.is_leafy else json_value(child, below)
        if below.kind in ("list", "leaf-list"):
            found.setdefault(below.name, []).append(value)
        else:
            found[below.name] = value
    return found


def _leaf(element: etree._Element, node: SchemaNode) -> Any:
    text = element.text or ""
    kind = _deciding(node.type, text, element)
    if kind == "boolean":
        return text == "true"
    if kind == "empty":
        return [None]
    return int(text) if kind in _NUMBERS else text


def _deciding(kind: Type | None, text: str, element: etree._Element) -> str:
    """The type that a value is of in the end."""
    while isinstance(kind, (LeafrefType, UnionType)):
        kind = kind.target if isinstance(kind, LeafrefType) else kind.member(text, element)[0]
    return kind.name if kind is not None else "string"


def json_text(value: Any) -> bytes:
    """JSON in UTF-8, without blanks."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
