"""The life of the server process: lock, signals, publication, bounded stop."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Protocol

import structlog

from openesc.cli import datadir, simulator
from openesc.cli.control import ControlServer, Handler
from openesc.cli.sdnotify import notify
from openesc.cli.supervisor import Supervisor
from openesc.config import Settings

STOP_SECONDS = 30.0
"""From SIGTERM to the end of the process, at the latest."""

log = structlog.get_logger()
Address = tuple[str, int]


class Services(Protocol):
    """What the wiring hands to the process: everything that runs, and where it listens."""

    netconf: Address
    rest: Address | None

    async def close(self) -> None:
        """Stop accepting, let steps end within ``engine.stop_grace_s``, close the store."""
        ...


class OpenServices(Protocol):
    """`openesc.cli.wiring.open_services`.

    Returns when everything listens and recovery is done. `cloud` has the simulator's credentials, None for a real
    cloud.
    With `serving` false only what commands need is opened: store and users, no listeners and no engine.
    """

    def __call__(
        self,
        settings: Settings,
        supervisor: Supervisor,
        *,
        cloud: Mapping[str, Any] | None,
        serving: bool = True,
    ) -> Awaitable[Services]: ...


class ControlHandlers(Protocol):
    """`openesc.cli.wiring.control_handlers`."""

    def __call__(self, services: Any) -> Mapping[str, Handler]: ...


def watch_signals(supervisor: Supervisor) -> None:
    """SIGTERM and SIGINT wish a stop; the second one leaves at once (status 128 + its number)."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _on_signal, supervisor, number)


def _on_signal(supervisor: Supervisor, number: signal.Signals) -> None:
    if supervisor.stopping.is_set():
        log.warning("leaving at once", signal=number.name)
        os._exit(128 + number)
    log.info("stopping", signal=number.name)
    supervisor.stop()


async def find_cloud(settings: Settings) -> dict[str, Any] | None:
    """The simulator's facts where it is the cloud, started if need be; None for a real cloud."""
    if settings.vim.kind != "cloudsim":
        return None
    return await asyncio.to_thread(simulator.find_or_start, settings)


@asynccontextmanager
async def control(settings: Settings, handlers: Mapping[str, Handler]) -> AsyncIterator[None]:
    """Answer commands on the control socket while the block runs."""
    server = ControlServer(handlers, settings.data_dir / datadir.CONTROL)
    await server.start()
    try:
        yield
    finally:
        await server.stop()


@asynccontextmanager
async def published(settings: Settings, services: Services, cloud: Mapping[str, Any] | None) -> AsyncIterator[None]:
    """Tell clients (endpoints.json) and systemd that the server is there while the block runs."""
    datadir.write_endpoints(settings.data_dir, endpoints(services, cloud))
    notify("READY=1")
    try:
        yield
    finally:
        notify("STOPPING=1")
        datadir.remove_endpoints(settings.data_dir)


def endpoints(services: Services, cloud: Mapping[str, Any] | None) -> dict[str, Any]:
    """The content of endpoints.json."""
    return {
        "pid": os.getpid(),
        "netconf": _address(services.netconf),
        "rest": _address(services.rest),
        "cloudsim": simulator.published(dict(cloud)) if cloud is not None else None,
    }


async def close_within(services: Services, seconds: float) -> None:
    """Close the services; what is not closed after `seconds` is left to the next start, which resumes it."""
    try:
        await asyncio.wait_for(services.close(), seconds)
    except TimeoutError:
        log.error("not everything ended in time; the next start goes on where it was", seconds=seconds)


def _address(address: Address | None) -> dict[str, Any] | None:
    return None if address is None else {"host": address[0], "port": address[1]}
