"""rpc-error: what went wrong, in the words of RFC 6241 section 4.3 and appendix A."""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Callable, Mapping
from types import MappingProxyType
from xml.sax.saxutils import escape, quoteattr

from openesc.netconf import names

log = logging.getLogger(__name__)

_NOTHING: Mapping[str, str] = MappingProxyType({})
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_PREFIX = re.compile(r"(?<![\w:.-])([A-Za-z_][\w.-]*):(?=[A-Za-z_*])")
_TYPES = frozenset({"transport", "rpc", "protocol", "application"})
# RFC 7950 section 15 puts these two into YANG's own namespace
_YANG_INFO = frozenset({"missing-choice", "non-unique"})

PrefixLookup = Callable[[str], str | None]


class RpcError(Exception):
    """A refusal by the NETCONF layer itself.

    The attributes are those of rpc-error; `error_info` maps element names (of the base namespace, or in Clark
    notation) to their text. Any other exception with an `error_tag` is served in the same way.
    """

    def __init__(
        self,
        error_tag: str,
        error_message: str,
        *,
        error_type: str = "protocol",
        error_app_tag: str | None = None,
        error_path: str | None = None,
        error_info: Mapping[str, str] = _NOTHING,
    ) -> None:
        super().__init__(error_message)
        self.error_type = error_type
        self.error_tag = error_tag
        self.error_app_tag = error_app_tag
        self.error_path = error_path
        self.error_message = error_message
        self.error_info = dict(error_info)


def malformed(reason: str) -> RpcError:
    """The message cannot be read as XML (RFC 6241 appendix A, malformed-message)."""
    return RpcError("malformed-message", reason, error_type="rpc")


def too_big(reason: str) -> RpcError:
    """The message is more than the server takes."""
    return RpcError("too-big", reason, error_type="rpc")


def missing_element(name: str, message: str) -> RpcError:
    """A parameter is absent."""
    return RpcError("missing-element", message, error_info={"bad-element": name})


def unknown_element(name: str, message: str) -> RpcError:
    """A parameter or operation that nobody knows."""
    return RpcError("unknown-element", message, error_info={"bad-element": name})


def bad_element(name: str, message: str) -> RpcError:
    """A parameter whose value is not acceptable."""
    return RpcError("bad-element", message, error_info={"bad-element": name})


def missing_attribute(attribute: str, element: str, message: str, error_type: str = "protocol") -> RpcError:
    """An attribute is absent."""
    info = {"bad-attribute": attribute, "bad-element": element}
    return RpcError("missing-attribute", message, error_type=error_type, error_info=info)


def bad_attribute(attribute: str, element: str, message: str) -> RpcError:
    """An attribute whose value is not acceptable."""
    info = {"bad-attribute": attribute, "bad-element": element}
    return RpcError("bad-attribute", message, error_info=info)


def not_supported(message: str) -> RpcError:
    """The server does not do this."""
    return RpcError("operation-not-supported", message)


def faults(error: Exception) -> list[Exception]:
    """The single faults in `error`, each with an `error_tag`.

    An exception that carries none is a defect of the server: it is logged with its traceback under a reference
    that the client is told, and nothing else of it leaves the process.
    """
    found = [fault for fault in getattr(error, "errors", ()) if hasattr(fault, "error_tag")]
    if found:
        return found
    if hasattr(error, "error_tag"):
        return [error]
    reference = secrets.token_hex(4)
    log.error("internal error, reference %s", reference, exc_info=error)
    message = f"internal error; the server's log has the details under reference {reference}"
    return [RpcError("operation-failed", message, error_type="application")]


def serialise(fault: Exception, lookup: PrefixLookup | None = None) -> bytes:
    """One `<rpc-error>` in the base namespace (declared by the surrounding reply).

    `lookup` finds the namespace of a prefix in error-path where `fault.namespaces` has none.
    """
    parts = ["<rpc-error>"]
    error_type = str(getattr(fault, "error_type", "application"))
    parts.append(_leaf("error-type", error_type if error_type in _TYPES else "application"))
    parts.append(_leaf("error-tag", str(fault.error_tag)))  # type: ignore[attr-defined]
    parts.append(_leaf("error-severity", "error"))
    if app_tag := getattr(fault, "error_app_tag", None):
        parts.append(_leaf("error-app-tag", str(app_tag)))
    if path := getattr(fault, "error_path", None):
        parts.append(_path(str(path), getattr(fault, "namespaces", _NOTHING), lookup))
    if message := getattr(fault, "error_message", None):
        parts.append(f'<error-message xml:lang="en">{text(str(message))}</error-message>')
    parts.append(_info(getattr(fault, "error_info", None) or _NOTHING))
    parts.append("</rpc-error>")
    return "".join(parts).encode()


def text(value: str) -> str:
    """`value` as XML character data; what XML cannot carry becomes U+FFFD."""
    return escape(_NOT_XML.sub("\N{REPLACEMENT CHARACTER}", value))


def _leaf(name: str, value: str) -> str:
    return f"<{name}>{text(value)}</{name}>"


def _path(path: str, namespaces: Mapping[str, str], lookup: PrefixLookup | None) -> str:
    """error-path with the declarations its prefixes need."""
    declarations = ""
    for prefix in sorted(set(_PREFIX.findall(_QUOTED.sub("''", path)))):
        uri = namespaces.get(prefix) or (lookup(prefix) if lookup else None)
        if uri:
            declarations += f" xmlns:{prefix}={quoteattr(uri)}"
    return f"<error-path{declarations}>{text(path)}</error-path>"


def _info(info: Mapping[str, str]) -> str:
    if not info:
        return ""
    return f"<error-info>{''.join(_info_element(*item) for item in info.items())}</error-info>"


def _info_element(tag: str, value: str) -> str:
    namespace, name = names.split(tag)
    if name in _YANG_INFO:
        namespace = names.YANG
    declaration = f" xmlns={quoteattr(namespace)}" if namespace else ""
    lines = value.splitlines() if name == "non-unique" else [value]
    return "".join(f"<{name}{declaration}>{text(line)}</{name}>" for line in lines)
