"""The base operations (RFC 6241 section 7), locks and errors."""

from __future__ import annotations

import asyncio
import logging

import pytest
from lxml import etree
from tests.conformance.example_server import Jukebox
from tests.rawclient import RawClient
from tests.unit.netconf.house import House, OpenHouse, until
from tests.unit.netconf.test_netconf_messages import PLAY, info, tag

from openesc.netconf import EditRequest, RpcError, SessionInfo
from openesc.yang import Schema, YangError, YangErrors

ARTIST = '<jukebox xmlns="urn:example:jukebox"><artist>{}</artist></jukebox>'
RUNNING = "<target><running/></target>"


def edit(content: str, parameters: str = RUNNING) -> str:
    """An edit-config."""
    return f"<edit-config>{parameters}<config>{content}</config></edit-config>"


ANN = edit(ARTIST.format("<name>ann</name>"))


@pytest.mark.parametrize(
    ("operation", "expected", "bad"),
    [
        ("<edit-config><config/></edit-config>", "missing-element", "target"),
        ("<edit-config><target/><config/></edit-config>", "missing-element", "running"),
        (f"<edit-config>{RUNNING}</edit-config>", "missing-element", "config"),
        ("<edit-config><source><running/></source><config/></edit-config>", "missing-element", "target"),
        (edit("", "<target><candidate/></target>"), "operation-not-supported", "candidate"),
        (edit("", "<target><startup/></target>"), "operation-not-supported", "startup"),
        (edit("", "<target><tomorrow/></target>"), "unknown-element", "tomorrow"),
        (edit("", "<target><running/><running/></target>"), "bad-element", "target"),
        (edit("", RUNNING + RUNNING), "bad-element", "target"),
        (edit("", RUNNING + "<default-operation>delete</default-operation>"), "invalid-value", "default-operation"),
        (edit("", RUNNING + "<test-option>maybe</test-option>"), "invalid-value", "test-option"),
        (edit("", RUNNING + "<test-option>test-only</test-option>"), "operation-not-supported", "test-option"),
        (edit("", RUNNING + "<error-option>hope</error-option>"), "invalid-value", "error-option"),
        (edit("", RUNNING + "<url>file:///x</url>"), "operation-not-supported", "url"),
        (edit("text"), "bad-element", "config"),
        ("<edit-config>" + RUNNING + "<source/><config/></edit-config>", "unknown-element", "source"),
        ("<get-config/>", "missing-element", "source"),
        ('<get-config><source><running xmlns=""/></source></get-config>', "unknown-namespace", "running"),
        ("<get-config><source><candidate/></source></get-config>", "operation-not-supported", "candidate"),
        ('<get><filter type="xpath"/></get>', "missing-attribute", "filter"),
        ('<get><filter type="regex"/></get>', "bad-attribute", "filter"),
        ("<lock/>", "missing-element", "target"),
        ("<kill-session/>", "missing-element", "session-id"),
    ],
)  # fmt: skip
async def test_wrong_parameters_are_named(client: RawClient, operation: str, expected: str, bad: str) -> None:
    reply = await client.rpc(operation)
    assert (tag(reply), info(reply, "bad-element")) == (expected, bad)


async def test_source_in_place_of_target_is_told_apart(client: RawClient) -> None:
    reply = await client.rpc("<edit-config><source><running/></source><config/></edit-config>")
    assert b"missing target" in reply
    assert b"found source" in reply


async def test_edit_parameters_reach_the_backend_and_errors_the_client(client: RawClient) -> None:
    rating = ARTIST.format("<name>ann</name><rating>9</rating>")
    reply = await client.rpc(edit(rating, RUNNING + "<default-operation>none</default-operation>"))
    assert tag(reply) == "data-missing"
    reply = await client.rpc(edit(rating, RUNNING + "<error-option>rollback-on-error</error-option>"))
    assert tag(reply) == "invalid-value"
    path = etree.fromstring(reply).find(".//{*}error-path")
    assert path is not None
    assert path.text == "/jb:jukebox/jb:artist[jb:name='ann']/jb:rating"
    assert path.nsmap["jb"] == "urn:example:jukebox"
    message = etree.fromstring(reply).find(".//{*}error-message")
    assert message is not None
    assert message.get("{http://www.w3.org/XML/1998/namespace}lang") == "en"


class Faulty(Jukebox):
    """Fails in the ways a test asks for."""

    failure: Exception = ValueError("secret detail")

    async def edit_config(self, session: SessionInfo, edit: EditRequest) -> None:
        raise self.failure


