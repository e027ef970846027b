"""Monitoring (RFC 6022) and the YANG library (RFC 8525)."""

from __future__ import annotations

import pytest
from lxml.etree import _Element
from tests.conformance.peer import Peer, error_tag, is_ok, q

MONITORING = "urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring"
LIBRARY = "urn:ietf:params:xml:ns:yang:ietf-yang-library"


async def state(peer: Peer, part: str) -> _Element:
    """A part of netconf-state."""
    peer.need(MONITORING)
    reply = await peer.ask(f'<get><filter><netconf-state xmlns="{MONITORING}"><{part}/></netconf-state></filter></get>')
    found = reply.find(f".//{q(part, MONITORING)}")
    assert found is not None
    return found


async def session_of(peer: Peer, session_id: int) -> dict[str, str]:
    """The leaves of one session."""
    for session in (await state(peer, "sessions")).iter(q("session", MONITORING)):
        leaves = {str(leaf.tag).rpartition("}")[2]: leaf.text or "" for leaf in session}
        if leaves["session-id"] == str(session_id):
            return leaves
    raise AssertionError(f"session {session_id} is not listed")


async def test_rfc6022_2_1_1_capabilities_are_those_of_hello(peer: Peer) -> None:
    listed = [(e.text or "").strip() for e in (await state(peer, "capabilities")).iter(q("capability", MONITORING))]
    assert set(listed) == set(peer.capabilities)


async def test_rfc6022_2_1_2_a_lock_is_shown(peer: Peer, other: Peer) -> None:
    assert is_ok(await other.ask("<lock><target><running/></target></lock>"))
    datastores = await state(peer, "datastores")
    holders = [e.text for e in datastores.iter(q("locked-by-session", MONITORING))]
    assert holders == [str(other.session_id)]
    assert is_ok(await other.ask("<unlock><target><running/></target></unlock>"))


async def test_rfc6022_2_1_4_sessions_are_listed_and_counted(peer: Peer, other: Peer) -> None:
    before = await session_of(peer, other.session_id)
    assert before["username"]
    assert before["login-time"]
    await other.ask("<get-config><source><running/></source></get-config>")
    await other.ask("<no-such-operation/>")
    after = await session_of(peer, other.session_id)
    assert int(after["in-rpcs"]) > int(before["in-rpcs"])
    assert int(after["out-rpc-errors"]) == int(before["out-rpc-errors"]) + 1


async def test_rfc6022_2_1_4_a_closed_session_is_not_listed(peer: Peer, other: Peer) -> None:
    assert is_ok(await other.ask("<close-session/>"))
    assert await other.ended()
    ids = [e.text for e in (await state(peer, "sessions")).iter(q("session-id", MONITORING))]
    assert str(other.session_id) not in ids


async def test_rfc6022_2_1_5_statistics_count(peer: Peer) -> None:
    def rpcs(statistics: _Element) -> int:
        return int(statistics.findtext(q("in-rpcs", MONITORING), "0"))

    assert rpcs(await state(peer, "statistics")) < rpcs(await state(peer, "statistics"))


async def test_rfc6022_3_1_every_listed_schema_can_be_fetched(peer: Peer) -> None:
    for schema in (await state(peer, "schemas")).iter(q("schema", MONITORING)):
        leaves = {str(leaf.tag).rpartition("}")[2]: leaf.text or "" for leaf in schema}
        if leaves["format"].rpartition(":")[2] != "yang" or "NETCONF" not in leaves.get("location", ""):
            continue
        version = f"<version>{leaves['version']}</version>" if leaves["version"] else ""
        reply = await peer.ask(
            f'<get-schema xmlns="{MONITORING}"><identifier>{leaves["identifier"]}</identifier>{version}</get-schema>'
        )
        assert f"module {leaves['identifier']}" in reply.findtext(q("data", MONITORING), "")


@pytest.mark.parametrize("version", ["", "<version>1900-01-01</version>"])
async def test_rfc6022_3_1_an_unknown_schema_is_an_invalid_value(peer: Peer, version: str) -> None:
    peer.need(MONITORING)
    identifier = "<identifier>no-such-module</identifier>"
    reply = await peer.ask(f'<get-schema xmlns="{MONITORING}">{identifier}{version}</get-schema>')
    assert error_tag(reply) == "invalid-value"


async def test_rfc8525_2_hello_and_library_have_the_same_content_id(peer: Peer) -> None:
    peer.need(":yang-library:1.1")
    reply = await peer.ask(f'<get><filter><yang-library xmlns="{LIBRARY}"><content-id/></yang-library></filter></get>')
    content_id = reply.findtext(f".//{q('content-id', LIBRARY)}")
    (uri,) = [uri for uri in peer.capabilities if ":yang-library:1.1?" in uri]
    assert f"content-id={content_id}" in uri


async def test_rfc8525_3_the_library_lists_the_modules_of_hello(peer: Peer) -> None:
    peer.need(":yang-library:1.1")
    reply = await peer.ask(f'<get><filter><yang-library xmlns="{LIBRARY}"/></filter></get>')
    listed = {
        module.findtext(q("name", LIBRARY))
        for name in ("module", "import-only-module")
        for module in reply.iter(q(name, LIBRARY))
    }
    said = {uri.partition("module=")[2].partition("&")[0] for uri in peer.capabilities if "?module=" in uri}
    assert said <= listed
