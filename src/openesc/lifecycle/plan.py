"""Which VMs a document wants: each has its row, with what it takes of the pools, from the edit's transaction on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import count, islice

from openesc.errors import OperationRefused
from openesc.inventory import states
from openesc.inventory import store as inventory
from openesc.inventory.records import Vm
from openesc.lifecycle import intent
from openesc.lifecycle.paths import group_path
from openesc.lifecycle.pools import holders, needs, refit, require_room, reserve
from openesc.lifecycle.steps.names import vm_name
from openesc.store import Tx


def plan_vms(
    tx: Tx,
    deployment_id: str,
    wanted: intent.Deployment,
    known: Sequence[Vm],
    *,
    until: int | None = None,
    refitting: bool = True,
) -> set[str]:
    """Give every wanted VM its row, beside those that are `known`. Returns the ids of all that are wanted; rows beside
    them are too many.

    `until`: rows made after this position are another document's, for an operation that comes later. `refitting`: what
    existing VMs hold of the pools is brought to the document too; not while an operation works by an earlier one.
    Raises: OperationRefused when a pool has too little for them.
    """
    holding = holders(tx.connection, deployment_id) if refitting else set()
    keep: set[str] = set()
    for group in wanted.groups:
        members = [vm for vm in known if vm.vm_group == group.name]
        ours = [vm for vm in members if until is None or vm.created_at <= until]
        pooled = refitting and any(needs(group, 1))
        for vm in ours:
            if pooled or vm.id in holding:
                refit(tx, vm, group)
        made = _plan_more(tx, deployment_id, wanted, group, group.min_active - len(ours), members)
        keep.update(vm.id for vm in (*ours, *made))
    return keep


def _plan_more(
    tx: Tx, deployment_id: str, wanted: intent.Deployment, group: intent.Group, more: int, members: list[Vm]
) -> list[Vm]:
    taken = {vm.ordinal for vm in members}
    ordinals = list(islice((number for number in count() if number not in taken), max(0, more)))
    require_room(tx.connection, deployment_id, group, ordinals)
    made = [_planned(tx, deployment_id, wanted, group, ordinal) for ordinal in ordinals]
    for vm in made:
        inventory.add_vm(tx, vm)
        reserve(tx, vm, group)
    return made


def capacity_faults(vms: Iterable[Vm], wanted: intent.Deployment) -> Iterator[OperationRefused]:
    """Groups that have more VMs than they may have: an update never takes one away for that."""
    there = [vm.vm_group for vm in vms if vm.state != states.VM_UNDEPLOYING]
    for group in wanted.groups:
        active = there.count(group.name)
        if active > group.max_active:
            yield OperationRefused(
                f"scaling/max_active {group.max_active} of vm_group {group.name} is below the number of its VMs, "
                f"{active}",
                path=f"{group_path(wanted.tenant, wanted.name, group.name)}/scaling/max_active",
            )


def _planned(tx: Tx, deployment_id: str, wanted: intent.Deployment, group: intent.Group, ordinal: int) -> Vm:
    return Vm(
        id=inventory.new_id(),
        deployment_id=deployment_id,
        vm_group=group.name,
        ordinal=ordinal,
        name=vm_name(wanted.name, group.name, ordinal, group.vim_vm_name),
        state=states.VM_UNDEF,
        server_id=None,
        host_id=None,
        hostname=None,
        image=group.image,
        flavor=group.flavor,
        announced=False,
        failure=None,
        created_at=tx.clock.tick(),
    )
