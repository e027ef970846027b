"""Commands without a server: the same handlers, on the store of the data directory, under its lock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from openesc.cli import control, datadir, simulator
from openesc.cli.control import Handler
from openesc.cli.supervisor import Supervisor
from openesc.config import Settings

DATABASE = "openesc.db"


async def perform(settings: Settings, command: str, arguments: dict[str, Any]) -> Any:
    """Have `command` done by the running server, or here when none runs. Raises: Problem."""
    try:
        return await control.call(settings.data_dir, command, arguments)
    except control.NoServer:
        return await _here(settings, command, arguments)


async def _here(settings: Settings, command: str, arguments: dict[str, Any]) -> Any:
    _quiet()
    opened = _users if command.startswith("user.") else _everything
    with datadir.locked(settings.data_dir):
        async with opened(settings) as handlers:
            return await control.dispatch(handlers, command, arguments)


def _quiet() -> None:
    from openesc.cli.logs import configure

    configure("warning")


@asynccontextmanager
async def _users(settings: Settings) -> AsyncIterator[Mapping[str, Handler]]:
    """Users need no more than the store: no schema, no engine."""
    from openesc.cli.user_handlers import user_handlers
    from openesc.northbound.users import Users
    from openesc.store import Store

    store = Store(settings.data_dir / DATABASE)
    try:
        yield user_handlers(Users(store))
    finally:
        store.close()


@asynccontextmanager
async def _everything(settings: Settings) -> AsyncIterator[Mapping[str, Handler]]:
    from openesc.cli import wiring

    supervisor = Supervisor()
    cloud = await asyncio.to_thread(simulator.find, settings.data_dir)
    services = await wiring.open_services(settings, supervisor, cloud=cloud, serving=False)
    try:
        yield wiring.control_handlers(services)
    finally:
        await services.close()
        await supervisor.close()
