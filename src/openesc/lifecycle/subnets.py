"""Asks the cloud for networks before a request is accepted: bounded, as `openesc.lifecycle.flavors`."""

from __future__ import annotations

import asyncio

import structlog

from openesc.vim.errors import VimError
from openesc.vim.port import SHARED_PROJECT, VimRegistry

log = structlog.get_logger()


class SubnetQuestion:
    """The ranges of networks that are in the cloud already. `wait`: seconds it has to answer."""

    def __init__(self, vims: VimRegistry, wait: float) -> None:
        self._vims = vims
        self._wait = wait

    async def ranges(self, vim_id: str | None, project: str, network: str) -> list[str]:
        """The network's ranges in CIDR form; none when there is no such network yet or the cloud cannot be asked."""
        try:
            async with asyncio.timeout(self._wait):
                cloud = await self._vims.get(vim_id).cloud(project)
                found = await cloud.find_network(network)
                return [] if found is None else [subnet.cidr for subnet in await cloud.subnets(found.id)]
        except (TimeoutError, VimError, KeyError) as error:
            log.warning("subnets not looked up", network=network, reason=str(error) or "no answer in time")
            return []

    async def lacks(self, vim_id: str | None, project: str, network: str) -> bool:
        """Whether the cloud says that the project sees no network of this name or id; False when it cannot be asked."""
        try:
            async with asyncio.timeout(self._wait):
                vim = self._vims.get(vim_id)
                known = await vim.find_project(project)
                cloud = await vim.cloud(project if known is not None else SHARED_PROJECT)
                return await cloud.find_network(network) is None
        except (TimeoutError, VimError, KeyError) as error:
            log.warning("network not looked up", network=network, reason=str(error) or "no answer in time")
            return False
