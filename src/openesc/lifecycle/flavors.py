"""Asks the cloud for flavors before a request is accepted: bounded, and never a reason to keep a client waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import structlog

from openesc.inventory.records import Deployment
from openesc.vim.errors import VimError
from openesc.vim.port import VimRegistry

log = structlog.get_logger()


class FlavorQuestion:
    """Which flavors a deployment's cloud lacks. `wait`: seconds it has to answer."""

    def __init__(self, vims: VimRegistry, wait: float) -> None:
        self._vims = vims
        self._wait = wait

    async def missing(self, deployment: Deployment, names: Iterable[str]) -> set[str]:
        """Those of `names` that are certainly not there; none of them when the cloud cannot be asked."""
        try:
            async with asyncio.timeout(self._wait):
                cloud = await self._vims.get(deployment.vim_id).cloud(deployment.project)
                return {name for name in set(names) if await cloud.find_flavor(name) is None}
        except (TimeoutError, VimError, KeyError) as error:
            log.warning("flavors not looked up", deployment=deployment.id, reason=str(error) or "no answer in time")
            return set()
