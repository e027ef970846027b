"""Real ICMP, as far as this machine lets us."""

from __future__ import annotations

import socket

import pytest

from openesc.vim.errors import VimBadRequest, VimForbidden
from openesc.vim.icmp import Pinger


def permitted() -> bool:
    """Whether this process may send ICMP."""
    for kind in (socket.SOCK_RAW, socket.SOCK_DGRAM):
        try:
            socket.socket(socket.AF_INET, kind, socket.IPPROTO_ICMP).close()
        except PermissionError:
            continue
        return True
    return False


@pytest.mark.skipif(not permitted(), reason="needs the right to ICMP")
async def test_loopback_answers() -> None:
    assert await Pinger().alive("127.0.0.1", 1.0)


@pytest.mark.skipif(not permitted(), reason="needs the right to ICMP")
async def test_nobody_is_there() -> None:
    """The broadcast address of the loopback network: what is sent there stays here, and nobody answers it."""
    assert not await Pinger().alive("127.255.255.255", 0.05)


@pytest.mark.skipif(permitted(), reason="has the right to ICMP")
async def test_without_the_right_it_says_what_is_needed() -> None:
    pinger = Pinger()
    for _ in range(2):
        with pytest.raises(VimForbidden, match="CAP_NET_RAW"):
            await pinger.alive("127.0.0.1", 1.0)


async def test_a_name_is_no_address() -> None:
    with pytest.raises(VimBadRequest, match="'host' is no IP address"):
        await Pinger().alive("host", 1.0)
