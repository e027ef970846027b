"""What one test makes in a cloud (servers, ports, volumes), and its end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from openesc.vim import goals
from openesc.vim.openstack import OpenStackCloud
from openesc.vim.port import Network, Port, PortSpec, Server, ServerSpec, Volume, VolumeSpec


class Boot:
    """Makes servers on a network and takes them away, and what else was made with it.

    Args:
        cloud: where.
        network: on which network.
        prefix: what their names begin with.
        patience: seconds one transition may take.
    """

    def __init__(self, cloud: OpenStackCloud, network: Network, prefix: str, patience: float = 10.0) -> None:
        self.cloud, self.network, self.prefix, self.patience = cloud, network, prefix, patience
        self.made: list[Server] = []
        self.ports: list[Port] = []
        self.volumes: list[Volume] = []

    @property
    def a_while(self) -> float:
        """Seconds in which a busy cloud has surely been looked at once."""
        return self.patience / 12

    async def port(self, number: int = 0, **more: Any) -> Port:
        """A port on the network."""
        port = await self.cloud.create_port(PortSpec(f"{self.prefix}-port-{number}", self.network.id, **more))
        self.ports.append(port)
        return port

    async def spec(self, number: int = 0, **more: Any) -> ServerSpec:
        """A small server on a new port."""
        image = await self.cloud.find_image("SolTest-Cirros-Image")
        flavor = await self.cloud.find_flavor("SolTest-Cirros-Flavor")
        assert image is not None and flavor is not None
        port = await self.port(number)
        return ServerSpec(f"{self.prefix}-{number}", flavor.id, image.id, (port.id,), **more)

    async def server(self, number: int = 0, **more: Any) -> Server:
        """A server that was asked for."""
        return await self.asked(await self.spec(number, **more))

    async def asked(self, spec: ServerSpec) -> Server:
        """A server asked for in so many words."""
        server = await self.cloud.create_server(spec)
        self.made.append(server)
        return server

    async def active(self, number: int = 0, **more: Any) -> Server:
        """A server that runs."""
        return await self.wait(await self.server(number, **more), goals.active)

    async def wait(self, server: Server, goal: goals.Goal) -> Server:
        """The reading in which the goal is reached. Raises: what `Cloud.wait_server` raises."""
        return await self.cloud.wait_server(server.id, goal, self.patience)

    async def volume(self, name: str, **more: Any) -> Volume:
        """A volume of 1 GiB that can be used."""
        made = await self.cloud.create_volume(VolumeSpec(f"{self.prefix}-{name}", more.pop("size", 1), **more))
        self.volumes.append(made)
        return await self.cloud.wait_volume(made.id, "available", self.patience)

    async def gone(self, *servers: Server) -> None:
        """Delete these servers and wait for it."""
        await asyncio.gather(*(self.cloud.delete_server(server.id) for server in servers))
        await asyncio.gather(*(self.cloud.wait_server_gone(server.id, self.patience) for server in servers))

    async def until(self, look: Callable[[], Awaitable[bool]], what: str) -> None:
        """Ask until the answer is yes."""
        try:
            async with asyncio.timeout(self.patience):
                while not await look():  # noqa: ASYNC110  # the cloud tells nobody
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"{what}: not within {self.patience} s") from None

    async def clean(self) -> None:
        """Delete all of it."""
        await self.gone(*self.made)
        for port in self.ports:
            await self.cloud.delete_port(port.id)
        for volume in self.volumes:
            await self.cloud.delete_volume(volume.id)
            await self.cloud.wait_volume(volume.id, "deleted", self.patience)
