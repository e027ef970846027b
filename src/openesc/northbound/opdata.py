"""The state of ``esc_datamodel``: its version, and opdata: what exists, from the inventory (developer guide,
operational data).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from lxml import etree
from sqlalchemy import Connection

from openesc.inventory import store as inventory
from openesc.inventory.records import Deployment, Interface, Resource, Vm
from openesc.lifecycle.announce import interface_leaves
from openesc.northbound.model import ESC, local
from openesc.northbound.stats import Leaves, host_stats
from openesc.yang import Bound

STATUS = "OPER_UP"
OBSOLETE = "-"
"""What clients of the three-key generation put in the two keys that mean nothing any more."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What of the state is asked for. None: all. `may_use` says which tenants the user sees.

    `shared`: what belongs to no tenant, the host's figures with it.
    """

    tenants: frozenset[str] | None
    deployments: frozenset[str] | None
    shared: bool
    may_use: Callable[[str], bool]

    def wants_tenant(self, name: str) -> bool:
        return (self.tenants is None or name in self.tenants) and self.may_use(name)


def scope_of(bounds: Sequence[Bound] | None, may_use: Callable[[str], bool]) -> Scope | None:
    """What a filter with these bounds can match of opdata; None: nothing."""
    if bounds is None:
        return Scope(None, None, True, may_use)
    below = [bound for bound in bounds if _names(bound) in _ABOVE_OPDATA]
    if not below:
        version = any(_names(bound) == _VERSION for bound in bounds)
        return Scope(frozenset(), None, False, may_use) if version else None
    tenants = [_key(bound, "tenant", "name") for bound in below]
    deployments = [_key(bound, "deployments", "deployment_name") for bound in below]
    shared = any(len(bound) < 3 or local(bound[2][0]) != "tenants" for bound in below)
    return Scope(_all_known(tenants), _all_known(deployments), shared, may_use)


_ABOVE_OPDATA: tuple[list[str], ...] = ([], ["esc_datamodel"], ["esc_datamodel", "opdata"])
_VERSION = ["esc_datamodel", "version"]


def _names(bound: Bound) -> list[str]:
    return [local(qname) for qname, _ in bound[:2]]


def _key(bound: Bound, node: str, key: str) -> str | None:
    for qname, keys in bound:
        if local(qname) == node:
            return next((value for name, value in keys.items() if local(name) == key), None)
    return None


def _all_known(values: Iterable[str | None]) -> frozenset[str] | None:
    found = frozenset(values)
    return None if None in found else frozenset(value for value in found if value is not None)


def esc_state(connection: Connection, scope: Scope, version: str) -> etree._Element:
    """``esc_datamodel`` with just its state in it: the model's `version` and opdata."""
    root = etree.Element(f"{{{ESC}}}esc_datamodel", nsmap={None: ESC})  # type: ignore[dict-item]
    _leaf(root, "version", version)
    element = _sub(root, "opdata")
    _leaf(element, "status", STATUS)
    if scope.shared:
        _structure(_sub(element, "stats"), host_stats())
        _shared(connection, element)
    tenants = _tenants(connection, scope)
    if tenants:
        parent = _sub(element, "tenants")
        for name, record in sorted(tenants.items()):
            _tenant(connection, parent, name, record, scope)
    return root


def deployment_opdata(connection: Connection, record: Deployment) -> etree._Element:
    """``esc_datamodel`` with the opdata of just this deployment."""
    root = etree.Element(f"{{{ESC}}}esc_datamodel", nsmap={None: ESC})  # type: ignore[dict-item]
    tenant = _sub(_sub(_sub(root, "opdata"), "tenants"), "tenant")
    _leaves(tenant, {"name": record.tenant, "tenant_id": record.project_id})
    _deployment(connection, tenant, record)
    return root


def _shared(connection: Connection, parent: etree._Element) -> None:
    _networks(connection, parent, [row for row in inventory.resources(connection, kind="network") if not row.tenant])
    for kind in ("image", "flavor"):
        rows = [row for row in inventory.resources(connection, kind=kind) if row.external_id]
        container = _sub(parent, f"{kind}s") if rows else None
        for row in rows:
            assert container is not None
            entry = _sub(container, kind)
            _leaves(entry, {"name": row.name, f"{kind}_id": row.external_id, "public": _text(row.facts.get("public"))})


def _tenants(connection: Connection, scope: Scope) -> dict[str, Resource | None]:
    """The tenants that are there or have deployments."""
    found: dict[str, Resource | None] = {}
    for row in inventory.resources(connection, kind="tenant"):
        found[row.name] = row
    for deployment in _deployments(connection, scope):
        found.setdefault(deployment.tenant, None)
    return {name: row for name, row in found.items() if scope.wants_tenant(name)}


def _deployments(connection: Connection, scope: Scope) -> list[Deployment]:
    if scope.tenants is not None and scope.deployments is not None:
        pairs = [(tenant, name) for tenant in scope.tenants for name in scope.deployments]
        return [row for tenant, name in pairs for row in inventory.deployments_named(connection, tenant, name)]
    if scope.tenants is not None:
        return [row for tenant in sorted(scope.tenants) for row in inventory.all_deployments(connection, tenant)]
    return inventory.all_deployments(connection)


