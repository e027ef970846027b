"""One NETCONF session: hello, then rpcs in order until somebody ends it (RFC 6241 sections 4 and 8.1)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from lxml.etree import _Element

from openesc.netconf import errors, messages, names, operations
from openesc.netconf.backend import SessionInfo
from openesc.netconf.capabilities import capabilities
from openesc.netconf.core import Core
from openesc.netconf.errors import RpcError, faults
from openesc.netconf.framing import Deframer, Framing, FramingError, MessageTooBigError, frame
from openesc.netconf.outbox import Outbox, PeerGone, SlowPeer, Transport

if TYPE_CHECKING:
    from openesc.netconf.subscription import Subscription

log = logging.getLogger(__name__)


class BadHello(Exception):
    """The peer's first message is not a usable hello."""


class IdleTooLong(Exception):
    """The peer has been silent for longer than it may."""


class Session:
    """A session over `transport`. `run` is its whole life; the other methods may be called from beside it."""

    def __init__(self, core: Core, info: SessionInfo, transport: Transport) -> None:
        self.core = core
        self.info = info
        self.transport = transport
        self.framing = Framing.EOM
        self.peer_capabilities: frozenset[str] = frozenset()
        self.subscription: Subscription | None = None
        self.after_reply: list[Callable[[], None]] = []
        self._outbox = Outbox(transport, core.limits.stall_time)
        self._deframer = Deframer(core.limits.message_size)
        self._arrived = asyncio.Event()
        self._reading_paused = False
        self._input_ended: str | None = None
        self._end_reason: str | None = None
        self.task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin the session's task."""
        self.core.sessions[self.info.id] = self
        self.core.statistics.in_sessions += 1
        self.task = self.core.spawn(self.run(), f"netconf session {self.info.id}")

    def data_received(self, data: bytes) -> None:
        """Bytes from the peer."""
        self._deframer.feed(data)
        self._arrived.set()
        if self._deframer.buffered > self.core.limits.read_ahead and not self._reading_paused:
            self._reading_paused = True
            self.transport.pause_reading()

    def input_ended(self, reason: str) -> None:
        """Nothing more comes from the peer; what came is still served."""
        self._input_ended = self._input_ended or reason
        self._arrived.set()

    def connection_lost(self) -> None:
        """The peer is gone. A running rpc ends in its own time; its reply is dropped."""
        self.input_ended("connection lost")
        if self.subscription is not None:
            self.subscription.cancel()

    def finish(self, reason: str) -> None:
        """End after the running rpc."""
        self._end_reason = self._end_reason or reason
        self._arrived.set()

    def cut_off(self, reason: str) -> None:
        """End now: the peer does not take what it is sent."""
        self._end_reason = reason
        if self.task is not None:
            self.task.cancel()
        self.transport.abort()

    async def kill(self, reason: str) -> None:
        """End now, with whatever runs; returns when it has ended, or after the close time."""
        self._end_reason = reason
        if self.task is not None:
            self.task.cancel()
            _, running = await asyncio.wait([self.task], timeout=self.core.limits.close_time)
            if running:  # something shields itself from being cancelled: the peer is cut off all the same
                self.transport.abort()

    async def send(self, message: bytes) -> None:
        """Send one message. Raises PeerGone or SlowPeer."""
        await self._outbox.send(frame(message, self.framing))

    async def send_framed(self, data: bytes) -> None:
        """Send a message that somebody has framed already. Raises PeerGone or SlowPeer."""
        await self._outbox.send(data)

    async def run(self) -> None:
        """Greet, serve, wind up. Never raises for what a peer does."""
        orderly = False
        try:
            await self._converse()
            orderly = self._end_reason is not None  # not by a lost transport (RFC 6022, dropped-sessions)
        except SlowPeer as end:
            self._end_reason = self._end_reason or str(end)
            self.transport.abort()
        except (BadHello, IdleTooLong, FramingError, PeerGone) as end:
            self._end_reason = self._end_reason or str(end)
        finally:
            self._wind_up(orderly)

    async def _converse(self) -> None:
        await self._greet()
        try:
            while (message := await self._next_message()) is not None:
                await self._serve(message)
        except MessageTooBigError as error:
            self.info.in_bad_rpcs += 1
            await self.send(self._refusal(None, errors.too_big(f"{error}; the session ends")))
            raise

    async def _greet(self) -> None:
        await self.send(messages.hello(self.info.id, capabilities(self.core)))
        hello_time = self.core.limits.hello_time
        try:
            async with asyncio.timeout(hello_time):
                message = await self._next_message()
        except TimeoutError:
            raise BadHello(f"no hello within {hello_time:g} s") from None
        if message is not None:
            await self._accept_hello(message)

    async def _accept_hello(self, message: bytes) -> None:
        try:
            self.peer_capabilities = messages.peer_capabilities(await self.core.parse(message))
        except RpcError as error:
            self.core.statistics.in_bad_hellos += 1
            raise BadHello(f"bad hello: {error.error_message}") from error
        if names.BASE_1_1 in self.peer_capabilities:
            self.framing = Framing.CHUNKED
        self._deframer.switch(self.framing)
        log.info("%s: started, %s framing", self.info, self.framing.value)

    async def _next_message(self) -> bytes | None:
        waited = False
        while self._end_reason is None:
            message = self._deframer.next()
            if message is not None:
                if not waited:  # pipelined: let the other sessions have their turn
                    await asyncio.sleep(0)
                return message
            if self._deframer.unfinished:
                await asyncio.sleep(0)
                continue
            if self._input_ended:
                return None
            waited = True
            await self._more_input()
        return None

    async def _more_input(self) -> None:
        self._arrived.clear()
        if self._reading_paused:
            self._reading_paused = False
            self.transport.resume_reading()
        idle_time = self.core.limits.idle_time
        if idle_time is None:
            await self._arrived.wait()
            return
        try:
            async with asyncio.timeout(idle_time):
                await self._arrived.wait()
        except TimeoutError:
            if self.subscription is None:
                raise IdleTooLong(f"idle for {idle_time:g} s") from None

    async def _serve(self, message: bytes) -> None:
        reply = await self._answer(message)
        try:
            await self.send(reply)
        finally:
            todo, self.after_reply = self.after_reply, []
        for action in todo:
            action()

    async def _answer(self, message: bytes) -> bytes:
        rpc: _Element | None = None
        try:
            rpc = await self.core.parse(message)
            operation = messages.operation(rpc)
        except RpcError as error:
            self.info.in_bad_rpcs += 1
            return self._refusal(rpc, error)
        self.info.in_rpcs += 1
        try:
            return messages.reply(rpc, await operations.perform(self, operation))
        except Exception as error:  # noqa: BLE001 -- whatever an application raises must be answered
            return self._refusal(rpc, error)

    def _refusal(self, rpc: _Element | None, error: Exception) -> bytes:
        self.info.out_rpc_errors += 1
        found = faults(error)
        told = "; ".join(str(fault) for fault in found[:3]).replace("\n", " ")
        log.info("%s: refused: %s", self.info, told)
        return messages.error_reply(rpc, found, self._namespace_of_prefix)

    def _namespace_of_prefix(self, prefix: str) -> str | None:
        schema = self.core.schema
        return schema.namespaces.get(prefix) or schema.module_namespaces.get(prefix)

    def _wind_up(self, orderly: bool) -> None:
        if self.subscription is not None:
            self.subscription.cancel()
        self.core.locks.release_all(self.info.id)
        self.core.forget(self)
        if not orderly:
            self.core.statistics.dropped_sessions += 1
        log.info("%s: ended: %s", self.info, self._end_reason or self._input_ended or "cancelled")
        self.transport.close()
