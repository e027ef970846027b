"""A reverse proxy before a cloud, as operators put one there: TLS, one address, a path for each service. It can go
wrong in the ways such a thing goes wrong.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import trustme
import uvicorn

HERE = "127.0.0.1"
START_SECONDS = 20.0

HOP_BY_HOP = frozenset({"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "host", "expect"})
"""Headers that are of one connection alone (RFC 9110 section 7.6.1), and those of this address."""


@dataclass(frozen=True)
class Authority:
    """A CA of one's own, a certificate of 127.0.0.1 that it has signed, and the key; files in PEM."""

    ca: Path
    certificate: Path
    key: Path

    @classmethod
    def create(cls, folder: Path, *names: str) -> Authority:
        """Make one in a folder; the certificate is for `names`, else for this machine."""
        authority = trustme.CA(organization_name=folder.name)
        made = authority.issue_cert(*(names or (HERE, "localhost")))
        files = cls(folder / "ca.pem", folder / "certificate.pem", folder / "key.pem")
        authority.cert_pem.write_to_path(files.ca)
        made.private_key_pem.write_to_path(files.key)
        for number, blob in enumerate(made.cert_chain_pems):
            blob.write_to_path(files.certificate, append=number > 0)
        return files


class ReverseProxy:
    """Serves in a thread of its own.

    Args:
        routes: the first part of a path (``compute``) and the root of the service behind it.
        authority: whose certificate it shows; None: plain HTTP.
    """

    def __init__(self, routes: Mapping[str, str], authority: Authority | None) -> None:
        self._routes = dict(routes)
        self._authority = authority
        self._port = 0
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self._client: httpx.AsyncClient
        self.hangs = False
        """Requests are taken and never answered, nor passed on."""
        self.status: int | None = None
        """Every request is answered with this status, and not passed on."""
        self.requests: list[str] = []
        """Methods and paths that came in."""

    @property
    def url(self) -> str:
        """The root, without a slash at its end."""
        return f"{'https' if self._authority else 'http'}://{HERE}:{self._port}"

    def start(self) -> None:
        """Listen: the first time on any free port, then always on the same."""
        listener = socket.create_server((HERE, self._port))
        self._port = listener.getsockname()[1]
        tls: dict[str, Any] = {}
        if self._authority is not None:
            tls = {"ssl_certfile": self._authority.certificate, "ssl_keyfile": self._authority.key}
        config = uvicorn.Config(
            self._answer,
            interface="asgi3",
            log_config=None,
            lifespan="off",
            ws="none",
            proxy_headers=False,
            timeout_graceful_shutdown=1,
            **tls,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(listener)), name="reverse proxy")
        self._thread.start()

    def stop(self) -> None:
        """Nobody listens any more; requests under way are cut."""
        assert self._server is not None
        assert self._thread is not None
        self._server.should_exit = True
        self._thread.join(START_SECONDS)
        assert not self._thread.is_alive(), "the proxy does not end"

    async def _serve(self, listener: socket.socket) -> None:
        assert self._server is not None
        async with httpx.AsyncClient(timeout=120.0, trust_env=False) as self._client:
            await self._server.serve(sockets=[listener])
            for connection in list(self._server.server_state.connections):
                connection.transport.abort()
            await asyncio.sleep(0)

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        """The ASGI application."""
        self.requests.append(f"{scope['method']} {scope['path']}")
        while self.hangs:
            if (await receive())["type"] == "http.disconnect":
                return
        name, _, path = scope["raw_path"].decode().lstrip("/").partition("/")
        if self.status is not None or name not in self._routes:
            await _reply(send, self.status or 404)
            return
        try:
            await self._pass_on(scope, receive, send, name, path)
        except httpx.TransportError:
            await _reply(send, 502)

    async def _pass_on(self, scope: Any, receive: Any, send: Any, name: str, path: str) -> None:
        headers = [(key, value) for key, value in scope["headers"] if key.decode() not in HOP_BY_HOP]
        headers += [
            (b"X-Forwarded-Proto", scope["scheme"].encode()),
            (b"X-Forwarded-Host", f"{HERE}:{self._port}".encode()),
            (b"X-Forwarded-Prefix", f"/{name}".encode()),
        ]
        sent = {key for key, _ in scope["headers"]}
        body = _body(receive) if sent & {b"content-length", b"transfer-encoding"} else None
        url = f"{self._routes[name]}/{path}?{scope['query_string'].decode()}".rstrip("?")
        async with self._client.stream(scope["method"], url, headers=headers, content=body) as answer:
            kept = [(key.lower(), value) for key, value in answer.headers.raw if key.decode().lower() not in HOP_BY_HOP]
            await send({"type": "http.response.start", "status": answer.status_code, "headers": kept})
            async for part in answer.aiter_raw():
                await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


async def _body(receive: Any) -> AsyncIterator[bytes]:
    more = True
    while more:
        message = await receive()
        yield message.get("body", b"")
        more = message.get("more_body", False)


async def _reply(send: Any, status: int) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


@contextmanager
def stopped(proxy: ReverseProxy) -> Iterator[None]:
    """Nobody listens for as long as the block lasts."""
    proxy.stop()
    try:
        yield
    finally:
        proxy.start()


@contextmanager
def hanging(proxy: ReverseProxy) -> Iterator[None]:
    """No request is answered for as long as the block lasts; those that came in it never are."""
    proxy.hangs = True
    try:
        yield
    finally:
        proxy.hangs = False


@contextmanager
def unavailable(proxy: ReverseProxy) -> Iterator[None]:
    """Every request is answered with 503 for as long as the block lasts."""
    proxy.status = 503
    try:
        yield
    finally:
        proxy.status = None


DOWN = (stopped, hanging, unavailable)
"""The ways in which what is behind the proxy is down."""


@contextmanager
def running(routes: Mapping[str, str], authority: Authority | None) -> Iterator[ReverseProxy]:
    """A proxy for as long as the block lasts."""
    proxy = ReverseProxy(routes, authority)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.stop()
