"""Neutron's version, networks and their tags, extensions, quotas, agents."""

from __future__ import annotations

from typing import Any

from openesc.cloudsim.core.call import Call, empty
from openesc.cloudsim.core.cloud import Cloud, iso, new_uuid
from openesc.cloudsim.core.faults import ApiError, bad_request, conflict, forbidden, not_found
from openesc.cloudsim.core.http import Response
from openesc.cloudsim.core.records import Network, Quota
from openesc.cloudsim.core.routing import Routes
from openesc.cloudsim.core.store import Table
from openesc.cloudsim.network.listing import listed

versions_routes = Routes("network", "/network")
routes = Routes("network", "/network/v2.0")

TAGS_AT_BIRTH = "tag-ports-during-bulk-creation"
EXTENSIONS = (
    "agent", "availability_zone", "binding", "external-net", "provider", "quotas", "router", "security-group",
    "port-security",
    "allowed-address-pairs", "standard-attr-tag", "standard-attr-timestamp", "standard-attr-revisions", "net-mtu",
    "standard-attr-description", "project-id", "pagination", "sorting", "extra_dhcp_opt", "subnet_allocation",
    "binding-extended", "ip-substring-filtering", "filter-validation", TAGS_AT_BIRTH,
)  # fmt: skip
RESOURCES = (
    "network",
    "subnet",
    "port",
    "security_group",
    "security_group_rule",
    "router",
    "floatingip",
    "subnetpool",
    "rbac_policy",
)


@versions_routes.add("GET", "", "network.versions", "none")
def versions(call: Call) -> Response:
    """The versions document."""
    link = {"rel": "self", "href": f"{call.request.base_url}/network/v2.0/"}
    return call.answer({"versions": [{"id": "v2.0", "status": "CURRENT", "links": [link]}]})


@routes.add("GET", "", "network.version", "none")
def version(call: Call) -> Response:
    """What v2.0 offers."""
    return call.answer({"resources": [{"name": name, "collection": f"{name}s", "links": []} for name in RESOURCES]})


@routes.add("GET", "/extensions", "extension.list", "reader")
def extensions(call: Call) -> Response:
    """Extensions whose attributes are served."""
    return call.answer({"extensions": [_extension(alias) for alias in _offered(call)]})


@routes.add("GET", "/extensions/{alias}", "extension.show", "reader")
def extension(call: Call) -> Response:
    """One extension."""
    if call.params["alias"] not in _offered(call):
        raise not_found(f"Extension with alias {call.params['alias']} does not exist", "ExtensionNotFound")
    return call.answer({"extension": _extension(call.params["alias"])})


def _offered(call: Call) -> list[str]:
    without = set() if call.cloud.settings.port_tags_at_birth else {TAGS_AT_BIRTH}
    return [alias for alias in EXTENSIONS if alias not in without]


def _extension(alias: str) -> dict[str, Any]:
    return {
        "alias": alias,
        "name": alias,
        "description": alias,
        "updated": "2016-01-01T00:00:00-00:00",
        "links": [],
    }


@routes.add("GET", "/agents", "agent.list", "admin", "get_agent")
def agents(call: Call) -> Response:
    """No agents: ports are bound by the simulator itself."""
    return call.answer({"agents": []})


@routes.add("GET", "/availability_zones", "network_zone.list", "reader")
def zones(call: Call) -> Response:
    """One zone."""
    return call.answer({"availability_zones": [{"name": "nova", "resource": "network", "state": "available"}]})


def view(cloud: Cloud, network: Network, admin: bool) -> dict[str, Any]:
    """A network; the provider's attributes only for an admin."""
    shown: dict[str, Any] = {
        "id": network.id, "name": network.name, "status": "ACTIVE", "admin_state_up": network.admin_state_up,
        "project_id": network.project_id, "tenant_id": network.project_id, "shared": network.shared, "mtu": network.mtu,
        "subnets": [subnet.id for subnet in cloud.subnets.by("network", network.id)],
        "router:external": network.external, "port_security_enabled": network.port_security_enabled,
        "availability_zone_hints": [], "availability_zones": ["nova"], "ipv4_address_scope": None,
        "ipv6_address_scope": None, "description": network.description, "tags": network.tags, "is_default": False,
        "revision_number": 1, "created_at": iso(network.created), "updated_at": iso(network.updated),
    }  # fmt: skip
    if admin:
        shown["provider:network_type"] = network.network_type
        shown["provider:physical_network"] = network.physical_network
        shown["provider:segmentation_id"] = network.segmentation_id
    return shown


def find(call: Call, identifier: str) -> Network:
    """The network, if the caller may see it; Neutron's 404 otherwise."""
    network = call.cloud.networks.get(identifier)
    if network is None or not _visible(call, network):
        raise not_found(f"Network {identifier} could not be found.", "NetworkNotFound")
    return network


