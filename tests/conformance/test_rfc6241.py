"""The NETCONF protocol (RFC 6241): messages, base operations, errors. Edits are in test_rfc6241_edit.py."""

from __future__ import annotations

import asyncio

import pytest
from lxml import etree
from tests.conformance.conftest import Target
from tests.conformance.peer import BASE, RUNNING, Peer, error, error_info, error_tag, is_ok, q
from tests.rawclient import BASE_1_0, BASE_1_1, EOM, hello

GET = "<get-config><source><running/></source></get-config>"
LOCK, UNLOCK = f"<lock>{RUNNING}</lock>", f"<unlock>{RUNNING}</unlock>"


async def test_rfc6241_8_1_hello_lists_base_1_1_and_a_session_id(peer: Peer) -> None:
    assert BASE_1_1 in peer.capabilities
    assert 1 <= peer.session_id <= 4294967295


async def test_rfc6241_8_1_session_ids_differ(peer: Peer, other: Peer) -> None:
    assert peer.session_id != other.session_id


async def test_rfc6241_8_1_the_server_does_not_wait_for_the_clients_hello(target: Target) -> None:
    async with await target.login() as silent:
        await silent.open()
        assert silent.session_id


async def test_rfc6241_8_1_a_client_hello_with_session_id_ends_the_session(target: Target) -> None:
    async with await target.login() as peer:
        await peer.open()
        wrong = hello(BASE_1_0, BASE_1_1).replace(b"</hello>", b"<session-id>1</session-id></hello>")
        await peer.send_bytes(wrong + EOM)
        assert await peer.ended()


async def test_rfc6241_8_1_a_hello_without_a_common_base_ends_the_session(target: Target) -> None:
    async with await target.login() as peer:
        await peer.open()
        await peer.send_bytes(hello("urn:ietf:params:netconf:base:9.9") + EOM)
        assert await peer.ended()


async def test_rfc6241_8_1_prefixed_hello_is_a_hello(target: Target) -> None:
    capability = f"<nc:capability>{BASE_1_0}</nc:capability>"
    document = (f'<nc:hello xmlns:nc="{BASE}"><nc:capabilities>{capability}</nc:capabilities></nc:hello>').encode()
    async with await target.login() as peer:
        await peer.open()
        await peer.send_bytes(document + EOM)
        peer.version = "1.0"
        assert is_ok(await peer.ask("<close-session/>"))


async def test_rfc6241_4_1_missing_message_id(peer: Peer) -> None:
    reply = await peer.message(f'<rpc xmlns="{BASE}">{GET}</rpc>')
    assert error_tag(reply) == "missing-attribute"
    assert error(reply).findtext(q("error-type")) == "rpc"
    assert error(reply).findtext(q("error-severity")) == "error"
    assert error_info(reply, "bad-attribute") == "message-id"
    assert error_info(reply, "bad-element") == "rpc"


async def test_rfc6241_4_1_attributes_come_back_unmodified(peer: Peer) -> None:
    reply = await peer.ask(GET, 'xmlns:ex="http://example.net/content/1.0" ex:user-id="fred" plain="a&amp;b"')
    assert reply.get("{http://example.net/content/1.0}user-id") == "fred"
    assert reply.get("plain") == "a&b"


@pytest.mark.parametrize("message_id", ["101", "a b", "x" * 1000, "&lt;&quot;&gt;", "\N{SNOWMAN}"])
async def test_rfc6241_4_1_any_string_is_a_message_id(peer: Peer, message_id: str) -> None:
    reply = await peer.message(f'<rpc xmlns="{BASE}" message-id="{message_id}">{GET}</rpc>')
    sent = etree.fromstring(f'<a id="{message_id}"/>').get("id")
    assert reply.get("message-id") == sent


async def test_rfc6241_4_2_the_namespace_prefix_is_the_clients_choice(peer: Peer) -> None:
    reply = await peer.message(
        f'<x:rpc xmlns:x="{BASE}" message-id="1"><x:get-config><x:source><x:running/></x:source></x:get-config></x:rpc>'
    )
    assert reply.find(q("data")) is not None


