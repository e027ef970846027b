"""Tenants, images, flavors and networks beside any deployment are made and taken away."""

from __future__ import annotations

from tests.crash import things
from tests.crash.scenario import Scenario

_NETWORK = "network/net-n???"
_NETWORK_GOES = "network:*/{}-n???/delete"
_SUBNET_GOES = "subnet:network:*/{}-n???/delete"

THINGS = (
    Scenario("tenant", "create-tenant", things.tenant, ("tenant/*/found", "tenant/tenant-n???")),
    Scenario("tenant-goes", "delete-tenant", things.tenant_gone, ("tenant/*/delete",), before=[things.tenant]),
    Scenario("image", "create-artifact", things.image, ("image/*/found", "image/image-n???")),
    Scenario("image-goes", "delete-artifact", things.image_gone, ("image/*/delete",), before=[things.image]),
    Scenario("flavor", "create-artifact", things.flavor, ("flavor/*/found", "flavor/flavor-n???")),
    Scenario("flavor-goes", "delete-artifact", things.flavor_gone, ("flavor/*/delete",), before=[things.flavor]),
    Scenario(
        "network",
        "apply-network",
        things.shared_network,
        (_NETWORK, f"{_NETWORK}/subnet/first-n???", f"{_NETWORK}/subnet/second-n???"),
        sample=[_NETWORK, f"{_NETWORK}/subnet/first-n???"],
    ),
    Scenario(
        "network-changes",
        "apply-network",
        things.shared_network_of_another_subnet,
        (f"{_NETWORK}/subnet/third-n???", _SUBNET_GOES.format("second")),
        before=[things.shared_network],
    ),
    Scenario(
        "network-goes",
        "delete-network",
        things.shared_network_gone,
        (_SUBNET_GOES.format("first"), _SUBNET_GOES.format("second"), _NETWORK_GOES.format("net")),
        before=[things.shared_network],
        sample=[_SUBNET_GOES.format("first"), _NETWORK_GOES.format("net")],
    ),
    Scenario(
        "own-network",
        "apply-network",
        things.own_network,
        ("network/own-n???", "network/own-n???/subnet/own-sub-n???"),
        before=[things.tenant],
    ),
    Scenario(
        "own-network-goes",
        "delete-network",
        things.own_network_gone,
        (_SUBNET_GOES.format("own-sub"), _NETWORK_GOES.format("own")),
        before=[things.tenant, things.own_network],
    ),
)
