"""Safe XML in, tidy XML out."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from lxml import etree
from lxml.etree import _Element

from openesc.yang.errors import MalformedXml

_NO_BINDINGS: Mapping[str, str] = MappingProxyType({})

NETCONF_NS = "urn:ietf:params:xml:ns:netconf:base:1.0"


def parse_xml(data: bytes, *, max_depth: int = 64) -> _Element:
    """Parse one XML document without touching DTDs, entities or the network.

    Comments, processing instructions and CDATA marks are dropped. `max_depth` counts nested elements.
    Raises MalformedXml when the bytes are not well-formed, carry a DOCTYPE or nest deeper.
    """
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=True,
        remove_comments=True,
        remove_pis=True,
    )
    if b"<!DOCTYPE" in data:
        # refused before parsing: libxml2 would expand internal entities of attribute defaults
        raise MalformedXml("a DOCTYPE is not allowed (RFC 6241 section 3)")
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise MalformedXml(f"not well-formed XML: {error.msg}") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise MalformedXml("a DOCTYPE is not allowed (RFC 6241 section 3)")
    check_depth(root, max_depth)
    return root


def check_depth(root: _Element, max_depth: int) -> None:
    """Raise MalformedXml, naming an element, when `root` nests elements deeper than `max_depth`."""
    too_deep = root.xpath("/*" * (max_depth + 1))
    if isinstance(too_deep, list) and too_deep:
        tag = getattr(too_deep[0], "tag", "?")
        raise MalformedXml(f"<{tag}> is nested deeper than {max_depth} elements")


def split(tag: str) -> tuple[str, str]:
    """Namespace (empty when there is none) and local name of a Clark name."""
    if tag[0] == "{":
        namespace, _, local = tag[1:].partition("}")
        return namespace, local
    return "", tag


def elements(parent: _Element) -> list[_Element]:
    """The child elements of `parent`: no comments, no processing instructions."""
    return list(parent.iterchildren(tag=etree.Element))


def default_namespace(namespace: str, bindings: Mapping[str, str] = _NO_BINDINGS) -> Any:
    """A namespace map for lxml: `namespace` without prefix, and further prefixes.

    Typed Any because lxml takes None for the default namespace and its stubs do not say so.
    """
    return {None: namespace, **bindings}


def make(parent: _Element | None, tag: str) -> _Element:
    """A new element, appended to `parent` if there is one, whose namespace is the default namespace."""
    end = tag.index("}") + 1
    if parent is not None and parent.prefix is None and parent.tag[:end] == tag[:end]:
        return etree.SubElement(parent, tag)
    namespace = tag[1 : end - 1]
    if parent is None:
        return etree.Element(tag, nsmap=default_namespace(namespace))
    return etree.SubElement(parent, tag, nsmap=default_namespace(namespace))
