"""The server's own operational data, which `get` shows after the backend's."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from lxml import etree
from lxml.etree import _Element

from openesc.netconf import names
from openesc.netconf.backend import Filter
from openesc.netconf.library import modules_state, yang_library
from openesc.netconf.messages import children
from openesc.netconf.monitoring import netconf_state, streams
from openesc.netconf.names import q, split
from openesc.yang import subtree_filter, xpath_filter

if TYPE_CHECKING:
    from openesc.netconf.session import Session

_PROVIDERS: dict[str, Callable[[Session], _Element]] = {
    q(names.MONITORING, "netconf-state"): netconf_state,
    q(names.NETMOD, "netconf"): streams,
    q(names.LIBRARY, "yang-library"): yang_library,
    q(names.LIBRARY, "modules-state"): modules_state,
}
_LOCAL = {split(tag)[1]: tag for tag in _PROVIDERS}
_FIRST_STEP = re.compile(r"/?(?:[\w.-]+:)?([\w.-]+)\s*(?:[/\[]|$)")


def server_state(session: Session, wanted: Filter | None) -> bytes:
    """The part of the server's state that `wanted` selects, serialised; nothing of modules not in the schema."""
    schema = session.core.schema
    tags = [tag for tag in _candidates(wanted) if tag in schema.root.children]
    roots = [_PROVIDERS[tag](session) for tag in tags]
    if not roots:
        return b""
    if wanted is None:
        chosen = roots
    elif wanted.kind == "subtree":
        chosen = subtree_filter(schema, roots, wanted.element)
    else:
        chosen = xpath_filter(schema, roots, wanted.select, wanted.nsmap)
    return b"".join(etree.tostring(root) for root in chosen)


def _candidates(wanted: Filter | None) -> list[str]:
    """The roots that a filter may touch, found from names alone: most filters touch none, and cost nothing."""
    if wanted is None:
        return list(_PROVIDERS)
    if wanted.kind == "xpath":
        return _xpath_candidates(wanted.select)
    asked = [split(str(child.tag)) for child in children(wanted.element)]
    return [
        tag for tag in _PROVIDERS if any(name == split(tag)[1] and home in ("", split(tag)[0]) for home, name in asked)
    ]


def _xpath_candidates(select: str) -> list[str]:
    first = _FIRST_STEP.match(select)
    if first is None or "|" in select:
        return list(_PROVIDERS)
    return [_LOCAL[first[1]]] if first[1] in _LOCAL else []
