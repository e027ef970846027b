"""Event notifications (RFC 5277)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from lxml import etree
from tests.conformance.peer import NOTIFICATION, Peer, error_info, error_tag, is_ok, q

NETMOD = "urn:ietf:params:xml:ns:netmod:notification"


def subscribe(content: str = "") -> str:
    """A create-subscription."""
    return f'<create-subscription xmlns="{NOTIFICATION}">{content}</create-subscription>'


def moment(seconds: float) -> str:
    """A time so many seconds from now."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


@pytest.fixture(autouse=True)
def _capable(peer: Peer) -> None:
    peer.need(":notification")


async def replay_stream(peer: Peer) -> str:
    """The name of a stream with replay."""
    reply = await peer.ask(f'<get><filter><netconf xmlns="{NETMOD}"><streams/></netconf></filter></get>')
    for stream in reply.iter(q("stream", NETMOD)):
        if stream.findtext(q("replaySupport", NETMOD)) == "true":
            return stream.findtext(q("name", NETMOD), "")
    pytest.skip("no stream has replay")


async def events_until(peer: Peer, last: str) -> list[str]:
    """The names of the events up to the one named `last`."""
    names: list[str] = []
    while last not in names:
        message = etree.fromstring(await peer.receive())
        assert message.tag == q("notification", NOTIFICATION)
        assert message[0].tag == q("eventTime", NOTIFICATION)
        names.append(etree.QName(message[1]).localname)
    return names


async def test_rfc5277_3_2_3_the_stream_netconf_exists(peer: Peer) -> None:
    assert is_ok(await peer.ask(subscribe("<stream>NETCONF</stream>")))


async def test_rfc5277_2_1_1_the_stream_is_netconf_by_default(peer: Peer) -> None:
    assert is_ok(await peer.ask(subscribe()))


async def test_rfc5277_3_2_5_1_streams_are_listed(peer: Peer) -> None:
    reply = await peer.ask(f'<get><filter><netconf xmlns="{NETMOD}"/></filter></get>')
    names = [e.text for e in reply.iter(q("name", NETMOD))]
    assert "NETCONF" in names
    assert all(e.text in ("true", "false") for e in reply.iter(q("replaySupport", NETMOD)))


async def test_rfc5277_2_1_1_an_unknown_stream_is_refused(peer: Peer) -> None:
    assert error_tag(await peer.ask(subscribe("<stream>no-such-stream</stream>")))


async def test_rfc5277_2_1_1_stop_time_needs_start_time(peer: Peer) -> None:
    reply = await peer.ask(subscribe(f"<stopTime>{moment(60)}</stopTime>"))
    assert error_tag(reply) == "missing-element"
    assert error_info(reply, "bad-element") == "startTime"


async def test_rfc5277_2_1_1_stop_time_before_start_time(peer: Peer) -> None:
    stream = await replay_stream(peer)
    times = f"<startTime>{moment(-60)}</startTime><stopTime>{moment(-120)}</stopTime>"
    reply = await peer.ask(subscribe(f"<stream>{stream}</stream>{times}"))
    assert error_tag(reply) == "bad-element"
    assert error_info(reply, "bad-element") == "stopTime"


async def test_rfc5277_2_1_1_start_time_in_the_future(peer: Peer) -> None:
    stream = await replay_stream(peer)
    times = f"<startTime>{moment(600)}</startTime>"
    reply = await peer.ask(subscribe(f"<stream>{stream}</stream>{times}"))
    assert error_tag(reply) == "bad-element"
    assert error_info(reply, "bad-element") == "startTime"


async def test_rfc5277_2_1_1_a_time_that_is_none(peer: Peer) -> None:
    assert error_tag(await peer.ask(subscribe("<startTime>yesterday</startTime>")))


async def test_rfc5277_3_3_2_replay_ends_with_replay_complete(peer: Peer) -> None:
    stream = await replay_stream(peer)
    start = f"<stream>{stream}</stream><startTime>{moment(-3600)}</startTime>"
    assert is_ok(await peer.ask(subscribe(start)))
    assert (await events_until(peer, "replayComplete"))[-1] == "replayComplete"


async def test_rfc5277_2_1_1_stop_time_ends_with_notification_complete(peer: Peer) -> None:
    stream = await replay_stream(peer)
    times = f"<startTime>{moment(-3600)}</startTime><stopTime>{moment(-1)}</stopTime>"
    assert is_ok(await peer.ask(subscribe(f"<stream>{stream}</stream>{times}")))
    names = await events_until(peer, "notificationComplete")
    assert names[-2:] == ["replayComplete", "notificationComplete"]
    assert is_ok(await peer.ask("<close-session/>"))


async def test_rfc5277_2_1_1_a_future_stop_time_ends_the_subscription_only(peer: Peer) -> None:
    stream = await replay_stream(peer)
    times = f"<startTime>{moment(-1)}</startTime><stopTime>{moment(1)}</stopTime>"
    assert is_ok(await peer.ask(subscribe(f"<stream>{stream}</stream>{times}")))
    assert (await events_until(peer, "notificationComplete"))[-1] == "notificationComplete"
    assert is_ok(await peer.ask("<close-session/>"))


async def test_rfc5277_6_interleave_allows_other_operations(peer: Peer) -> None:
    peer.need(":interleave")
    assert is_ok(await peer.ask(subscribe()))
    reply = await peer.ask("<get-config><source><running/></source></get-config>")
    assert reply.find(q("data")) is not None


async def test_rfc5277_2_1_1_one_subscription_at_a_time(peer: Peer) -> None:
    assert is_ok(await peer.ask(subscribe()))
    assert error_tag(await peer.ask(subscribe()))


async def test_rfc5277_2_3_close_session_ends_a_subscription(peer: Peer) -> None:
    assert is_ok(await peer.ask(subscribe()))
    assert is_ok(await peer.ask("<close-session/>"))
    assert await peer.ended()


async def test_rfc5277_3_6_a_wrong_filter_is_refused(peer: Peer) -> None:
    peer.need(":xpath")
    assert error_tag(await peer.ask(subscribe('<filter type="xpath" select="/a[["/>')))


async def test_rfc5277_2_2_1_events_reach_subscribers_whole(peer: Peer, other: Peer) -> None:
    peer.need("urn:example:jukebox")
    assert is_ok(await peer.ask(subscribe()))
    assert is_ok(await other.ask('<play xmlns="urn:example:jukebox"><song>conformance</song></play>'))
    assert await events_until(peer, "song-started") == ["song-started"]
