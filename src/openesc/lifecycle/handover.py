"""What one VM of a deployment gives up and another takes in the same update: it goes before it can come.

The cloud attaches a volume to one server at a time, and knows an address once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping

from openesc.inventory.records import Vm
from openesc.lifecycle import intent
from openesc.lifecycle.changes import Applied
from openesc.lifecycle.pools import Held

Thing = tuple[str, str]
"""What there is once: ``volume`` with a name or id, or ``address`` with an IP or MAC address."""


def first_to_go(
    leaving: Iterable[Vm], staying: Iterable[Vm], wanted: intent.Deployment, applied: Mapping[str, Applied]
) -> list[str]:
    """Ids of the VMs of `leaving` that have what one of `staying` is to have. Pure."""
    needed = {thing for vm in staying for thing in _needed(wanted.group(vm.vm_group), applied[vm.id].held)}
    return [vm.id for vm in leaving if not needed.isdisjoint(_had(applied[vm.id]))]


def _needed(group: intent.Group, held: Held) -> Iterator[Thing]:
    yield from (("volume", volume.name) for volume in group.volumes if volume.size is None)
    for nic in group.interfaces:
        yield from (("address", one.lower()) for one in (held.address(nic), held.mac(nic)) if one)


def _had(applied: Applied) -> Iterator[Thing]:
    for row in applied.volumes:
        if not row.owned:
            yield from (("volume", one) for one in (row.name, row.cloud_name, row.external_id) if one)
    for nic in applied.interfaces:
        yield from (("address", one.lower()) for one in (nic.ip_address, nic.mac_address))


class Handover:
    """Holds back VMs that take something until all that give something up have done so, or have failed to.

    Args:
        givers: ids of the VMs that give something up.
    """

    def __init__(self, givers: Iterable[str]) -> None:
        self._left = set(givers)
        self._over = asyncio.Event()
        self.over()

    def over(self, vm_id: str | None = None) -> None:
        """This VM has given up what it had; again is without effect."""
        self._left.discard(vm_id or "")
        if not self._left:
            self._over.set()

    async def wait(self) -> None:
        """Until nobody has anything to give up any more."""
        await self._over.wait()
