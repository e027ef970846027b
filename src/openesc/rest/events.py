"""The event log by REST: a page since a position, waiting for news where there are none."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import aclosing, suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Final

from openesc.errors import InvalidRequest
from openesc.events import callbacks
from openesc.events.log import Logged
from openesc.northbound import access
from openesc.rest.answers import Answer, Json
from openesc.rest.call import Call
from openesc.store import iso, position_of

MOST: Final = 1000
LONGEST_WAIT: Final = 60
"""Seconds."""


async def listed(call: Call) -> Answer:
    """GET /openesc/v1/events?since=&wait=&limit=: what came after `since`, oldest first.

    `next` is what the following call gives as `since`: then nothing is missed and nothing comes twice.
    """
    page = _Page(call, _since(call), max(1, call.number("limit", 100, MOST)))
    wait = call.number("wait", 0, LONGEST_WAIT)
    log = call.context.events.follow(page.position, until=lambda: bool(page.found) or wait == 0)
    async with aclosing(log) as pages:
        with suppress(TimeoutError):
            async with asyncio.timeout(wait or None):
                async for entries in pages:
                    if page.filled(entries):
                        break
    operations = {logged.operation_id for logged in page.found if logged.operation_id is not None}
    requests = await call.context.store.read(lambda connection: callbacks.requests_of(connection, operations))
    return Json({"events": [_fields(logged, requests) for logged in page.found], "next": page.position})


@dataclass(slots=True)
class _Page:
    """What is found for one call; `position`: everything up to it was looked at."""

    call: Call
    position: int
    limit: int
    found: list[Logged] = field(default_factory=list)

    def filled(self, entries: Any) -> bool:
        """Take what the user may see; whether there is room for no more."""
        for logged in entries:
            self.position = logged.position
            if access.may_see_event(self.call.user, logged.event):
                self.found.append(logged)
            if len(self.found) == self.limit:
                return True
        return False


def _since(call: Call) -> int:
    """A position, or a time of RFC 3339. Raises: InvalidRequest."""
    text = call.query("since")
    if text is None or text.isdigit():
        return call.number("since", 0, 10**15)
    try:
        return max(0, position_of(datetime.fromisoformat(text.replace(" ", "+"))))  # a plus that was not encoded
    except (ValueError, OverflowError):
        raise InvalidRequest(f"since: {text!r} is neither a position nor a time like 2026-11-25T10:00:00Z") from None


def _fields(logged: Logged, requests: Mapping[str, callbacks.Request]) -> dict[str, Any]:
    return {
        "position": logged.position,
        "time": iso(logged.position),
        "operation_id": logged.operation_id,
        **asdict(requests.get(logged.operation_id or "", callbacks.Request())),
        **logged.event.to_fields(),
    }
