"""Pools: each VM of a group takes an address of each static address pool and a value of each variable that has several.

Taken in the transaction that plans the VM, so two plans never take the same; kept over redeployments, and given back
when the VM goes (user guide, static IP pool; developer guide, config_data).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from sqlalchemy import Connection

from openesc.errors import OperationRefused
from openesc.inventory import store as inventory
from openesc.inventory.records import Resource, Vm
from openesc.lifecycle.intent import Group, Interface, Network, Pool
from openesc.store import Tx

ADDRESS = "address"
MAC = "mac"
VARIABLE = "variable"
STATIC: Mapping[str, str] = {ADDRESS: "ip_address", MAC: "mac_address"}
"""The leaf of an interface that a static pool of this kind fills."""


@dataclass(frozen=True, slots=True)
class Need:
    """What a VM takes one value of: `slot` is the interface it is for, empty for a variable."""

    kind: str
    pool: str
    slot: str
    values: tuple[str, ...]
    what: str
    """The pool, for people."""


@dataclass(frozen=True, slots=True)
class Held:
    """What a VM has of its pools: addresses by (kind, network, nicid), values by variable."""

    addresses: Mapping[tuple[str, str, int], str]
    variables: Mapping[str, str]

    @classmethod
    def of(cls, rows: Iterable[Resource]) -> Held:
        """From the resources of the VM; others than its reservations are passed over."""
        found = list(rows)
        addresses = {
            (row.kind, row.facts["pool"], int(row.facts["slot"])): row.facts["value"]
            for row in found
            if row.kind in STATIC
        }
        return cls(addresses, {row.facts["pool"]: row.facts["value"] for row in found if row.kind == VARIABLE})

    def address(self, interface: Interface) -> str | None:
        """The IP address it asks the cloud for on that interface; None: the cloud chooses."""
        return self.addresses.get((ADDRESS, interface.network, interface.nicid), interface.ip_address)

    def mac(self, interface: Interface) -> str | None:
        """The same for the MAC address."""
        return self.addresses.get((MAC, interface.network, interface.nicid), interface.mac_address)


def variable_key(group: str, dst: str, name: str) -> str:
    """The pool of a variable: a group's own."""
    return f"{group}/{dst}/{name}"


def needs(group: Group, ordinal: int) -> Iterator[Need]:
    """What the VM of this ordinal takes. The first VM has the addresses its interfaces name themselves."""
    for kind, pool in static_pools(group):
        named = _named(group, kind)
        values = tuple(address for address in pool.addresses if address not in named.values())
        for nic in group.interfaces:
            if nic.network == pool.network and not (ordinal == 0 and nic.nicid in named):
                what = f"{leaf(kind)} of network {pool.network} in vm_group {group.name}"
                yield Need(kind, pool.network, str(nic.nicid), values, what)
    for entry in group.day_zero:
        for name, several in entry.variables.items():
            if len(several) > 1:
                what = f"variable {name} of {entry.dst} in vm_group {group.name}"
                yield Need(VARIABLE, variable_key(group.name, entry.dst, name), "", several, what)


def static_pools(group: Group) -> Iterator[tuple[str, Pool]]:
    """The group's pools of addresses, with their kinds."""
    yield from ((ADDRESS, pool) for pool in group.pools)
    yield from ((MAC, pool) for pool in group.mac_pools)


def leaf(kind: str) -> str:
    """The list that a static pool of this kind stands in."""
    return f"static_{STATIC[kind]}_pool"


def _named(group: Group, kind: str) -> dict[int, str]:
    """The addresses of that kind that interfaces name themselves, by nicid."""
    found = {nic.nicid: getattr(nic, STATIC[kind]) for nic in group.interfaces}
    return {nicid: address for nicid, address in found.items() if address}


def reserve(tx: Tx, vm: Vm, group: Group) -> None:
    """Give a planned VM its values. Raises: OperationRefused naming the pool that has none left."""
    for need in needs(group, vm.ordinal):
        _take(tx, vm, need)


def require_room(connection: Connection, deployment_id: str, group: Group, ordinals: list[int]) -> None:
    """Raises: OperationRefused with the number of values that a pool lacks for the VMs of these ordinals."""
    wanted: dict[tuple[str, str], list[Need]] = {}
    for ordinal in ordinals:
        for need in needs(group, ordinal):
            wanted.setdefault((need.kind, need.pool), []).append(need)
    for several in wanted.values():
        need = several[0]
        free = len(set(need.values) - _taken(connection, deployment_id, need))
        if free < len(several):
            raise OperationRefused(
                f"{need.what} lacks {len(several) - free}: {len(ordinals)} more VMs need {len(several)}, {free} of its "
                f"{len(set(need.values))} are free"
            )


def refit(tx: Tx, vm: Vm, group: Group) -> None:
    """Bring what an existing VM holds to a changed document: values of variables that are no more in their pool are
    given back for others, addresses are taken for interfaces it does not have yet.

    What is taken counts from the next boot on. Raises: OperationRefused.
    """
    wanted = {(need.kind, need.pool, need.slot): need for need in needs(group, vm.ordinal)}
    for row in _rows(tx.connection, vm.id):
        need = wanted.pop((row.kind, row.facts["pool"], row.facts["slot"]), None)
        if row.kind == VARIABLE and (need is None or row.facts["value"] not in need.values):
            inventory.remove_resource(tx, row.key)
            if need is not None:
                _take(tx, vm, need)
    rows = inventory.interfaces_of(tx.connection, [vm.id])[vm.id]
    there = {(row.asked["network"], str(row.nicid)) for row in rows if row.asked}
    for need in wanted.values():
        if (need.pool, need.slot) not in there:
            _take(tx, vm, need)


