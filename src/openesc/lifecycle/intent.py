"""What a document wants, as values: the deployment, its groups, networks and policies.

Read from canonical XML that is valid by the YANG, so nothing here checks. Units as in the model: seconds, MiB.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from lxml import etree

from openesc.lifecycle.xmlread import each, first, integer, required, text, texts, truth

ALIVE_ACTIONS = frozenset({"servicebooted.sh", "esc_vm_alive_notification"})
"""Actions of a rule that mean: the VM is alive (developer guide, KPI and rules)."""


@dataclass(frozen=True, slots=True)
class Subnet:
    """A subnet of a network; `cidr` from address and netmask. `gateway` None: the cloud chooses."""

    name: str
    cidr: str
    ip_version: int
    gateway: str | None
    no_gateway: bool
    dhcp: bool


@dataclass(frozen=True, slots=True)
class Network:
    """A network with its subnets."""

    name: str
    shared: bool
    admin_state: bool
    provider_network_type: str | None
    provider_physical_network: str | None
    provider_segmentation_id: int | None
    subnets: tuple[Subnet, ...]


@dataclass(frozen=True, slots=True)
class Interface:
    """An interface of a VM of a group."""

    nicid: int
    type: str
    network: str
    subnet: str | None
    ip_address: str | None
    mac_address: str | None
    allowed_address_pairs: tuple[tuple[str, str | None], ...]
    security_groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Kpi:
    """A KPI with its collector; `poll_seconds` from poll_frequency and polling_unit."""

    event_name: str
    metric_value: str
    metric_cond: str
    metric_type: str
    occurrences_true: int
    occurrences_false: int
    collector: str
    nicid: int
    poll_seconds: int
    properties: Mapping[str, str]
    actions: tuple[str, ...]

    @property
    def tells_alive(self) -> bool:
        """Whether it is this KPI that makes a VM alive."""
        named = {action.split()[1] for action in self.actions if action.startswith("TRUE ") and len(action.split()) > 1}
        return bool(named & ALIVE_ACTIONS) or self.event_name == "VM_ALIVE"


@dataclass(frozen=True, slots=True)
class FileLocator:
    """A remote file: `path` below the base URL of a file server; without a server it is an address itself."""

    name: str
    server: str | None
    path: str


@dataclass(frozen=True, slots=True)
class DayZero:
    """One file the guest expects at `dst`, from inline `data`, a `file` address or a `locator`; `variables` fill it."""

    dst: str
    data: str | None
    file: str | None
    locator: FileLocator | None
    variables: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Placement:
    """A placement rule: affinity, anti_affinity, or a `host` or `zone` (zone_host)."""

    type: str
    host: str | None
    zone: str | None


@dataclass(frozen=True, slots=True)
class PlacementRule:
    """VMs of `groups` together (affinity) or apart (anti_affinity): one Nova server group."""

    name: str
    type: str
    groups: frozenset[str]

    @property
    def policy(self) -> str:
        """Nova's word for the type."""
        return self.type.replace("_", "-")


@dataclass(frozen=True, slots=True)
class Volume:
    """A volume of a VM. `size` in GiB; no size means: an existing one of this name or id. `boot_index` 0 boots."""

    name: str
    size: int | None
    bus: str | None
    type: str | None
    image: str | None
    boot_index: int | None
    order: int


@dataclass(frozen=True, slots=True)
class Pool:
    """Addresses for the VMs of a group on one network, ranges written out, in the document's order.

    `netmask` and `gateway` None: those of the subnet.
    """

    network: str
    addresses: tuple[str, ...]
    netmask: str | None = None
    gateway: str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """A vm_group."""

    name: str
    image: str | None
    flavor: str | None
    bootup_time: int
    recovery_wait_time: int
    interfaces: tuple[Interface, ...]
    volumes: tuple[Volume, ...]
    monitored: bool
    kpis: tuple[Kpi, ...]
    day_zero: tuple[DayZero, ...]
    min_active: int
    max_active: int
    placements: tuple[Placement, ...]
    vim_vm_name: str | None
    pools: tuple[Pool, ...] = ()
    mac_pools: tuple[Pool, ...] = ()

    def pool(self, network: str) -> Pool | None:
        """The address pool for the interfaces on that network."""
        return next((pool for pool in self.pools if pool.network == network), None)

    @property
    def alive_kpi(self) -> Kpi | None:
        """The KPI that tells that a VM is alive; None: its VMs are not monitored and stay INERT."""
        return next((kpi for kpi in self.kpis if kpi.tells_alive), None) if self.monitored else None


