"""One connection: uvicorn's, with an end to patience.

httptools takes heads of any length that may come at any pace. A peer that sends its head slowly, or without end, holds
a connection and memory; here it is cut off.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from openesc.rest.options import Options

TOO_BIG = b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class Connection(HttpToolsProtocol):
    """Adds a time and a size for the head of each request. One read may go beyond the size."""

    def __init__(self, *args: Any, limits: Options, **more: Any) -> None:
        super().__init__(*args, **more)
        self._limits = limits
        self._head_size = 0
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(cast(asyncio.Transport, transport))
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_came()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._head_timer is None:
            return
        self._head_size += len(data)
        if self._head_size > self._limits.header_size and not self.transport.is_closing():
            self.transport.write(TOO_BIG)
            self.transport.close()

    def on_message_begin(self) -> None:
        self._expect_head()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._head_came()
        super().on_headers_complete()

    def _expect_head(self) -> None:
        self._head_came()
        self._head_size = 0
        self._head_timer = self.loop.call_later(self._limits.header_time, self._too_slow)

    def _head_came(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _too_slow(self) -> None:
        self.transport.abort()