def reserved(connection: Connection, vm_id: str) -> Held:
    """What a VM holds."""
    return Held.of(_rows(connection, vm_id))


def holders(connection: Connection, deployment_id: str) -> set[str]:
    """The ids of the VMs that hold a value of a variable."""
    return {row.parent or "" for row in inventory.resources(connection, kind=VARIABLE, deployment_id=deployment_id)}


def give_back(tx: Tx, vm_id: str) -> None:
    """The VM is gone: what it held is free."""
    for row in _rows(tx.connection, vm_id):
        inventory.remove_resource(tx, row.key)


def give_back_addresses(tx: Tx, vm_id: str, nicid: int, unless: str | None) -> None:
    """The interface is gone: its addresses are free, unless it comes back on this network, and they are its."""
    for row in _rows(tx.connection, vm_id):
        if row.kind in STATIC and row.facts["slot"] == str(nicid) and row.facts["pool"] != unless:
            inventory.remove_resource(tx, row.key)


def _rows(connection: Connection, vm_id: str) -> list[Resource]:
    found = inventory.resources(connection, parent=vm_id)
    return [row for row in found if row.kind in (*STATIC, VARIABLE)]


def _taken(connection: Connection, deployment_id: str, need: Need) -> set[str]:
    rows = inventory.resources(connection, kind=need.kind, deployment_id=deployment_id)
    return {row.facts["value"] for row in rows if row.facts["pool"] == need.pool}


def _take(tx: Tx, vm: Vm, need: Need) -> None:
    taken = _taken(tx.connection, vm.deployment_id, need)
    value = next((value for value in need.values if value not in taken), None)
    if value is None:
        raise OperationRefused(f"{need.what} lacks 1: all of its {len(need.values)} are taken")
    inventory.add_resource(tx, _reservation(tx, vm, need, value))


def _reservation(tx: Tx, vm: Vm, need: Need, value: str) -> Resource:
    mark = hashlib.sha256(f"{need.pool}\0{value}".encode()).hexdigest()
    return Resource(
        id=inventory.new_id(),
        kind=need.kind,
        key=f"{need.kind}:{vm.deployment_id}/{mark}",
        name=need.pool[:256],
        tenant=None,
        deployment_id=vm.deployment_id,
        parent=vm.id,
        cloud_name="",
        external_id=None,
        owned=False,
        facts={"pool": need.pool, "slot": need.slot, "value": value},
        failure=None,
        created_at=tx.clock.tick(),
    )


def outside(pool: Pool, ranges: Sequence[str]) -> str | None:
    """Which addresses of the pool lie in none of the network's `ranges` (CIDR); None: all are inside."""
    networks = [ip_network(one) for one in ranges]
    lost = [one for one in pool.addresses if not any(ip_address(one) in network for network in networks)]
    if not lost:
        return None
    named = ", ".join(lost[:5]) + (f" and {len(lost) - 5} more" if len(lost) > 5 else "")
    return (
        f"static_ip_address_pool of network {pool.network} names {named}, which is in no subnet of it: "
        f"{', '.join(ranges)}"
    )


def pool_faults(group: Group, networks: Iterable[Network] = ()) -> Iterator[tuple[str, str]]:
    """What is wrong with a group's pools as they stand in the document: where, and what. `networks`: its own."""
    ranges = {network.name: [subnet.cidr for subnet in network.subnets] for network in networks}
    for kind, pool in static_pools(group):
        where = f"scaling/{leaf(kind)}[network='{pool.network}']"
        for fault in _faults(group, kind, pool):
            yield where, f"{leaf(kind)} of network {pool.network} {fault}"
        lost = outside(pool, ranges[pool.network]) if kind == ADDRESS and ranges.get(pool.network) else None
        if lost is not None:
            yield where, lost
    for kind in STATIC:
        yield from _unpooled(group, kind)
    yield from _variable_faults(group)


def _unpooled(group: Group, kind: str) -> Iterator[tuple[str, str]]:
    """An address that an interface names is that of one VM."""
    pooled = {pool.network for other, pool in static_pools(group) if other == kind}
    named = _named(group, kind)
    for nic in group.interfaces:
        if nic.nicid in named and group.min_active > 1 and nic.network not in pooled:
            yield (
                "scaling",
                f"interface {nic.nicid} has the static address {named[nic.nicid]}, but min_active is "
                f"{group.min_active}: give a {leaf(kind)} for network {nic.network}",
            )


def _variable_faults(group: Group) -> Iterator[tuple[str, str]]:
    for entry in group.day_zero:
        for name, values in entry.variables.items():
            missing = group.min_active - len(values)
            if len(values) > 1 and missing > 0:
                yield (
                    f"config_data/configuration[dst='{entry.dst}']/variable[name='{name}']",
                    f"variable {name} of {entry.dst} lacks {missing} values for min_active {group.min_active}",
                )


def _faults(group: Group, kind: str, pool: Pool) -> Iterator[str]:
    doubles = sorted({address for address in pool.addresses if pool.addresses.count(address) > 1})
    if doubles:
        yield f"names {', '.join(doubles)} more than once"
    nics = [nic.nicid for nic in group.interfaces if nic.network == pool.network]
    named = {address for nicid, address in _named(group, kind).items() if nicid in nics}
    missing = group.min_active * len(nics) - len(named) - len(set(pool.addresses) - named)
    if missing > 0:
        yield f"lacks {missing} addresses for min_active {group.min_active}"
    if not nics:
        yield f"is of no use: vm_group {group.name} has no interface on it"
