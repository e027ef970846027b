"""HTTP/1.1 on an asyncio protocol: just what OpenStack clients send.

An empty answer of an ASGI server (uvicorn on h11) was measured at more CPU than a whole answer here, routing, request
log and commit included; and two faults need the bare connection: an answer that never comes, and a connection that is
cut after its request took effect. Sources: RFC 9112 sections 2, 6 and 9.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, unquote

MAX_HEAD = 64 * 1024
MAX_BODY = 4 * 1024**3
_REASONS = {status.value: status.phrase for status in HTTPStatus}


class BadHttp(Exception):
    """The bytes are not an HTTP/1.1 request this server takes; the connection is closed after a 400."""


@dataclass(slots=True)
class Request:
    """One request: `path` decoded and without a slash at its end, header names in lower case."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes = b""

    @property
    def base_url(self) -> str:
        """How the client calls this server, for links in answers: behind a proxy, as oslo.middleware's
        HTTPProxyToWSGI has it.
        """
        scheme = self.headers.get("x-forwarded-proto", "http")
        host = self.headers.get("x-forwarded-host") or self.headers.get("host", "127.0.0.1")
        return f"{scheme}://{host}{self.headers.get('x-forwarded-prefix', '')}"


@dataclass(slots=True)
class Response:
    """One answer; `headers` come on top of Content-Type and Content-Length."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"

    @classmethod
    def json(cls, document: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
        """An answer with a JSON body."""
        return cls(status, json.dumps(document).encode(), headers or {})

    def encode(self) -> bytes:
        """The bytes on the wire."""
        lines = [f"HTTP/1.1 {self.status} {_REASONS.get(self.status, '')}"]
        if self.body:
            lines.append(f"Content-Type: {self.content_type}")
        if self.status != HTTPStatus.NO_CONTENT:
            lines.append(f"Content-Length: {len(self.body)}")
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + self.body


class Parser:
    """Turns received bytes into requests, one at a time."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._head: Request | None = None
        self._chunks: bytearray | None = None
        self.wants_continue = False

    def feed(self, data: bytes) -> None:
        """Take bytes from the network."""
        self._buffer += data

    def next_request(self) -> Request | None:
        """The next complete request, or None until more bytes come. Raises `BadHttp`."""
        if self._head is None and not self._parse_head():
            return None
        assert self._head is not None
        body = self._chunked_body() if self._chunks is not None else self._plain_body()
        if body is None:
            return None
        request, self._head, self._chunks = self._head, None, None
        request.body = body
        return request

    def _parse_head(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > MAX_HEAD:
                raise BadHttp("request head too large")
            return False
        lines = self._buffer[:end].decode("latin-1").split("\r\n")
        del self._buffer[: end + 4]
        self._head = _request_head(lines)
        headers = self._head.headers
        self._chunks = bytearray() if "chunked" in headers.get("transfer-encoding", "").lower() else None
        self.wants_continue = headers.get("expect", "").lower() == "100-continue"
        return True

    def _plain_body(self) -> bytes | None:
        assert self._head is not None
        length = self._head.headers.get("content-length", "0")
        if not length.isdigit() or int(length) > MAX_BODY:
            raise BadHttp(f"Content-Length {length} is not taken")
        size = int(length)
        if len(self._buffer) < size:
            return None
        body = bytes(self._buffer[:size])
        del self._buffer[:size]
        return body

    def _chunked_body(self) -> bytes | None:
        assert self._chunks is not None
        while (end := self._buffer.find(b"\r\n")) >= 0:
            size = _chunk_size(bytes(self._buffer[:end]))
            if len(self._buffer) < end + 2 + size + 2:
                return None
            self._chunks += self._buffer[end + 2 : end + 2 + size]
            del self._buffer[: end + 2 + size + 2]
            if size == 0:
                return bytes(self._chunks)
        return None


def _chunk_size(line: bytes) -> int:
    try:
        return int(line.split(b";")[0], 16)
    except ValueError:
        raise BadHttp(f"chunk size {line!r} is not a hexadecimal number") from None


def _request_head(lines: list[str]) -> Request:
    try:
        method, target, _version = lines[0].split(" ")
    except ValueError:
        raise BadHttp(f"request line {lines[0]!r} is not METHOD TARGET VERSION") from None
    headers = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    path, _, query = target.partition("?")
    path = unquote(path).rstrip("/") or "/"
    return Request(method, path, parse_qs(query, keep_blank_values=True) if query else {}, headers)


class Connection(asyncio.Protocol):
    """One client's connection: requests are answered in order, one at a time.

    `handler` gets each request with this connection and answers, then or later, by `reply` or `cut`.
    """

    def __init__(self, handler: Callable[[Request, Connection], None], open_ones: set[Connection]) -> None:
        self._handler = handler
        self._open_ones = open_ones
        self._parser = Parser()
        self._busy = False
        self._last = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._open_ones.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._open_ones.discard(self)
        self._transport = None

    def data_received(self, data: bytes) -> None:
        self._parser.feed(data)
        if not self._busy:
            self._next()

    def reply(self, data: bytes) -> None:
        """Answer the request in hand with encoded bytes and turn to the next."""
        if self._transport is None:
            return
        self._transport.write(data)
        self._busy = False
        if self._last:
            self._transport.close()
        else:
            self._next()

    def cut(self) -> None:
        """Drop the connection without an answer."""
        if self._transport is not None:
            self._transport.abort()

    def close(self) -> None:
        """Close once what was written is sent."""
        if self._transport is not None:
            self._transport.close()

    def _next(self) -> None:
        try:
            request = self._parser.next_request()
        except BadHttp as error:
            self._last = True
            self.reply(Response.json({"error": {"code": 400, "message": str(error)}}, 400).encode())
            return
        if self._parser.wants_continue and self._transport is not None and request is None:
            self._parser.wants_continue = False
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if request is not None:
            self._busy = True
            self._last = request.headers.get("connection", "").lower() == "close"
            self._handler(request, self)
