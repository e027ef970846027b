"""API errors, and how each service writes them.

The shapes are the real services', so that openstacksdk makes the same exception class, status and ``details`` of them.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from openesc.cloudsim.core.http import Response

UNEXPECTED = "Unexpected API Error. Please report this at http://bugs.launchpad.net/nova/ and attach the "
"Nova API log if possible.\n{}"
"""What Nova says with a 500; the placeholder is the class of the exception."""


class ApiError(Exception):
    """A request is refused. `kind` is Neutron's exception name where it matters."""

    def __init__(self, status: int, message: str, kind: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.kind = kind


def bad_request(message: str, kind: str = "BadRequest") -> ApiError:
    """400."""
    return ApiError(400, message, kind)


def forbidden(message: str, kind: str = "Forbidden") -> ApiError:
    """403."""
    return ApiError(403, message, kind)


def not_found(message: str, kind: str = "NotFound") -> ApiError:
    """404."""
    return ApiError(404, message, kind)


def conflict(message: str, kind: str = "Conflict") -> ApiError:
    """409."""
    return ApiError(409, message, kind)


_NOVA_NAMES = {
    400: "badRequest",
    401: "unauthorized",
    403: "forbidden",
    404: "itemNotFound",
    405: "badMethod",
    409: "conflictingRequest",
    413: "overLimit",
    415: "badMediaType",
    501: "notImplemented",
    503: "serviceUnavailable",
}


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def _nova(error: ApiError) -> dict[str, Any]:
    return {_NOVA_NAMES.get(error.status, "computeFault"): {"code": error.status, "message": error.message}}


def _keystone(error: ApiError) -> dict[str, Any]:
    return {"error": {"code": error.status, "message": error.message, "title": _phrase(error.status)}}


def _neutron(error: ApiError) -> dict[str, Any]:
    return {"NeutronError": {"type": error.kind or _phrase(error.status), "message": error.message, "detail": ""}}


def _placement(error: ApiError) -> dict[str, Any]:
    entry = {"status": error.status, "title": _phrase(error.status), "detail": error.message}
    return {"errors": [entry]}


_JSON_SHAPES: dict[str, Callable[[ApiError], dict[str, Any]]] = {
    "compute": _nova,
    "volume": _nova,
    "identity": _keystone,
    "network": _neutron,
    "placement": _placement,
}


def _glance(error: ApiError) -> Response:
    # Glance answers in HTML (webob's template); the SDK strips the tags and joins the lines by ": ".
    if error.message == _phrase(error.status):
        return Response(error.status)
    title = f"{error.status} {_phrase(error.status)}"
    page = (
        f"<html>\n <head>\n  <title>{title}</title>\n </head>\n <body>\n  <h1>{title}</h1>\n"
        f"  {error.message}<br /><br />\n\n\n </body>\n</html>"
    )
    return Response(error.status, page.encode(), content_type="text/html; charset=UTF-8")


def render(service: str, error: ApiError) -> Response:
    """The answer `service` gives for `error`."""
    if service == "image":
        return _glance(error)
    return Response.json(_JSON_SHAPES.get(service, _keystone)(error), error.status)
