"""Pings of a simulated cloud: its guests do not exist, so the cloud answers for them over HTTP.

No thread and no connection pool: a thousand monitored guests ask every few seconds, and the API's threads
are for the API.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import quote, urlsplit

from openesc.vim.errors import VimServerError, VimTimeout, VimUnreachable

AT_ONCE = 64
"""Questions under way at the same time; more wait their turn."""

LARGEST = 1 << 16
"""Bytes of an answer that are read."""


class Probe:
    """Asks ``URL?ip=ADDRESS`` and believes ``{"alive": ...}``.

    Args:
        url: ``http://HOST:PORT/PATH`` of the simulated cloud's ping.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host = parts.hostname or "127.0.0.1"
        self._port = parts.port or 80
        self._path = parts.path or "/"
        self._places = asyncio.Semaphore(AT_ONCE)

    async def alive(self, address: str, timeout: float) -> bool:
        """Whether the guest with this address answers.

        Raises: VimUnreachable, VimTimeout, VimServerError when the cloud itself does not: then nothing is
            known of the guest.
        """
        where = f"{self._host}:{self._port}{self._path}"
        try:
            async with self._places, asyncio.timeout(timeout):
                answer = await self._ask(address)
        except TimeoutError:
            raise VimTimeout(f"{where} did not answer within {timeout:g} s") from None
        except (OSError, asyncio.IncompleteReadError) as error:
            raise VimUnreachable(f"{where} cannot be reached: {error}") from error
        return _parse(where, answer)

    async def _ask(self, address: str) -> bytes:
        request = (
            f"GET {self._path}?ip={quote(address, safe='')} HTTP/1.1\r\n"
            f"Host: {self._host}:{self._port}\r\nAccept: application/json\r\nConnection: close\r\n\r\n"
        )
        async with _connected(self._host, self._port) as (reader, writer):
            writer.write(request.encode("ascii"))
            await writer.drain()
            answer = b""
            while len(answer) < LARGEST and (more := await reader.read(LARGEST)):
                answer += more
            return answer


@asynccontextmanager
async def _connected(host: str, port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        yield reader, writer
    finally:
        writer.close()
        try:
            await writer.wait_closed()
        except OSError:
            pass


def _parse(where: str, answer: bytes) -> bool:
    head, _, body = answer.partition(b"\r\n\r\n")
    status = head.split(b" ", 2)[1:2]
    start, end = body.find(b"{"), body.rfind(b"}")  # a chunked body has its lengths around
    try:
        if status != [b"200"]:
            raise ValueError(head.split(b"\r\n", 1)[0].decode("latin-1"))
        return bool(json.loads(body[start : end + 1])["alive"])
    except (ValueError, KeyError, TypeError) as error:
        raise VimServerError(f"{where} gave no usable answer: {error}") from error
