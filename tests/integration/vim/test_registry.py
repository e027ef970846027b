"""Connectors by id; and that the adapter has all the port asks for."""

from __future__ import annotations

import pytest

from openesc.vim.openstack import OpenStackCloud, OpenStackVim, Registry
from openesc.vim.port import Cloud, Vim, VimRegistry


def conforms(vim: OpenStackVim, cloud: OpenStackCloud, registry: Registry) -> tuple[Vim, Cloud, VimRegistry]:
    """For the type checker: the adapter has all the port asks for."""
    return vim, cloud, registry


async def test_registry(sim_vim: OpenStackVim) -> None:
    registry = Registry([sim_vim], "sim")
    assert registry.get(None) is registry.get("sim") is sim_vim
    with pytest.raises(KeyError):
        registry.get("other")
