"""The NETCONF server: listens, takes logins, holds the sessions."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence

import asyncssh

from openesc.netconf.backend import Authenticator, Backend
from openesc.netconf.core import Core
from openesc.netconf.limits import Limits
from openesc.netconf.locks import LockTable
from openesc.netconf.session import Session
from openesc.netconf.ssh import CIPHERS, SshPeer

log = logging.getLogger(__name__)


class NetconfServer:
    """An RFC 6241 server over SSH (RFC 6242).

    `host_keys`: private keys, or paths to them. `port` 0 takes a free one; after `start` the attribute
    `port` says which. The server speaks to nobody but its peers: no name service is asked for their names.
    """

    def __init__(
        self,
        backend: Backend,
        authenticator: Authenticator,
        host_keys: Sequence[asyncssh.SSHKey | str],
        *,
        host: str = "127.0.0.1",
        port: int = 830,
        limits: Limits | None = None,
    ) -> None:
        self.core = Core(backend, limits or Limits())
        self.authenticator = authenticator
        self.host = host
        self.port = port
        self.connections: set[SshPeer] = set()
        self.channels = 0
        self.no_channels = asyncio.Event()
        self.no_channels.set()
        self._host_keys = list(host_keys)
        self._acceptor: asyncssh.SSHAcceptor | None = None

    @property
    def sessions(self) -> Mapping[int, Session]:
        """The live sessions by session-id."""
        return self.core.sessions

    @property
    def locks(self) -> LockTable:
        """The locks, for other doors to the same data."""
        return self.core.locks

    async def start(self) -> None:
        """Listen. Raises OSError when the address cannot be had."""
        limits = self.core.limits
        self._acceptor = await asyncssh.listen(
            self.host,
            self.port,
            server_factory=lambda: SshPeer(self),
            server_host_keys=self._host_keys,
            config=None,
            encoding=None,
            login_timeout=limits.login_time,
            keepalive_interval=limits.keepalive_interval,
            keepalive_count_max=limits.keepalive_count,
            host_based_auth=False,
            gss_host=None,
            allow_pty=False,
            line_editor=False,
            agent_forwarding=False,
            x11_forwarding=False,
            compression_algs=None,
            server_version="openesc",
            encryption_algs=CIPHERS,
        )
        self.port = self._acceptor.get_port()
        log.info("NETCONF over SSH on %s port %d", self.host, self.port)

    async def stop(self, grace: float = 10.0) -> None:
        """Stop accepting, let running rpcs end for up to `grace` seconds, close all sessions and connections."""
        if self._acceptor is None:
            return
        self._acceptor.close()
        for session in tuple(self.sessions.values()):
            session.finish("the server stops")
        await self._wait_until_empty(grace)
        await asyncio.gather(*(session.kill("the server stops") for session in tuple(self.sessions.values())))
        await self._disconnect()
        await self.core.close()
        await self._acceptor.wait_closed()
        self._acceptor = None

    async def disconnect_user(self, name: str, reason: str) -> None:
        """End every session and connection of the user `name`, now."""
        sessions = [session for session in self.sessions.values() if session.info.user.name == name]
        await asyncio.gather(*(session.kill(reason) for session in sessions))
        for peer in tuple(self.connections):
            if peer.user is not None and peer.user.name == name:
                peer.close()

    async def _wait_until_empty(self, grace: float) -> None:
        tasks = [session.task for session in self.sessions.values() if session.task is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=grace)

    async def _disconnect(self) -> None:
        try:
            async with asyncio.timeout(self.core.limits.close_time):
                await self.no_channels.wait()  # what has been answered reaches its peer
        except TimeoutError:
            log.warning("%d channels did not close in time", self.channels)
        connections = [peer.connection for peer in self.connections if peer.connection is not None]
        for connection in connections:
            connection.close()
        await asyncio.gather(*(connection.wait_closed() for connection in connections))
