"""The messages layer: hello, rpc and rpc-reply (RFC 6241 section 4 and 8.1)."""

from __future__ import annotations

import asyncio

import pytest
from lxml import etree
from tests.rawclient import BASE_1_0, BASE_1_1, EOM, RawClient, chunked, hello
from tests.unit.netconf.house import House, OpenHouse

BASE = "urn:ietf:params:xml:ns:netconf:base:1.0"
OK = f'<?xml version="1.0" encoding="UTF-8"?>\n<rpc-reply xmlns="{BASE}" message-id="1"><ok/></rpc-reply>'
PLAY = '<play xmlns="urn:example:jukebox"><song>%s</song></play>'


def tag(reply: bytes) -> str:
    """The error-tag of a reply."""
    found = etree.fromstring(reply).findtext(f"{{{BASE}}}rpc-error/{{{BASE}}}error-tag")
    assert found is not None, reply
    return found


def info(reply: bytes, name: str) -> str | None:
    """An element of error-info."""
    return etree.fromstring(reply).findtext(f"{{{BASE}}}rpc-error/{{{BASE}}}error-info/{{{BASE}}}{name}")


@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_success_is_byte_for_byte_what_clients_search_for(house: House, version: str) -> None:
    async with await house.client(version) as client:
        assert await client.rpc(PLAY % "la") == OK.encode()


async def test_no_match_is_an_empty_data_element(client: RawClient) -> None:
    assert b"<data/>" in await client.rpc("<get-config><source><running/></source></get-config>")


async def test_a_client_may_send_its_hello_in_chunks(house: House) -> None:
    async with await house.login() as client:
        await client.open()
        await client.send_bytes(chunked(hello(BASE_1_0, BASE_1_1), 7))
        assert await client.rpc(PLAY % "la") == OK.encode()


async def test_hello_and_first_rpc_may_come_together(house: House) -> None:
    rpc = f'<rpc xmlns="{BASE}" message-id="1">{PLAY % "la"}</rpc>'.encode()
    async with await house.login() as client:
        await client.open()
        await client.send_bytes(hello(BASE_1_1) + EOM + chunked(rpc))
        assert await client.receive() == OK.encode()


@pytest.mark.parametrize(
    "document",
    [
        b"<hello/>",
        hello(),
        hello("urn:example:nothing"),
        b"not xml",
        hello(BASE_1_1).replace(b"</hello>", b"<session-id>4</session-id></hello>"),
        b'<!DOCTYPE hello [<!ENTITY a "b">]>' + hello(BASE_1_1),
    ],
)
async def test_a_bad_hello_ends_the_session(house: House, document: bytes) -> None:
    async with await house.login() as client:
        await client.open()
        await client.send_bytes(document + EOM)
        assert await client.ended()
    assert house.server.core.statistics.in_bad_hellos == 1


async def test_a_silent_client_is_let_go(open_house: OpenHouse) -> None:
    house = await open_house(hello_time=0.2)
    async with await house.login() as client:
        await client.open()
        assert await client.ended()


async def test_the_server_does_not_wait_for_the_client_hello(house: House) -> None:
    async with await house.login() as client:
        await client.open()
        assert b"<session-id>" in client.server_hello


async def test_all_attributes_of_an_rpc_come_back(client: RawClient) -> None:
    reply = await client.rpc(PLAY % "la", 'xmlns:ex="urn:ex" ex:user="fr&quot;ed" plain="&lt;a&#10;b" xml:lang="de"')
    root = etree.fromstring(reply)
    assert root.get("{urn:ex}user") == 'fr"ed'
    assert root.get("plain") == "<a\nb"
    assert root.get("{http://www.w3.org/XML/1998/namespace}lang") == "de"
    assert root.get("message-id") == "1"
    assert b"<ok/>" in reply


async def test_a_missing_message_id_is_named(client: RawClient) -> None:
    await client.send(f'<rpc xmlns="{BASE}"><get/></rpc>'.encode())
    reply = await client.receive()
    assert tag(reply) == "missing-attribute"
    assert (info(reply, "bad-attribute"), info(reply, "bad-element")) == ("message-id", "rpc")
    assert "message-id" not in etree.fromstring(reply).attrib


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize(
    "document",
    [
        b"<rpc",
        b"",
        b"<rpc></rcp>",
        b"\xff\xfe<rpc/>",
        f'<rpc xmlns="{BASE}" message-id="1"><play>\xe9</play></rpc>'.encode("latin-1"),
        f'<rpc xmlns="{BASE}" message-id="1"><nc:get/></rpc>'.encode(),
        f'<rpc xmlns="{BASE}" message-id="1"><get/></rpc><more/>'.encode(),
        b'<!DOCTYPE rpc [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><rpc>&b;</rpc>',
        b"<a>" * 100 + b"</a>" * 100,
    ],
)
async def test_a_message_that_cannot_be_read_is_answered_and_the_session_goes_on(
    house: House, version: str, document: bytes
) -> None:
    if not document and version == "1.1":
        document = b" "  # there is no empty chunk
    async with await house.client(version) as client:
        await client.send(document)
        assert tag(await client.receive()) == "malformed-message"
        assert b"<ok/>" in await client.rpc(PLAY % "la")


