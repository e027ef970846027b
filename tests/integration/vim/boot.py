"""Servers and volumes of one test, and their end."""

from __future__ import annotations

import asyncio
from typing import Any

from openesc.vim import goals
from openesc.vim.openstack import OpenStackCloud
from openesc.vim.port import Network, Port, PortSpec, Server, ServerSpec


class Boot:
    """Makes servers on a network and takes them away.

    Args:
        cloud: where.
        network: on which network.
        prefix: what their names begin with.
    """

    def __init__(self, cloud: OpenStackCloud, network: Network, prefix: str) -> None:
        self.cloud, self.network, self.prefix = cloud, network, prefix
        self.made: list[Server] = []

    async def port(self, number: int = 0, **more: Any) -> Port:
        """A port on the network."""
        return await self.cloud.create_port(PortSpec(f"{self.prefix}-port-{number}", self.network.id, **more))

    async def spec(self, number: int = 0, **more: Any) -> ServerSpec:
        """A small server on a new port."""
        image = await self.cloud.find_image("SolTest-Cirros-Image")
        flavor = await self.cloud.find_flavor("SolTest-Cirros-Flavor")
        assert image is not None and flavor is not None
        port = await self.port(number)
        return ServerSpec(f"{self.prefix}-{number}", flavor.id, image.id, (port.id,), **more)

    async def server(self, number: int = 0, **more: Any) -> Server:
        """A server that was asked for."""
        server = await self.cloud.create_server(await self.spec(number, **more))
        self.made.append(server)
        return server

    async def active(self, number: int = 0, **more: Any) -> Server:
        """A server that runs."""
        return await self.cloud.wait_server((await self.server(number, **more)).id, goals.active, 10)

    async def clean(self) -> None:
        """Delete them all."""
        await asyncio.gather(*(self.cloud.delete_server(server.id) for server in self.made))
        await asyncio.gather(*(self.cloud.wait_server_gone(server.id, 10) for server in self.made))
