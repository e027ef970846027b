"""Notifications (RFC 5277): create-subscription, and the pump that carries a stream's events to one session."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from lxml.etree import _Element

from openesc.netconf import errors, names
from openesc.netconf.backend import REPLAY_COMPLETE, Filter, Stream
from openesc.netconf.errors import RpcError
from openesc.netconf.framing import Framing, frame
from openesc.netconf.messages import DECLARATION, text_of
from openesc.netconf.outbox import PeerGone, SlowPeer
from openesc.netconf.parameters import filter_of, parameters
from openesc.netconf.times import format_time, now, parse_time
from openesc.yang import Schema, parse_xml, subtree_filter, xpath_filter

if TYPE_CHECKING:
    from openesc.netconf.session import Session

log = logging.getLogger(__name__)

_TURN = 32  # events after which other sessions get their turn, however fast the peer is
_DEFAULT_STREAM = "NETCONF"
_PARAMETERS = ("stream", "filter", "startTime", "stopTime")
_REPLAY_DONE = f'<replayComplete xmlns="{names.NETMOD}"/>'.encode()
_ALL_DONE = f'<notificationComplete xmlns="{names.NETMOD}"/>'.encode()


@lru_cache(maxsize=64)
def notification(event_time: str, event: bytes, framing: Framing) -> bytes:
    """A framed `<notification>`; equal events for many sessions are wrapped once."""
    opening = f'<notification xmlns="{names.NOTIFICATION}"><eventTime>{errors.text(event_time)}</eventTime>'
    return frame(b"".join((DECLARATION, opening.encode(), event, b"</notification>")), framing)


@lru_cache(maxsize=16)
def _parsed(event: bytes) -> _Element:
    return parse_xml(event)


async def create_subscription(session: Session, operation: _Element) -> bytes | None:
    """RFC 5277 section 2.1.1. Events begin to flow after the reply."""
    given = parameters(operation, _PARAMETERS, names.NOTIFICATION)
    if session.subscription is not None:
        raise RpcError("in-use", "this session has a subscription already (RFC 5277 section 2.1.1)")
    stream = _stream(session, text_of(given["stream"]) if "stream" in given else _DEFAULT_STREAM)
    start, stop = _period(given, stream)
    wanted = filter_of(given.get("filter"))
    accepts = _acceptor(session.core.schema, wanted)
    events = session.core.backend.subscribe(session.info, stream.name, start, stop)
    session.subscription = Subscription(session, events, accepts, stop)
    session.after_reply.append(session.subscription.begin)
    log.info("%s: subscribed to %s from %s", session.info, stream.name, start or "now")
    return None


def _stream(session: Session, name: str) -> Stream:
    streams = session.core.backend.streams()
    for stream in streams:
        if stream.name == name:
            return stream
    known = ", ".join(stream.name for stream in streams)
    message = f"there is no stream {name}; the streams are {known}"
    raise RpcError("invalid-value", message, error_info={"bad-element": "stream"})


def _period(given: Mapping[str, _Element], stream: Stream) -> tuple[datetime | None, datetime | None]:
    start, stop = _time(given, "startTime"), _time(given, "stopTime")
    if start is None and stop is not None:
        raise errors.missing_element("startTime", "stopTime needs a startTime")
    if start is None:
        return None, None
    if not stream.replay_support:
        raise RpcError("operation-failed", f"stream {stream.name} has no replay, so startTime is of no use")
    if start > now():
        raise errors.bad_element("startTime", f"startTime {format_time(start)} lies in the future")
    if stop is not None and stop < start:
        raise errors.bad_element("stopTime", f"stopTime {format_time(stop)} is before startTime")
    return start, stop


def _time(given: Mapping[str, _Element], name: str) -> datetime | None:
    if name not in given:
        return None
    try:
        return parse_time(text_of(given[name]))
    except ValueError as error:
        raise errors.bad_element(name, f"{name}: {error}") from None


def _acceptor(schema: Schema, wanted: Filter | None) -> Callable[[bytes], bool]:
    """Whether an event passes the subscription's filter (RFC 5277 section 3.6); it is sent whole then."""
    if wanted is None:
        return lambda event: True
    if wanted.kind == "subtree":
        return lambda event: bool(subtree_filter(schema, [_parsed(event)], wanted.element))
    xpath_filter(schema, [], wanted.select, wanted.nsmap)  # a wrong expression is refused now
    return lambda event: bool(xpath_filter(schema, [_parsed(event)], wanted.select, wanted.nsmap))


class Subscription:
    """Carries events to one session at the pace its peer takes them."""

    def __init__(
        self,
        session: Session,
        events: AsyncIterator[tuple[str, bytes]],
        accepts: Callable[[bytes], bool],
        stop: datetime | None,
    ) -> None:
        self._session = session
        self._events = events
        self._accepts = accepts
        self._stop = stop
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Start the flow; called when `<ok/>` is on its way."""
        name = f"netconf subscription of session {self._session.info.id}"
        self._task = self._session.core.spawn(self._run(), name)

    def cancel(self) -> None:
        """The session ends."""
        if self._task is not None:
            self._task.cancel()
        else:
            self._session.core.spawn(self._close_events(), "netconf subscription that never began")

    async def _run(self) -> None:
        try:
            await self._pump()
        except (SlowPeer, PeerGone) as end:
            log.warning("%s: subscription: %s", self._session.info, end)
            self._session.cut_off(str(end))
        except Exception:
            self._session.finish("the event stream failed")
            raise
        finally:
            await self._close_events()

    async def _pump(self) -> None:
        passed = 0
        async for item in self._events:
            passed += 1
            if passed % _TURN == 0:
                await asyncio.sleep(0)
            if item is REPLAY_COMPLETE:
                await self._send(format_time(now()), _REPLAY_DONE)
            elif self._accepts(item[1]):
                await self._send(*item)
                self._session.info.out_notifications += 1
        await self._complete()

    async def _complete(self) -> None:
        if self._stop is None:
            self._session.finish("the event stream ended")
            return
        await self._send(format_time(now()), _ALL_DONE)
        self._session.subscription = None

    async def _send(self, event_time: str, event: bytes) -> None:
        await self._session.send_framed(notification(event_time, event, self._session.framing))

    async def _close_events(self) -> None:
        close = getattr(self._events, "aclose", None)
        if close is not None:
            await close()
