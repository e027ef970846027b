"""What a client of REST is called back with."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from lxml import etree
from tests.callback_receiver import Received, ReceiverThread
from tests.integration.main_job.subscriber import Event, types

FINAL, ON_THE_WAY = "/final", "/event"
SECONDS = 60.0
"""How long a callback may take once its event is there."""


@dataclass(frozen=True)
class Told:
    """One callback. `type`: of its event."""

    type: str
    code: str
    message: str
    transaction: str
    body: bytes

    @classmethod
    def of(cls, received: Received) -> Told:
        headers = received.headers
        in_json = headers["content-type"].startswith("application/json")
        kind = _json_type(received.body) if in_json else _xml_type(received.body)
        code, transaction = headers["esc-status-code"], headers["esc-transaction-id"]
        return cls(kind, code, received.status_message, transaction, received.body)

    def texts(self, name: str) -> list[str]:
        """The texts of all elements of a name, where the body is XML."""
        return [found.text or "" for found in etree.fromstring(self.body).iter("{*}" + name)]


def _json_type(body: bytes) -> str:
    return str(json.loads(body)["eventType"]).removesuffix("_EVENT")


def _xml_type(body: bytes) -> str:
    return etree.fromstring(body).findtext("{*}event_type") or ""


class Callbacks(ReceiverThread):
    """A receiver of both kinds of callbacks."""

    @property
    def headers(self) -> dict[str, str]:
        """What a request says to be told here."""
        return {"Callback": f"{self.url}{FINAL}", "Callback_ESC_Events": f"{self.url}{ON_THE_WAY}"}

    def take(self, count: int) -> tuple[list[Told], list[Told]]:
        """So many callbacks: those on the way, and the final ones; they are forgotten here."""
        found = self.until(lambda receiver: len(receiver.accepted) >= count, SECONDS)
        self.receiver.accepted.clear()
        on_the_way, final = ([Told.of(one) for one in found if one.path == path] for path in (ON_THE_WAY, FINAL))
        return on_the_way, final

    def tell(self, events: Sequence[Event], after: int = 0, *, twice: bool = False) -> Told:
        """Exactly these events are told, in their order, the last one as the final result, which is returned.

        `after`: how many of them come after the final one. `twice`: that it is final shows only when the operation has
        ended (of networks), and it was told as one on the way before.
        """
        kinds = types(list(events))
        last = len(kinds) - 1 - after
        on_the_way, final = self.take(len(events) + twice)
        assert [one.type for one in final] == [kinds[last]]
        assert [one.type for one in on_the_way] == kinds[: last + twice] + kinds[last + 1 :]
        assert len({one.transaction for one in on_the_way + final}) == 1
        for one in on_the_way + final:
            event = next(event for event in events if event.type == one.type)
            assert (one.code == "500") == (event.status == "FAILURE"), one
        return final[0]
