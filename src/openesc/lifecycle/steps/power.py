"""Power of one VM in the cloud: asked for once, whatever answers are lost, and waited for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import structlog

from openesc.inventory.records import Vm
from openesc.lifecycle.context import Work
from openesc.lifecycle.errors import StepFailed
from openesc.lifecycle.operation import Attempt
from openesc.lifecycle.steps.calls import persist
from openesc.vim import goals
from openesc.vim.errors import VimConflict, VimError
from openesc.vim.port import Cloud, Server

log = structlog.get_logger()

SHUTOFF = "SHUTOFF"
RUNNING = "ACTIVE"

_ASK: Mapping[str, Callable[[Cloud, str], Awaitable[None]]] = {
    SHUTOFF: lambda cloud, server_id: cloud.stop_server(server_id),
    RUNNING: lambda cloud, server_id: cloud.start_server(server_id),
}


async def bring_to(work: Work, vm: Vm, status: str, path: str) -> Server:
    """The server is SHUTOFF or ACTIVE afterwards. `path` names the step. Raises: StepFailed in the cloud's words."""
    cloud, server_id = await work.cloud(), required_server(vm)

    async def act(_: Attempt) -> None:
        await persist(work.settings.patience, lambda: _ask(cloud, server_id, status))

    await work.op.step(path, act)
    server = await work.answered(cloud.wait_server(server_id, goals.settled, work.settings.server_timeout))
    if server.status == status:
        return server
    reason = await why(work, cloud, server_id)
    raise StepFailed(f"VM [{vm.name}] is {server.status} in the VIM, not {status}{reason}")


async def _ask(cloud: Cloud, server_id: str, status: str) -> None:
    """A server that is there, or on its way, is not asked again: a lost answer may have had its effect."""
    server = await cloud.get_server(server_id)
    if _on_its_way(server, status):
        return
    if server.status == "ERROR" and status == RUNNING:
        await cloud.reboot_server(server_id, hard=True)  # the only way back that Nova has
        return
    try:
        await _ASK[status](cloud, server_id)
    except VimConflict:
        if not _on_its_way(await cloud.get_server(server_id), status):
            raise


def _on_its_way(server: Server, status: str) -> bool:
    task = {SHUTOFF: "powering-off", RUNNING: "powering-on"}[status]
    return server.task_state == task or (server.status == status and server.task_state is None)


def required_server(vm: Vm) -> str:
    """The cloud's id of the VM. Raises: StepFailed when it has none."""
    if vm.server_id is None:
        raise StepFailed(f"VM [{vm.name}] is not in the VIM: send the document of its deployment again")
    return vm.server_id


async def why(work: Work, cloud: Cloud, server_id: str) -> str:
    """What the cloud's list of actions says of the newest one, as ``: words``; empty when it says nothing."""
    try:
        actions = await work.op.wait(cloud.server_actions(server_id))
        if not actions or not actions[0].message:
            return ""
        events = await work.op.wait(cloud.action_events(server_id, actions[0].request_id))
    except VimError as error:
        log.warning("list of actions not read", server=server_id, reason=str(error))
        return ""
    details = next((event.details for event in events if event.details), None)
    request = f" ({actions[0].request_id})"
    return f": {(details or actions[0].message).strip().splitlines()[-1]}{request}"
