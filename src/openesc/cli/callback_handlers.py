"""The control commands on callbacks.

======================  ============================  ========================================================
command                 arguments                     result
======================  ============================  ========================================================
``callback.list``       state, deployment_id, limit   newest event first: id, event_type, url, state, tries ...
``callback.redeliver``  id                            {"id", "state"}
======================  ============================  ========================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from openesc.cli.control import Arguments, Handler
from openesc.northbound.deliveries import Deliveries


def callback_handlers(deliveries: Deliveries) -> Mapping[str, Handler]:
    """The handlers of the commands above, by name."""

    async def listed(arguments: Arguments) -> Any:
        limit = int(arguments.get("limit") or 100)
        return await deliveries.listed(arguments.get("state"), arguments.get("deployment_id"), limit)

    async def redeliver(arguments: Arguments) -> Any:
        return await deliveries.redeliver(arguments["id"])

    return {"callback.list": listed, "callback.redeliver": redeliver}
