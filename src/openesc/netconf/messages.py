"""The XML of the messages layer: reading `<hello>` and `<rpc>`, writing `<rpc-reply>` (RFC 6241 section 4)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from xml.sax.saxutils import quoteattr

from lxml.etree import _Element

from openesc.netconf import errors, names
from openesc.netconf.limits import Limits
from openesc.netconf.names import base, split
from openesc.yang import MalformedXml, parse_xml

DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'
_OPEN = f'<rpc-reply xmlns="{names.BASE}"'
_OK = b"<ok/>"
_SESSION_ID_MAX = 4294967295


def parse(message: bytes, limits: Limits) -> _Element:
    """The root element of a message. Raises RpcError malformed-message or too-big."""
    try:
        message.decode()
    except UnicodeDecodeError as error:
        raise errors.malformed(f"not UTF-8 at byte {error.start}") from None
    if len(message) > limits.markup and message.count(b"<") + message.count(b"=") > limits.markup:
        raise errors.too_big("the message holds more elements and attributes than this server takes at once")
    try:
        return parse_xml(message.lstrip(), max_depth=limits.depth)
    except MalformedXml as error:
        raise errors.malformed(str(error)) from None


def children(element: _Element) -> list[_Element]:
    """The child elements: no comments, no processing instructions."""
    return [child for child in element if isinstance(child.tag, str)]


def text_of(element: _Element) -> str:
    """Character data without the blanks around it."""
    return "".join(str(part) for part in element.itertext()).strip()


def operation(rpc: _Element) -> _Element:
    """The one operation in an `<rpc>`. Raises RpcError when the message is not a proper rpc."""
    if rpc.tag != base("rpc"):
        raise _not_an_rpc(rpc)
    if rpc.get("message-id") is None:
        raise errors.missing_attribute(
            "message-id", "rpc", "rpc needs a message-id attribute (RFC 6241 section 4.1)", "rpc"
        )
    found = children(rpc)
    if not found:
        raise errors.missing_element("rpc", "the rpc holds no operation")
    if len(found) > 1:
        name = split(str(found[1].tag))[1]
        raise errors.unknown_element(name, f"an rpc holds one operation; {name} is a second one")
    return found[0]


def _not_an_rpc(root: _Element) -> errors.RpcError:
    namespace, name = split(str(root.tag))
    if name != "rpc":
        info = {"bad-element": name}
        return errors.RpcError("unknown-element", f"expected an rpc, got {name}", error_type="rpc", error_info=info)
    message = f'rpc must be in the namespace {names.BASE}; it is in "{namespace}"'
    return errors.RpcError(
        "unknown-namespace",
        message,
        error_type="rpc",
        error_info={"bad-element": name, "bad-namespace": namespace},
    )


def reply(rpc: _Element | None, content: bytes | None) -> bytes:
    """An rpc-reply that carries every attribute of `rpc` unmodified; content None is success without data."""
    body = _OK if content is None else content
    opening = (_OPEN if rpc is None else _OPEN + _attributes(rpc)).encode()
    return b"".join((DECLARATION, opening, b">", body, b"</rpc-reply>"))


def error_reply(rpc: _Element | None, faults: Iterable[Exception], lookup: errors.PrefixLookup | None = None) -> bytes:
    """An rpc-reply with one rpc-error per fault."""
    return reply(rpc, b"".join(errors.serialise(fault, lookup) for fault in faults))


def _attributes(rpc: _Element) -> str:
    written = ""
    for key, value in rpc.attrib.items():
        namespace, name = split(str(key))
        written += f" {_qualified(rpc, namespace, name)}={quoteattr(str(value))}"
    return written + _declarations(rpc)


def _qualified(rpc: _Element, namespace: str, name: str) -> str:
    if not namespace:
        return name
    if namespace == names.XML:
        return f"xml:{name}"
    return f"{_prefix(rpc, namespace)}:{name}"


def _prefix(rpc: _Element, namespace: str) -> str:
    return next(prefix for prefix, uri in rpc.nsmap.items() if prefix and uri == namespace)


def _declarations(rpc: _Element) -> str:
    used = {namespace for namespace, _ in (split(str(key)) for key in rpc.attrib)} - {"", names.XML}
    return "".join(f" xmlns:{_prefix(rpc, uri)}={quoteattr(uri)}" for uri in sorted(used))


def hello(session_id: int, capabilities: Sequence[str]) -> bytes:
    """The server's `<hello>` (RFC 6241 section 8.1)."""
    listed = "".join(f"<capability>{errors.text(uri)}</capability>" for uri in capabilities)
    document = (
        f'<hello xmlns="{names.BASE}"><capabilities>{listed}</capabilities>'
        f"<session-id>{session_id}</session-id></hello>"
    )
    return DECLARATION + document.encode()


def peer_capabilities(root: _Element) -> frozenset[str]:
    """What a client's `<hello>` offers. Raises RpcError naming what makes it unusable."""
    if root.tag != base("hello"):
        raise errors.bad_element("hello", f"expected a hello, got {root.tag}")
    if root.find(base("session-id")) is not None:
        raise errors.bad_element("session-id", "a client's hello must not carry a session-id")
    offered = frozenset(
        text_of(capability) for capability in root.iterfind(f"{base('capabilities')}/{base('capability')}")
    )
    if not offered & {names.BASE_1_0, names.BASE_1_1}:
        raise errors.bad_element("capabilities", "the hello offers neither base:1.0 nor base:1.1")
    return offered


def session_id(element: _Element) -> int:
    """The session-id a client names. Raises RpcError invalid-value."""
    value = text_of(element)
    if not value.isdecimal() or not 1 <= int(value) <= _SESSION_ID_MAX:
        raise errors.RpcError("invalid-value", f'"{value}" is not a session-id')
    return int(value)
