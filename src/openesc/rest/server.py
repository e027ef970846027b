"""The listener: uvicorn's HTTP in the server's own event loop, with TLS and limits."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Iterator
from functools import partial

import structlog
from starlette.types import ASGIApp
from uvicorn import Config, Server

from openesc.rest.connection import Connection
from openesc.rest.options import Options

log = structlog.get_logger()


class RestServer:
    """Serves `app`. `port` 0 in the options takes a free one; after `start` the attribute `port` says which."""

    def __init__(self, app: ASGIApp, options: Options) -> None:
        self._app = app
        self._options = options
        self.port = options.port
        self._server: _Quiet | None = None
        self._socket: socket.socket | None = None

    async def start(self) -> None:
        """Listen. Raises: OSError when the address cannot be had, or the certificate not be read."""
        config = self._config()
        self._socket = await _bound(self._options.host, self._options.port)
        self.port = self._socket.getsockname()[1]
        self._server = _Quiet(config)
        await self._server.begin(self._socket)
        log.info("REST", scheme=self.scheme, host=self._options.host, port=self.port)

    @property
    def scheme(self) -> str:
        return "http" if self._options.tls is None else "https"

    async def stop(self) -> None:
        """Stop accepting, let requests under way end within two seconds, close all connections."""
        if self._server is not None and self._socket is not None:
            await self._server.shutdown([self._socket])
            self._server = None

    def _config(self) -> Config:
        options = self._options
        config = Config(
            self._app,
            http=partial(Connection, limits=options),  # type: ignore[arg-type]
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            timeout_keep_alive=round(options.idle_time),
            timeout_graceful_shutdown=2,
        )
        config.load()
        config.ssl = _tls(options)
        return config


class _Quiet(Server):
    """uvicorn's server without a loop of its own and without hands on the process's signals."""

    async def begin(self, listener: socket.socket) -> None:
        self.lifespan = self.config.lifespan_class(self.config)
        await self.startup([listener])

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _tls(options: Options) -> ssl.SSLContext | None:
    if options.tls is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    certificate, key = options.tls
    context.load_cert_chain(certificate, key)
    return context


async def _bound(host: str, port: int) -> socket.socket:
    """A listening socket on the first address of `host`."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    family, kind, protocol, _, address = found[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setblocking(False)
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise OSError(error.errno, f"REST on {host}, port {port}: {error.strerror}") from None
    return listener