def _visible(call: Call, network: Network) -> bool:
    return call.is_admin or network.shared or network.external or network.project_id == call.project_id


def _own(call: Call, identifier: str, rule: str) -> Network:
    network = find(call, identifier)
    call.about(network.id, network.name)
    if not call.is_admin and network.project_id != call.project_id:
        raise forbidden(f"rule:{rule} is disallowed by policy", "PolicyNotAuthorized")
    return network


@routes.add("GET", "/networks", "network.list")
def list_networks(call: Call) -> Response:
    """Networks the caller sees."""
    name, identifier = call.arg("name"), call.arg("id")
    rows: list[Network] = list(call.cloud.networks)
    if name is not None:
        rows = [row for value in call.args("name") for row in call.cloud.networks.by("name", value)]
    if identifier is not None:
        rows = [row for value in call.args("id") if (row := call.cloud.networks.get(value))]
    return listed(call, "networks", [row for row in rows if _visible(call, row)], lambda n, a: view(call.cloud, n, a))


_ADMIN_ONLY = (
    "provider:network_type",
    "provider:physical_network",
    "provider:segmentation_id",
    "shared",
    "router:external",
)
_ATTRIBUTES = {
    "name": "name", "admin_state_up": "admin_state_up", "shared": "shared", "router:external": "external", "mtu": "mtu",
    "port_security_enabled": "port_security_enabled", "description": "description",
    "provider:network_type": "network_type",
    "provider:physical_network": "physical_network", "provider:segmentation_id": "segmentation_id",
}  # fmt: skip


def _apply(call: Call, network: Network, given: dict[str, Any], verb: str) -> None:
    for name in _ADMIN_ONLY:
        if given.get(name) and not call.is_admin:
            rule = f"(rule:{verb}_network and rule:{verb}_network:{name}) is disallowed by policy"
            raise forbidden(rule, "PolicyNotAuthorized")
    for name, attribute in _ATTRIBUTES.items():
        if given.get(name) is not None:
            setattr(network, attribute, given[name])
    network.updated = call.cloud.now()


@routes.add("POST", "/networks", "network.create", "member", "create_network")
def create(call: Call) -> Response:
    """Make a network."""
    given, now = call.body("network"), call.cloud.now()
    owner = given.get("project_id") or given.get("tenant_id") or call.project_id
    check_quota(call.cloud, owner, "network", call.cloud.networks.count("project", owner))
    network = Network(new_uuid(), given.get("name", ""), owner, now, now)
    _apply(call, network, given, "create")
    _segment(call.cloud, network)
    call.cloud.networks.put(network)
    call.about(network.id, network.name)
    return call.answer({"network": view(call.cloud, network, call.is_admin)}, 201)


def _segment(cloud: Cloud, network: Network) -> None:
    taken = {(n.network_type, n.physical_network, n.segmentation_id) for n in cloud.networks if n.id != network.id}
    key = (network.network_type, network.physical_network)
    if network.network_type in ("flat", "local"):
        network.segmentation_id = None
    elif network.segmentation_id is None:
        network.segmentation_id = next(i for i in range(1, 16_777_216) if (*key, i) not in taken)
    elif (*key, network.segmentation_id) in taken:
        raise conflict(
            f"Unable to create the network. The {network.network_type.upper()} {network.segmentation_id} "
            f"on physical network "
            f"{network.physical_network} is in use.", "VlanIdInUse",
        )  # fmt: skip
    if network.network_type == "vlan" and not 1 <= (network.segmentation_id or 0) <= 4094:
        raise bad_request("Invalid input for operation: segmentation_id out of range (1 through 4094).", "InvalidInput")


@routes.add("GET", "/networks/{id}", "network.show")
def show(call: Call) -> Response:
    """One network."""
    network = find(call, call.params["id"])
    call.about(network.id, network.name)
    return call.answer({"network": view(call.cloud, network, call.is_admin)})


@routes.add("PUT", "/networks/{id}", "network.update", "member", "update_network")
def update(call: Call) -> Response:
    """Change a network."""
    network = _own(call, call.params["id"], "update_network")
    _apply(call, network, call.body("network"), "update")
    call.cloud.networks.put(network)
    return call.answer({"network": view(call.cloud, network, call.is_admin)})


@routes.add("DELETE", "/networks/{id}", "network.delete", "member", "delete_network")
def delete(call: Call) -> Response:
    """Forget a network without ports, and its subnets."""
    network = _own(call, call.params["id"], "delete_network")
    ports = call.cloud.ports.by("network", network.id)
    if ports:
        ids = ", ".join(port.id for port in ports)
        raise conflict(
            f"Unable to complete operation on network {network.id}. There are one or more ports still in use on the "
            f"network, id for these ports is: {ids}.", "NetworkInUse",
        )  # fmt: skip
    for subnet in call.cloud.subnets.by("network", network.id):
        call.cloud.subnets.drop(subnet.id)
    call.cloud.networks.drop(network.id)
    return empty(204)


