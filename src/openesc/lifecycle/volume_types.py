"""Asks the cloud for its volume types before a request is accepted: bounded in time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from openesc.errors import ResourceDenied
from openesc.vim.errors import VimError
from openesc.vim.port import VimRegistry, VolumeType


@dataclass(frozen=True, slots=True)
class VolumeTypes:
    """What a project may choose from, and what it gets where it chooses nothing."""

    types: Sequence[VolumeType]
    default: VolumeType | None

    def named(self, name_or_id: str) -> VolumeType | None:
        return next((one for one in self.types if name_or_id in (one.name, one.id)), None)

    @property
    def multiattach(self) -> list[VolumeType]:
        """Those whose volumes can be attached to several servers at once."""
        return [one for one in self.types if one.multiattach]


class VolumeTypeQuestion:
    """Which volume types a project has. `wait`: seconds the cloud has to answer."""

    def __init__(self, vims: VimRegistry, wait: float) -> None:
        self._vims = vims
        self._wait = wait

    async def ask(self, vim_id: str | None, project: str) -> VolumeTypes:
        """Raises: ResourceDenied when the cloud does not tell."""
        try:
            async with asyncio.timeout(self._wait):
                cloud = await self._vims.get(vim_id).cloud(project)
                return VolumeTypes(await cloud.volume_types(), await cloud.default_volume_type())
        except (TimeoutError, VimError, KeyError) as error:
            reason = str(error) or f"no answer within {self._wait:g} s"
            raise ResourceDenied(f"the VIM does not tell its volume types: {reason}") from error
