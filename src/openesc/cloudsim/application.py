"""All services together."""

from __future__ import annotations

from openesc.cloudsim.compute import (
    actions,
    attachments,
    boot,
    create,
    flavors,
    groups,
    hosts,
    keypairs,
    listing,
    livemigrate,
    migrations,
    power,
    quotas,
    rebuild,
    resize,
    servers,
    snapshots,
)
from openesc.cloudsim.core.app import App
from openesc.cloudsim.core.cloud import Cloud
from openesc.cloudsim.core.routing import Router
from openesc.cloudsim.identity import directory, tokens
from openesc.cloudsim.image import images
from openesc.cloudsim.network import networks, ports, security, subnets
from openesc.cloudsim.sim import control, guests, placement
from openesc.cloudsim.volume import actions as volume_actions
from openesc.cloudsim.volume import snapshots as volume_snapshots
from openesc.cloudsim.volume import types, volumes

WITHOUT_ROUTES = (boot, power, resize, livemigrate, snapshots, rebuild)
"""Modules whose import registers server actions and steps."""


def router() -> Router:
    """Every operation the simulator answers."""
    return Router(
        tokens.routes, directory.routes, flavors.versions_routes, flavors.routes, create.routes, listing.routes,
        servers.routes, actions.routes, attachments.routes, groups.routes, hosts.routes, keypairs.routes,
        migrations.routes, quotas.routes, images.versions_routes, images.routes, networks.versions_routes,
        networks.routes, subnets.routes, ports.routes, security.routes, types.versions_routes, types.routes,
        volumes.routes, volume_actions.routes, volume_snapshots.routes, placement.routes, control.routes, guests.routes,
    )  # fmt: skip


def application(cloud: Cloud) -> App:
    """An app that answers for this cloud; needs a running event loop."""
    table = router()
    named = {route.operation for route in table.routes if not route.operation.endswith(".action")}
    cloud.operations = frozenset(named | actions.operations() | volume_actions.operations())
    return App(cloud, table, actions.operation_of)
