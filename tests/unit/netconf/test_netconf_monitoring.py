"""What the server shows of itself: RFC 6022, RFC 8525, RFC 7895, RFC 5277 section 3.2.5.1."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree
from lxml.etree import _Element
from tests.rawclient import RawClient
from tests.unit.netconf.house import House
from tests.unit.netconf.test_netconf_messages import BASE, PLAY, tag

from openesc.netconf import YANG_DIR
from openesc.yang import Schema, validate

MONITORING = "urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring"
LIBRARY = "urn:ietf:params:xml:ns:yang:ietf-yang-library"
NETMOD = "urn:ietf:params:xml:ns:netmod:notification"


async def data(client: RawClient, wanted: str = "") -> _Element:
    """The `<data>` of a get."""
    return etree.fromstring(await client.rpc(f"<get>{wanted}</get>"))[0]


def subtree(name: str, namespace: str, inner: str = "") -> str:
    """A subtree filter."""
    return f'<filter><{name} xmlns="{namespace}">{inner}</{name}></filter>'


async def test_the_whole_state_is_valid_against_its_modules(house: House, schema: Schema) -> None:
    async with await house.client() as client, await house.client("1.0"):
        await client.rpc("<lock><target><running/></target></lock>")
        await client.rpc(PLAY % "la")
        roots = list(await data(client))
    assert {etree.QName(root).localname for root in roots} == {
        "jukebox", "netconf-state", "netconf", "yang-library", "modules-state",
    }  # fmt: skip
    assert validate(schema, roots, content="all") == []


async def test_sessions_and_counters_count(house: House) -> None:
    async with await house.client() as client, await house.client(user="bob") as other:
        await other.rpc("<dance/>")
        await other.send(b"<nonsense")
        await other.receive()
        await other.rpc('<create-subscription xmlns="urn:ietf:params:xml:ns:netconf:notification:1.0"/>')
        await client.rpc(PLAY % "la")
        await other.receive()
        root = await data(client, subtree("netconf-state", MONITORING))
        entries = {e.findtext("{*}username"): e for e in root.iter(f"{{{MONITORING}}}session")}
        assert set(entries) == {"ann", "bob"}
        expected = {
            "in-rpcs": "2", "in-bad-rpcs": "1", "out-rpc-errors": "2", "out-notifications": "1",
            "source-host": "127.0.0.1", "transport": "netconf-ssh",
        }  # fmt: skip
        assert {name: entries["bob"].findtext(f"{{*}}{name}") for name in expected} == expected
        await other.rpc("<close-session/>")
        assert await other.ended()
        statistics = (await data(client, subtree("netconf-state", MONITORING, "<statistics/>")))[0][0]
        assert statistics.findtext("{*}in-sessions") == "2"
        assert statistics.findtext("{*}dropped-sessions") == "0"
        assert statistics.findtext("{*}out-rpc-errors") == "2"
        assert statistics.findtext("{*}out-notifications") == "1"


async def test_a_dropped_session_is_counted(house: House) -> None:
    async with await house.client(user="bob") as other:
        await other.send_bytes(b"garbage")
        assert await other.ended()
    async with await house.client() as client:
        statistics = (await data(client, subtree("netconf-state", MONITORING, "<statistics/>")))[0][0]
        assert statistics.findtext("{*}dropped-sessions") == "1"


async def test_a_user_bound_to_tenants_sees_only_their_own_sessions(house: House) -> None:
    async with await house.client(), await house.client(user="gus") as guest:
        root = await data(guest, subtree("netconf-state", MONITORING, "<sessions/>"))
        assert [e.text for e in root.iter(f"{{{MONITORING}}}username")] == ["gus"]


async def test_a_lock_is_shown(house: House) -> None:
    async with await house.client() as client:
        await client.rpc("<lock><target><running/></target></lock>")
        root = await data(client, subtree("netconf-state", MONITORING, "<datastores/>"))
        (own,) = house.server.sessions
        assert root.findtext(".//{*}locked-by-session") == str(own)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (subtree("streams", NETMOD), []),
        (subtree("netconf", NETMOD, "<streams/>"), ["netconf"]),
        ('<filter><netconf xmlns=""/></filter>', ["netconf"]),
        (subtree("netconf-state", MONITORING, "<capabilities/>"), ["netconf-state"]),
        (subtree("netconf-state", "urn:other"), []),
        ('<filter type="xpath" select="/netconf-state/sessions"/>', ["netconf-state"]),
        ('<filter type="xpath" select="yang-library/content-id"/>', ["yang-library"]),
        (f'<filter type="xpath" xmlns:m="{MONITORING}" select="/m:netconf-state/m:schemas"/>', ["netconf-state"]),
        ('<filter type="xpath" select="//stream[name=\'NETCONF\']"/>', ["netconf"]),
        ('<filter type="xpath" select="/netconf | /modules-state"/>', ["netconf", "modules-state"]),
        ('<filter type="xpath" select="/jukebox"/>', []),
        (f'<filter xmlns:nc="{BASE}" nc:type="xpath" nc:select="/netconf"/>', ["netconf"]),
    ],
)  # fmt: skip
async def test_filters_apply_to_the_servers_state(client: RawClient, wanted: str, found: list[str]) -> None:
    assert [etree.QName(root).localname for root in await data(client, wanted)] == found


async def test_hello_and_library_agree(client: RawClient) -> None:
    hello = etree.fromstring(client.server_hello)
    uris = [e.text or "" for e in hello.iter("{*}capability")]
    library = await data(client, subtree("yang-library", LIBRARY))
    content_id = library.findtext(".//{*}content-id")
    assert any(
        uri.startswith("urn:ietf:params:netconf:capability:yang-library:1.1?revision=2019-01-04")
        and uri.endswith(f"content-id={content_id}")
        for uri in uris
    )
    assert "urn:example:jukebox?module=example-jukebox&revision=2026-01-01&features=loud" in uris
    names = {e.findtext("{*}name") for e in library.iter("{*}module", "{*}import-only-module")}
    assert names == {uri.partition("module=")[2].partition("&")[0] for uri in uris if "module=" in uri}
    state = await data(client, subtree("netconf-state", MONITORING, "<capabilities/>"))
    assert [e.text for e in state.iter("{*}capability")] == uris


async def test_get_schema_gives_the_file_as_it_is(client: RawClient) -> None:
    request = f'<get-schema xmlns="{MONITORING}"><identifier>notifications</identifier>{{}}</get-schema>'
    for more in (
        "",
        "<version>2008-07-14</version>",
        "<format>yang</format>",
        '<format xmlns:m="x">m:yang</format>',
    ):
        root = etree.fromstring(await client.rpc(request.format(more)))
        assert root.findtext(f"{{{MONITORING}}}data") == (YANG_DIR / "notifications.yang").read_text()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "missing-element"),
        ("<identifier>nothing</identifier>", "invalid-value"),
        ("<identifier>notifications</identifier><version>1999-01-01</version>", "invalid-value"),
        ("<identifier>notifications</identifier><format>yin</format>", "invalid-value"),
        ("<name>notifications</name>", "unknown-element"),
    ],
)
async def test_get_schema_refuses_what_it_has_not(client: RawClient, content: str, expected: str) -> None:
    assert tag(await client.rpc(f'<get-schema xmlns="{MONITORING}">{content}</get-schema>')) == expected


async def test_every_schema_listed_can_be_had(client: RawClient, tmp_path: Path) -> None:
    root = await data(client, subtree("netconf-state", MONITORING, "<schemas/>"))
    listed = [(e.findtext("{*}identifier"), e.findtext("{*}version")) for e in root.iter("{*}schema")]
    assert ("example-jukebox", "2026-01-01") in listed
    for identifier, version in listed:
        parameters = f"<identifier>{identifier}</identifier><version>{version}</version><format>yang</format>"
        reply = await client.rpc(f'<get-schema xmlns="{MONITORING}">{parameters}</get-schema>')
        text = etree.fromstring(reply).findtext(f"{{{MONITORING}}}data")
        assert text is not None
        assert f"module {identifier}" in text
