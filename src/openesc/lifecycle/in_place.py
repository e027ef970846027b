"""What of a vm_group cannot change while its VMs run. It is refused by name, before anything is changed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

from openesc.errors import OperationRefused
from openesc.inventory.records import Vm
from openesc.lifecycle.changes import VmChange
from openesc.lifecycle.intent import Deployment, Group, PlacementRule
from openesc.lifecycle.paths import deployment_path, group_path

FIXED: Mapping[str, Callable[[Group], Any]] = {
    "placement": lambda group: group.placements,
    "vim_vm_name": lambda group: group.vim_vm_name,
}
"""Parts of a group that its running VMs would have to be made again for."""


def refusals(before: Deployment, after: Deployment, running: Collection[str]) -> Iterator[OperationRefused]:
    """Why `after` cannot follow `before` in place. `running`: groups that have a VM which is up."""
    kept = {group.name: group for group in before.groups}
    for group in after.groups:
        old = kept.get(group.name)
        if old is None or group.name not in running:
            continue
        for part, read in FIXED.items():
            if read(old) != read(group):
                yield _refusal(after, group, part)
        if _moved(before.rule_of(group.name), after.rule_of(group.name)):
            yield _refusal(after, group, "placement", "policies/placement")
    if (before.vim_id, before.project) != (after.vim_id, after.project) and running:
        yield OperationRefused(
            "locator of a deployment cannot change while its VMs run: undeploy it and deploy it anew",
            path=f"{deployment_path(after.tenant, after.name)}/locator",
        )


def volume_refusals(
    vms: Iterable[Vm], after: Deployment, changing: Mapping[str, VmChange], *, restores: bool
) -> Iterator[OperationRefused]:
    """What of volumes cannot be had of the VMs there are, named once for each group. `restores`: a boot volume may be
    replaced.
    """
    told: set[tuple[str, str]] = set()
    for vm in vms:
        change = changing.get(vm.id)
        faults = list(change.faults) if change is not None else []
        if change is not None and change.boot is not None and not restores:
            faults.append((f"volumes/volume[name='{change.boot[1]}']", _NOT_RESTORED.format(vm.vm_group)))
        for leaf, text in faults:
            if (leaf, text) not in told:
                told.add((leaf, text))
                yield OperationRefused(text, path=f"{group_path(after.tenant, after.name, vm.vm_group)}/{leaf}")


_NOT_RESTORED = (
    "the boot volume of vm_group {} cannot be replaced: the cloud does not detach a root volume, and "
    "restore.root_volume is refuse"
)


def _refusal(after: Deployment, group: Group, leaf: str, part: str | None = None) -> OperationRefused:
    return OperationRefused(
        f"{part or leaf} of vm_group {group.name} cannot change while its VMs run: delete the group, add it anew",
        path=f"{group_path(after.tenant, after.name, group.name)}/{leaf}",
    )


def _moved(before: PlacementRule | None, after: PlacementRule | None) -> bool:
    """A server group takes in new members and lets members go; a server that runs does not get into another one."""
    if after is None:
        return False
    return before is None or (before.name, before.type) != (after.name, after.type)
