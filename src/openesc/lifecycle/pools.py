"""Static address pools: each VM of a group takes one address of each pool, and gives it back when it goes.

Reserved in the transaction that plans the VM, so two plans never take the same (user guide, static IP pool).
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection

from openesc.errors import OperationRefused
from openesc.inventory import store as inventory
from openesc.inventory.records import Resource, Vm
from openesc.lifecycle.intent import Group, Pool
from openesc.store import Tx

KIND = "address"


def reserve(tx: Tx, vm: Vm, group: Group) -> None:
    """Give the planned VM its addresses. Raises: OperationRefused naming the pool that has none left."""
    for pool in group.pools:
        if vm.ordinal == 0 and group.fixed_address(pool.network) is not None:
            continue  # the first VM has the address its interface names
        taken = _taken(tx.connection, vm.deployment_id, pool.network)
        address = next((address for address in pool.addresses if address not in taken), None)
        if address is None:
            raise OperationRefused(
                f"static_ip_address_pool of network {pool.network} in vm_group {group.name} has no address left for "
                f"VM number {vm.ordinal + 1}: add one"
            )
        inventory.add_resource(tx, _reservation(tx, vm, pool, address))


def reserved(connection: Connection, vm_id: str) -> dict[str, str]:
    """The addresses a VM holds, by network."""
    rows = inventory.resources(connection, kind=KIND, parent=vm_id)
    return {row.name: row.cloud_name for row in rows}


def give_back(tx: Tx, vm_id: str) -> None:
    """The VM is gone: its addresses are free."""
    for row in inventory.resources(tx.connection, kind=KIND, parent=vm_id):
        inventory.remove_resource(tx, row.key)


def _taken(connection: Connection, deployment_id: str, network: str) -> set[str]:
    rows = inventory.resources(connection, kind=KIND, deployment_id=deployment_id, name=network)
    return {row.cloud_name for row in rows}


def _reservation(tx: Tx, vm: Vm, pool: Pool, address: str) -> Resource:
    return Resource(
        id=inventory.new_id(),
        kind=KIND,
        key=f"{KIND}:{vm.deployment_id}/{pool.network}/{address}",
        name=pool.network,
        tenant=None,
        deployment_id=vm.deployment_id,
        parent=vm.id,
        cloud_name=address,
        external_id=None,
        owned=False,
        facts={},
        failure=None,
        created_at=tx.clock.tick(),
    )


def pool_faults(group: Group) -> Iterator[str]:
    """What is wrong with a group's pools as they stand in the document."""
    for pool in group.pools:
        for fault in _faults(group, pool):
            yield f"static_ip_address_pool of network {pool.network} {fault}"
    pooled = {pool.network for pool in group.pools}
    for interface in group.interfaces:
        if interface.ip_address and group.min_active > 1 and interface.network not in pooled:
            yield (
                f"interface {interface.nicid} has the static address {interface.ip_address}, but min_active is "
                f"{group.min_active}: give a static_ip_address_pool for network {interface.network}"
            )


def _faults(group: Group, pool: Pool) -> Iterator[str]:
    doubles = sorted({address for address in pool.addresses if pool.addresses.count(address) > 1})
    if doubles:
        yield f"names {', '.join(doubles)} more than once"
    own = 1 if group.fixed_address(pool.network) is not None else 0
    missing = group.min_active - own - len(set(pool.addresses))
    if missing > 0:
        yield f"lacks {missing} addresses for min_active {group.min_active}"
    if all(interface.network != pool.network for interface in group.interfaces):
        yield f"is of no use: vm_group {group.name} has no interface on it"
