"""REST put together. Its libraries take their time to import: this module is imported where REST is served."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openesc.cli.rest_options import rest_options
from openesc.northbound.edits import Edits
from openesc.northbound.invocations import Invocations
from openesc.northbound.model import load_payloads
from openesc.northbound.snapshot_volumes import SnapshotVolumes
from openesc.rest.app import application
from openesc.rest.context import Context
from openesc.rest.server import RestServer

if TYPE_CHECKING:
    from openesc.cli.wiring import Services


def rest_server(services: Services, edits: Edits, invocations: Invocations, volumes: SnapshotVolumes) -> RestServer:
    """The server of REST on the rooms that NETCONF is served from too. Raises: ConfigError."""
    assert services.server is not None
    options = rest_options(services.settings)
    context = Context(
        store=services.store,
        running=services.running,
        edits=edits,
        invocations=invocations,
        volumes=volumes,
        events=services.events,
        engine=services.engine,
        planner=services.planner,
        users=services.users,
        locks=services.server.locks,
        payloads=load_payloads(),
        options=options,
    )
    return RestServer(application(context), options)
