"""The control commands on operations.

====================  ==================  ==============================================================
command               arguments           result
====================  ==================  ==============================================================
``operation.list``    state, limit        newest first: id, kind, subject, state, started_at, ended_at, failure
``operation.show``    id                  one of them, with claims, waiting_for and steps
``operation.cancel``  id, reason          {"id", "state"}
``operation.retry``   id                  {"id", "state"} of the operation that goes on or is new
====================  ==================  ==============================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from openesc.cli.control import Arguments, Handler
from openesc.northbound.operations import Operations, Question


def operation_handlers(operations: Operations) -> Mapping[str, Handler]:
    """The handlers of the commands above, by name."""

    async def listed(arguments: Arguments) -> Any:
        limit = int(arguments.get("limit") or 100)
        return await operations.listed(Question(state=arguments.get("state"), limit=limit))

    async def show(arguments: Arguments) -> Any:
        return await operations.show(arguments["id"])

    async def cancel(arguments: Arguments) -> Any:
        return await operations.cancel(arguments["id"], arguments["reason"])

    async def retry(arguments: Arguments) -> Any:
        return await operations.retry(arguments["id"])

    return {
        "operation.list": listed,
        "operation.show": show,
        "operation.cancel": cancel,
        "operation.retry": retry,
    }
