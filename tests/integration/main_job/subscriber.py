"""A subscriber to escEvent, and events as it sees them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from lxml import etree
from tests.integration.main_job.house import House, Session
from tests.integration.main_job.payloads import ESC

NOTIFICATION = "urn:ietf:params:xml:ns:netconf:notification:1.0"
QUIET = 0.6
"""Seconds of silence after which nothing more is expected."""


@dataclass(frozen=True)
class Event:
    """One escEvent: its element and the time it carries."""

    element: etree._Element
    time: str

    def __getattr__(self, name: str) -> str | None:
        """The text of a child (``status``, ``depname``) or, as ``vm_source_vmid``, of one within vm_source."""
        path = name
        if name.startswith("vm_source_"):
            path = f"vm_source/{name.removeprefix('vm_source_')}"
        return self.element.findtext("/".join(f"{{{ESC}}}{part}" for part in path.split("/")))

    @property
    def type(self) -> str:
        return self.element.findtext(f"{{{ESC}}}event/{{{ESC}}}type") or ""

    @property
    def names(self) -> list[str]:
        """The names of its children, in order."""
        return [etree.QName(child).localname for child in self.element]

    @property
    def short(self) -> tuple[str, str | None, str | None]:
        return self.type, self.status, self.status_message

    def __str__(self) -> str:
        return f"{self.type} {self.status} {self.depname} {self.vm_group} {self.status_message}"


def parse(xml: str) -> Event:
    """An Event from a notification as it was sent."""
    root = etree.fromstring(xml.encode())
    element = root.find(f"{{{ESC}}}escEvent")
    assert element is not None, xml
    return Event(element, root.findtext(f"{{{NOTIFICATION}}}eventTime") or "")


class Subscriber:
    """Follows the stream escEvent in a session of its own; keeps what came."""

    def __init__(self, session: Session, start: datetime | str | None = None) -> None:
        self.session = session
        self.events: list[Event] = []
        self.replayed = False
        options = {} if start is None else {"start_time": start if isinstance(start, str) else start.isoformat()}
        session.client.create_subscription(stream_name="escEvent", **options)

    def next(self, seconds: float) -> Event | None:
        """The next event, None when none comes in time."""
        notice = self.session.client.take_notification(block=True, timeout=seconds)
        if notice is None:
            return None
        if "replayComplete" in notice.notification_xml:
            self.replayed = True
            return self.next(seconds)
        event = parse(notice.notification_xml)
        self.events.append(event)
        return event

    def until(
        self, type: str, seconds: float = 30.0, each: Callable[[Event], None] | None = None, **fields: str
    ) -> list[Event]:
        """Read up to the event of this type with these fields; all events read on the way, that one last."""
        end, came = time.monotonic() + seconds, list[Event]()
        while True:
            event = self.next(max(0.01, end - time.monotonic()))
            assert event is not None, f"no {type} {fields} within {seconds} s after:\n" + "\n".join(map(str, came))
            came.append(event)
            if each is not None:
                each(event)
            if event.type == type and all(getattr(event, name) == value for name, value in fields.items()):
                return came

    def quiet(self, seconds: float = QUIET) -> None:
        """Nothing comes any more."""
        event = self.next(seconds)
        assert event is None, f"unexpected: {event}"

    def replay(self, seconds: float = 15.0) -> list[Event]:
        """What was replayed, up to replayComplete."""
        end = time.monotonic() + seconds
        while not self.replayed:
            assert time.monotonic() < end, "no replayComplete"
            self.next(0.2)
        return self.events


def subscribe(house: House, start: datetime | str | None = None) -> Subscriber:
    """A subscriber as esc-nc-admin."""
    return Subscriber(house.session(), start)


def types(events: list[Event]) -> list[str]:
    return [event.type for event in events]
