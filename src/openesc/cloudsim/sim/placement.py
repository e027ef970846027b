"""Placement's bare needs: version, resource providers with inventories and usages, traits."""

from __future__ import annotations

from typing import Any

from openesc.cloudsim.core.call import Call
from openesc.cloudsim.core.faults import not_found
from openesc.cloudsim.core.http import Response
from openesc.cloudsim.core.microversions import RANGES
from openesc.cloudsim.core.records import Host
from openesc.cloudsim.core.routing import Routes

routes = Routes("placement", "/placement")
_CLASSES = {
    "VCPU": ("vcpus", "host_vcpus"),
    "MEMORY_MB": ("ram", "host_memory_mb"),
    "DISK_GB": ("disk", "host_disk_gb"),
}


@routes.add("GET", "", "placement.versions", "none")
def versions(call: Call) -> Response:
    """The versions document."""
    low, high = (".".join(map(str, limit)) for limit in RANGES["placement"])
    link = {"rel": "self", "href": ""}
    entry = {"id": "v1.0", "status": "CURRENT", "min_version": low, "max_version": high, "links": [link]}
    return call.answer({"versions": [entry]})


def _provider(host: Host) -> dict[str, Any]:
    return {
        "uuid": host.uuid,
        "name": host.id,
        "generation": 1,
        "links": [],
        "parent_provider_uuid": None,
        "root_provider_uuid": host.uuid,
    }


@routes.add("GET", "/resource_providers", "provider.list", "admin", "placement:resource_providers:list")
def list_providers(call: Call) -> Response:
    """One per host."""
    rows = [
        host
        for host in call.cloud.hosts
        if call.arg("name") in (None, host.id) and call.arg("uuid") in (None, host.uuid)
    ]
    return call.answer({"resource_providers": [_provider(host) for host in rows]})


def _find(call: Call) -> Host:
    for host in call.cloud.hosts:
        if host.uuid == call.params["id"]:
            return host
    raise not_found(f"No resource provider with uuid {call.params['id']} found")


@routes.add("GET", "/resource_providers/{id}", "provider.show", "admin", "placement:resource_providers:show")
def show_provider(call: Call) -> Response:
    """One provider."""
    return call.answer(_provider(_find(call)))


@routes.add(
    "GET",
    "/resource_providers/{id}/inventories",
    "provider.inventories",
    "admin",
    "placement:resource_providers:inventories:list",
)
def inventories(call: Call) -> Response:
    """What a host has."""
    _find(call)
    settings = call.cloud.settings
    rows = {}
    for name, (_, setting) in _CLASSES.items():
        total = getattr(settings, setting)
        rows[name] = {
            "total": total,
            "reserved": 0,
            "min_unit": 1,
            "max_unit": total,
            "step_size": 1,
            "allocation_ratio": settings.overcommit,
        }
    return call.answer({"inventories": rows, "resource_provider_generation": 1})


@routes.add(
    "GET",
    "/resource_providers/{id}/usages",
    "provider.usages",
    "admin",
    "placement:resource_providers:usages",
)
def usages(call: Call) -> Response:
    """What a host's servers use."""
    used = call.cloud.load.used(_find(call).id)
    return call.answer(
        {
            "usages": {name: used[key] for name, (key, _) in _CLASSES.items()},
            "resource_provider_generation": 1,
        }
    )


@routes.add("GET", "/traits", "trait.list", "admin", "placement:traits:list")
def traits(call: Call) -> Response:
    """None."""
    return call.answer({"traits": []})
