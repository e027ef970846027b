"""Reaching what a deployment has in the cloud, also where somebody has deleted its project."""

from __future__ import annotations

from openesc.vim.errors import VimForbidden
from openesc.vim.port import SHARED_PROJECT, Cloud, Vim


async def is_there(vim: Vim, project: str) -> bool:
    """Whether the project is there. One that is gone has left its servers, ports and volumes in the cloud: an
    administrator still reaches them, from the connector's own project and by their ids.

    Raises: VimForbidden (it is gone, and the connector is no administrator), other VimErrors.
    """
    if await vim.find_project(project) is not None:
        return True
    if await vim.is_admin():
        return False
    raise VimForbidden(f"project {project} is gone; what it left can be removed by an administrator alone")


async def reach(vim: Vim, project: str) -> Cloud:
    """The cloud, seen from where the things of the project can be reached. Raises: as `is_there` and `Vim.cloud`."""
    return await vim.cloud(project if await is_there(vim, project) else SHARED_PROJECT)