def _tenant(connection: Connection, parent: etree._Element, name: str, record: Resource | None, scope: Scope) -> None:
    element = _sub(parent, "tenant")
    deployments = [row for row in _deployments(connection, _within(scope, name)) if row.tenant == name]
    tenant_id = record.external_id if record else next((row.project_id for row in deployments if row.project_id), None)
    _leaves(element, {"name": name, "tenant_id": tenant_id})
    rows = [row for row in inventory.resources(connection, kind="network", tenant=name) if row.external_id]
    _networks(connection, element, rows)
    shown: set[str] = set()
    for deployment in deployments:
        wanted = scope.deployments is None or deployment.name in scope.deployments
        if wanted and deployment.name not in shown:  # the entry that is going stays until it is gone
            shown.add(deployment.name)
            _deployment(connection, element, deployment)


def _within(scope: Scope, tenant: str) -> Scope:
    return Scope(frozenset({tenant}), scope.deployments, scope.shared, scope.may_use)


def _deployment(connection: Connection, parent: etree._Element, record: Deployment) -> None:
    element = _sub(parent, "deployments")
    leaves = {
        "deployment_name": record.name,
        "service_name": OBSOLETE,
        "service_version": OBSOLETE,
        "deployment_id": record.id,
    }
    _leaves(element, leaves)
    vms = inventory.vms_of(connection, record.id)
    interfaces = inventory.interfaces_of(connection, [vm.id for vm in vms])
    volumes = _by_vm(inventory.resources(connection, kind="volume", deployment_id=record.id))
    for group in dict.fromkeys(vm.vm_group for vm in vms):
        entry = _sub(element, "vm_group")
        _leaf(entry, "name", group)
        for vm in vms:
            if vm.vm_group == group and vm.server_id is not None:
                _volumes(_instance(entry, record, vm, interfaces[vm.id]), volumes.get(vm.id, ()))
    _state_machine(element, record, vms)


def _by_vm(rows: Iterable[Resource]) -> dict[str, list[Resource]]:
    found: dict[str, list[Resource]] = defaultdict(list)
    for row in rows:
        found[row.parent or ""].append(row)
    return found


def _volumes(instance: etree._Element, rows: Sequence[Resource]) -> None:
    """Volumes made for the VM; what it was given is in the configuration."""
    container = _sub(instance, "volumes") if rows else None
    for row in rows:
        assert container is not None
        leaves = {"name": row.name, "volume_id": row.external_id, "out_of_band": _text(not row.owned)}
        _leaves(_sub(container, "volume"), leaves)


def _instance(
    parent: etree._Element, deployment: Deployment, vm: Vm, interfaces: Sequence[Interface]
) -> etree._Element:
    element = _sub(parent, "vm_instance")
    leaves = {
        "vm_id": vm.server_id,
        "name": vm.name,
        "host_id": vm.host_id,
        "hostname": vm.hostname,
        "image": vm.image,
        "flavor": vm.flavor,
        "vim_id": deployment.vim_id,
        "vim_project": deployment.project,
        "vim_status": vm.vim_status,
    }
    _leaves(element, leaves)
    if interfaces:
        container = _sub(element, "interfaces")
        for interface in interfaces:
            _leaves(_sub(container, "interface"), interface_leaves(interface))
    return element


def _state_machine(parent: etree._Element, record: Deployment, vms: Sequence[Vm]) -> None:
    element = _sub(parent, "state_machine")
    _leaves(element, {"state": record.state, "failure_reason": record.failure})
    if vms:
        container = _sub(element, "vm_state_machines")
        for vm in vms:
            entry = _sub(container, "vm_state_machine")
            _leaves(entry, {"vm_name": vm.name, "state": vm.state, "failure_reason": vm.failure})


def _networks(connection: Connection, parent: etree._Element, rows: Sequence[Resource]) -> None:
    """Ephemeral networks stand among the tenant's, under the unique name they have in the cloud."""
    container = _sub(parent, "networks") if rows else None
    for row in rows:
        assert container is not None
        entry = _sub(container, "network")
        leaves = {
            "name": row.cloud_name if row.deployment_id else row.name,
            "netid": row.external_id,
            "shared": _text(row.facts.get("shared")),
            "admin_state": _text(row.facts.get("admin_state")),
            "provider_network_type": row.facts.get("provider_network_type"),
            "status": row.facts.get("status"),
        }
        _leaves(entry, leaves)
        subnets = inventory.resources(connection, kind="subnet", parent=row.key)
        _subnets(entry, [subnet for subnet in subnets if subnet.external_id])


def _subnets(parent: etree._Element, rows: Sequence[Resource]) -> None:
    container = _sub(parent, "subnets") if rows else None
    for row in rows:
        assert container is not None
        facts = row.facts
        leaves = {
            "name": row.name,
            "subnetid": row.external_id,
            "cidr": facts.get("cidr"),
            "gateway": facts.get("gateway"),
            "dhcp": _text(facts.get("dhcp")),
            "ipversion": facts.get("ipversion"),
        }
        _leaves(_sub(container, "subnet"), leaves)


def _sub(parent: etree._Element, name: str) -> etree._Element:
    return etree.SubElement(parent, f"{{{ESC}}}{name}")


def _leaf(parent: etree._Element, name: str, value: str) -> None:
    _sub(parent, name).text = value


def _structure(parent: etree._Element, content: Leaves) -> None:
    for name, value in content.items():
        if isinstance(value, str):
            _leaf(parent, name, value)
        else:
            for entry in value if isinstance(value, list) else [value]:
                _structure(_sub(parent, name), entry)


def _leaves(parent: etree._Element, leaves: Mapping[str, str | None]) -> None:
    for name, value in leaves.items():
        if value is not None:
            _leaf(parent, name, value)


def _text(value: object) -> str | None:
    """A boolean in YANG's lexical form."""
    return None if value is None else str(value).lower()