@pytest.mark.parametrize(
    ("document", "expected", "bad"),
    [
        (f'<rpc xmlns="{BASE}" message-id="1"/>', "missing-element", "rpc"),
        (f'<rpc xmlns="{BASE}" message-id="1"><get/><get/></rpc>', "unknown-element", "get"),
        ('<rpc message-id="1"><get/></rpc>', "unknown-namespace", "rpc"),
        (f'<request xmlns="{BASE}" message-id="1"><get/></request>', "unknown-element", "request"),
        (f'<rpc xmlns="{BASE}" message-id="1"><get xmlns=""/></rpc>', "unknown-namespace", "get"),
        (f'<rpc xmlns="{BASE}" message-id="1"><dance/></rpc>', "unknown-element", "dance"),
        (f'<rpc xmlns="{BASE}" message-id="1"><play/></rpc>', "unknown-namespace", "play"),
        (f'<rpc xmlns="{BASE}" message-id="1"><get><a/></get></rpc>', "unknown-element", "a"),
        (f'<rpc xmlns="{BASE}" message-id="1"><close-session>x<a/></close-session></rpc>', "unknown-element", "a"),
    ],
)  # fmt: skip
async def test_a_wrong_request_is_told_what_is_wrong(client: RawClient, document: str, expected: str, bad: str) -> None:
    await client.send(document.encode())
    reply = await client.receive()
    assert (tag(reply), info(reply, "bad-element")) == (expected, bad)


async def test_a_near_miss_is_suggested(client: RawClient) -> None:
    assert b"did you mean get-config?" in await client.rpc("<getconfig/>")


@pytest.mark.parametrize("name", ["commit", "discard-changes", "validate", "copy-config", "delete-config"])
async def test_an_operation_of_a_capability_not_offered_is_not_supported(client: RawClient, name: str) -> None:
    assert tag(await client.rpc(f"<{name}/>")) == "operation-not-supported"


async def test_comments_and_declarations_are_no_obstacle(client: RawClient) -> None:
    await client.send(
        f'<?xml version="1.0"?><!-- hi --><rpc xmlns="{BASE}" message-id="1"><!-- a -->'
        f"{PLAY % 'la'}<?pi?></rpc>\n".encode()
    )
    assert b"<ok/>" in await client.receive()


@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_fifty_pipelined_rpcs_are_answered_in_order(house: House, version: str) -> None:
    async with await house.client(version) as client:
        for number in range(50):
            await client.send(f'<rpc xmlns="{BASE}" message-id="m{number}">{PLAY % number}</rpc>'.encode())
        for number in range(50):
            assert etree.fromstring(await client.receive()).get("message-id") == f"m{number}"
        assert house.jukebox.history == [str(number) for number in range(50)]


async def test_rpcs_sent_before_the_end_of_input_are_answered(client: RawClient) -> None:
    await client.send(f'<rpc xmlns="{BASE}" message-id="1">{PLAY % "la"}</rpc>'.encode())
    await client.send_eof()
    assert await client.receive() == OK.encode()
    assert await client.ended()


async def test_a_big_message_is_taken_and_other_sessions_are_answered_meanwhile(house: House) -> None:
    artists = "".join(f"<artist><name>{n}</name><song>{'x' * 20}</song></artist>" for n in range(10000))
    config = f'<config><jukebox xmlns="urn:example:jukebox">{artists}</jukebox></config>'
    async with await house.client() as client, await house.client() as other:
        big = asyncio.create_task(client.rpc(f"<edit-config><target><running/></target>{config}</edit-config>"))
        while not big.done():
            assert b"<ok/>" in await other.rpc(PLAY % "la")
        assert b"<ok/>" in await big
        assert len(house.jukebox.artists) == 10000
        reply = await client.rpc("<get-config><source><running/></source></get-config>")
        assert reply.count(b"<artist") == 10000


@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_a_message_beyond_the_limit_is_refused_and_ends_the_session(open_house: OpenHouse, version: str) -> None:
    house = await open_house(message_size=10_000)
    async with await house.client(version) as client:
        await client.send(b"<rpc>" + b"x" * 20_000)
        assert tag(await client.receive()) == "too-big"
        assert await client.ended()


async def test_a_message_of_too_many_elements_is_refused(open_house: OpenHouse) -> None:
    house = await open_house(markup=1000)
    async with await house.client() as client:
        await client.send(b"<rpc>" + b"<a/>" * 1000 + b"</rpc>")
        assert tag(await client.receive()) == "too-big"
        assert b"<ok/>" in await client.rpc(PLAY % "la")


async def test_a_message_larger_than_what_is_read_ahead_arrives(open_house: OpenHouse) -> None:
    house = await open_house(read_ahead=50_000)
    song = "x" * 1_000_000
    async with await house.client() as client, await house.client("1.0") as old:
        for session in (client, old):
            assert b"<ok/>" in await session.rpc(PLAY % song)
            assert song.encode() in await session.rpc('<history xmlns="urn:example:jukebox"/>')


async def test_an_idle_session_is_ended_unless_it_is_subscribed(open_house: OpenHouse) -> None:
    house = await open_house(idle_time=0.2)
    async with await house.client() as idle, await house.client() as subscriber:
        namespace = "urn:ietf:params:xml:ns:netconf:notification:1.0"
        assert b"<ok/>" in await subscriber.rpc(f'<create-subscription xmlns="{namespace}"/>')
        assert await idle.ended()
        assert house.server.core.statistics.dropped_sessions == 1
        await asyncio.sleep(0.3)
        assert b"<ok/>" in await subscriber.rpc(PLAY % "la")
