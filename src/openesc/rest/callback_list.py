"""Callbacks as they were and are to be delivered, and another try for those that failed.

What belongs to no tenant is for those who are not limited to some.
"""

from __future__ import annotations

from typing import Final

from openesc.northbound import access
from openesc.northbound.deliveries import Deliveries
from openesc.rest.answers import Answer, Json
from openesc.rest.call import Call

MOST: Final = 1000


async def listed(call: Call) -> Answer:
    """GET /openesc/v1/callbacks?state=&deployment_id=, newest event first. Raises: InvalidRequest."""
    limit = max(1, call.number("limit", 100, MOST))
    found = await Deliveries(call.context.store).listed(
        call.query("state"), call.query("deployment_id"), limit, call.user.tenants
    )
    return Json({"callbacks": found})


async def redeliver(call: Call) -> Answer:
    """POST /openesc/v1/callbacks/{callback}/redeliver. Raises: AccessDenied, NotFound, OperationRefused."""
    access.check_operation(call.user, "redeliver of callbacks")
    again = await Deliveries(call.context.store).redeliver(call.path("callback"), call.user.tenants)
    return Json(again, status=202)
