"""Hosts as Nova shows them: services, hypervisors, availability zones, aggregates; switching a host off and on."""

from __future__ import annotations

from typing import Any

from openesc.cloudsim.core.call import Call, empty
from openesc.cloudsim.core.cloud import iso
from openesc.cloudsim.core.faults import not_found
from openesc.cloudsim.core.http import Response
from openesc.cloudsim.core.records import Host
from openesc.cloudsim.core.routing import Routes

routes = Routes("compute", "/compute/v2.1")
SERVICES = "os_compute_api:os-services"
HYPERVISORS = "os_compute_api:os-hypervisors"


def _service_view(call: Call, host: Host) -> dict[str, Any]:
    shown = {
        "id": host.service_uuid if call.microversion >= (2, 53) else host.number, "binary": "nova-compute",
        "host": host.id,
        "zone": host.zone, "status": "enabled" if host.enabled else "disabled",
        "state": "up" if call.cloud.find_host_up(host.id) else "down", "updated_at": iso(call.cloud.now(), micros=True),
        "disabled_reason": host.disabled_reason,
    }  # fmt: skip
    if call.microversion >= (2, 11):
        shown["forced_down"] = host.forced_down
    return shown


def _control_view(call: Call, number: int, binary: str) -> dict[str, Any]:
    return {
        "id": f"00000000-0000-0000-0000-{number:012d}" if call.microversion >= (2, 53) else number, "binary": binary,
        "host": "controller", "zone": "internal", "status": "enabled", "state": "up", "disabled_reason": None,
        "updated_at": iso(call.cloud.now(), micros=True), "forced_down": False,
    }  # fmt: skip


@routes.add("GET", "/os-services", "compute_service.list", "admin", f"{SERVICES}:list")
def list_services(call: Call) -> Response:
    """nova-conductor, nova-scheduler, and one nova-compute per host."""
    rows = [_control_view(call, 1001, "nova-conductor"), _control_view(call, 1002, "nova-scheduler")]
    rows += [_service_view(call, host) for host in call.cloud.hosts]
    wanted = {key: call.arg(key) for key in ("binary", "host") if call.arg(key)}
    return call.answer({"services": [row for row in rows if all(row[k] == v for k, v in wanted.items())]})


def _change_service(call: Call, host: Host | None, given: dict[str, Any]) -> Response:
    if host is None:
        raise not_found("Host could not be found.")
    if "status" in given:
        host.enabled = given["status"] == "enabled"
        host.disabled_reason = None if host.enabled else given.get("disabled_reason")
    host.forced_down = given.get("forced_down", host.forced_down)
    call.cloud.hosts.put(host)
    return call.answer({"service": _service_view(call, host)})


@routes.add("PUT", "/os-services/{id}", "compute_service.update", "admin", f"{SERVICES}:update")
def update_service(call: Call) -> Response:
    """Enable, disable or force down a nova-compute (by id from 2.53; by host name below)."""
    identifier, given = call.params["id"], call.document
    if identifier in _OLD_VERBS:
        given = {**given, **_OLD_VERBS[identifier]}
        return _change_service(call, call.cloud.hosts.get(given.get("host", "")), given)
    host = next((h for h in call.cloud.hosts if identifier in (h.service_uuid, str(h.number))), None)
    return _change_service(call, host, given)


_OLD_VERBS: dict[str, dict[str, Any]] = {
    "enable": {"status": "enabled"},
    "disable": {"status": "disabled"},
    "disable-log-reason": {"status": "disabled"},
    "force-down": {},
}


@routes.add("GET", "/os-hosts", "host.list", "admin", "os_compute_api:os-hosts:list")
def list_hosts(call: Call) -> Response:
    """What runs where; gone from 2.43 on, where hypervisors and services are asked for instead."""
    if call.microversion >= (2, 43):
        raise not_found("The resource could not be found.")
    rows = [("controller", binary, "internal") for binary in ("conductor", "scheduler")]
    rows += [(host.id, "compute", host.zone) for host in call.cloud.hosts]
    return call.answer({"hosts": [{"host_name": name, "service": what, "zone": zone} for name, what, zone in rows]})