@dataclass(frozen=True, slots=True)
class Deployment:
    """A deployment as wanted. `startup`: group -> the groups it waits for.

    `needed_services` and `needed_networks` must be there before it is accepted (external_dependencies).
    """

    tenant: str
    name: str
    vim_id: str | None
    vim_project: str | None
    vim_region: str | None
    groups: tuple[Group, ...]
    networks: tuple[Network, ...]
    startup: Mapping[str, frozenset[str]] = field(default_factory=dict)
    rules: tuple[PlacementRule, ...] = ()
    needed_services: tuple[str, ...] = ()
    needed_networks: tuple[str, ...] = ()

    def rule_of(self, group: str) -> PlacementRule | None:
        """The placement rule of a group's VMs; Nova takes one at most."""
        return next((rule for rule in self.rules if group in rule.groups), None)

    def group(self, name: str) -> Group:
        """Raises: KeyError."""
        return {group.name: group for group in self.groups}[name]

    @property
    def project(self) -> str:
        """The project in the VIM; the tenant's own name where no locator says otherwise."""
        return self.vim_project or self.tenant


SERVICE_DEPENDENCY = "policies/external_dependencies/service_dependency/service"
NETWORK_DEPENDENCY = "policies/external_dependencies/network_dependency/network"


@lru_cache(maxsize=256)
def parse(document: bytes) -> Deployment:
    """The deployment of a unit's document. Checks and planner ask for the same one in a row: it is kept."""
    root = etree.fromstring(document)
    tenant = first(root, "tenants/tenant")
    assert tenant is not None
    element = first(tenant, "deployments/deployment")
    assert element is not None
    return Deployment(
        tenant=required(tenant, "name"),
        name=required(element, "name"),
        vim_id=text(element, "locator/vim_id"),
        vim_project=text(element, "locator/vim_project"),
        vim_region=text(element, "locator/vim_region"),
        groups=tuple(_group(group, _locators(element)) for group in each(element, "vm_group")),
        networks=tuple(network(found) for found in each(element, "networks/network")),
        startup=_startup(element),
        rules=tuple(_joined(_rules(element))),
        needed_services=tuple(required(one, "service_name") for one in each(element, SERVICE_DEPENDENCY)),
        needed_networks=texts(element, NETWORK_DEPENDENCY),
    )


def is_monitored(document: bytes, group: str) -> bool:
    """Whether the document has the group, with a KPI that tells when its VMs are alive."""
    return any(one.name == group and one.alive_kpi is not None for one in parse(document).groups)


def network(element: etree._Element, *, shared: bool = False) -> Network:
    """A ``network`` element; `shared` is what the leaf means when it is absent: true at the top level alone."""
    segment = text(element, "provider_segmentation_id") or text(element, "vlanid")
    return Network(
        name=required(element, "name"),
        shared=truth(element, "shared", shared),
        admin_state=truth(element, "admin_state", True),
        provider_network_type=text(element, "provider_network_type"),
        provider_physical_network=text(element, "provider_physical_network"),
        provider_segmentation_id=int(segment) if segment and segment != "0" else None,
        subnets=tuple(_subnet(found) for found in each(element, "subnet")),
    )


def _subnet(element: etree._Element) -> Subnet:
    cidr = ip_network(f"{required(element, 'address')}/{_prefix(required(element, 'netmask'))}", strict=False)
    return Subnet(
        name=required(element, "name"),
        cidr=str(cidr),
        ip_version=cidr.version,
        gateway=text(element, "gateway"),
        no_gateway=truth(element, "no_gateway", False),
        dhcp=truth(element, "dhcp", True),
    )


def _prefix(netmask: str) -> str:
    return netmask.lstrip("/")


