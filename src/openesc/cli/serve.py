"""`openesc serve`: settings, lock, cloud, services, publication; then wait, and take it all down again."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import structlog

from openesc import vimmanager
from openesc.cli import datadir, simulator
from openesc.cli.problems import Problem
from openesc.cli.runtime import (
    STOP_SECONDS,
    Address,
    ControlHandlers,
    OpenServices,
    Services,
    close_within,
    control,
    find_cloud,
    published,
    watch_signals,
)
from openesc.cli.supervisor import Supervisor
from openesc.config import Settings, default_data_dir

log = structlog.get_logger()
NO_ADDRESS = (errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES)


def run(settings: Settings) -> int:
    """Serve until told to stop. Returns the exit status; raises Problem or ConfigError when it cannot start."""
    from openesc.cli import wiring
    from openesc.cli.rest_options import rest_options

    rest_options(settings)  # what cannot be is told before anything is opened or started
    with datadir.locked(settings.data_dir):
        vimmanager.read(settings.data_dir)  # what is wrong in it is told before anything is started
        status = asyncio.run(serve(settings, wiring.open_services, wiring.control_handlers, _watch_the_clock))
    return _leave(status)


async def serve(
    settings: Settings,
    open_services: OpenServices,
    control_handlers: ControlHandlers,
    on_stop: Callable[[], None] = lambda: None,
) -> int:
    """Serve until a signal or the end of an essential task. The caller holds the data directory's lock.

    `on_stop` is called when the stop begins.
    """
    began = time.monotonic()
    datadir.remove_endpoints(settings.data_dir)
    supervisor = Supervisor()
    watch_signals(supervisor)
    cloud = await find_cloud(settings)
    services = await _open(open_services, settings, supervisor, cloud)
    try:
        async with control(settings, control_handlers(services)), published(settings, services, cloud):
            gc.freeze()  # what is loaded stays: a full collection would stop every session for a tenth of a second
            _announce(settings, services, time.monotonic() - began)
            await supervisor.wait()
            on_stop()
    finally:
        await _stop(settings, services, supervisor)
    return 0 if supervisor.failure is None else 1


async def _open(
    open_services: OpenServices, settings: Settings, supervisor: Supervisor, cloud: Mapping[str, Any] | None
) -> Services:
    try:
        return await open_services(settings, supervisor, cloud=cloud)
    except OSError as error:
        await supervisor.close()
        if error.errno not in NO_ADDRESS:
            raise
        raise Problem(
            "the server cannot listen", str(error.strerror), "--netconf-port and --rest-port choose others"
        ) from None


async def _stop(settings: Settings, services: Services, supervisor: Supervisor) -> None:
    await close_within(services, STOP_SECONDS - 3)
    await supervisor.close()
    if settings.vim.kind == "cloudsim" and settings.cloudsim.stop_with_server:
        await asyncio.to_thread(simulator.stop, settings.data_dir)
    log.info("stopped", reason=supervisor.failure or "asked to")


def _watch_the_clock() -> None:
    """Whatever hangs in the stop, a task or a thread of a library, the process ends in time."""
    clock = threading.Timer(STOP_SECONDS - 1, _expired)
    clock.daemon = True
    clock.start()


def _expired() -> None:
    log.error("the stop took too long; the next start goes on where it was", seconds=STOP_SECONDS)
    _leave(0)


def _leave(status: int) -> int:
    """A thread that hangs in a call to the cloud must not keep a stopped process alive."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _announce(settings: Settings, services: Services, seconds: float) -> None:
    """Where the server listens and what to try next, for the person who started it."""
    lines = [
        f"openesc is ready after {seconds:.1f} s; data in {settings.data_dir}",
        f"  NETCONF {_text(services.netconf)} (SSH)",
        *([f"  REST    {_url(settings, services.rest)}, described at /docs"] if services.rest else []),
        "Try in another terminal:",
        *_next_commands(settings.data_dir),
        *([f"  curl {_url(settings, services.rest)}/ESCManager/v0/deployments"] if services.rest else []),
    ]
    sys.stderr.write("\n".join(lines) + "\n")
    sys.stderr.flush()


def _next_commands(data_dir: Path) -> list[str]:
    here = Path("esc_nc_cli").is_file()
    command = "./esc_nc_cli" if here else "esc_nc_cli"
    found_alone = data_dir == default_data_dir() or (here and data_dir == Path("var").absolute())
    return [
        *([] if found_alone else [f"  export OPENESC_DATA_DIR={data_dir}"]),
        f"  {command} create-subscription escEvent",
        f"  {command} edit-config examples/cirros-vnf.xml",
        f"  {command} get esc_datamodel/opdata",
    ]


def _url(settings: Settings, address: Address) -> str:
    scheme = "http" if settings.rest.tls_cert is None else "https"
    return f"{scheme}://{_text(address)}"


def _text(address: Address) -> str:
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
