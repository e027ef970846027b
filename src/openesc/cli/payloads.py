"""The requests the NETCONF console sends, built from files and arguments.

Files are put into the request as text, as ESC's console does: they may use the prefix ``nc`` without declaring it, and
may have an XML declaration or none, one root or several.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from lxml import etree

from openesc.cli.problems import UsageProblem

BASE = "urn:ietf:params:xml:ns:netconf:base:1.0"
NOTIFICATION = "urn:ietf:params:xml:ns:netconf:notification:1.0"
MESSAGE_ID = "1"

_PLACE = "the document comes here: 2d1f6c1e"
_WRAP = f'<wrap xmlns="{BASE}" xmlns:nc="{BASE}">'
_DECLARATION = re.compile(rb"""\s*<\?xml\s[^>]*?(?:encoding\s*=\s*["']([\w.\-]+)["'][^>]*)?\?>""")
_DOCTYPE = re.compile(r"(?>\s+|<!--.*?-->|<\?.*?\?>)*+<!DOCTYPE", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Request:
    """One request: the whole ``<rpc>`` as text."""

    message: str
    message_id: str = MESSAGE_ID


def rpc_file(path: Path, document: Path | None = None) -> Request:
    """What is in the file as an rpc: an operation, or a whole ``<rpc>``. Raises: UsageProblem.

    The content of the file `document` goes along as the operation's last child, ``<xml>``.
    """
    text = _text(path)
    roots = _roots(text, path)
    if _local(roots[0]) == "rpc":
        return _whole(roots[0])
    if len(roots) > 1:
        raise UsageProblem(f"{path}: one operation is expected, not {len(roots)} elements")
    return _rpc(text if document is None else _with_document(roots[0], document))


def _with_document(operation: etree._Element, path: Path) -> str:
    operation.tail = None
    place = etree.SubElement(operation, etree.QName(etree.QName(operation).namespace, "xml"))
    place.text = _PLACE
    return etree.tostring(operation, encoding="unicode").replace(_PLACE, _standing_alone(_document(path)))


def _standing_alone(root: etree._Element) -> str:
    """The element as text that means the same within another one: it takes no default namespace over."""
    text = etree.tostring(root, encoding="unicode", with_tail=False)
    if None in root.nsmap:
        return text
    name = f"{root.prefix}:{_local(root)}" if root.prefix else _local(root)
    return text.replace(f"<{name}", f'<{name} xmlns=""', 1)


def _document(path: Path) -> etree._Element:
    """The root of a document of its own, whatever its encoding. Raises: UsageProblem."""
    try:
        root = etree.fromstring(_raw(path), _parser())
    except etree.XMLSyntaxError as error:
        line, column = error.position
        raise UsageProblem(f"{path} is not well-formed XML: line {line}, column {column}: {_reason(error)}") from None
    if any(isinstance(node, etree._Entity) for node in root.iter()):
        raise UsageProblem(f"{path} has entities of its own: they cannot be sent")
    return root


def edit_config_file(path: Path, target: str = "running", default_operation: str | None = None) -> Request:
    """An edit of `target` with the file's configuration, ``<config>`` around it or not. Raises: UsageProblem."""
    text = _text(path)
    roots = _roots(text, path)
    ready = {"rpc": lambda: _whole(roots[0]), "edit-config": lambda: _rpc(text)}.get(_local(roots[0]))
    if ready is not None:
        return ready()
    config = text if _local(roots[0]) == "config" else f"<config>{text}</config>"
    operation = f"<default-operation>{escape(default_operation)}</default-operation>" if default_operation else ""
    return _rpc(f"<edit-config><target>{_datastore(target)}</target>{operation}{config}</edit-config>")


def get(xpath: str | None = None) -> Request:
    """Configuration and state, or what `xpath` selects of it."""
    return _rpc(f"<get>{_filter(xpath)}</get>")


def get_config(source: str = "running", xpath: str | None = None) -> Request:
    """The configuration in `source`, or what `xpath` selects of it."""
    return _rpc(f"<get-config><source>{_datastore(source)}</source>{_filter(xpath)}</get-config>")


def create_subscription(stream: str, start: str | None = None, stop: str | None = None) -> Request:
    """Subscribe to `stream` (RFC 5277), with replay from `start` and an end at `stop` (RFC 3339 times)."""
    parts = {"stream": stream, "startTime": start, "stopTime": stop}
    children = "".join(f"<{name}>{escape(text)}</{name}>" for name, text in parts.items() if text)
    return _rpc(f'<create-subscription xmlns="{NOTIFICATION}">{children}</create-subscription>')


def close_session() -> Request:
    """The polite end of a session."""
    message = f'<rpc xmlns="{BASE}" message-id="2"><close-session/></rpc>'
    return Request(message, "2")


def _rpc(operation: str) -> Request:
    return Request(f'<rpc xmlns="{BASE}" xmlns:nc="{BASE}" message-id="{MESSAGE_ID}">{operation}</rpc>')


def _whole(rpc: etree._Element) -> Request:
    rpc.tail = None
    message_id = rpc.get("message-id") or MESSAGE_ID
    rpc.set("message-id", message_id)
    return Request(etree.tostring(rpc, encoding="unicode"), message_id)


def _filter(xpath: str | None) -> str:
    return "" if xpath is None else f'<filter type="xpath" select={quoteattr(xpath)}/>'


def _datastore(name: str) -> str:
    if name not in ("running", "candidate", "startup"):
        raise UsageProblem(f"there is no datastore {name}", hint="running, candidate or startup")
    return f"<{name}/>"


def _raw(path: Path) -> bytes:
    """The file's content, of which there must be some. Raises: UsageProblem."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise UsageProblem(f"{path} cannot be read: {error.strerror}") from None
    if not raw.strip():
        raise UsageProblem(f"{path} is empty: there is nothing to send")
    return raw


def _text(path: Path) -> str:
    """The file's content without its XML declaration."""
    raw = _raw(path)
    declaration = _DECLARATION.match(raw.removeprefix(b"\xef\xbb\xbf"))
    encoding = declaration[1].decode("ascii") if declaration and declaration[1] else "utf-8-sig"
    text = _decode(raw, encoding, path)
    return re.sub(r"^\ufeff?\s*<\?xml\s[^>]*\?>", "", text)


def _decode(raw: bytes, encoding: str, path: Path) -> str:
    try:
        return raw.decode("utf-8-sig" if encoding.lower() in ("utf-8", "utf8") else encoding)
    except (UnicodeDecodeError, LookupError) as error:
        raise UsageProblem(f"{path} is not text in {encoding}: {error}") from None


def _roots(text: str, path: Path) -> list[etree._Element]:
    """The file's root elements. Raises: UsageProblem naming line and column of what is not well-formed."""
    if _DOCTYPE.match(text):
        raise UsageProblem(f"{path} has a DOCTYPE, which no NETCONF server takes: send it without")
    try:
        wrap = etree.fromstring(f"{_WRAP}{text}</wrap>", _parser())
    except etree.XMLSyntaxError as error:
        raise UsageProblem(f"{path} is not well-formed XML: {_where(error)}") from None
    roots = [child for child in wrap if isinstance(child.tag, str)]
    if not roots:
        raise UsageProblem(f"{path} has no element: there is nothing to send")
    return roots


def _where(error: etree.XMLSyntaxError) -> str:
    line, column = error.position
    column -= len(_WRAP) if line == 1 else 0
    # the wrapping is ours: name what is wrong in the user's terms
    return f"line {line}, column {max(column, 1)}: {_reason(error).replace(' and wrap', ' and the end of the file')}"


def _reason(error: etree.XMLSyntaxError) -> str:
    """What is wrong, without the place."""
    return (error.msg or "").rpartition(", line ")[0] or error.msg or ""


def _parser() -> etree.XMLParser:
    return etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True)


def _local(element: etree._Element) -> str:
    return etree.QName(element).localname
