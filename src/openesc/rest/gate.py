"""The way in: every request passes here before anybody looks for its path."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Mapping
from email.utils import formatdate
from typing import Final

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from openesc.errors import InvalidRequest
from openesc.netconf import User
from openesc.rest.accept import XML, chosen
from openesc.rest.auth import CHALLENGE, Authenticator
from openesc.rest.errors import Misdirected, Unauthenticated, error_answer
from openesc.rest.options import Options

PUBLIC: Final = frozenset({"/healthz", "/readyz", "/docs", "/docs.css", "/openapi.json"})
"""Paths that need no credentials: they tell nothing of what is deployed."""
_ID: Final = re.compile(r"[!-~]{1,128}")
_HOST: Final = re.compile(r"(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::[0-9]*)?")
_LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})

log = structlog.get_logger()


class Gate:
    """Gives a request its ids, refuses what a browser was tricked into, finds its user, writes the log.

    Behind it the path is undecoded and has no slash at its end: a name may hold a slash of its own, as ``%2F``.
    """

    def __init__(self, app: ASGIApp, options: Options, authenticator: Authenticator) -> None:
        self._app = app
        self._plain = options.tls is None
        self._names = {*_LOOPBACK_NAMES, options.host.lower(), *map(str.lower, options.hosts)}
        self._authenticator = authenticator

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        headers, began = Headers(scope=scope), time.monotonic()
        path = scope["path"] = (scope["raw_path"].decode("ascii", "replace").rstrip("/")) or "/"
        marks = scope["openesc.headers"] = {"X-Request-Id": _id_of(headers, "x-request-id")}
        status = 0

        async def reply(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _mark(message, marks)
            await send(message)

        try:
            await self._admit(scope, headers, path)
        except Exception as error:  # noqa: BLE001  # whatever it is, the caller gets an answer
            await _refusal(error, path, headers)(scope, receive, reply)
        else:
            await self._app(scope, receive, reply)
        finally:
            _note(scope, status, time.monotonic() - began)

    async def _admit(self, scope: Scope, headers: Headers, path: str) -> None:
        self._check_host(headers)
        self._check_origin(headers)
        marks = scope["openesc.headers"]
        client = headers.get("client-transaction-id")
        if client is not None and not _ID.fullmatch(client):
            raise InvalidRequest("Client-Transaction-Id: 1 to 128 printable ASCII characters without blanks")
        scope["openesc.transaction_id"] = client or str(uuid.uuid4())
        scope["openesc.user"] = User("", "") if path in PUBLIC else await self._user(headers)
        if path not in PUBLIC:
            marks["ESC-Transaction-Id"] = scope["openesc.transaction_id"]
        if client is not None:
            marks["Client-Transaction-Id"] = client

    async def _user(self, headers: Headers) -> User:
        return await self._authenticator.user_of(headers.get("authorization"))

    def _check_host(self, headers: Headers) -> None:
        """A page of somebody else whose name was made to mean this machine still sends that name.

        Raises: Misdirected.
        """
        host = _host_of(headers.get("host", ""))
        if self._plain and host not in self._names:
            raise Misdirected(f"Host {host or '(none)'}: plain HTTP is served for {', '.join(sorted(self._names))}")

    def _check_origin(self, headers: Headers) -> None:
        """Pages of this server alone may call it from a browser. Raises: Misdirected."""
        origin = headers.get("origin")
        if origin is not None and origin.lower().partition("://")[2] != headers.get("host", "").lower():
            raise Misdirected(f"Origin {origin}: other sites' pages may not call this server")


def _host_of(header: str) -> str:
    """The host in a ``Host`` header; empty for what is none (RFC 9110 section 7.2)."""
    found = _HOST.fullmatch(header.lower())
    return (found[1] or found[2]) if found is not None else ""


def _id_of(headers: Headers, name: str) -> str:
    given = headers.get(name, "")
    return given if _ID.fullmatch(given) else str(uuid.uuid4())


def _mark(message: Message, marks: Mapping[str, str]) -> None:
    headers = MutableHeaders(scope=message)
    headers["Date"] = formatdate(usegmt=True)
    headers.setdefault("Cache-Control", "no-store")
    headers["X-Content-Type-Options"] = "nosniff"
    for name, value in marks.items():
        headers[name] = value


def _refusal(error: Exception, path: str, headers: Headers) -> ASGIApp:
    challenge = CHALLENGE if isinstance(error, Unauthenticated) else None
    return error_answer(error, path, chosen(headers.get("accept")) or XML, challenge)


def _note(scope: Scope, status: int, seconds: float) -> None:
    write = log.debug if scope["method"] in ("GET", "HEAD") else log.info
    user = scope.get("openesc.user")
    write(
        "REST",
        method=scope["method"],
        path=scope["path"],
        status=status,
        ms=round(seconds * 1000, 1),
        user=user.name if user is not None else None,
        request_id=scope["openesc.headers"]["X-Request-Id"],
        transaction_id=scope.get("openesc.transaction_id"),
    )