def quota_of(cloud: Cloud, project_id: str) -> dict[str, int]:
    """The project's limits; -1 is none."""
    row = cloud.quotas.get(f"network:{project_id}")
    return {**dict.fromkeys(RESOURCES, -1), **(row.limits if row else {})}


def check_quota(cloud: Cloud, project_id: str, resource: str, used: int) -> None:
    """Raise Neutron's 409 if one more is too many."""
    limit = quota_of(cloud, project_id)[resource]
    if limit >= 0 and used + 1 > limit:
        raise ApiError(409, f"Quota exceeded for resources: ['{resource}'].", "OverQuota")


@routes.add("GET", "/quotas/{project}", "network_quota.show")
def show_quota(call: Call) -> Response:
    """A project's limits."""
    return call.answer({"quota": quota_of(call.cloud, call.params["project"])})


@routes.add("GET", "/quotas/{project}/{kind}", "network_quota.show")
def show_quota_details(call: Call) -> Response:
    """The default limits, or limits with what is used."""
    project = call.params["project"]
    if call.params["kind"] == "default":
        return call.answer({"quota": dict.fromkeys(RESOURCES, -1)})
    tables: dict[str, Table[Any]] = {
        "network": call.cloud.networks,
        "subnet": call.cloud.subnets,
        "port": call.cloud.ports,
    }
    used = {name: table.count("project", project) for name, table in tables.items()}
    limits = quota_of(call.cloud, project)
    return call.answer({"quota": {n: {"limit": v, "used": used.get(n, 0), "reserved": 0} for n, v in limits.items()}})


@routes.add("PUT", "/quotas/{project}", "network_quota.update", "admin", "update_quota")
def update_quota(call: Call) -> Response:
    """Set limits."""
    project = call.params["project"]
    row = call.cloud.quotas.get(f"network:{project}") or Quota(f"network:{project}")
    row.limits.update({k: int(v) for k, v in call.body("quota").items() if k in RESOURCES})
    call.cloud.quotas.put(row)
    return call.answer({"quota": quota_of(call.cloud, project)})


@routes.add("DELETE", "/quotas/{project}", "network_quota.delete", "admin", "delete_quota")
def delete_quota(call: Call) -> Response:
    """Back to no limits."""
    call.cloud.quotas.drop(f"network:{call.params['project']}")
    return empty(204)


@routes.add("GET", "/{collection}/{id}/tags", "tag.list")
def list_tags(call: Call) -> Response:
    """Tags of a resource."""
    return call.answer({"tags": _tagged(call)[1].tags})


@routes.add("PUT", "/{collection}/{id}/tags", "tag.replace", "member", "update_tags")
def replace_tags(call: Call) -> Response:
    """Set all tags."""
    table, row = _tagged(call)
    row.tags = list(dict.fromkeys(call.document.get("tags", [])))
    table.put(row)
    return call.answer({"tags": row.tags})


@routes.add("DELETE", "/{collection}/{id}/tags", "tag.clear", "member", "delete_tags")
def clear_tags(call: Call) -> Response:
    """Remove all tags."""
    table, row = _tagged(call)
    row.tags = []
    table.put(row)
    return empty(204)


@routes.add("PUT", "/{collection}/{id}/tags/{tag}", "tag.add", "member", "update_tags")
def add_tag(call: Call) -> Response:
    """Add one tag."""
    table, row = _tagged(call)
    if call.params["tag"] not in row.tags:
        row.tags.append(call.params["tag"])
    table.put(row)
    return empty(201)


@routes.add("DELETE", "/{collection}/{id}/tags/{tag}", "tag.delete", "member", "delete_tags")
def delete_tag(call: Call) -> Response:
    """Remove one tag."""
    table, row = _tagged(call)
    if call.params["tag"] not in row.tags:
        raise not_found(f"Tag {call.params['tag']} could not be found.", "TagNotFound")
    row.tags.remove(call.params["tag"])
    table.put(row)
    return empty(204)


def _tagged(call: Call) -> tuple[Any, Any]:
    tables: dict[str, Any] = {
        "networks": call.cloud.networks, "subnets": call.cloud.subnets, "ports": call.cloud.ports,
        "security-groups": call.cloud.security_groups, "security_groups": call.cloud.security_groups,
    }  # fmt: skip
    table = tables.get(call.params["collection"])
    row = table.get(call.params["id"]) if table is not None else None
    if row is None or not (call.is_admin or row.project_id == call.project_id):
        raise not_found(
            f"Resource {call.params['collection']} {call.params['id']} could not be found.",
            "TagResourceNotFound",
        )
    call.about(row.id, row.name)
    row.updated = call.cloud.now()
    return table, row
