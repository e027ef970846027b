"""A receiver of callbacks in a process of its own: answers 200 as fast as it can, or never."""

from __future__ import annotations

import asyncio
import sys

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
LENGTH = b"content-length:"


class Peer(asyncio.Protocol):
    """One connection; requests come one after the other."""

    answers = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._data = b""

    def data_received(self, data: bytes) -> None:
        self._data += data
        head, mark, rest = self._data.partition(b"\r\n\r\n")
        if mark and len(rest) >= _length(head) and self.answers:
            self._data = b""
            self._transport.write(ANSWER)


class Silent(Peer):
    """Takes everything and never answers."""

    answers = False


def _length(head: bytes) -> int:
    lines = (line for line in head.lower().split(b"\r\n") if line.startswith(LENGTH))
    return int(next(lines, LENGTH + b"0").partition(b":")[2])


async def main(peer: type[Peer]) -> None:
    """Serve on a free port, which is printed, until stdin ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(peer, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(main(Silent if sys.argv[1:] == ["silent"] else Peer))
