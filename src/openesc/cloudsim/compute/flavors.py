"""Nova's version, flavors and their extra specs."""

from __future__ import annotations

from typing import Any

from openesc.cloudsim.compute.views import flavor_view, links
from openesc.cloudsim.core.call import Call, empty
from openesc.cloudsim.core.cloud import Cloud, new_uuid
from openesc.cloudsim.core.faults import bad_request, conflict, not_found
from openesc.cloudsim.core.http import Response
from openesc.cloudsim.core.microversions import RANGES
from openesc.cloudsim.core.records import Flavor
from openesc.cloudsim.core.routing import Routes

versions_routes = Routes("compute", "/compute")
routes = Routes("compute", "/compute/v2.1")
MANAGE = "os_compute_api:os-flavor-manage"


def _version(call: Call) -> dict[str, Any]:
    low, high = (".".join(map(str, limit)) for limit in RANGES["compute"])
    return {
        "id": "v2.1", "status": "CURRENT", "version": high, "min_version": low, "updated": "2013-07-23T11:33:21Z",
        "links": [{"rel": "self", "href": f"{call.request.base_url}/compute/v2.1/"}],
    }  # fmt: skip


@versions_routes.add("GET", "", "compute.versions", "none")
def versions(call: Call) -> Response:
    """The versions document."""
    return call.answer({"versions": [_version(call)]})


@routes.add("GET", "", "compute.version", "none")
def version(call: Call) -> Response:
    """The v2.1 document."""
    return call.answer({"version": _version(call)})


@routes.add("GET", "/extensions", "compute.extensions", "any")
def extensions(call: Call) -> Response:
    """Nova has had no optional extensions since 2.1."""
    return call.answer({"extensions": []})


def visible(call: Call, flavor: Flavor) -> bool:
    """Whether the caller may use a flavor."""
    return call.is_admin or flavor.is_public or call.project_id in flavor.projects


def find(call: Call, identifier: str) -> Flavor:
    """The flavor by id; Nova's 404 otherwise."""
    flavor = call.cloud.flavors.get(identifier)
    if flavor is None or not visible(call, flavor):
        raise not_found(f"Flavor {identifier} could not be found.")
    call.about(flavor.id, flavor.name)
    return flavor


def _listed(call: Call) -> list[Flavor]:
    rows = [flavor for flavor in call.cloud.flavors if visible(call, flavor)]
    public = call.arg("is_public")
    if not call.is_admin or public is None:
        rows = [f for f in rows if f.is_public or (call.project_id in f.projects)]
    elif public.lower() != "none":
        rows = [f for f in rows if f.is_public is (public.lower() in ("1", "true"))]
    rows = [f for f in rows if f.disk >= int(call.arg("minDisk") or 0) and f.ram >= int(call.arg("minRam") or 0)]
    marker = call.arg("marker")
    if marker is not None:
        at = next((i for i, flavor in enumerate(rows) if flavor.id == marker), None)
        if at is None:
            raise bad_request(f"marker [{marker}] not found")
        rows = rows[at + 1 :]
    limit = call.arg("limit")
    return rows[: int(limit)] if limit and limit.isdigit() else rows


@routes.add("GET", "/flavors", "flavor.list")
def list_flavors(call: Call) -> Response:
    """Ids and names."""
    base = call.request.base_url
    rows = [{"id": f.id, "name": f.name, "links": links(base, "flavors", f.id)} for f in _listed(call)]
    return call.answer({"flavors": rows})


@routes.add("GET", "/flavors/detail", "flavor.list")
def list_details(call: Call) -> Response:
    """Flavors in full."""
    return call.answer({"flavors": [flavor_view(call, flavor) for flavor in _listed(call)]})


@routes.add("POST", "/flavors", "flavor.create", "admin", f"{MANAGE}:create")
def create(call: Call) -> Response:
    """Make a flavor."""
    given = call.body("flavor")
    flavor = _made(call, given)
    if call.cloud.flavors.first("name", flavor.name) is not None:
        raise conflict(f"Flavor with name {flavor.name} already exists.")
    if flavor.id in call.cloud.flavors:
        raise conflict(f"Flavor with ID {flavor.id} already exists.")
    call.cloud.flavors.put(flavor)
    call.about(flavor.id, flavor.name)
    return call.answer({"flavor": flavor_view(call, flavor)})


def _made(call: Call, given: dict[str, Any]) -> Flavor:
    identifier = given.get("id") or given.get("flavorid")
    numbers: dict[str, Any] = {
        name: _whole(given, name, least) for name, least in (("vcpus", 1), ("ram", 1), ("disk", 0))
    }
    name = given.get("name")
    if not isinstance(name, str) or not name.strip() or len(name) > 255:
        raise bad_request(f"Invalid input for field/attribute name. Value: {name}.")
    return Flavor(
        new_uuid() if identifier in (None, "auto") else str(identifier), name,
        ephemeral=int(given.get("OS-FLV-EXT-DATA:ephemeral") or 0), swap=int(given.get("swap") or 0),
        rxtx_factor=float(given.get("rxtx_factor") or 1.0), is_public=given.get("os-flavor-access:is_public", True),
        description=given.get("description"), **numbers,
    )  # fmt: skip


