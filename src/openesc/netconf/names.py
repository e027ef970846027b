"""Namespaces and URNs of the NETCONF documents, spelt once."""

from __future__ import annotations

from typing import Final

BASE: Final = "urn:ietf:params:xml:ns:netconf:base:1.0"  # RFC 6241
NOTIFICATION: Final = "urn:ietf:params:xml:ns:netconf:notification:1.0"  # RFC 5277
NETMOD: Final = "urn:ietf:params:xml:ns:netmod:notification"  # RFC 5277 section 3.4
MONITORING: Final = "urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring"  # RFC 6022
LIBRARY: Final = "urn:ietf:params:xml:ns:yang:ietf-yang-library"  # RFC 8525
DATASTORES: Final = "urn:ietf:params:xml:ns:yang:ietf-datastores"  # RFC 8342
YANG: Final = "urn:ietf:params:xml:ns:yang:1"  # RFC 7950
XML: Final = "http://www.w3.org/XML/1998/namespace"

BASE_1_0: Final = "urn:ietf:params:netconf:base:1.0"
BASE_1_1: Final = "urn:ietf:params:netconf:base:1.1"
CAPABILITY: Final = "urn:ietf:params:netconf:capability:"


def q(namespace: str, name: str) -> str:
    """The Clark name `{namespace}name`."""
    return f"{{{namespace}}}{name}"


def base(name: str) -> str:
    """The Clark name of `name` in the base namespace."""
    return q(BASE, name)


def split(tag: str) -> tuple[str, str]:
    """Namespace (empty when there is none) and local name of a Clark name."""
    if tag.startswith("{"):
        namespace, _, local = tag[1:].partition("}")
        return namespace, local
    return "", tag
