"""Recovery of a VM: reboot it, and when that is not enough, undeploy and deploy it (user guide, recovery policy;
developer guide, manual recovery).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from openesc.events import types
from openesc.inventory import states
from openesc.inventory import store as inventory
from openesc.inventory.door import move_service, move_vm
from openesc.inventory.records import Deployment, Vm
from openesc.lifecycle import announce, meets
from openesc.lifecycle.changes import monitor_mark
from openesc.lifecycle.context import Services, Work, deployment_work
from openesc.lifecycle.errors import Interrupted, OperationFailed, StepFailed
from openesc.lifecycle.flows.parts import closed
from openesc.lifecycle.flows.sweep import submit_if_doubted
from openesc.lifecycle.locks import EXCLUSIVE, SHARED, name_key
from openesc.lifecycle.operation import Operation
from openesc.lifecycle.queue import Draft
from openesc.lifecycle.recovery_policy import RecoveryPolicy, recovery_policy
from openesc.lifecycle.steps.guest import tell_guest
from openesc.lifecycle.steps.lookup import GroupFacts, look_up
from openesc.lifecycle.steps.recovery import RecoverySteps, recovery_event
from openesc.store import Tx, now_ms

Action = Callable[[], Awaitable[None]]
Tell = Callable[[Tx, str], list[str]]

ROW = "recovery"
"""The operation's row in the table of what meets what."""


def recovery_draft(current: Deployment, vm: Vm, requested_by: str | None = None) -> Draft:
    """A recovery of the VM, by the document its deployment has now."""
    return Draft(
        kind="recover",
        subject=f"{vm.name} DO",
        claims=[(name_key(current.tenant, current.name), SHARED), (f"vm/{vm.id}", EXCLUSIVE)],
        arguments={"document": current.wanted.decode()},
        tenant=current.tenant,
        deployment_id=current.id,
        vm_id=vm.id,
        requested_by=requested_by,
    )


async def recover(op: Operation, services: Services) -> None:
    """VM_RECOVERY_INIT, then VM_RECOVERY_REBOOT, or pairs of VM_RECOVERY_UNDEPLOYED and VM_RECOVERY_DEPLOYED; closed by
    VM_RECOVERY_COMPLETE, or by VM_RECOVERY_CANCELLED when an undeployment interrupts it.
    """
    if await closed(op):
        return
    work = await deployment_work(op, services)
    vm: Vm | None = None
    try:
        vm = Vm(**await op.commit("begin", lambda tx: begin(tx, work)))
        await _Recovery(work, vm).run()
        source = vm
        await op.commit("close", lambda tx: succeed(tx, work, source))
    except (StepFailed, Interrupted) as failure:
        reason, cancelled = failure.reason, isinstance(failure, Interrupted)
        await op.commit("close", lambda tx: fail(tx, work, vm, reason, cancelled=cancelled), always=True)
        if cancelled:
            raise
        raise OperationFailed(reason) from failure


def _policy(work: Work, vm: Vm) -> RecoveryPolicy:
    return recovery_policy(work.op.arguments["document"].encode(), vm.vm_group)


def begin(tx: Tx, work: Work) -> dict[str, Any]:
    """The VM as it is; it is being recovered from now on. Raises: StepFailed when its state takes no recovery."""
    vm = inventory.vm(tx.connection, work.op.row.vm_id or "")
    if vm is None:
        raise StepFailed("the VM is gone")
    column = meets.VERIFY_RESIZE if vm.vim_status == states.VERIFY_RESIZE else _REJECTING.get(vm.state)
    text = meets.rejection(ROW, column, f"VM [{vm.name}]") if column is not None else None
    if text is not None:
        raise StepFailed(text)
    move_vm(tx, vm.id, "recover" if _policy(work, vm).reboots else "redeploy")
    work.tell(tx, announce.vm(types.VM_RECOVERY_INIT, work.deployment, vm))
    return {name: getattr(vm, name) for name in vm.__slots__}


_REJECTING: Mapping[str, str] = {
    states.VM_SHUTOFF: meets.STOPPED,
    states.VM_UNDEF: meets.DEPLOYING,
    states.VM_UNDEPLOYING: meets.UNDEPLOYING,
}
"""What the request waited for may have left the VM in a state that takes no recovery."""


