"""Whether the cloud as a whole does its work: every service reports, every host can be scheduled to."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from openstack import exceptions as sdk
from openstack.connection import Connection
from tests.openstack.lab.database import nova_manage
from tests.openstack.lab.install import command
from tests.openstack.lab.process import LabFailure, Processes
from tests.openstack.lab.settings import Settings


def wait_healthy(cloud: Connection, settings: Settings, processes: Processes, seconds: float = 240) -> None:
    """Until nothing is missing. Raises: LabFailure that names what is, with the end of its log."""
    end = time.monotonic() + seconds
    while missing := _missing(cloud, settings):
        first = missing[0]
        processes.check(first)
        if time.monotonic() > end:
            raise processes.failure(first, f"is not healthy after {seconds:.0f} s; missing: {', '.join(missing)}")
        time.sleep(0.5)
    discover(cloud, settings)


def _missing(cloud: Connection, settings: Settings) -> list[str]:
    """Names of the services that do not report yet."""
    computes = {f"nova-compute.{host}" for host in settings.host_names}
    wanted_nova = {"nova-conductor", "nova-scheduler"} | computes
    return [
        *_not_up("nova", cloud.compute.services, wanted_nova),
        *_not_up("cinder", cloud.block_storage.services, {"cinder-scheduler", "cinder-volume"}),
        *_not_up("glance", lambda: cloud.image.images(limit=1), set()),
        *_not_up("neutron", lambda: cloud.network.networks(limit=1), set()),
    ]


def _not_up(api: str, services: Callable[[], Iterable[object]], wanted: set[str]) -> list[str]:
    """What of `wanted` is not ``up`` by its API; the API itself when it does not answer."""
    try:
        up = {_name(one) for one in services() if getattr(one, "state", "") == "up"}
    except (sdk.SDKException, OSError):
        return [api]
    return sorted(wanted - up)


def _name(service: object) -> str:
    binary = str(getattr(service, "binary", ""))
    return f"{binary}.{getattr(service, 'host', '')}" if binary == "nova-compute" else binary


def discover(cloud: Connection, settings: Settings) -> None:
    """Make new hosts known to the scheduler, sooner than its own round. Raises: LabFailure."""
    wanted, end = set(settings.host_names), time.monotonic() + 60
    while wanted - {one.name for one in cloud.compute.hypervisors()}:
        if time.monotonic() > end:
            raise LabFailure(f"Nova does not list all of {', '.join(sorted(wanted))} as hypervisors")
        command(settings, "discover-hosts", (*nova_manage(settings), "cell_v2", "discover_hosts"))
