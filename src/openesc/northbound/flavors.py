"""A changed flavor must be in the VIM before the update is accepted (user guide, VM resize, prerequisite).

Asked outside the writer lane and bounded: a cloud that does not answer in time, or cannot be reached, does not keep a
client waiting. Its update is accepted, and fails or succeeds when it is activated.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from lxml import etree
from sqlalchemy import Connection

from openesc.datastore.partition import SplitEdit, UnitEdit
from openesc.datastore.running import Running
from openesc.datastore.units import UnitId
from openesc.errors import InvalidRequest
from openesc.inventory import states
from openesc.inventory import store as inventory
from openesc.inventory.records import Deployment
from openesc.lifecycle import intent
from openesc.lifecycle.flavors import FlavorQuestion
from openesc.lifecycle.paths import group_path
from openesc.northbound.model import ESC
from openesc.store import Store

FLAVOR = "flavor"
"""The kind of unit that makes a flavor."""


class FlavorLookup:
    """Looks at the flavors that an edit changes for VMs that are there."""

    def __init__(self, store: Store, running: Running, question: FlavorQuestion) -> None:
        self._store = store
        self._running = running
        self._question = question

    async def check(self, edit: SplitEdit) -> None:
        """Raises: InvalidRequest naming a flavor that is not in the VIM and is not configured to be made either."""
        made = {part.id.keys[-1] for part in edit.edits if part.id.kind.name == FLAVOR}
        for part in edit.edits:
            wanted = {group: name for group, name in self._new_names(part) if name not in made}
            if wanted:
                found = await self._store.read(partial(_changed, unit=part.id, wanted=wanted))
                if found is not None:
                    await self._look(*found)

    def _new_names(self, part: UnitEdit) -> list[tuple[str, str]]:
        """What groups of an existing deployment name that running does not know of them: told without the store."""
        current = self._running.get(part.id) if part.id.kind.name == "deployment" else None
        if current is None:
            return []
        known = {group.name: group.flavor for group in intent.parse(current.document).groups}
        changed = [(group, name) for group, name in _flavors(part) if known.get(group) not in (None, name)]
        kind = self._running.tree.kinds[FLAVOR]
        return [(group, name) for group, name in changed if self._running.get(UnitId(kind, (name,))) is None]

    async def _look(self, current: Deployment, wanted: dict[str, str]) -> None:
        missing = await self._question.missing(current, wanted.values())
        for group, name in wanted.items():
            if name not in missing:
                continue
            raise InvalidRequest(
                f"flavor {name} of vm_group {group} is not in the VIM {current.vim_id}: make it first",
                path=f"{group_path(current.tenant, current.name, group)}/flavor",
            )


def _flavors(part: UnitEdit) -> Iterator[tuple[str, str]]:
    """The flavors an edit of a deployment names, by group."""
    for element in part.document.iter(f"{{{ESC}}}vm_group"):
        name, flavor = (_text(element, leaf) for leaf in ("name", "flavor"))
        if name and flavor:
            yield name, flavor


def _text(element: etree._Element, leaf: str) -> str:
    return (element.findtext(f"{{{ESC}}}{leaf}") or "").strip()


def _changed(connection: Connection, unit: UnitId, wanted: dict[str, str]) -> tuple[Deployment, dict[str, str]] | None:
    """The deployment, and those of `wanted` that its VMs do not have; None: there is nothing to look up."""
    rows = inventory.deployments_named(connection, *unit.keys[:2])
    current = next((row for row in rows if row.state != states.SERVICE_UNDEPLOYING), None)
    if current is None:
        return None
    vms = [vm for vm in inventory.vms_of(connection, current.id) if vm.state in states.VM_THERE]
    changed = {vm.vm_group: wanted[vm.vm_group] for vm in vms if wanted.get(vm.vm_group, vm.flavor) != vm.flavor}
    return (current, changed) if changed else None
