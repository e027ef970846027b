"""Where a deployment stands in the data model: the paths that refusals carry."""

from __future__ import annotations


def deployment_path(tenant: str, name: str) -> str:
    """The path of a configured deployment."""
    return f"/esc_datamodel/tenants/tenant[name='{tenant}']/deployments/deployment[name='{name}']"


def group_path(tenant: str, name: str, group: str) -> str:
    """The path of one of its vm_groups."""
    return f"{deployment_path(tenant, name)}/vm_group[name='{group}']"
