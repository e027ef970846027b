"""Event notifications (RFC 5277)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from lxml import etree
from tests.conformance.example_server import Jukebox
from tests.rawclient import RawClient
from tests.unit.netconf.house import House, OpenHouse, until
from tests.unit.netconf.test_netconf_messages import PLAY, info, tag

from openesc.netconf import SessionInfo, Stream
from openesc.netconf.framing import Framing
from openesc.netconf.subscription import notification
from openesc.netconf.times import format_time, parse_time
from openesc.yang import Schema

NS = "urn:ietf:params:xml:ns:netconf:notification:1.0"


def subscribe(content: str = "") -> str:
    """A create-subscription."""
    return f'<create-subscription xmlns="{NS}">{content}</create-subscription>'


def ago(seconds: float) -> str:
    """A time in the past, or in the future."""
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()


def song(message: bytes) -> str | None:
    """The song of a song-started event."""
    root = etree.fromstring(message)
    assert root.tag == f"{{{NS}}}notification"
    assert parse_time(root[0].text or "") <= datetime.now(UTC)
    return root.findtext("{urn:example:jukebox}song-started/{urn:example:jukebox}song")


def kind(message: bytes) -> str:
    """The name of the event."""
    return etree.QName(etree.fromstring(message)[1]).localname


@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_events_reach_every_subscriber_in_order(house: House, version: str) -> None:
    async with await house.client(version) as one, await house.client(version) as two:
        for subscriber in (one, two):
            assert b"<ok/>" in await subscriber.rpc(subscribe())
        async with await house.client() as player:
            for number in range(20):
                await player.rpc(PLAY % number)
        for subscriber in (one, two):
            assert [song(await subscriber.receive()) for _ in range(20)] == [str(n) for n in range(20)]


async def test_ok_comes_before_the_first_event_of_a_replay(house: House, client: RawClient) -> None:
    for number in range(100):
        await client.rpc(PLAY % number)
    assert b"<ok/>" in await client.rpc(subscribe(f"<startTime>{ago(60)}</startTime>"))
    assert [song(await client.receive()) for _ in range(100)] == [str(n) for n in range(100)]
    assert kind(await client.receive()) == "replayComplete"
    async with await house.client() as player:
        await player.rpc(PLAY % "live")
    assert song(await client.receive()) == "live"


async def test_a_stop_time_in_the_past_ends_after_the_replay(client: RawClient) -> None:
    await client.rpc(PLAY % "first")
    stop = datetime.now(UTC)
    await client.rpc(PLAY % "second")
    times = f"<startTime>{ago(60)}</startTime><stopTime>{stop.isoformat()}</stopTime>"
    assert b"<ok/>" in await client.rpc(subscribe(times))
    assert song(await client.receive()) == "first"
    assert kind(await client.receive()) == "replayComplete"
    assert kind(await client.receive()) == "notificationComplete"
    assert b"<ok/>" in await client.rpc(subscribe())


async def test_a_stop_time_in_the_future_is_waited_for(client: RawClient) -> None:
    times = f"<startTime>{ago(60)}</startTime><stopTime>{ago(-0.3)}</stopTime>"
    assert b"<ok/>" in await client.rpc(subscribe(times))
    assert kind(await client.receive()) == "replayComplete"
    assert b"<ok/>" in await client.rpc(PLAY % "meanwhile")
    assert song(await client.receive()) == "meanwhile"
    assert kind(await client.receive()) == "notificationComplete"


@pytest.mark.parametrize(
    ("content", "expected", "bad"),
    [
        ("<stream>NOISE</stream>", "invalid-value", "stream"),
        ("<stopTime>{earlier}</stopTime>", "missing-element", "startTime"),
        ("<startTime>{earlier}</startTime><stopTime>{earliest}</stopTime>", "bad-element", "stopTime"),
        ("<startTime>{later}</startTime>", "bad-element", "startTime"),
        ("<startTime>yesterday</startTime>", "bad-element", "startTime"),
        ("<startTime>2026-01-01T00:00:00</startTime>", "bad-element", "startTime"),
        ("<volume>11</volume>", "unknown-element", "volume"),
        ('<stream xmlns="">NETCONF</stream>', "unknown-namespace", "stream"),
    ],
)
async def test_wrong_subscriptions_are_refused(client: RawClient, content: str, expected: str, bad: str) -> None:
    times = {"earliest": ago(2), "earlier": ago(1), "later": ago(-60)}
    reply = await client.rpc(subscribe(content.format(**times)))
    assert (tag(reply), info(reply, "bad-element")) == (expected, bad)
    assert b"<ok/>" in await client.rpc(subscribe())


async def test_one_subscription_at_a_time(client: RawClient) -> None:
    await client.rpc(subscribe())
    assert tag(await client.rpc(subscribe())) == "in-use"


async def test_a_subscribed_session_still_serves_rpcs(client: RawClient) -> None:
    await client.rpc(subscribe())
    replies = [await client.rpc(PLAY % "la"), await client.receive()]
    assert sum(b"<ok/>" in reply for reply in replies) == 1
    assert sum(b"song-started" in reply for reply in replies) == 1
    assert b"<ok/>" in await client.rpc("<close-session/>")
    assert await client.ended()


@pytest.mark.parametrize(
    "wanted",
    [
        '<filter xmlns:jb="urn:example:jukebox" type="xpath" select="/jb:song-started[jb:song=\'b\']"/>',
        '<filter type="subtree"><song-started xmlns="urn:example:jukebox"><song>b</song></song-started></filter>',
    ],
)
async def test_a_filter_chooses_events(client: RawClient, wanted: str) -> None:
    assert b"<ok/>" in await client.rpc(subscribe(wanted))
    for name in ("a", "b", "c"):
        await client.send(
            f'<rpc xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" message-id="1">{PLAY % name}</rpc>'.encode()
        )
    received = [await client.receive() for _ in range(4)]
    events = [message for message in received if b"notification" in message]
    assert [song(event) for event in events] == ["b"]


async def test_a_wrong_filter_is_refused_at_once(client: RawClient) -> None:
    reply = await client.rpc(subscribe('<filter type="xpath" select="/a["/>'))
    assert b"rpc-error" in reply
    assert b"<ok/>" in await client.rpc(subscribe())


async def test_subscriptions_end_with_their_sessions(house: House) -> None:
    client = await house.client()
    await client.rpc(subscribe())
    client.connection.abort()
    await until(lambda: not house.server.sessions)
    names = {task.get_name() for task in asyncio.all_tasks()}
    assert not any("subscription" in name for name in names)


class Broken(Jukebox):
    """Has streams that end, or fail, or cannot replay."""

    failure: Exception | None = None

    def streams(self) -> list[Stream]:
        return [Stream("NETCONF", "Ends at once"), Stream("LIVE", "Has no replay")]

    async def _events(self) -> AsyncIterator[tuple[str, bytes]]:
        yield "2026-01-01T00:00:00Z", b"<last/>"
        if self.failure is not None:
            raise self.failure

    def subscribe(
        self, session: SessionInfo, stream: str, start: datetime | None, stop: datetime | None
    ) -> AsyncIterator[tuple[str, bytes]]:
        return self._events()


@pytest.mark.parametrize("failure", [None, ValueError("the log is gone")])
async def test_a_stream_that_ends_or_fails_ends_the_session(
    open_house: OpenHouse, schema: Schema, failure: Exception | None, caplog: pytest.LogCaptureFixture
) -> None:
    backend = Broken(schema)
    backend.failure = failure
    house = await open_house(backend)
    async with await house.client() as client:
        assert b"<ok/>" in await client.rpc(subscribe())
        assert kind(await client.receive()) == "last"
        assert await client.ended()
    assert failure is None or "the log is gone" in caplog.text


async def test_replay_of_a_stream_without_it_is_refused(open_house: OpenHouse, schema: Schema) -> None:
    house = await open_house(Broken(schema))
    async with await house.client() as client:
        request = subscribe(f"<stream>LIVE</stream><startTime>{ago(1)}</startTime>")
        assert tag(await client.rpc(request)) == "operation-failed"


def test_equal_events_are_wrapped_once() -> None:
    event = b"<e/>"
    assert notification("t", event, Framing.CHUNKED) is notification("t", event, Framing.CHUNKED)
    assert notification("t", event, Framing.EOM) != notification("t", event, Framing.CHUNKED)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00.000+00:00"),
        ("2026-01-31T12:00:00.5+02:00", "2026-01-31T10:00:00.500+00:00"),
        ("2026-01-31t12:00:00.123456789z", "2026-01-31T12:00:00.123+00:00"),
    ],
)
def test_times_of_rfc_3339_are_read(text: str, seconds: str) -> None:
    assert format_time(parse_time(text)) == seconds


@pytest.mark.parametrize("text", ["", "2026-01-31", "2026-01-31 12:00:00Z", "2026-13-31T12:00:00Z", "now"])
def test_other_times_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"date|month"):
        parse_time(text)
