"""NETCONF over SSH (RFC 6242) with asyncssh: connections, logins, limits."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from typing import Protocol

import asyncssh
from asyncssh.constants import MSG_IGNORE
from asyncssh.packet import SSHPacketLogger

from openesc.netconf.backend import Authenticator, User
from openesc.netconf.channel import SshChannel
from openesc.netconf.core import Core

log = logging.getLogger(__name__)

CIPHERS = [
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "aes256-ctr",
    "aes192-ctr",
    "aes128-ctr",
]
"""chacha20-poly1305 is left out: most clients would prefer it, and here it costs three times as much as AES-GCM."""


class Gate(Protocol):
    """Who is connected, for the limits."""

    core: Core
    authenticator: Authenticator
    connections: set[SshPeer]
    channels: int
    no_channels: asyncio.Event


class SshPeer(asyncssh.SSHServer):
    """One SSH connection: its login and its channels."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self.host = "?"
        self.connection: asyncssh.SSHServerConnection | None = None
        self.user: User | None = None
        self.channels: set[SshChannel] = set()
        self._users: dict[str, User] = {}
        self._failures = 0
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        """A peer has connected; nobody knows who it is."""
        self.connection = conn
        self.host = str((conn.get_extra_info("peername") or "?")[0])
        _tune(conn, self)
        waiting = sum(peer.user is None for peer in self.gate.connections)
        self.gate.connections.add(self)
        if waiting >= self.gate.core.limits.connections_before_login:
            log.warning("%s: refused: %d connections wait for login already", self.host, waiting)
            conn.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is over; its channels have been told."""
        self.gate.connections.discard(self)
        self._stop_timer()
        if self.user is None:
            log.info("%s: disconnected before login: %s", self.host, exc or "closed")

    def password_auth_supported(self) -> bool:
        """Passwords are accepted."""
        return True

    def public_key_auth_supported(self) -> bool:
        """Public keys are accepted."""
        return True

    async def validate_password(self, username: str, password: str) -> bool:
        """Ask the authenticator."""
        return await self._admit(username, self.gate.authenticator.check_password(username, password))

    async def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        """Ask the authenticator; asyncssh verifies the signature."""
        return await self._admit(username, self.gate.authenticator.check_public_key(username, key))

    async def _admit(self, username: str, answer: Awaitable[User | None]) -> bool:
        try:
            user = await answer
        except Exception:
            log.exception("%s: the authenticator failed for %r", self.host, username)
            user = None
        if user is not None:
            self._users[username] = user
            return True
        self._failures += 1
        log.warning("%s: login refused for %r (attempt %d)", self.host, username, self._failures)
        if self._failures >= self.gate.core.limits.login_attempts and self.connection is not None:
            self.connection.disconnect(asyncssh.DISC_NO_MORE_AUTH_METHODS_AVAILABLE, "too many login attempts")
        return False

    def auth_completed(self) -> None:
        """The login is proved; the name is the one that asyncssh has verified."""
        assert self.connection is not None
        self.user = self._users[self.connection.get_extra_info("username")]
        self._users.clear()
        self._expect_channel(self.gate.core.limits.hello_time)

    def session_requested(self) -> tuple[asyncssh.SSHServerChannel[bytes], SshChannel]:
        """A new channel. Raises ChannelOpenError beyond the limits."""
        assert self.connection is not None
        assert self.user is not None
        self._check_room(self.user)
        window = self.gate.core.limits.read_ahead
        return self.connection.create_server_channel(encoding=None, window=window), SshChannel(self)

    def _check_room(self, user: User) -> None:
        limits = self.gate.core.limits
        of_user = sum(len(peer.channels) for peer in self.gate.connections if peer.user and peer.user.name == user.name)
        if self.gate.channels >= limits.sessions:
            self._refuse(f"the server has its {limits.sessions} sessions already")
        if of_user >= limits.sessions_per_user:
            self._refuse(f"{user.name} has {limits.sessions_per_user} sessions already")

    def _refuse(self, reason: str) -> None:
        log.warning("%s: session refused: %s", self.host, reason)
        raise asyncssh.ChannelOpenError(asyncssh.OPEN_RESOURCE_SHORTAGE, reason)

    def channel_opened(self, channel: SshChannel) -> None:
        """A channel is there."""
        self._stop_timer()
        self.channels.add(channel)
        self.gate.channels += 1
        self.gate.no_channels.clear()

    def channel_closed(self, channel: SshChannel) -> None:
        """A channel has ended; without any the connection has a little time left to close by itself."""
        if channel in self.channels:
            self.channels.discard(channel)
            self.gate.channels -= 1
        if not self.gate.channels:
            self.gate.no_channels.set()
        if not self.channels:
            self._expect_channel(self.gate.core.limits.close_time)

    def close(self) -> None:
        """End the connection."""
        if self.connection is not None:
            self.connection.close()

    def abort(self) -> None:
        """End the connection without ceremony."""
        if self.connection is not None:
            self.connection.abort()

    def _expect_channel(self, seconds: float) -> None:
        self._stop_timer()
        self._timer = asyncio.get_running_loop().call_later(seconds, self.close)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def pause_writing(self) -> None:
        """TCP's buffer is full: no channel may send."""
        for channel in self.channels:
            channel.tcp_paused(True)

    def resume_writing(self) -> None:
        """TCP's buffer has room again."""
        for channel in tuple(self.channels):
            channel.tcp_paused(False)


def _tune(connection: asyncssh.SSHServerConnection, peer: SshPeer) -> None:
    """Two things that asyncssh has no option for.

    It leaves the back pressure of TCP aside; without it a peer that stops reading could make the server hold as
    much as the SSH window that the peer itself has chosen. And it puts an ignore packet before each packet,
    against an attack on CBC ciphers, which this server does not offer: half of all encryption and system calls.
    """
    connection.pause_writing = peer.pause_writing  # type: ignore[method-assign]
    connection.resume_writing = peer.resume_writing  # type: ignore[method-assign]
    send_packet = connection.send_packet

    def send_what_matters(pkttype: int, *args: bytes, handler: SSHPacketLogger | None = None) -> None:
        if pkttype != MSG_IGNORE:
            send_packet(pkttype, *args, handler=handler)

    connection.send_packet = send_what_matters  # type: ignore[method-assign]