def _whole(given: dict[str, Any], name: str, least: int) -> int:
    value = given.get(name)
    try:
        number = int(str(value))
    except ValueError:
        number = least - 1
    if number < least:
        raise bad_request(
            f"Invalid input for field/attribute {name}. Value: {value}. {value} is less than the minimum of {least}"
        )
    return number


@routes.add("GET", "/flavors/{id}", "flavor.show")
def show(call: Call) -> Response:
    """One flavor."""
    return call.answer({"flavor": flavor_view(call, find(call, call.params["id"]))})


@routes.add("PUT", "/flavors/{id}", "flavor.update", "admin", f"{MANAGE}:update")
def update(call: Call) -> Response:
    """Describe a flavor."""
    flavor = find(call, call.params["id"])
    flavor.description = call.body("flavor").get("description")
    call.cloud.flavors.put(flavor)
    return call.answer({"flavor": flavor_view(call, flavor)})


@routes.add("DELETE", "/flavors/{id}", "flavor.delete", "admin", f"{MANAGE}:delete")
def delete(call: Call) -> Response:
    """Forget a flavor; servers keep their copy."""
    call.cloud.flavors.drop(find(call, call.params["id"]).id)
    return empty(202)


@routes.add("GET", "/flavors/{id}/os-extra_specs", "flavor_specs.list")
def list_specs(call: Call) -> Response:
    """Extra specs."""
    return call.answer({"extra_specs": find(call, call.params["id"]).extra_specs})


@routes.add(
    "POST",
    "/flavors/{id}/os-extra_specs",
    "flavor_specs.create",
    "admin",
    "os_compute_api:os-flavor-extra-specs:create",
)
def create_specs(call: Call) -> Response:
    """Add extra specs."""
    flavor = find(call, call.params["id"])
    flavor.extra_specs.update({key: str(value) for key, value in call.body("extra_specs").items()})
    call.cloud.flavors.put(flavor)
    return call.answer({"extra_specs": flavor.extra_specs})


def _spec(call: Call) -> tuple[Flavor, str]:
    flavor, key = find(call, call.params["id"]), call.params["key"]
    if key not in flavor.extra_specs:
        raise not_found(f"Flavor {flavor.id} has no extra specs with key {key}.")
    return flavor, key


@routes.add("GET", "/flavors/{id}/os-extra_specs/{key}", "flavor_specs.show")
def show_spec(call: Call) -> Response:
    """One extra spec."""
    flavor, key = _spec(call)
    return call.answer({key: flavor.extra_specs[key]})


@routes.add(
    "PUT",
    "/flavors/{id}/os-extra_specs/{key}",
    "flavor_specs.update",
    "admin",
    "os_compute_api:os-flavor-extra-specs:update",
)
def update_spec(call: Call) -> Response:
    """Change one extra spec."""
    flavor, key = find(call, call.params["id"]), call.params["key"]
    flavor.extra_specs[key] = str(call.document[key])
    call.cloud.flavors.put(flavor)
    return call.answer({key: flavor.extra_specs[key]})


@routes.add(
    "DELETE",
    "/flavors/{id}/os-extra_specs/{key}",
    "flavor_specs.delete",
    "admin",
    "os_compute_api:os-flavor-extra-specs:delete",
)
def delete_spec(call: Call) -> Response:
    """Remove one extra spec."""
    flavor, key = _spec(call)
    del flavor.extra_specs[key]
    call.cloud.flavors.put(flavor)
    return empty(200)


def _access(call: Call, flavor: Flavor) -> Response:
    rows = [{"flavor_id": flavor.id, "tenant_id": project} for project in flavor.projects]
    return call.answer({"flavor_access": rows})


@routes.add("GET", "/flavors/{id}/os-flavor-access", "flavor_access.list", "admin", "os_compute_api:os-flavor-access")
def list_access(call: Call) -> Response:
    """Projects that may use a private flavor."""
    return _access(call, find(call, call.params["id"]))


@routes.add(
    "POST",
    "/flavors/{id}/action",
    "flavor.action",
    "admin",
    "os_compute_api:os-flavor-access:add_tenant_access",
)
def change_access(call: Call) -> Response:
    """Give or take a project's access."""
    flavor = find(call, call.params["id"])
    project = next(iter(call.document.values()))["tenant"]
    if "addTenantAccess" in call.document and project not in flavor.projects:
        flavor.projects.append(project)
    if "removeTenantAccess" in call.document and project in flavor.projects:
        flavor.projects.remove(project)
    call.cloud.flavors.put(flavor)
    return _access(call, flavor)


def find_for_server(call: Call, reference: str) -> Flavor:
    """The flavor a create or resize names; a 400 if it is not there."""
    identifier = str(reference).rstrip("/").rsplit("/", 1)[-1]
    flavor = call.cloud.flavors.get(identifier)
    if flavor is None or not visible(call, flavor):
        raise bad_request(f"Flavor {identifier} could not be found.")
    return flavor


def by_name(cloud: Cloud, name: str) -> Flavor | None:
    """A flavor by its name."""
    return cloud.flavors.first("name", name)