async def test_rfc6241_4_3_an_error_says_type_tag_and_severity(peer: Peer) -> None:
    found = error(await peer.ask("<no-such-operation/>"))
    assert found.findtext(q("error-type")) in ("rpc", "protocol", "application")
    assert found.findtext(q("error-severity")) == "error"
    message = found.find(q("error-message"))
    assert message is None or message.text


async def test_rfc6241_4_5_pipelined_requests_are_answered_in_order(peer: Peer) -> None:
    for number in range(50):
        await peer.send(f'<rpc xmlns="{BASE}" message-id="{number}">{GET}</rpc>'.encode())
    for number in range(50):
        assert etree.fromstring(await peer.receive()).get("message-id") == str(number)


@pytest.mark.parametrize(
    "document",
    [
        "<rpc",
        f'<rpc xmlns="{BASE}" message-id="1"></rcp>',
        f'<rpc xmlns="{BASE}" message-id="1"><x:get/></rpc>',
    ],
)
async def test_rfc6241_a_malformed_message_is_answered_or_ends_the_session(peer: Peer, document: str) -> None:
    await peer.send(document.encode())
    try:
        reply = etree.fromstring(await peer.receive())
    except (EOFError, OSError):
        return
    assert error_tag(reply) == "malformed-message"
    assert error(reply).findtext(q("error-type")) == "rpc"


async def test_rfc6241_3_a_message_that_is_not_utf_8_is_not_obeyed(peer: Peer) -> None:
    await peer.send(f'<rpc xmlns="{BASE}" message-id="1">{GET}<!-- \xe9 --></rpc>'.encode("latin-1"))
    try:
        reply = etree.fromstring(await peer.receive())
    except (EOFError, OSError):
        return
    assert error_tag(reply) == "malformed-message"


async def test_rfc6241_3_a_document_type_declaration_is_not_obeyed(peer: Peer) -> None:
    document = f'<!DOCTYPE rpc [<!ENTITY x "running">]><rpc xmlns="{BASE}" message-id="1">{GET}</rpc>'
    await peer.send(document.encode())
    try:
        reply = etree.fromstring(await peer.receive())
    except (EOFError, OSError):
        return
    assert error_tag(reply)


async def test_rfc6241_a_unknown_operation(peer: Peer) -> None:
    assert error_tag(await peer.ask("<no-such-operation/>")) in ("operation-not-supported", "unknown-element")


async def test_rfc6241_a_unknown_namespace(peer: Peer) -> None:
    reply = await peer.ask('<get xmlns="urn:example:no-such-namespace"/>')
    assert error_tag(reply) in ("operation-not-supported", "unknown-element", "unknown-namespace")


async def test_rfc6241_a_unknown_parameter(peer: Peer) -> None:
    reply = await peer.ask("<get-config><source><running/></source><no-such-parameter/></get-config>")
    assert error_tag(reply) == "unknown-element"
    assert error_info(reply, "bad-element") == "no-such-parameter"


async def test_rfc6241_7_1_get_config_needs_a_source(peer: Peer) -> None:
    assert error_tag(await peer.ask("<get-config/>")) == "missing-element"


async def test_rfc6241_7_1_get_config_returns_data(peer: Peer) -> None:
    reply = await peer.ask(GET)
    assert [child.tag for child in reply] == [q("data")]


@pytest.mark.parametrize("datastore", ["candidate", "startup"])
async def test_rfc6241_8_a_datastore_not_advertised_is_refused(peer: Peer, datastore: str) -> None:
    if any(f":{datastore}:" in uri for uri in peer.capabilities):
        pytest.skip(f"the server has {datastore}")
    assert error_tag(await peer.ask(f"<get-config><source><{datastore}/></source></get-config>"))


async def test_rfc6241_6_4_2_an_empty_filter_selects_nothing(peer: Peer) -> None:
    reply = await peer.ask("<get><filter/></get>")
    found = reply.find(q("data"))
    assert found is not None
    assert len(found) == 0


async def test_rfc6241_6_a_filter_that_matches_nothing_gives_empty_data(peer: Peer) -> None:
    reply = await peer.ask('<get><filter><nothing xmlns="urn:example:nothing"/></filter></get>')
    found = reply.find(q("data"))
    assert found is not None
    assert len(found) == 0