async def test_an_unforeseen_exception_is_logged_and_hidden(
    open_house: OpenHouse, schema: Schema, caplog: pytest.LogCaptureFixture
) -> None:
    house = await open_house(Faulty(schema))
    async with await house.client() as client:
        with caplog.at_level(logging.ERROR, "openesc.netconf"):
            reply = await client.rpc(ANN)
        assert tag(reply) == "operation-failed"
        assert b"secret" not in reply
        reference = reply.split(b"reference ")[1][:8].decode()
        assert reference in caplog.text
        assert "secret detail" in caplog.text
        assert b"<ok/>" in await client.rpc(PLAY % "the session lives")


async def test_all_faults_of_a_document_are_reported(open_house: OpenHouse, schema: Schema) -> None:
    backend = Faulty(schema)
    backend.failure = YangErrors(
        [
            YangError(
                "operation-failed",
                'two are "a"',
                error_app_tag="data-not-unique",
                error_path="/x:a",
                error_info={"non-unique": "/x:a\n/x:b"},
                namespaces={"x": "urn:x"},
            ),
            YangError("bad-attribute", "\x00 <b>", error_info={"bad-attribute": "operation"}),
        ]
    )
    house = await open_house(backend)
    async with await house.client() as client:
        root = etree.fromstring(await client.rpc(ANN))
    assert root.xpath("//*[local-name()='error-tag']/text()") == ["operation-failed", "bad-attribute"]
    yang = "{urn:ietf:params:xml:ns:yang:1}"
    assert [e.text for e in root.iter(f"{yang}non-unique")] == ["/x:a", "/x:b"]
    assert root.findtext(".//{*}error-app-tag") == "data-not-unique"
    path = root.find(".//{*}error-path")
    assert path is not None
    assert path.nsmap["x"] == "urn:x"
    assert [e.text for e in root.iter("{*}error-message")] == ['two are "a"', "\N{REPLACEMENT CHARACTER} <b>"]


async def test_a_lock_keeps_others_from_editing_until_it_is_gone(house: House) -> None:
    lock, unlock = f"<lock>{RUNNING}</lock>", f"<unlock>{RUNNING}</unlock>"
    async with await house.client() as mine, await house.client() as other:
        assert tag(await mine.rpc(unlock)) == "operation-failed"
        assert b"<ok/>" in await mine.rpc(lock)
        holder = house.server.locks.holder("running")
        for request, expected in ((lock, "lock-denied"), (unlock, "lock-denied"), (ANN, "in-use")):
            reply = await other.rpc(request)
            assert tag(reply) == expected
            assert info(reply, "session-id") == str(holder)
        assert tag(await mine.rpc(lock)) == "lock-denied"
        assert b"<ok/>" in await mine.rpc(ANN)
        assert b"<ok/>" in await mine.rpc(unlock)
        assert b"<ok/>" in await other.rpc(ANN)
        assert b"<ok/>" in await other.rpc(lock)
        await other.close()
        await until(lambda: house.server.locks.holder("running") is None)


class Slow(Jukebox):
    """Edits take until the test says so."""

    def __init__(self, schema: Schema) -> None:
        super().__init__(schema)
        self.began = asyncio.Event()
        self.may_end = asyncio.Event()

    async def edit_config(self, session: SessionInfo, edit: EditRequest) -> None:
        self.began.set()
        await self.may_end.wait()
        await super().edit_config(session, edit)


async def test_a_lock_is_granted_when_running_edits_of_others_have_ended(open_house: OpenHouse, schema: Schema) -> None:
    backend = Slow(schema)
    house = await open_house(backend)
    async with await house.client() as editor, await house.client() as locker:
        editing = asyncio.create_task(editor.rpc(ANN))
        await backend.began.wait()
        locking = asyncio.create_task(locker.rpc(f"<lock>{RUNNING}</lock>"))
        await until(lambda: house.server.locks.holder("running") is not None)
        assert not locking.done()
        backend.may_end.set()
        assert b"<ok/>" in await editing
        assert b"<ok/>" in await locking


async def test_a_lock_that_waits_ends_with_its_session(open_house: OpenHouse, schema: Schema) -> None:
    backend = Slow(schema)
    house = await open_house(backend)
    async with await house.client() as editor, await house.client() as locker, await house.client() as other:
        editing = asyncio.create_task(editor.rpc(ANN))
        await backend.began.wait()
        locking = asyncio.create_task(locker.rpc(f"<lock>{RUNNING}</lock>"))
        await until(lambda: house.server.locks.holder("running") is not None)
        holder = house.server.locks.holder("running")
        kill = f"<kill-session><session-id>{holder}</session-id></kill-session>"
        assert b"<ok/>" in await other.rpc(kill)
        assert house.server.locks.holder("running") is None
        with pytest.raises(EOFError):
            await locking
        backend.may_end.set()
        assert b"<ok/>" in await editing


