"""Collectors by name."""

from __future__ import annotations

import pytest

from openesc.monitor.collectors import (
    CollectorFailed,
    CollectorRegistry,
    Target,
    UnknownCollector,
    standard_collectors,
)
from openesc.vim.openstack import OpenStackVim, Registry
from openesc.vim.settings import VimSettings


class Load:
    """Measures what the target's properties say."""

    async def collect(self, target: Target) -> float:
        return float(target.properties["load"])


async def test_names_are_read_without_regard_to_case() -> None:
    registry = CollectorRegistry({"Load": Load()})
    assert await registry.get("LOAD").collect(Target("v", "s", "10.0.0.5", properties={"load": "2"})) == 2.0


def test_an_unknown_name_is_told_what_there_is() -> None:
    registry = CollectorRegistry({"Load": Load(), "ICMPPing": Load()})
    with pytest.raises(UnknownCollector, match="'Memory'; there are: ICMPPing, Load"):
        registry.get("Memory")


async def test_a_measurement_that_fails_is_no_zero() -> None:
    """A simulated cloud that is down says nothing of its guests."""
    vim = OpenStackVim(VimSettings("v", auth={"auth_url": "http://127.0.0.1:9"}, probe_url="http://127.0.0.1:9/ping"))
    ping = standard_collectors(Registry([vim], "v")).get("icmpPING")
    with pytest.raises(CollectorFailed, match=r"10\.0\.0\.5 could not be pinged"):
        await ping.collect(Target(None, "s", "10.0.0.5"))
    with pytest.raises(CollectorFailed, match="no VIM 'other'"):
        await ping.collect(Target("other", "s", "10.0.0.5"))
    await vim.close()
