"""What is wrong with a request as HTTP, and every error as an answer.

Below ``/ESCManager`` an error is ESC's ``error`` element (user guide, delete snapshots), elsewhere a problem (RFC
9457).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from starlette.responses import Response

from openesc.errors import EscError
from openesc.netconf.errors import faults
from openesc.rest.accept import JSON, XML
from openesc.rest.codec import BASE, Fields, json_text, xml_text
from openesc.yang import TargetError

PROBLEM: Final = "application/problem+json"
ESC_PATH: Final = "/ESCManager"

_STATUS: Final[Mapping[str, int]] = {
    "access-denied": 403,
    "data-exists": 409,
    "in-use": 409,
    "lock-denied": 409,
    "operation-not-supported": 501,
    "resource-denied": 503,
    "too-big": 413,
}
"""The status of faults that know NETCONF alone, by error-tag (after RFC 8040 section 7); all others are 400."""


class Unauthenticated(EscError):
    """No credentials, or wrong ones."""

    error_tag = "access-denied"
    http_status = 401


class Misdirected(EscError):
    """The request was meant for somebody else: a browser was led here (DNS rebinding)."""

    error_tag = "access-denied"
    http_status = 403


class NoSuchPath(EscError):
    """Nothing is at this path."""

    error_tag = "data-missing"
    http_status = 404


class MethodNotAllowed(EscError):
    """The path does not take this method."""

    error_tag = "operation-not-supported"
    http_status = 405


class NotAcceptable(EscError):
    """Nothing the client accepts can be made."""

    http_status = 406


class TooSlow(EscError):
    """The body did not come in time."""

    http_status = 408


class TooLarge(EscError):
    """The body is more than the server takes."""

    error_tag = "too-big"
    http_status = 413


class UnsupportedMedia(EscError):
    """The body is of a type nobody reads."""

    http_status = 415


def error_answer(error: Exception, path: str, media: str, headers: Mapping[str, str] | None = None) -> Response:
    """Any exception as an answer: in `media` on ESC's paths, as a problem elsewhere.

    A defect of the server is logged under a reference, and nothing else of it leaves the process.
    """
    found = faults(error)
    status = status_of(found[0]) if hasattr(error, "error_tag") or hasattr(error, "errors") else 500
    text = "; ".join(_text(fault) for fault in found)
    if not path.startswith(ESC_PATH):
        return _problem(status, text, found, headers)
    fields: Fields = {"error_code": status, "error_message": text}
    content = json_text({"error": fields}) if media == JSON else xml_text("error", fields, BASE)
    return Response(content, status, headers, media_type=media if media == JSON else XML)


def status_of(fault: Exception) -> int:
    """The HTTP status of one fault: its own, or that of its error-tag. What is as the edit does not want it is a
    conflict; ``data-missing`` also stands for a document that lacks something, which is wrong in itself.
    """
    own = 409 if isinstance(fault, TargetError) else getattr(fault, "http_status", None)
    return int(own) if own is not None else _STATUS.get(str(getattr(fault, "error_tag", "")), 400)


def _text(fault: Exception) -> str:
    """The message, with the element it is about where it does not name it itself."""
    message, path = str(getattr(fault, "error_message", "") or fault), getattr(fault, "error_path", None)
    return message if not path or path in message else f"{path}: {message}"


def _problem(status: int, text: str, found: list[Exception], headers: Mapping[str, str] | None) -> Response:
    errors = [{"path": getattr(fault, "error_path", None), "message": _text(fault)} for fault in found]
    body = {"type": "about:blank", "status": status, "detail": text, "errors": errors}
    return Response(json_text(body), status, headers, media_type=PROBLEM)