async def test_an_edit_through_another_door_respects_the_lock(house: House) -> None:
    locks = house.server.locks
    async with locks.editing("running", 0):
        pass
    await locks.acquire("running", 7)
    with pytest.raises(RpcError, match="locked by session 7"):
        async with locks.editing("running", 0):
            pytest.fail("the edit must not begin")
    locks.release_all(7)
    assert locks.holder("running") is None


async def test_kill_session_ends_the_other_one_whatever_it_does(open_house: OpenHouse, schema: Schema) -> None:
    backend = Slow(schema)
    house = await open_house(backend)
    async with await house.client() as killer, await house.client() as victim:
        assert b"<ok/>" in await victim.rpc(f"<lock>{RUNNING}</lock>")
        editing = asyncio.create_task(victim.rpc(ANN))
        await backend.began.wait()
        victim_id = house.server.locks.holder("running")
        assert b"<ok/>" in await killer.rpc(f"<kill-session><session-id>{victim_id}</session-id></kill-session>")
        assert house.server.locks.holder("running") is None
        assert victim_id not in house.server.sessions
        with pytest.raises(EOFError):
            await editing
        assert not backend.artists
        assert b"<ok/>" in await killer.rpc(PLAY % "the killer lives")


@pytest.mark.parametrize("victim", ["0", "-1", "x", "4294967296", "999", ""])
async def test_kill_session_of_nobody_is_an_invalid_value(client: RawClient, victim: str) -> None:
    reply = await client.rpc(f"<kill-session><session-id>{victim}</session-id></kill-session>")
    assert tag(reply) == "invalid-value"


async def test_kill_session_of_oneself_is_an_invalid_value(house: House, client: RawClient) -> None:
    (own,) = house.server.sessions
    reply = await client.rpc(f"<kill-session><session-id>{own}</session-id></kill-session>")
    assert tag(reply) == "invalid-value"
    assert b"<ok/>" in await client.rpc(PLAY % "alive")


async def test_a_guest_may_look_but_not_touch(house: House) -> None:
    async with await house.client(user="gus") as guest:
        assert b"<data>" in await guest.rpc("<get/>")
        for operation in (ANN, f"<lock>{RUNNING}</lock>"):
            assert tag(await guest.rpc(operation)) == "access-denied"
        assert b"<ok/>" in await guest.rpc("<close-session/>")


async def test_a_client_that_goes_away_does_not_undo_its_edit(open_house: OpenHouse, schema: Schema) -> None:
    backend = Slow(schema)
    house = await open_house(backend)
    client = await house.client()
    editing = asyncio.create_task(client.rpc(ANN))
    await backend.began.wait()
    client.connection.abort()
    await until(lambda: not house.server.connections)
    backend.may_end.set()
    await until(lambda: not house.server.sessions)
    assert "ann" in backend.artists
    with pytest.raises(EOFError):
        await editing


async def test_stop_lets_the_running_rpc_end(open_house: OpenHouse, schema: Schema) -> None:
    backend = Slow(schema)
    house = await open_house(backend)
    busy, idle = await house.client(), await house.client()
    editing = asyncio.create_task(busy.rpc(ANN))
    await backend.began.wait()
    stopping = asyncio.create_task(house.server.stop(grace=5))
    assert await idle.ended()
    with pytest.raises(OSError, match=r"Connect call failed|refused"):
        await house.login()
    backend.may_end.set()
    assert b"<ok/>" in await editing
    await stopping
    await busy.close()
    await idle.close()


async def test_stop_delivers_a_large_reply_that_is_on_its_way(open_house: OpenHouse, schema: Schema) -> None:
    house = await open_house()
    client = await house.client()
    for number in range(10):
        assert b"<ok/>" in await client.rpc(PLAY % (str(number) + "x" * 500_000))
    asking = asyncio.create_task(client.rpc('<history xmlns="urn:example:jukebox"/>'))
    (session,) = house.server.sessions.values()
    await until(lambda: session.info.in_rpcs == 11)
    await house.server.stop(grace=5)
    assert len(await asking) > 5_000_000
    await client.close()


async def test_stop_does_not_wait_for_ever(open_house: OpenHouse, schema: Schema) -> None:
    backend = Slow(schema)
    house = await open_house(backend)
    client = await house.client()
    editing = asyncio.create_task(client.rpc(ANN))
    await backend.began.wait()
    async with asyncio.timeout(3):
        await house.server.stop(grace=0.1)
    with pytest.raises(EOFError):
        await editing
    await client.close()
