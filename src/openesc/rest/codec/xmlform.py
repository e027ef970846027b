"""The XML side: ESC writes what REST carries in the namespace of NETCONF's messages, not in its own."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from typing import Final

from lxml import etree

from openesc.events.escevent import xml_safe

BASE: Final = "urn:ietf:params:xml:ns:netconf:base:1.0"
DECLARATION: Final = b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'

Value = str | int | bool | None | Mapping[str, "Value"] | Sequence["Value"]
Fields = Mapping[str, Value]
"""The content of an element: leaves, elements and, as sequences, what stands several times."""

_MISSPELT = re.compile(r"^\{(?!urn:ietf:)(?i:urn:ietf:)")


def adopted(root: etree._Element, namespace: str, foreign: Sequence[str]) -> etree._Element:
    """A copy of `root` in which what is in no namespace, or one of `foreign`, is in `namespace`.

    ``urn:iETF:`` is read as ``urn:ietf:`` on the way, in names of attributes too.
    """
    result = copy.deepcopy(root)
    for element in result.iter(etree.Element):
        for attribute in [str(name) for name in element.attrib if _MISSPELT.match(str(name))]:
            element.set(_MISSPELT.sub("{urn:ietf:", attribute), element.attrib.pop(attribute))
        name = etree.QName(_MISSPELT.sub("{urn:ietf:", str(element.tag)))
        home = namespace if name.namespace in (None, *foreign) else name.namespace
        element.tag = f"{{{home}}}{name.localname}"
    return result


def in_namespace(source: etree._Element, namespace: str) -> etree._Element:
    """A copy of `source` with everything in it in `namespace`, without declarations of others."""
    result = etree.Element(_moved(source, namespace), nsmap={None: namespace})  # type: ignore[dict-item]
    result.text = source.text
    for child in source.iterchildren(etree.Element):
        result.append(in_namespace(child, namespace))
    return result


def _moved(element: etree._Element, namespace: str) -> str:
    return f"{{{namespace}}}{etree.QName(element).localname}"


def xml_text(name: str, fields: Fields, namespace: str = "") -> bytes:
    """A document: the element `name` with these fields. What is None is left out."""
    return DECLARATION + etree.tostring(xml_element(name, fields, namespace))


def xml_element(name: str, fields: Fields, namespace: str = "") -> etree._Element:
    """The element `name` with these fields."""
    nsmap = {None: namespace} if namespace else None
    root = etree.Element(f"{{{namespace}}}{name}" if namespace else name, nsmap=nsmap)  # type: ignore[arg-type]
    _fill(root, fields, namespace)
    return root


def _fill(parent: etree._Element, fields: Fields, namespace: str) -> None:
    for name, value in fields.items():
        for one in value if isinstance(value, Sequence) and not isinstance(value, str) else [value]:
            if one is not None:
                _append(parent, f"{{{namespace}}}{name}" if namespace else name, one, namespace)


def _append(parent: etree._Element, tag: str, value: Value, namespace: str) -> None:
    element = etree.SubElement(parent, tag)
    if isinstance(value, Mapping):
        _fill(element, value, namespace)
    else:
        element.text = str(value).lower() if isinstance(value, bool) else xml_safe(str(value))
