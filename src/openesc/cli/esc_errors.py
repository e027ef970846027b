"""ESC's own form of a refusal: the `<error>` document that `snapshot-action` prints (user guide, delete snapshots)."""

from __future__ import annotations

from lxml import etree

from openesc.cli.payloads import BASE

UNKNOWN = "500"
"""The code of an error that carries none."""


def error_document(reply: str) -> str | None:
    """The first rpc-error of a reply as ``<error><error_code/><error_message/></error>``; None when there is none."""
    parser = etree.XMLParser(huge_tree=True, resolve_entities=False, no_network=True)
    error = etree.fromstring(reply.encode(), parser).find(f"{{{BASE}}}rpc-error")
    if error is None:
        return None
    code = error.findtext(f"{{{BASE}}}error-info/{{*}}error_code") or UNKNOWN
    message = error.findtext(f"{{{BASE}}}error-message") or error.findtext(f"{{{BASE}}}error-tag")
    root = etree.Element(f"{{{BASE}}}error", nsmap={None: BASE})  # type: ignore[dict-item]  # lxml takes None
    etree.SubElement(root, f"{{{BASE}}}error_code").text = code
    etree.SubElement(root, f"{{{BASE}}}error_message").text = message
    return etree.tostring(root, encoding="unicode")
