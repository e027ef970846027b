"""What of a vm_group can change while its VMs run. The rest is refused by name, before anything is changed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any

from openesc.lifecycle.intent import Deployment, Group

FIXED: dict[str, Callable[[Group], Any]] = {
    "interfaces": lambda group: group.interfaces,
    "volumes": lambda group: group.volumes,
    "placement": lambda group: group.placements,
    "vim_vm_name": lambda group: group.vim_vm_name,
}
"""Parts of a group that its running VMs would have to be made again for."""


def refusals(before: Deployment, after: Deployment, running: Collection[str]) -> Iterator[str]:
    """Why `after` cannot follow `before` in place. `running`: groups that have a VM which is up."""
    kept = {group.name: group for group in before.groups}
    for group in after.groups:
        old = kept.get(group.name)
        if old is None or group.name not in running:
            continue
        for part, read in FIXED.items():
            if read(old) != read(group):
                yield f"{part} of vm_group {group.name} cannot change while its VMs run: delete the group, add it anew"
    if (before.vim_id, before.project) != (after.vim_id, after.project) and running:
        yield "locator of a deployment cannot change while its VMs run: undeploy it and deploy it anew"