def _group(element: etree._Element, locators: Mapping[str, FileLocator]) -> Group:
    return Group(
        name=required(element, "name"),
        image=text(element, "image"),
        flavor=text(element, "flavor"),
        bootup_time=integer(element, "bootup_time", 0),
        recovery_wait_time=integer(element, "recovery_wait_time", 0),
        interfaces=tuple(sorted(map(_interface, each(element, "interfaces/interface")), key=lambda i: i.nicid)),
        volumes=_volumes(element),
        monitored=truth(element, "kpi_data/enabled", True),
        kpis=_kpis(element),
        day_zero=tuple(_day_zero(found, locators) for found in each(element, "config_data/configuration")),
        min_active=integer(element, "scaling/min_active", 1),
        max_active=integer(element, "scaling/max_active", 1),
        placements=tuple(_placement(found) for found in each(element, "placement")),
        vim_vm_name=text(element, "vim_vm_name"),
        pools=tuple(pool(found) for found in each(element, "scaling/static_ip_address_pool")),
        mac_pools=tuple(_mac_pool(found) for found in each(element, "scaling/static_mac_address_pool")),
    )


def pool(element: etree._Element) -> Pool:
    """A ``static_ip_address_pool`` element."""
    ranges = [
        str(address)
        for found in each(element, "ip_address_range")
        for address in _addresses(required(found, "start"), required(found, "end"))
    ]
    addresses = (*texts(element, "ip_address"), *ranges)
    return Pool(required(element, "network"), addresses, text(element, "netmask"), text(element, "gateway"))


def _mac_pool(element: etree._Element) -> Pool:
    ranges = [
        address
        for found in each(element, "mac_address_range")
        for address in _mac_addresses(required(found, "start"), required(found, "end"))
    ]
    return Pool(required(element, "network"), (*map(str.lower, texts(element, "mac_address")), *ranges))


def _mac_addresses(start: str, end: str) -> Iterator[str]:
    first_address, last_address = (int(one.replace(":", ""), 16) for one in (start, end))
    for offset in range(min(last_address - first_address + 1, RANGE_LIMIT)):
        yield (first_address + offset).to_bytes(6).hex(":")


RANGE_LIMIT = 65536
"""So many addresses of one range are used at most."""


def _addresses(start: str, end: str) -> Iterator[IPv4Address | IPv6Address]:
    first_address, last_address = ip_address(start), ip_address(end)
    for offset in range(min(int(last_address) - int(first_address) + 1, RANGE_LIMIT)):
        yield first_address + offset


def _interface(element: etree._Element) -> Interface:
    pairs = each(element, "allowed_address_pairs/address")
    return Interface(
        nicid=int(required(element, "nicid")),
        type=text(element, "type") or "virtual",
        network=required(element, "network"),
        subnet=text(element, "subnet"),
        ip_address=text(element, "ip_address"),
        mac_address=text(element, "mac_address"),
        allowed_address_pairs=tuple((_pair(pair), None) for pair in pairs),
        security_groups=texts(element, "security_groups/security_group"),
    )


def _pair(element: etree._Element) -> str:
    address, netmask = required(element, "ip_address"), text(element, "netmask")
    return str(ip_network(f"{address}/{_prefix(netmask)}", strict=False)) if netmask else address


_SIZES = {"MiB": 1 / 1024, "GiB": 1, "TiB": 1024, "PiB": 1024**2, "EiB": 1024**3}


def _volumes(element: etree._Element) -> tuple[Volume, ...]:
    """In the order of volid. Where there is no image and none is named to boot, the first one boots."""
    found = sorted(map(_volume, each(element, "volumes/volume")), key=lambda volume: volume.order)
    named = any(volume.boot_index is not None for volume in found)
    if found and not named and text(element, "image") is None:
        found[0] = replace(found[0], boot_index=0)
    return tuple(found)


def _volume(element: etree._Element) -> Volume:
    size = text(element, "size")
    unit = _SIZES[text(element, "sizeunit") or "GiB"]
    boot = text(element, "boot_index")
    return Volume(
        name=required(element, "name"),
        size=max(1, round(int(size) * unit)) if size else None,
        bus=text(element, "bus"),
        type=text(element, "type"),
        image=text(element, "image"),
        boot_index=int(boot) if boot is not None else None,
        order=integer(element, "volid", 0),
    )


