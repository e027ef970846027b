"""One connection: uvicorn's, with an end to patience.

httptools takes heads of any length that may come at any pace, and whatever a peer sends puts uvicorn's time-out off. A
peer that sends slowly, or without end, or does not read, holds a connection and memory; here it is cut off.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from openesc.errors import ResourceDenied
from openesc.rest.accept import XML, chosen
from openesc.rest.errors import error_answer
from openesc.rest.options import Options

TOO_BIG = b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class Connection(HttpToolsProtocol):
    """Adds a time and a size for the head of each request, a time for what follows an answer without being a request,
    a time for a peer that reads nothing, and an answer to who is one too many. One read may go beyond the size.
    """

    def __init__(self, *args: Any, limits: Options, **more: Any) -> None:
        super().__init__(*args, **more)
        self._limits = limits
        self._served = self.app
        self._in_head = False
        self._head_size = 0
        self._patience: asyncio.TimerHandle | None = None
        self._reader_watch: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(cast(asyncio.Transport, transport))
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._lose_patience_in(None)
        if self._reader_watch is not None:
            self._reader_watch.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._in_head:
            self._count(len(data))
        elif self._patience is None and self.cycle is not None and self.cycle.response_complete:
            self._lose_patience_in(self._limits.body_time)  # blank lines, or a body that nobody waits for

    def on_message_begin(self) -> None:
        self._expect_head()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._lose_patience_in(None)
        self.app = self._served if len(self.connections) <= self._limits.connections else crowded
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        self._watch_reader()
        super().on_response_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch_reader()

    def _expect_head(self) -> None:
        self._in_head = True
        self._head_size = 0
        self._lose_patience_in(self._limits.header_time)

    def _count(self, size: int) -> None:
        self._head_size += size
        if self._head_size > self._limits.header_size and not self.transport.is_closing():
            self.transport.write(TOO_BIG)
            self.transport.close()

    def _lose_patience_in(self, seconds: float | None) -> None:
        if self._patience is not None:
            self._patience.cancel()
        self._patience = self.loop.call_later(seconds, self._abort) if seconds is not None else None

    def _abort(self) -> None:
        self.transport.abort()

    def _watch_reader(self) -> None:
        waiting = self.transport.get_write_buffer_size()
        if waiting and self._reader_watch is None:
            self._reader_watch = self.loop.call_later(self._limits.idle_time, self._judge_reader, waiting)

    def _judge_reader(self, waiting: int) -> None:
        """Whoever read nothing of what waits for it reads no more."""
        self._reader_watch = None
        if self.transport.get_write_buffer_size() >= waiting:
            self.transport.abort()
        else:
            self._watch_reader()


async def crowded(scope: Scope, receive: Receive, send: Send) -> None:
    """What a connection beyond the limit is answered."""
    error = ResourceDenied("too many connections at once; try again")
    media = chosen(Headers(scope=scope).get("accept")) or XML
    await error_answer(error, scope["path"], media, {"Connection": "close"})(scope, receive, send)
