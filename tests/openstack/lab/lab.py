"""The lab as a whole: up, down, and single services for tests of trouble."""

from __future__ import annotations

import fcntl
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

from openstack import exceptions as sdk
from openstack.connection import Connection
from tests.openstack.lab import addresses, database, identity, seed
from tests.openstack.lab.access import connect
from tests.openstack.lab.configure import configure
from tests.openstack.lab.health import wait_healthy
from tests.openstack.lab.install import install
from tests.openstack.lab.process import LabFailure, Processes
from tests.openstack.lab.services import (
    BASE,
    KEYSTONE,
    SERVICES,
    Service,
    all_services,
    base_environment,
    compute,
    users_of_drivers,
)
from tests.openstack.lab.settings import Settings

READY_SECONDS = 180.0
"""How long one service may take until it answers; on an idle machine it is ten."""


class Lab:
    """One lab.

    Args:
        settings: where and how.
        say: is told what happens.
    """

    def __init__(self, settings: Settings, say: Callable[[str], None] = lambda text: None) -> None:
        self.settings = settings
        self.processes = Processes(settings.under("run"), settings.under("log"))
        self._say = say
        self._began = time.monotonic()

    def install(self) -> None:
        """Bring the packages. Raises: LabFailure."""
        with self._alone():
            self._told("installing what is missing")
            install(self.settings)

    def up(self) -> None:
        """Install, configure and start whatever is missing, and wait until the cloud is healthy.

        Raises: LabFailure that names the service and shows the end of its log.
        """
        with self._alone():
            self._told("installing what is missing")
            if install(self.settings):
                for name in users_of_drivers(self.settings):
                    self.stop(name)
            configure(self.settings)
            database.make_files(self.settings)
            self._start(BASE)
            self._told("schemas")
            database.make_schemas(self.settings)
            self._start([KEYSTONE])
            self._talk("keystone", lambda cloud: identity.make_identity(cloud, self.settings))
            if not addresses.claim(self.settings):
                self._told("guests will not answer pings: no address may be put on the loopback interface here")
            self._told("OpenStack")
            self._start([*SERVICES, *map(compute, self.settings.host_names)])
            self._talk("nova", lambda cloud: wait_healthy(cloud, self.settings, self.processes))
            self._talk("glance", lambda cloud: seed.seed(cloud, self.settings))
            self._told(f"healthy: OS_CLIENT_CONFIG_FILE={self.settings.under('clouds.yaml')}, clouds lab-admin, ...")

    def down(self, wipe: bool = False) -> None:
        """Stop everything; with `wipe`, remove all but what was installed."""
        with self._alone():
            upper = [name for name in self.processes.names() if name not in {one.name for one in BASE}]
            with ThreadPoolExecutor(8) as pool:
                list(pool.map(self.stop, upper))
            for service in reversed(BASE):
                self.stop(service.name)
            addresses.release(self.settings)
        if wipe:
            for entry in self.settings.under().iterdir():
                if entry.name not in ("venv", "bin", ".lock"):
                    shutil.rmtree(entry) if entry.is_dir() else entry.unlink()

    def start(self, name: str) -> None:
        """Start one service and wait until it answers. Raises: LabFailure."""
        self._start([self._service(name)])

    def stop(self, name: str, number: signal.Signals = signal.SIGTERM) -> None:
        """End one service, by default as an administrator would."""
        self.processes.stop(name, number, self._service(name).patience)

    def status(self) -> dict[str, int | None]:
        """The pid of each service, None where it does not run."""
        return {one.name: self.processes.pid(one.name) for one in all_services(self.settings)}

    def _start(self, services: list[Service] | tuple[Service, ...]) -> None:
        environment = base_environment(self.settings)
        for one in services:
            self.processes.start(
                one.name, one.command(self.settings), {**environment, **one.environment(self.settings)}
            )
        for one in services:
            self.processes.wait(one.name, lambda one=one: one.ready(self.settings), READY_SECONDS)  # type: ignore[misc]  # mypy does not infer a lambda with a default

    def _talk(self, name: str, ask: Callable[[Connection], None]) -> None:
        """Ask the cloud. Raises: LabFailure; where the cloud refuses, with the log of the service named."""
        with closing(connect(self.settings)) as cloud:
            try:
                ask(cloud)
            except sdk.SDKException as error:
                raise self.processes.failure(name, f"or a service behind it refuses: {error}") from error

    def _service(self, name: str) -> Service:
        found = next((one for one in all_services(self.settings) if one.name == name), None)
        if found is None:
            raise LabFailure(f"the lab has no service {name}: {', '.join(self.status())}")
        return found

    def _told(self, what: str) -> None:
        self._say(f"[{time.monotonic() - self._began:4.0f} s] {what}")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One command at a time brings the lab up or down."""
        self.settings.under().mkdir(parents=True, exist_ok=True)
        with self.settings.under(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
