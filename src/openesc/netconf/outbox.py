"""The way out of a session: whole messages one after the other, paced by the peer."""

from __future__ import annotations

import asyncio
from typing import Protocol

SLICE = 128 * 1024
"""Bytes written at once; between slices other sessions get their turn."""


class PeerGone(Exception):
    """Nothing more can be sent."""


class SlowPeer(Exception):
    """The peer leaves data unread."""


class Transport(Protocol):
    """A connected byte stream, as a session sees it."""

    @property
    def writable(self) -> asyncio.Event:
        """Set while there is room for more (also when the stream is lost)."""
        ...

    def write(self, data: bytes) -> None:
        """Queue bytes. Raises OSError when the stream is closed."""
        ...

    def pause_reading(self) -> None:
        """Let incoming bytes wait at the peer."""
        ...

    def resume_reading(self) -> None:
        """Undo `pause_reading`."""
        ...

    def close(self) -> None:
        """End the stream after what is queued, within the time the transport allows for that."""
        ...

    def abort(self) -> None:
        """End the stream now."""
        ...


class Outbox:
    """Sends messages whole and in order. `stall_time`: seconds the peer has to make room when there is none."""

    def __init__(self, transport: Transport, stall_time: float) -> None:
        self._transport = transport
        self._stall_time = stall_time
        self._one_at_a_time = asyncio.Lock()

    async def send(self, message: bytes) -> None:
        """Send one framed message; returns when it is queued. Raises PeerGone or SlowPeer."""
        async with self._one_at_a_time:
            if len(message) <= SLICE:
                await self._write(message)
                return
            view = memoryview(message)
            for start in range(0, len(message), SLICE):
                await self._write(bytes(view[start : start + SLICE]))
                await asyncio.sleep(0)

    async def _write(self, data: bytes) -> None:
        if not self._transport.writable.is_set():
            await self._room()
        try:
            self._transport.write(data)
        except OSError as error:
            raise PeerGone("the connection is gone") from error

    async def _room(self) -> None:
        try:
            async with asyncio.timeout(self._stall_time):
                await self._transport.writable.wait()
        except TimeoutError:
            raise SlowPeer(f"cut off: took nothing for {self._stall_time:g} s while data waited") from None
