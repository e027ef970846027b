"""VMs that wait for confirm or revert where nobody is asked: clouds that confirm by themselves after a while (Nova's
``resize_confirm_window``), and operators who do it in the cloud.

Nothing waits in an operation for a human, so nobody would see it: the VM stayed without a monitor. It is looked at now
and then, and what the cloud has done is made known by the operation that a client would have asked for.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence

import structlog

from openesc.inventory import states
from openesc.inventory import store as inventory
from openesc.inventory.records import Deployment, Vm
from openesc.lifecycle import journal
from openesc.lifecycle.context import Services
from openesc.lifecycle.locks import EXCLUSIVE, SHARED, name_key
from openesc.lifecycle.queue import Draft
from openesc.lifecycle.steps.moving import RUNS_OR_OFF
from openesc.store import StoreError, Tx
from openesc.vim.errors import VimError
from openesc.vim.port import Server

log = structlog.get_logger()


async def watch_pending_resizes(services: Services, interval: float) -> None:
    """Look every `interval` seconds, for ever."""
    while True:
        await asyncio.sleep(interval)
        try:
            await look_at_pending(services)
        except StoreError as error:
            log.warning("pending resizes not looked at", reason=str(error))


async def look_at_pending(services: Services) -> None:
    """Ask the clouds for every VM that waits; an operation for each that does not wait there any more.

    A cloud that does not answer keeps no other waiting.
    """
    waiting = await services.store.read(
        lambda connection: inventory.vms_with_deployments(connection, vim_status=states.VERIFY_RESIZE)
    )
    by_vim = defaultdict(list)
    for deployment, vm in waiting:
        by_vim[deployment.vim_id].append((deployment, vm))
    await asyncio.gather(*(_look_at(services, some) for some in by_vim.values()))


async def _look_at(services: Services, waiting: Sequence[tuple[Deployment, Vm]]) -> None:
    for deployment, vm in waiting:
        server = await _server(services, deployment, vm)
        if server is not None and server.status in RUNS_OR_OFF and server.task_state is None:
            await _make_known(services, deployment, vm, server)


async def _server(services: Services, deployment: Deployment, vm: Vm) -> Server | None:
    """None where the cloud cannot be asked now, or has it no more: the next look will tell."""
    try:
        cloud = await services.vims.get(deployment.vim_id).cloud(deployment.project)
        return await cloud.get_server(vm.server_id or "")
    except (KeyError, VimError) as error:
        log.info("pending resize not looked at", vm=vm.name, reason=str(error))
        return None


async def _make_known(services: Services, deployment: Deployment, vm: Vm, server: Server) -> None:
    kind = "confirm-resize" if (server.flavor, server.host_id) == (vm.flavor, vm.host_id) else "revert-resize"

    def submit(tx: Tx) -> bool:
        current = inventory.vm(tx.connection, vm.id)
        busy = any(row.vm_id in (None, vm.id) for row in journal.open_operations(tx.connection, deployment.id))
        if current is None or current.vim_status != states.VERIFY_RESIZE or busy:
            return False
        assert services.queue is not None
        services.queue.submit(tx, _draft(kind, deployment, vm))
        return True

    if await services.store.write(submit):
        log.info("the cloud ended a pending resize by itself", vm=vm.name, operation=kind)


def _draft(kind: str, deployment: Deployment, vm: Vm) -> Draft:
    return Draft(
        kind=kind,
        subject=vm.name,
        claims=[(name_key(deployment.tenant, deployment.name), SHARED), (f"vm/{vm.id}", EXCLUSIVE)],
        tenant=deployment.tenant,
        deployment_id=deployment.id,
        vm_id=vm.id,
    )
