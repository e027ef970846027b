"""A lean HTTP client for measuring: one connection, kept open, nothing parsed but status and length."""

from __future__ import annotations

import asyncio
from typing import Self


class Connection:
    """One connection to `host`:`port`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, host: str, port: int) -> Self:
        return cls(*await asyncio.open_connection(host, port, limit=1 << 20))

    async def call(self, method: str, path: str, body: bytes = b"") -> bytes:
        """The body of the answer. Raises: RuntimeError when its status is not 200."""
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
        self._writer.write(f"{head}Content-Type: application/xml\r\n\r\n".encode() + body)
        answer = await self._reader.readuntil(b"\r\n\r\n")
        length = int(answer.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        content = await self._reader.readexactly(length)
        if not answer.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"{method} {path}: {answer.decode()}{content.decode()}")
        return content

    def close(self) -> None:
        self._writer.close()