def _kpis(element: etree._Element) -> tuple[Kpi, ...]:
    rules = {
        required(rule, "event_name"): texts(rule, "action")
        for kind in ("admin_rules", "user_rules")
        for rule in each(element, f"rules/{kind}/rule")
    }
    return tuple(_kpi(kpi, rules) for kpi in each(element, "kpi_data/kpi"))


def _kpi(element: etree._Element, rules: Mapping[str, tuple[str, ...]]) -> Kpi:
    name = required(element, "event_name")
    collector = first(element, "metric_collector")
    assert collector is not None
    unit = 60 if text(collector, "polling_unit") == "minutes" else 1
    return Kpi(
        event_name=name,
        metric_value=required(element, "metric_value"),
        metric_cond=required(element, "metric_cond"),
        metric_type=required(element, "metric_type"),
        occurrences_true=integer(element, "metric_occurrences_true", 1),
        occurrences_false=integer(element, "metric_occurrences_false", 1),
        collector=required(collector, "type"),
        nicid=integer(collector, "nicid", 0),
        poll_seconds=max(1, integer(collector, "poll_frequency", 3)) * unit,
        properties=_properties(collector),
        actions=rules.get(name, ()),
    )


def _properties(element: etree._Element) -> dict[str, str]:
    return {required(found, "name"): text(found, "value") or "" for found in each(element, "properties/property")}


def _locators(element: etree._Element) -> dict[str, FileLocator]:
    """By name; of a deployment or, in the older form, of one configuration."""
    found = [
        FileLocator(
            required(entry, "name"),
            text(entry, "remote_file/file_server_id"),
            text(entry, "remote_file/remote_path") or "",
        )
        for entry in each(element, "file_locators/file_locator")
    ]
    return {locator.name: locator for locator in found}


def _day_zero(element: etree._Element, locators: Mapping[str, FileLocator]) -> DayZero:
    named = text(element, "file_locator_name")
    return DayZero(
        dst=required(element, "dst"),
        data=text(element, "data") or text(element, "encrypted_data"),
        file=text(element, "file"),
        locator=locators[named] if named else next(iter(_locators(element).values()), None),
        variables={required(found, "name"): texts(found, "val") for found in each(element, "variable")},
    )


def _placement(element: etree._Element) -> Placement:
    return Placement(required(element, "type"), text(element, "host"), text(element, "zone"))


RELATIVE = frozenset({"affinity", "anti_affinity"})
"""Placement types that relate VMs to each other; the others name a host or a zone."""


def _rules(element: etree._Element) -> Iterator[PlacementRule]:
    """Within a group, between groups (policies/placement), and by name (policies/placement_group)."""
    for group in each(element, "vm_group"):
        for found in each(group, "placement"):
            if required(found, "type") in RELATIVE:
                name = required(group, "name")
                yield PlacementRule(f"{name}-{required(found, 'type')}", required(found, "type"), frozenset({name}))
    for found in each(element, "policies/placement"):
        target = required(found, "target_vm_group_ref")
        groups = frozenset({target, *texts(found, "vm_group_ref")})
        yield PlacementRule(f"{target}-{required(found, 'type')}-policy", required(found, "type"), groups)
    for found in each(element, "policies/placement_group"):
        yield PlacementRule(required(found, "name"), required(found, "type"), frozenset(texts(found, "vm_group")))


def _joined(rules: Iterable[PlacementRule]) -> list[PlacementRule]:
    """Rules of one type that share a group become one, by the name of the first: Nova takes a server into one server
    group at most. What was asked for is kept; groups may be apart that need not be.
    """
    joined: list[PlacementRule] = []
    for rule in rules:
        meeting = [one for one in joined if one.type == rule.type and one.groups & rule.groups]
        first, groups = (meeting or [rule])[0], rule.groups.union(*(one.groups for one in meeting))
        joined = [one for one in joined if one not in meeting]
        joined.append(replace(first, groups=groups))
    return joined


def _startup(element: etree._Element) -> dict[str, frozenset[str]]:
    return {
        required(rule, "target_vm_group_ref"): frozenset(
            required(found, "vm_group_ref") for found in each(rule, "depends_on")
        )
        for rule in each(element, "policies/startup")
    }