def _hypervisor_view(call: Call, host: Host, detail: bool) -> dict[str, Any]:
    up = call.cloud.find_host_up(host.id)
    shown: dict[str, Any] = {
        "id": host.uuid if call.microversion >= (2, 53) else host.number, "hypervisor_hostname": host.id,
        "state": "up" if up else "down", "status": "enabled" if host.enabled else "disabled",
    }  # fmt: skip
    if not detail:
        return shown
    service = host.service_uuid if call.microversion >= (2, 53) else host.number
    shown |= {
        "hypervisor_type": "fake", "hypervisor_version": 1000, "host_ip": "127.0.0.1", "uptime": None,
        "service": {"id": service, "host": host.id, "disabled_reason": host.disabled_reason},
        "servers": _servers_on(call, host),
    }  # fmt: skip
    if call.microversion < (2, 88):
        shown |= _load_view(call, host)
    return shown


def _servers_on(call: Call, host: Host) -> list[dict[str, str]]:
    if not call.flag("with_servers"):
        return []
    return [{"uuid": server.id, "name": server.name} for server in call.cloud.servers.by("host", host.id)]


def _load_view(call: Call, host: Host) -> dict[str, Any]:
    used, settings = call.cloud.load.used(host.id), call.cloud.settings
    return {
        "vcpus": settings.host_vcpus, "vcpus_used": used["vcpus"], "memory_mb": settings.host_memory_mb,
        "memory_mb_used": used["ram"], "local_gb": settings.host_disk_gb, "local_gb_used": used["disk"],
        "free_ram_mb": settings.host_memory_mb - used["ram"], "free_disk_gb": settings.host_disk_gb - used["disk"],
        "running_vms": used["servers"], "current_workload": 0, "disk_available_least": settings.host_disk_gb,
        "cpu_info": {},
    }  # fmt: skip


def _listed(call: Call, detail: bool) -> Response:
    pattern = call.arg("hypervisor_hostname_pattern")
    rows = [host for host in call.cloud.hosts if pattern is None or pattern in host.id]
    if pattern is not None and not rows:
        raise not_found(f"No hypervisor matching '{pattern}' could be found.")
    return call.answer({"hypervisors": [_hypervisor_view(call, host, detail) for host in rows]})


@routes.add("GET", "/os-hypervisors", "hypervisor.list", "admin", f"{HYPERVISORS}:list")
def list_hypervisors(call: Call) -> Response:
    """Names and states."""
    return _listed(call, detail=False)


@routes.add("GET", "/os-hypervisors/detail", "hypervisor.list", "admin", f"{HYPERVISORS}:list-detail")
def list_hypervisor_details(call: Call) -> Response:
    """Hypervisors in full; sums of use below 2.88."""
    return _listed(call, detail=True)


@routes.add("GET", "/os-hypervisors/{id}", "hypervisor.show", "admin", f"{HYPERVISORS}:show")
def show_hypervisor(call: Call) -> Response:
    """One hypervisor."""
    identifier = call.params["id"]
    host = next((h for h in call.cloud.hosts if identifier in (h.uuid, str(h.number))), None)
    if host is None:
        raise not_found(f"Compute host {identifier} could not be found.")
    return call.answer({"hypervisor": _hypervisor_view(call, host, detail=True)})


@routes.add("GET", "/os-availability-zone", "zone.list")
def list_zones(call: Call) -> Response:
    """Zones that have an enabled host."""
    return call.answer({"availabilityZoneInfo": _zones(call, None)})


@routes.add("GET", "/os-availability-zone/detail", "zone.list", "admin", "os_compute_api:os-availability-zone:detail")
def list_zone_details(call: Call) -> Response:
    """Zones with their hosts."""
    return call.answer({"availabilityZoneInfo": _zones(call, call.cloud.hosts)})


def _zones(call: Call, detail: Any) -> list[dict[str, Any]]:
    rows = []
    for zone in dict.fromkeys(host.zone for host in call.cloud.hosts):
        hosts = [host for host in call.cloud.hosts if host.zone == zone]
        shown = {
            h.id: {
                "nova-compute": {
                    "available": call.cloud.find_host_up(h.id),
                    "active": h.enabled,
                    "updated_at": None,
                }
            }
            for h in hosts
        }
        rows.append({
            "zoneName": zone, "zoneState": {"available": any(host.enabled for host in hosts)},
            "hosts": shown if detail is not None else None,
        })  # fmt: skip
    return rows


@routes.add("GET", "/os-aggregates", "aggregate.list", "admin", "os_compute_api:os-aggregates:index")
def list_aggregates(call: Call) -> Response:
    """There are none."""
    return call.answer({"aggregates": []})


@routes.add(
    "POST",
    "/os-server-external-events",
    "compute_service.external_events",
    "admin",
    "os_compute_api:os-server-external-events:create",
)
def external_events(call: Call) -> Response:
    """Neutron's and Cinder's notices are not needed inside one process."""
    return empty(200)
