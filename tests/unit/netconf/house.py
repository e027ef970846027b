"""The example server with its parts, as the tests hold it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import asyncssh
from tests.conformance.example_server import Doorkeeper, Jukebox
from tests.rawclient import RawClient

from openesc.netconf import NetconfServer

HOST_KEY = asyncssh.generate_private_key("ssh-ed25519")
USER_KEY = asyncssh.generate_private_key("ssh-ed25519")


@dataclass
class House:
    """One example server with its parts."""

    server: NetconfServer
    jukebox: Jukebox
    doorkeeper: Doorkeeper

    async def client(self, version: str = "1.1", user: str = "ann") -> RawClient:
        """A greeted session."""
        return await RawClient.connect("127.0.0.1", self.server.port, user, password=f"{user}-pw", version=version)

    async def login(self, user: str = "ann") -> RawClient:
        """A connection without a session."""
        return await RawClient.login("127.0.0.1", self.server.port, user, password=f"{user}-pw")


OpenHouse = Callable[..., Awaitable[House]]


async def until(condition: Callable[[], bool]) -> None:
    """Wait until the server has come so far; fails after five seconds."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 -- looks at the server from outside
            await asyncio.sleep(0.005)
