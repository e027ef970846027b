"""A NETCONF client with nothing clever in it: an SSH channel, two framings, bytes in and out.

For tests that send what a proper client never would. Messages are `bytes`; nothing is parsed.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

import asyncssh

BASE_1_0 = "urn:ietf:params:netconf:base:1.0"
BASE_1_1 = "urn:ietf:params:netconf:base:1.1"
BASE_NS = "urn:ietf:params:xml:ns:netconf:base:1.0"
EOM = b"]]>]]>"


def hello(*bases: str) -> bytes:
    """A client's hello that offers `bases`."""
    listed = "".join(f"<capability>{uri}</capability>" for uri in bases)
    return f'<hello xmlns="{BASE_NS}"><capabilities>{listed}</capabilities></hello>'.encode()


def chunked(message: bytes, size: int = 0xFFFFFFFF) -> bytes:
    """`message` in chunks of at most `size` bytes."""
    parts = [message[start : start + size] for start in range(0, len(message), size)]
    return b"".join(b"\n#%d\n%b" % (len(part), part) for part in parts) + b"\n##\n"


class RawClient:
    """One NETCONF session. Use it as a context manager, or `connect` and `close` it.

    `version` is what the client offers and then speaks: "1.0" or "1.1".
    """

    def __init__(self, connection: asyncssh.SSHClientConnection, version: str = "1.1") -> None:
        self.connection = connection
        self.version = version
        self.server_hello = b""
        self.timeout = 10.0
        self._next_id = 0
        self._buffer = b""
        self._channel: tuple[asyncssh.SSHWriter[bytes], asyncssh.SSHReader[bytes]] | None = None

    @classmethod
    async def login(cls, host: str, port: int, user: str, *, password: str | None = None, key: object = None) -> Self:
        """Connect and log in; no channel yet."""
        connection = await asyncssh.connect(
            host,
            port,
            username=user,
            password=password,
            client_keys=[key] if key else None,
            known_hosts=None,
            config=None,
            agent_path=None,
        )
        return cls(connection)

    @classmethod
    async def connect(
        cls,
        host: str,
        port: int,
        user: str,
        *,
        password: str | None = None,
        key: object = None,
        version: str = "1.1",
    ) -> Self:
        """Connect, log in, exchange hellos."""
        client = await cls.login(host, port, user, password=password, key=key)
        client.version = version
        await client.open()
        await client.greet()
        return client

    async def open(self, window: int = 2 * 1024 * 1024) -> None:
        """Ask for the subsystem and read the server's hello. `window`: bytes the server may send unasked."""
        writer, reader, _ = await self.connection.open_session(subsystem="netconf", encoding=None, window=window)
        self._channel = (writer, reader)
        self.server_hello = await self._read_eom()

    async def greet(self) -> None:
        """Send a hello for this client's version."""
        bases = (BASE_1_0,) if self.version == "1.0" else (BASE_1_0, BASE_1_1)
        await self.send_bytes(hello(*bases) + EOM)

    async def send_bytes(self, data: bytes) -> None:
        """Send bytes as they are."""
        assert self._channel is not None
        self._channel[0].write(data)
        await self._channel[0].drain()

    async def send(self, message: bytes) -> None:
        """Send one message in the framing of this session."""
        await self.send_bytes(message + EOM if self.version == "1.0" else chunked(message))

    async def receive(self) -> bytes:
        """The next message, whatever it is. Raises EOFError at the end of the session."""
        return await (self._read_eom() if self.version == "1.0" else self._read_chunked())

    async def rpc(self, operation: str, attributes: str = "") -> bytes:
        """Send an operation with the next message-id and return the message that comes back."""
        self._next_id += 1
        opening = f'<rpc xmlns="{BASE_NS}" message-id="{self._next_id}" {attributes}>'
        await self.send(f"{opening}{operation}</rpc>".encode())
        return await self.receive()

    async def send_eof(self) -> None:
        """Say that nothing more will be sent."""
        assert self._channel is not None
        self._channel[0].write_eof()

    async def ended(self) -> bool:
        """Wait for the end of the session; False if a message comes instead."""
        try:
            await self.receive()
        except (EOFError, OSError, asyncssh.Error):
            return True
        return False

    async def close(self) -> None:
        """Leave."""
        self.connection.close()
        await self.connection.wait_closed()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _more(self) -> None:
        assert self._channel is not None
        async with asyncio.timeout(self.timeout):
            data = await self._channel[1].read(65536)
        if not data:
            raise EOFError("the server ended the session")
        self._buffer += data

    async def _read_eom(self) -> bytes:
        while EOM not in self._buffer:
            await self._more()
        message, _, self._buffer = self._buffer.partition(EOM)
        return message

    async def _take(self, count: int) -> bytes:
        while len(self._buffer) < count:
            await self._more()
        taken, self._buffer = self._buffer[:count], self._buffer[count:]
        return taken

    async def _read_chunked(self) -> bytes:
        message = b""
        while True:
            start = await self._take(2)
            assert start == b"\n#", f"no chunk header: {start!r}"
            header = b""
            while not header.endswith(b"\n"):
                header += await self._take(1)
            if header == b"#\n":
                return message
            message += await self._take(int(header))
