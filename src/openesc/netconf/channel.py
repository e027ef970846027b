"""One SSH channel as the transport of one NETCONF session: bytes, flow control, the end."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import asyncssh

from openesc.netconf.backend import SessionInfo
from openesc.netconf.outbox import SLICE
from openesc.netconf.session import Session

if TYPE_CHECKING:
    from openesc.netconf.ssh import SshPeer

_REFUSAL = b"This is a NETCONF server: ask for the subsystem netconf (ssh -s HOST netconf).\n"


class SshChannel(asyncssh.SSHServerSession[bytes]):
    """One channel: the transport of one NETCONF session."""

    def __init__(self, peer: SshPeer) -> None:
        self._peer = peer
        self._core = peer.gate.core
        self._channel: asyncssh.SSHServerChannel[bytes] | None = None
        self._session: Session | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._pauses: set[str] = set()
        self._netconf = False
        self.writable = asyncio.Event()
        self.writable.set()

    def connection_made(self, chan: asyncssh.SSHServerChannel[bytes]) -> None:
        """The channel is open."""
        self._channel = chan
        ahead = self._core.limits.send_ahead
        chan.set_write_buffer_limits(high=max(ahead - SLICE, 0), low=ahead // 4)
        self._peer.channel_opened(self)
        if self._peer.gate.channels > self._core.limits.sessions:  # opened in one burst with others
            self.abort()
            return
        self._end_in(self._core.limits.hello_time)

    def subsystem_requested(self, subsystem: str) -> bool:
        """Only netconf (RFC 6242 section 3)."""
        self._netconf = subsystem == "netconf"
        return self._netconf

    def shell_requested(self) -> bool:
        """There is no shell, which `session_started` says: clients show no reason for a refused request."""
        return True

    def exec_requested(self, command: str) -> bool:
        """There are no commands, as with the shell."""
        return True

    def session_started(self) -> None:
        """The subsystem runs: the NETCONF session begins."""
        assert self._channel is not None
        assert self._peer.user is not None
        if not self._netconf:
            self._channel.write_stderr(_REFUSAL)
            self._channel.exit(1)
            return
        self._stop_timer()
        info = SessionInfo(self._core.next_session_id(), self._peer.user, self._peer.host, datetime.now(UTC))
        self._session = Session(self._core, info, self)
        self._session.start()

    def data_received(self, data: bytes, datatype: Any) -> None:
        """Bytes for the session."""
        if self._session is not None:
            self._session.data_received(data)

    def eof_received(self) -> bool:
        """The peer sends no more; the channel stays open for what is still to be answered."""
        if self._session is None:
            return False
        self._session.input_ended("closed by the client")
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """The channel is over."""
        self._stop_timer()
        self._channel = None
        self._peer.channel_closed(self)
        self.writable.set()
        if self._session is not None:
            self._session.connection_lost()

    def pause_writing(self) -> None:
        """The SSH window is full."""
        self._pause("channel")

    def resume_writing(self) -> None:
        """The SSH window is open again."""
        self._resume("channel")

    def tcp_paused(self, paused: bool) -> None:
        """The connection below is full, or not any more."""
        if paused:
            self._pause("tcp")
        else:
            self._resume("tcp")

    def _pause(self, who: str) -> None:
        self._pauses.add(who)
        if self._channel is not None:
            self.writable.clear()

    def _resume(self, who: str) -> None:
        self._pauses.discard(who)
        if not self._pauses:
            self.writable.set()

    def write(self, data: bytes) -> None:
        """Queue bytes. Raises OSError when the channel is closed."""
        if self._channel is None:
            raise BrokenPipeError("the channel is closed")
        self._channel.write(data)

    def pause_reading(self) -> None:
        """Let incoming bytes wait at the peer."""
        if self._channel is not None:
            self._channel.pause_reading()

    def resume_reading(self) -> None:
        """Undo `pause_reading`."""
        if self._channel is not None:
            self._channel.resume_reading()

    def close(self) -> None:
        """End the channel after what is queued; the peer has the close time to agree."""
        if self._channel is not None:
            self._channel.close()
            self._end_in(self._core.limits.close_time)

    def abort(self) -> None:
        """End the channel now; with the connection, when this is its only channel."""
        if len(self._peer.channels) <= 1 or "tcp" in self._pauses:
            self._peer.abort()
        elif self._channel is not None:
            self._channel.abort()

    def _end_in(self, seconds: float) -> None:
        self._stop_timer()
        self._timer = asyncio.get_running_loop().call_later(seconds, self.abort)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
