"""Neutron security groups and their rules."""

from __future__ import annotations

from typing import Any

from openesc.cloudsim.core.call import Call, empty
from openesc.cloudsim.core.cloud import Cloud, iso, new_uuid
from openesc.cloudsim.core.faults import conflict, not_found
from openesc.cloudsim.core.http import Response
from openesc.cloudsim.core.records import SecurityGroup
from openesc.cloudsim.core.routing import Routes
from openesc.cloudsim.network.listing import listed

routes = Routes("network", "/network/v2.0")


def ensure_default_group(cloud: Cloud, project_id: str) -> SecurityGroup:
    """The project's ``default`` group, made if it is not there."""
    for group in cloud.security_groups.by("project", project_id):
        if group.name == "default":
            return group
    now = cloud.now()
    group = SecurityGroup(new_uuid(), "default", project_id, now, now, "Default security group")
    group.rules = [
        _rule(group, d, e, group.id if d == "ingress" else None)
        for d in ("egress", "ingress")
        for e in ("IPv4", "IPv6")
    ]
    return cloud.security_groups.put(group)


def _rule(group: SecurityGroup, direction: str, ethertype: str, remote: str | None = None) -> dict[str, Any]:
    return {
        "id": new_uuid(), "direction": direction, "ethertype": ethertype, "protocol": None,
        "port_range_min": None, "port_range_max": None, "remote_ip_prefix": None, "remote_group_id": remote,
        "remote_address_group_id": None, "security_group_id": group.id, "description": "",
        "project_id": group.project_id, "tenant_id": group.project_id, "revision_number": 0,
        "created_at": iso(group.created), "updated_at": iso(group.updated),
        "belongs_to_default_sg": group.name == "default",
        "normalized_cidr": None, "tags": [],
    }  # fmt: skip


def _view(group: SecurityGroup, admin: bool) -> dict[str, Any]:
    return {
        "id": group.id, "name": group.name, "description": group.description, "stateful": True, "shared": False,
        "project_id": group.project_id, "tenant_id": group.project_id, "security_group_rules": group.rules,
        "tags": group.tags, "revision_number": 1, "created_at": iso(group.created), "updated_at": iso(group.updated),
    }  # fmt: skip


def _visible(call: Call) -> list[SecurityGroup]:
    if call.project_id:
        ensure_default_group(call.cloud, call.project_id)
    if call.is_admin:
        return list(call.cloud.security_groups)
    return call.cloud.security_groups.by("project", call.project_id)


def _find(call: Call, identifier: str) -> SecurityGroup:
    group = call.cloud.security_groups.get(identifier)
    if group is None or not (call.is_admin or group.project_id == call.project_id):
        raise not_found(f"Security group {identifier} does not exist", "SecurityGroupNotFound")
    call.about(group.id, group.name)
    return group


@routes.add("GET", "/security-groups", "security_group.list")
def list_groups(call: Call) -> Response:
    """Security groups of the project; all for an admin."""
    return listed(call, "security_groups", _visible(call), _view)


@routes.add("POST", "/security-groups", "security_group.create", "member", "create_security_group")
def create_group(call: Call) -> Response:
    """Make a group that lets everything out."""
    given, now = call.body("security_group"), call.cloud.now()
    owner = given.get("project_id") or given.get("tenant_id") or call.project_id
    group = SecurityGroup(new_uuid(), given.get("name", ""), owner, now, now, given.get("description") or "")
    group.rules = [_rule(group, "egress", "IPv4"), _rule(group, "egress", "IPv6")]
    call.cloud.security_groups.put(group)
    call.about(group.id, group.name)
    return call.answer({"security_group": _view(group, call.is_admin)}, 201)


@routes.add("GET", "/security-groups/{id}", "security_group.show")
def show_group(call: Call) -> Response:
    """One group."""
    return call.answer({"security_group": _view(_find(call, call.params["id"]), call.is_admin)})


@routes.add("PUT", "/security-groups/{id}", "security_group.update", "member", "update_security_group")
def update_group(call: Call) -> Response:
    """Rename or describe a group."""
    group, given = _find(call, call.params["id"]), call.body("security_group")
    group.name, group.description = given.get("name", group.name), given.get("description", group.description)
    group.updated = call.cloud.now()
    call.cloud.security_groups.put(group)
    return call.answer({"security_group": _view(group, call.is_admin)})


@routes.add("DELETE", "/security-groups/{id}", "security_group.delete", "member", "delete_security_group")
def delete_group(call: Call) -> Response:
    """Forget a group that no port uses."""
    group = _find(call, call.params["id"])
    if group.name == "default" and not call.is_admin:
        raise conflict("Insufficient rights for removing default security group.", "SecurityGroupCannotRemoveDefault")
    if any(group.id in port.security_groups for port in call.cloud.ports.by("project", group.project_id)):
        raise conflict(f"Security Group {group.id} in use.", "SecurityGroupInUse")
    call.cloud.security_groups.drop(group.id)
    return empty(204)


class _RuleRow:
    def __init__(self, rule: dict[str, Any]) -> None:
        self.tags: list[str] = []
        self.rule = rule


@routes.add("GET", "/security-group-rules", "security_group_rule.list")
def list_rules(call: Call) -> Response:
    """Rules of all visible groups."""
    rows = [_RuleRow(rule) for group in _visible(call) for rule in group.rules]
    return listed(call, "security_group_rules", rows, lambda row, admin: row.rule)


@routes.add("POST", "/security-group-rules", "security_group_rule.create", "member", "create_security_group_rule")
def create_rule(call: Call) -> Response:
    """Add a rule; a second like it is refused."""
    given = call.body("security_group_rule")
    group = _find(call, given.get("security_group_id", ""))
    rule = _rule(group, given.get("direction", "ingress"), given.get("ethertype", "IPv4"))
    keys = ("protocol", "port_range_min", "port_range_max", "remote_ip_prefix", "remote_group_id")
    rule.update({k: given[k] for k in (*keys, "description") if k in given})
    same = [r for r in group.rules if all(r[k] == rule[k] for k in (*keys, "direction", "ethertype"))]
    if same:
        raise conflict(f"Security group rule already exists. Rule id is {same[0]['id']}.", "SecurityGroupRuleExists")
    group.rules.append(rule)
    call.cloud.security_groups.put(group)
    return call.answer({"security_group_rule": rule}, 201)


def _group_of_rule(call: Call) -> tuple[SecurityGroup, dict[str, Any]]:
    for group in _visible(call):
        for rule in group.rules:
            if rule["id"] == call.params["id"]:
                return group, rule
    raise not_found(f"Security group rule {call.params['id']} does not exist", "SecurityGroupRuleNotFound")


@routes.add("GET", "/security-group-rules/{id}", "security_group_rule.show")
def show_rule(call: Call) -> Response:
    """One rule."""
    return call.answer({"security_group_rule": _group_of_rule(call)[1]})


@routes.add(
    "DELETE",
    "/security-group-rules/{id}",
    "security_group_rule.delete",
    "member",
    "delete_security_group_rule",
)
def delete_rule(call: Call) -> Response:
    """Forget a rule."""
    group, rule = _group_of_rule(call)
    group.rules.remove(rule)
    call.cloud.security_groups.put(group)
    return empty(204)
