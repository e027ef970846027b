"""NETCONF over SSH (RFC 6242)."""

from __future__ import annotations

import asyncssh
import pytest
from tests.conformance.conftest import Target
from tests.conformance.peer import BASE, Peer, error_tag, is_ok, q
from tests.rawclient import BASE_1_0, BASE_1_1, EOM, chunked, hello

GET = f'<rpc xmlns="{BASE}" message-id="1"><get-config><source><running/></source></get-config></rpc>'


async def test_rfc6242_3_the_subsystem_is_called_netconf(target: Target) -> None:
    async with await target.login() as peer:
        with pytest.raises(asyncssh.ChannelOpenError):
            await peer.connection.open_session(subsystem="netconf2", encoding=None)
        await peer.open()
        assert peer.hello.tag == q("hello")


async def test_rfc6242_3_wrong_credentials_are_refused(target: Target) -> None:
    with pytest.raises(asyncssh.PermissionDenied):
        await Peer.login(target.host, target.port, target.user, password="certainly not this")


async def test_rfc6242_4_1_both_bases_give_chunked_framing(target: Target) -> None:
    async with await target.login() as peer:
        await peer.open()
        await peer.send_bytes(hello(BASE_1_0, BASE_1_1) + EOM)
        await peer.send_bytes(chunked(GET.encode()))
        assert (await peer.receive()).endswith(b"rpc-reply>")


async def test_rfc6242_4_1_base_1_0_alone_gives_end_of_message_framing(target: Target) -> None:
    async with await target.connect("1.0") as peer:
        reply = await peer.message(GET)
        assert reply.tag == q("rpc-reply")


@pytest.mark.parametrize("size", [1, 2, 7, 100])
async def test_rfc6242_4_2_a_message_may_come_in_any_number_of_chunks(target: Target, size: int) -> None:
    async with await target.connect() as peer:
        await peer.send_bytes(chunked(GET.encode(), size))
        assert b"rpc-reply" in await peer.receive()


@pytest.mark.parametrize(
    "garbage",
    [
        b"<rpc/>",
        b"\n#0\n\n##\n",
        b"\n#01\n \n##\n",
        b"\n#x\n",
        b"\n#4294967296\n",
        b"\n##\n",
        b"\n# 1\nx\n##\n",
    ],
)
async def test_rfc6242_4_2_a_framing_error_ends_the_session(target: Target, garbage: bytes) -> None:
    async with await target.connect() as peer:
        await peer.send_bytes(garbage)
        assert await peer.ended()


async def test_rfc6242_4_3_messages_may_be_sent_one_behind_the_other(target: Target) -> None:
    async with await target.connect("1.0") as peer:
        await peer.send_bytes(b"".join(GET.replace('"1"', f'"{n}"').encode() + EOM for n in range(10)))
        for number in range(10):
            assert f'message-id="{number}"'.encode() in await peer.receive()


async def test_rfc6242_5_close_session_ends_the_channel(target: Target) -> None:
    async with await target.connect() as peer:
        assert is_ok(await peer.ask("<close-session/>"))
        assert await peer.ended()


async def test_rfc6242_3_a_peer_that_leaves_before_hello_hurts_nobody(target: Target) -> None:
    leaver = await target.login()
    await leaver.open()
    leaver.connection.abort()
    async with await target.connect() as peer:
        assert is_ok(await peer.ask("<close-session/>"))


async def test_rfc6242_4_2_a_chunk_of_four_gigabytes_is_not_waited_for(target: Target) -> None:
    async with await target.connect() as hog, await target.connect() as peer:
        await hog.send_bytes(b"\n#4294967295\n" + b"x" * 100_000)
        assert error_tag(await peer.ask("<no-such-operation/>"))