class _Recovery:
    """One recovery; `trail` collects why each attempt was not enough."""

    def __init__(self, work: Work, vm: Vm) -> None:
        self.work = work
        self.op = work.op
        self.vm = vm
        self.policy = _policy(work, vm)
        self.steps = RecoverySteps(work, vm, work.intent.group(vm.vm_group), self.policy)
        self.trail: list[str] = []

    async def run(self) -> None:
        """Until the VM is back. Raises: StepFailed with the whole trail."""
        if not (await self._by_reboot() or await self._by_redeploy()):
            raise StepFailed("; ".join([f"Error Messages: Recovery of VM [{self.vm.name}] failed.", *self.trail]))
        monitored = self.steps.group.alive_kpi is not None
        current, path = await self.steps.current(), f"{self.vm.vm_group}/{self.vm.ordinal}"
        await tell_guest(self.work, current, path, "recovery", monitored=monitored, recovery="completed")

    async def _by_reboot(self) -> bool:
        if not self.policy.reboots:
            return False
        failed = f"VM [{self.vm.name}] failed to be rebooted."
        if not await self._told("reboot", self.steps.reboot, types.VM_RECOVERY_REBOOT, failed):
            return False
        return await self._tried("reboot/alive", self.steps.alive_after_reboot)

    async def _by_redeploy(self) -> bool:
        retries = self.policy.retries(self.work.settings.recovery_retries)
        if not retries:
            return False
        try:
            facts = await look_up(self.work, self.steps.group)  # before anything is taken down
        except StepFailed as failure:
            self.trail.append(f"VIM Driver: {failure.reason}")
            return False
        for attempt in range(1, retries + 1):
            if await self._pair(facts, f"try/{attempt}"):
                return True
        return False

    async def _pair(self, facts: GroupFacts, path: str) -> bool:
        name, steps = self.vm.name, self.steps
        failed = f"VM [{name}] failed to be undeployed."
        if not await self._told(f"{path}/undeploy", lambda: steps.undeploy(path), types.VM_RECOVERY_UNDEPLOYED, failed):
            return False
        failed = f"VM [{name}] failed to be deployed."
        if not await self._told(
            f"{path}/deploy", lambda: steps.deploy(facts, path), types.VM_RECOVERY_DEPLOYED, failed
        ):
            return False
        return await self._tried(f"{path}/alive", lambda: steps.alive_after_deploy(path))

    async def _told(self, path: str, action: Action, event_type: str, what: str) -> bool:
        """A failure is told as `event_type` FAILURE in the words of the cloud."""

        def tell(tx: Tx, reason: str) -> list[str]:
            words = [what, f"VIM Driver: {reason}"]
            self.steps.tell(tx, event_type, "; ".join([f"Error Messages: {words[0]}", *words[1:]]))
            return words

        return await self._tried(path, action, tell)

    async def _tried(self, path: str, action: Action, tell: Tell = lambda tx, reason: [reason]) -> bool:
        """Whether it worked; what failed once is not tried again by a later life."""
        key = f"{path}/failed"
        if not self.op.done(key):
            try:
                await action()
            except StepFailed as failure:
                reason = failure.reason
                self.trail += await self.op.commit(key, lambda tx: tell(tx, reason))
                return False
            return True
        self.trail += await self.op.commit(key, lambda tx: [])
        return False


def succeed(tx: Tx, work: Work, source: Vm) -> None:
    """The VM is back; a service that was in error for it alone is in service again."""
    group = work.intent.group(source.vm_group)
    move_vm(tx, source.id, "alive" if group.alive_kpi is not None else "up", failure=None, monitor=monitor_mark(group))
    vm = inventory.vm(tx.connection, source.id)
    current = inventory.deployment(tx.connection, work.deployment.id)
    assert vm is not None
    assert current is not None
    interfaces = inventory.interfaces_of(tx.connection, [vm.id])[vm.id]
    work.tell(
        tx,
        recovery_event(work, types.VM_RECOVERY_COMPLETE, source, target=vm, interfaces=interfaces),
    )
    if current.state == states.SERVICE_ERROR and _was_all(tx, current, source):
        move_service(tx, current.id, "recover", failure=None, alive_at=current.alive_at or now_ms())
    submit_if_doubted(tx, work)


def _was_all(tx: Tx, current: Deployment, source: Vm) -> bool:
    """Whether the lost VM was the reason of the service's error, and every VM is up now."""
    vms = inventory.vms_of(tx.connection, current.id)
    return current.failure == source.failure and all(vm.state in states.VM_UP for vm in vms)


def fail(tx: Tx, work: Work, source: Vm | None, reason: str, *, cancelled: bool) -> str:
    """The VM goes to error, its service with it; one whose recovery did not begin stays as it is."""
    vm = inventory.vm(tx.connection, work.op.row.vm_id or "")
    if vm is None:
        return reason
    if source is not None:
        _to_error(tx, work, vm, reason)
    event_type = types.VM_RECOVERY_CANCELLED if cancelled else types.VM_RECOVERY_COMPLETE
    work.tell(tx, recovery_event(work, event_type, source or vm, reason, target=vm if source is not None else None))
    return reason


def _to_error(tx: Tx, work: Work, vm: Vm, reason: str) -> None:
    current = inventory.deployment(tx.connection, work.deployment.id)
    if current is None or current.state == states.SERVICE_UNDEPLOYING:
        return
    move_vm(tx, vm.id, "fail", failure=reason)
    if current.state in (states.SERVICE_ACTIVE, states.SERVICE_INERT, states.SERVICE_ERROR):
        move_service(tx, current.id, "fail", failure=reason)
    submit_if_doubted(tx, work)
