"""Whether the process is alive, and whether it can do its work."""

from __future__ import annotations

import asyncio

from sqlalchemy import select

from openesc import metrics
from openesc.rest.answers import Answer, Json, Page
from openesc.rest.call import Call
from openesc.store.tables import meta


async def alive(call: Call) -> Answer:
    """GET /healthz: the process answers."""
    return Json({"status": "ok"})


async def ready(call: Call) -> Answer:
    """GET /readyz: the store can be read and the engine takes operations. Raises: StoreError."""
    await call.context.store.read(lambda connection: connection.execute(select(meta.c.key).limit(1)).first())
    running = call.context.engine.running
    return Json({"status": "ready", "operations_running": running})


async def counted(call: Call) -> Answer:
    """GET /metrics, in Prometheus' text format."""
    return Page(metrics.CONTENT_TYPE, await asyncio.to_thread(metrics.render))
