"""Payloads of operations: read in either form, judged by the YANG module ``esc-manager``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from lxml import etree

from openesc.errors import InvalidRequest
from openesc.northbound import access
from openesc.northbound.model import ESC, local
from openesc.rest.call import Call
from openesc.rest.codec import BASE, adopted
from openesc.yang import validate_rpc_input

Payload = Mapping[str, str]
"""The leaves of a payload: canonical values by name."""

_CASELESS: Final = frozenset({"operation", "migrationType", "force", "blockMigration"})


async def payload(call: Call, name: str, *, any_root: bool = False, tolerant: bool = False) -> Payload:
    """The payload `name` of a request. `any_root`: ESC's documents do not say what its XML element is called.
    `tolerant`: what it does not know is ignored.

    Raises: YangErrors naming what is wrong with it; InvalidRequest; what `Call.element` raises.
    """
    given = adopted(await call.element(BASE, name), BASE, (ESC,))
    if any_root:
        given.tag = f"{{{BASE}}}{name}"
    if str(given.tag) != f"{{{BASE}}}{name}":
        raise InvalidRequest(f"the body is {local(str(given.tag))}; this takes {name}")
    for leaf in list(given.iterchildren(etree.Element)):
        if tolerant and str(leaf.tag) not in call.context.payload(name).children:
            given.remove(leaf)
        _tidy(leaf)
    checked = validate_rpc_input(call.context.payloads, given)
    return {local(str(leaf.tag)): leaf.text or "" for leaf in checked}


def _tidy(leaf: etree._Element) -> None:
    """Without blanks around the value and, where the case means nothing, in lower case; `type` is `migrationType`."""
    if local(str(leaf.tag)) == "type":
        leaf.tag = f"{{{BASE}}}migrationType"
    text = (leaf.text or "").strip()
    leaf.text = text.lower() if local(str(leaf.tag)) in _CASELESS else text


def action(name: str, **leaves: str | None) -> etree._Element:
    """The operation element of one of ESC's actions, as a NETCONF client would send it."""
    root = etree.Element(f"{{{ESC}}}{name}", nsmap={None: ESC})  # type: ignore[dict-item]
    for leaf, value in leaves.items():
        if value is not None:
            etree.SubElement(root, f"{{{ESC}}}{leaf}").text = value
    return root


async def invoke(call: Call, rpc: etree._Element) -> None:
    """Do one of ESC's actions for the caller. Who may not use it names no receivers either: nothing is resolved.

    Raises: AccessDenied, InvalidRequest, what `Invocations.invoke` raises.
    """
    access.check_operation(call.user, str(rpc.tag))
    await call.context.invocations.invoke(await call.requester(), rpc)
