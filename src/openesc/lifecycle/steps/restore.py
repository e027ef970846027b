"""The boot volume of a VM gives its place to another one (user guide, restore of VNFs with bootable volumes).

Nova detaches no root volume. Where the cloud may swap them (`LifecycleSettings.swap_root_volume`) it is asked to;
where it refuses, the server is made anew on the ports, addresses, name, metadata and day-0 data it had. The old volume
stays in the cloud.
"""

from __future__ import annotations

from dataclasses import replace

from openesc.inventory import states
from openesc.inventory import store as inventory
from openesc.inventory.records import Vm
from openesc.lifecycle import intent
from openesc.lifecycle.context import RECREATE, Work
from openesc.lifecycle.errors import StepFailed
from openesc.lifecycle.operation import Attempt
from openesc.lifecycle.steps import volumes
from openesc.lifecycle.steps.attachments import has
from openesc.lifecycle.steps.calls import change_once
from openesc.lifecycle.steps.interfaces import Interfaces
from openesc.lifecycle.steps.lookup import GroupFacts, look_up
from openesc.lifecycle.steps.power import SHUTOFF, bring_to
from openesc.lifecycle.steps.servers import VmSteps, remove_server
from openesc.store import Tx
from openesc.vim import goals
from openesc.vim.errors import VimBadRequest, VimConflict, VimForbidden
from openesc.vim.port import Server

REFUSED = "the cloud does not detach a root volume, and restore.root_volume is refuse"


class Restore:
    """The steps of one VM; `vm` as it was before. `path` is the prefix of their names."""

    def __init__(self, work: Work, vm: Vm, group: intent.Group, path: str) -> None:
        self.work = work
        self.op = work.op
        self.vm = vm
        # a resize of the same document comes later
        self.group = replace(group, flavor=vm.flavor or group.flavor)
        self.path = f"{path}/restore"

    async def run(self, old: str, new: str, server_id: str) -> None:
        """The VM boots from volume `new` afterwards; `old` is listed as kept. Raises: StepFailed."""
        facts = await look_up(self.work, self.group, self.path)  # before anything is taken down
        wanted = next(volume for volume in self.group.volumes if volume.name == new)
        volume_id = await volumes.ensure(self.work, self.vm, wanted, facts.image_id, self.path)
        refused = await self._swap(old, volume_id, server_id) if self.work.settings.swap_root_volume else ""
        if refused is None:
            await self.op.commit(f"{self.path}/swapped", lambda tx: self._swapped(tx, old, wanted))
        elif self.work.settings.root_volume == RECREATE:
            await self._recreate(facts)
        else:
            raise StepFailed(f"{REFUSED}{': ' if refused else ''}{refused}")

    # swap

    async def _swap(self, old: str, volume_id: str, server_id: str) -> str | None:
        """Why the cloud does not swap; None: it has."""
        cloud = await self.work.cloud()
        row = (await volumes.rows_of(self.work, self.vm)).get(old)
        old_id = (row.external_id if row is not None else None) or ""

        async def there() -> bool:
            return server_id in (await cloud.get_volume(volume_id)).attached_to

        async def act(attempt: Attempt) -> str | None:
            try:
                await change_once(
                    attempt,
                    self.work.settings.patience,
                    there,
                    lambda: cloud.swap_volume(server_id, old_id, volume_id),
                )
            except (VimForbidden, VimConflict, VimBadRequest) as error:
                return str(error)
            return None

        refused: str | None = await self.op.step(f"{self.path}/swap", act)
        if refused is None and not self.op.done(f"{self.path}/swapped"):
            await has(self.work, volume_id, server_id)
        return refused

    def _swapped(self, tx: Tx, old: str, wanted: intent.Volume) -> None:
        for row in inventory.resources(tx.connection, kind=volumes.KIND, parent=self.vm.id):
            if row.name == old:
                volumes.leave(tx, self.work, row)
        volumes.attached(tx, self.vm.id, [wanted])

    # recreate

    async def _recreate(self, facts: GroupFacts) -> None:
        await remove_server(self.work, self.vm, self.path)
        await volumes.drop_unwanted(self.work, self.vm, self.group, self.path)
        steps = VmSteps(self.work, self.vm, self.group)
        steps.path = self.path
        ports = Interfaces(self.work, self.vm, self.group, self.path)
        interfaces = [await ports.ensure(wanted, facts) for wanted in self.group.interfaces]
        devices = await volumes.prepare(self.work, self.vm, self.group, facts.image_id, self.path)
        server_id = await steps.server(facts, interfaces, devices)
        if self.op.done(f"{self.path}/up"):
            return
        cloud, off = await self.work.cloud(), self.vm.state == states.VM_SHUTOFF
        booted = goals.settled if off else goals.active  # an earlier life may have stopped it
        server = await self.work.answered(cloud.wait_server(server_id, booted, self.work.settings.server_timeout))
        if off:  # it was off, and is again
            server = await bring_to(self.work, replace(self.vm, server_id=server_id), SHUTOFF, f"{self.path}/stop")
        await self.op.commit(f"{self.path}/up", lambda tx: self._up(tx, server))

    def _up(self, tx: Tx, server: Server) -> None:
        inventory.update_vm(tx, self.vm.id, host_id=server.host_id, hostname=server.hostname)
