"""A receiver of callbacks that does as it is told: answers, fails, hangs, dies, comes back on its port."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

ANSWERS = 10.0
"""Seconds something may take to come."""


@dataclass(frozen=True)
class Received:
    """One request: header names in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def status_message(self) -> str:
        return self.headers["esc-status-message"]


@dataclass
class Receiver:
    """Listens on loopback while it is entered. `answer` says what becomes of a request: a status line's status and
    reason, more header lines after line ends; "" hangs up without an answer; None never answers.
    """

    answer: Callable[[Received], str | None] = lambda received: "200 OK"
    tls: ssl.SSLContext | None = None
    port: int = 0
    received: list[Received] = field(default_factory=list)
    """Every request, also those that were not answered well."""
    accepted: list[Received] = field(default_factory=list)
    """Those that were answered with 2xx."""
    connections: int = 0
    _server: asyncio.Server | None = None
    _open: set[asyncio.StreamWriter] = field(default_factory=set)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://localhost:{self.port}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.die()

    async def die(self) -> None:
        """Nothing listens any more, every connection is cut. Enter it again and it is back."""
        if self._server is not None:
            self._server.close()
            for writer in list(self._open):
                writer.transport.abort()
            await self._server.wait_closed()
            self._server = None

    async def until(self, holds: Callable[[Self], bool], seconds: float = ANSWERS) -> None:
        """Wait until it is so."""
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(lambda: holds(self))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        self.connections += 1
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                while await self._one(reader, writer):
                    pass
        finally:
            self._open.discard(writer)
            writer.transport.abort()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        received = await _read(reader)
        self.received.append(received)
        answer = self.answer(received)
        if not answer:
            await self._note()
            if answer is None:
                await reader.read()  # until the other side has had enough
            return False
        writer.write(f"HTTP/1.1 {answer}\r\nContent-Length: 2\r\n\r\nok".encode())
        await writer.drain()
        if answer.startswith("2"):
            self.accepted.append(received)
        await self._note()
        return True

    async def _note(self) -> None:
        async with self._changed:
            self._changed.notify_all()


async def _read(reader: asyncio.StreamReader) -> Received:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    method, path, _ = head[0].split(" ")
    lines = (line.partition(": ") for line in head[1:] if line)
    headers = {name.lower(): value for name, _, value in lines}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Received(method, path, headers, body)


class ReceiverThread:
    """A receiver on a thread of its own, for tests that are no coroutines."""

    def __init__(self, receiver: Receiver | None = None) -> None:
        self.receiver = receiver or Receiver()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._do(self.receiver.__aenter__())
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self.receiver.die())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def url(self) -> str:
        return self.receiver.url

    def until(self, holds: Callable[[Receiver], bool], seconds: float = ANSWERS) -> list[Received]:
        """Wait until it is so; what was answered well so far."""
        self._do(self.receiver.until(holds, seconds))
        return list(self.receiver.accepted)

    def _do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)