async def test_rfc6241_8_9_xpath_filter_needs_select(peer: Peer) -> None:
    peer.need(":xpath")
    reply = await peer.ask('<get><filter type="xpath"/></get>')
    assert error_tag(reply) in ("missing-attribute", "bad-attribute", "invalid-value")


async def test_rfc6241_8_9_a_wrong_xpath_is_an_error(peer: Peer) -> None:
    peer.need(":xpath")
    assert error_tag(await peer.ask('<get><filter type="xpath" select="/a[["/></get>'))


async def test_rfc6241_7_5_lock_keeps_others_out(peer: Peer, other: Peer) -> None:
    assert is_ok(await peer.ask(LOCK))
    reply = await other.ask(LOCK)
    assert error_tag(reply) == "lock-denied"
    assert error_info(reply, "session-id") == str(peer.session_id)
    assert is_ok(await peer.ask(UNLOCK))
    assert is_ok(await other.ask(LOCK))
    assert is_ok(await other.ask(UNLOCK))


async def test_rfc6241_7_5_a_session_cannot_lock_twice(peer: Peer) -> None:
    assert is_ok(await peer.ask(LOCK))
    assert error_tag(await peer.ask(LOCK)) == "lock-denied"
    assert is_ok(await peer.ask(UNLOCK))


async def test_rfc6241_7_5_a_lock_ends_with_its_session(peer: Peer, other: Peer) -> None:
    assert is_ok(await other.ask(LOCK))
    assert is_ok(await other.ask("<close-session/>"))
    assert await other.ended()
    assert is_ok(await peer.ask(LOCK))
    assert is_ok(await peer.ask(UNLOCK))


async def test_rfc6241_7_5_a_lock_ends_with_a_lost_connection(peer: Peer, target: Target) -> None:
    holder = await target.connect()
    assert is_ok(await holder.ask(LOCK))
    holder.connection.abort()
    async with asyncio.timeout(10):
        while not is_ok(await peer.ask(LOCK)):  # noqa: ASYNC110 -- the server has no other sign
            await asyncio.sleep(0.05)
    assert is_ok(await peer.ask(UNLOCK))


async def test_rfc6241_7_6_unlock_without_lock_is_an_error(peer: Peer, other: Peer) -> None:
    assert error_tag(await peer.ask(UNLOCK))
    assert is_ok(await other.ask(LOCK))
    assert error_tag(await peer.ask(UNLOCK))
    assert is_ok(await other.ask(UNLOCK))


async def test_rfc6241_7_8_close_session_answers_ok_and_ends(peer: Peer) -> None:
    assert is_ok(await peer.ask("<close-session/>"))
    assert await peer.ended()


async def test_rfc6241_7_8_requests_after_close_session_are_not_served(peer: Peer) -> None:
    await peer.send(f'<rpc xmlns="{BASE}" message-id="1"><close-session/></rpc>'.encode())
    try:
        await peer.send(f'<rpc xmlns="{BASE}" message-id="2">{GET}</rpc>'.encode())
    except OSError:
        pass
    assert is_ok(etree.fromstring(await peer.receive()))
    assert await peer.ended()


async def test_rfc6241_7_9_kill_session_ends_the_other_and_frees_its_lock(peer: Peer, other: Peer) -> None:
    assert is_ok(await other.ask(LOCK))
    assert is_ok(await peer.ask(f"<kill-session><session-id>{other.session_id}</session-id></kill-session>"))
    assert await other.ended()
    assert is_ok(await peer.ask(LOCK))
    assert is_ok(await peer.ask(UNLOCK))


async def test_rfc6241_7_9_kill_session_of_oneself_is_an_invalid_value(peer: Peer) -> None:
    request = f"<kill-session><session-id>{peer.session_id}</session-id></kill-session>"
    assert error_tag(await peer.ask(request)) == "invalid-value"
    assert (await peer.ask(GET)).find(q("data")) is not None


async def test_rfc6241_7_9_kill_session_of_nobody_is_an_invalid_value(peer: Peer) -> None:
    request = "<kill-session><session-id>4294967295</session-id></kill-session>"
    assert error_tag(await peer.ask(request)) == "invalid-value"
