"""Nova's quotas and limits."""

from __future__ import annotations

from typing import Any

from openesc.cloudsim.core.call import Call, empty
from openesc.cloudsim.core.cloud import Cloud
from openesc.cloudsim.core.faults import forbidden
from openesc.cloudsim.core.http import Response
from openesc.cloudsim.core.records import Quota
from openesc.cloudsim.core.routing import Routes

routes = Routes("compute", "/compute/v2.1")

DEFAULTS = {
    "instances": -1, "cores": -1, "ram": -1, "metadata_items": 128, "key_pairs": 100, "server_groups": -1,
    "server_group_members": -1,
}  # fmt: skip


def limits_of(cloud: Cloud, project_id: str) -> dict[str, int]:
    """The project's limits; -1 is none."""
    row = cloud.quotas.get(f"compute:{project_id}")
    return {**DEFAULTS, **(row.limits if row else {})}


def used_by(cloud: Cloud, project_id: str) -> dict[str, int]:
    """What the project's servers use."""
    servers = cloud.servers.by("project", project_id)
    return {
        "instances": len(servers),
        "cores": sum(server.flavor["vcpus"] for server in servers),
        "ram": sum(server.flavor["ram"] for server in servers),
    }


def check_server_quota(cloud: Cloud, project_id: str, flavor: dict[str, Any], count: int) -> None:
    """Raise Nova's 403 if the servers asked for are too many or too big."""
    asked = {"instances": count, "cores": count * flavor["vcpus"], "ram": count * flavor["ram"]}
    check_quota(cloud, project_id, asked)


def check_quota(cloud: Cloud, project_id: str, asked: dict[str, int]) -> None:
    """Raise Nova's 403 if any of the amounts asked for is more than what is left."""
    if f"compute:{project_id}" not in cloud.quotas:
        return
    limits, used = limits_of(cloud, project_id), used_by(cloud, project_id)
    for name, amount in asked.items():
        if 0 <= limits[name] < used[name] + amount:
            raise forbidden(
                f"Quota exceeded for {name}: Requested {amount}, but already used {used[name]} of {limits[name]} {name}"
            )


@routes.add("GET", "/limits", "limits.show")
def limits(call: Call) -> Response:
    """Absolute limits with what is used."""
    project = (call.arg("tenant_id") if call.is_admin else None) or call.project_id
    most, used = limits_of(call.cloud, project), used_by(call.cloud, project)
    absolute = {
        "maxTotalInstances": most["instances"], "maxTotalCores": most["cores"], "maxTotalRAMSize": most["ram"],
        "maxTotalKeypairs": most["key_pairs"], "maxServerMeta": most["metadata_items"],
        "maxServerGroups": most["server_groups"], "maxServerGroupMembers": most["server_group_members"],
        "totalInstancesUsed": used["instances"], "totalCoresUsed": used["cores"], "totalRAMUsed": used["ram"],
        "totalServerGroupsUsed": call.cloud.server_groups.count("project", project),
    }  # fmt: skip
    return call.answer({"limits": {"rate": [], "absolute": absolute}})


@routes.add("GET", "/os-quota-sets/{project}", "compute_quota.show")
def show(call: Call) -> Response:
    """A project's limits."""
    project = call.params["project"]
    return call.answer({"quota_set": {"id": project, **limits_of(call.cloud, project)}})


@routes.add("GET", "/os-quota-sets/{project}/{kind}", "compute_quota.show")
def show_more(call: Call) -> Response:
    """The default limits, or limits with what is used."""
    project = call.params["project"]
    if call.params["kind"] == "defaults":
        return call.answer({"quota_set": {"id": project, **DEFAULTS}})
    used = used_by(call.cloud, project)
    rows = {n: {"limit": v, "in_use": used.get(n, 0), "reserved": 0} for n, v in limits_of(call.cloud, project).items()}
    return call.answer({"quota_set": {"id": project, **rows}})


@routes.add("PUT", "/os-quota-sets/{project}", "compute_quota.update", "admin", "os_compute_api:os-quota-sets:update")
def update(call: Call) -> Response:
    """Set limits."""
    key = f"compute:{call.params['project']}"
    row = call.cloud.quotas.get(key) or Quota(key)
    row.limits.update({name: int(value) for name, value in call.body("quota_set").items() if name in DEFAULTS})
    call.cloud.quotas.put(row)
    return call.answer({"quota_set": limits_of(call.cloud, call.params["project"])})


@routes.add(
    "DELETE",
    "/os-quota-sets/{project}",
    "compute_quota.delete",
    "admin",
    "os_compute_api:os-quota-sets:delete",
)
def delete(call: Call) -> Response:
    """Back to the defaults."""
    call.cloud.quotas.drop(f"compute:{call.params['project']}")
    return empty(202)
