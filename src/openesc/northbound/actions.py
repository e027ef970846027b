"""ESC's actions on services and VMs: who may, whether the state allows it, then a durable operation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lxml import etree
from sqlalchemy import Connection

from openesc.errors import AccessDenied, NotFound, OperationRefused, RefusedByCloud
from openesc.inventory import states
from openesc.inventory import store as inventory
from openesc.inventory.door import move_service, move_vm
from openesc.inventory.records import Deployment, Vm
from openesc.lifecycle import intent, journal, meets
from openesc.lifecycle.engine import Engine
from openesc.lifecycle.errors import OperationFailed
from openesc.lifecycle.flows.actions import ACTIONS
from openesc.lifecycle.locks import EXCLUSIVE, SHARED, name_key
from openesc.lifecycle.queue import Draft
from openesc.netconf import User
from openesc.northbound import access
from openesc.northbound.invocations import RpcHandler
from openesc.northbound.model import ESC
from openesc.northbound.requester import Requester
from openesc.store import Store, Tx

WAITED_FOR = {"CONFIRM_RESIZE": "confirm-resize", "REVERT_RESIZE": "revert-resize"}
"""Actions that the cloud may refuse, which their caller is to hear: the kind of operation of each."""
POWER_DOWN = frozenset({"STOP", "REBOOT"})
"""Actions that take a VM out of service for a while: what min_active is about."""


@dataclass(frozen=True, slots=True)
class Rules:
    """`accept_wait`: seconds to wait for the cloud's answer. `min_active_check`: without ``force``, no VM is stopped
    or rebooted where its group would fall below min_active.
    """

    accept_wait: float = 10.0
    min_active_check: bool = False


def action_handlers(store: Store, engine: Engine, rules: Rules) -> Mapping[str, RpcHandler]:
    """The handlers of the RPCs by name."""
    actions = Actions(store, engine, rules)
    return {"serviceAction": actions.service_action, "vmAction": actions.vm_action, "vmMigrate": actions.migrate}


class Actions:
    """Accepts or rejects. Each handler returns None (``<ok/>``) or raises an EscError, and then nothing was changed."""

    def __init__(self, store: Store, engine: Engine, rules: Rules) -> None:
        self._store = store
        self._engine = engine
        self._rules = rules

    async def service_action(self, requester: Requester, request: etree._Element) -> None:
        """serviceAction. Raises: AccessDenied, NotFound, OperationRefused."""
        tenant, name, action = leaf(request, "tenantName"), leaf(request, "depName"), leaf(request, "actionType")
        require_tenant(requester.user, tenant)
        await self._store.write(lambda tx: self._service(tx, requester, tenant, name, action))

    def _service(self, tx: Tx, requester: Requester, tenant: str, name: str, action: str) -> None:
        current = deployment_named(tx.connection, tenant, name)
        admitted = admits(tx.connection, f"service {action}", current)
        draft = Draft(
            kind="service-action",
            subject=f"{tenant}/{name} {action}",
            claims=[(name_key(tenant, name), EXCLUSIVE)],
            arguments={"action": action, "admitted": admitted},
            tenant=tenant,
            deployment_id=current.id,
        )
        trigger = ACTIONS[action].trigger
        if admitted and trigger is not None:
            move_service(tx, current.id, trigger)  # who asks for the state from now on is not told the old one
        requester.submit(tx, self._engine, draft)

    async def vm_action(self, requester: Requester, request: etree._Element) -> None:
        """vmAction. Raises: AccessDenied, NotFound, OperationRefused."""
        name, action = leaf(request, "vmName"), leaf(request, "actionType")
        force = leaf(request, "force", "false") == "true"
        if action in WAITED_FOR:
            await self.taken(lambda tx: self._waited_for(tx, requester, name, WAITED_FOR[action], f"vm {action}", {}))
        else:
            await self._store.write(lambda tx: self._vm(tx, requester, name, action, force))

    async def migrate(self, requester: Requester, request: etree._Element) -> None:
        """vmMigrate. Raises: AccessDenied, NotFound, OperationRefused in the table's words or the cloud's."""
        name, kind = leaf(request, "vmName"), leaf(request, "migrationType")
        arguments = {
            "type": kind,
            "host": leaf(request, "host") or None,
            "block": leaf(request, "blockMigration"),
        }
        row = f"{kind} migration"
        await self.taken(lambda tx: self._waited_for(tx, requester, name, "migrate", row, arguments))

    def _waited_for(
        self, tx: Tx, requester: Requester, name: str, kind: str, row: str, arguments: Mapping[str, Any]
    ) -> journal.OperationRow:
        current, vm = vm_named(tx.connection, requester.user, name)
        admits(tx.connection, row, current, vm)
        return requester.submit(tx, self._engine, vm_draft(kind, current, vm, arguments))

    def _vm(self, tx: Tx, requester: Requester, name: str, action: str, force: bool) -> None:
        current, vm = vm_named(tx.connection, requester.user, name)
        admitted = admits(tx.connection, f"vm {action}", current, vm)
        if action in POWER_DOWN and self._rules.min_active_check and not force:
            require_min_active(tx.connection, current, vm)
        draft = vm_draft("vm-action", current, vm, {"action": action, "admitted": admitted})
        trigger = ACTIONS[action].trigger
        if admitted and trigger is not None:
            move_vm(tx, vm.id, trigger)
        requester.submit(tx, self._engine, draft)

    async def taken(self, submit: Callable[[Tx], journal.OperationRow]) -> None:
        """Queue an operation and wait until the cloud took it. Raises: RefusedByCloud in the cloud's words."""
        row = await self._store.write(submit)
        try:
            await self._engine.accepted(row.id, self._rules.accept_wait)
        except OperationFailed as failure:
            raise RefusedByCloud(str(failure)) from failure


def vm_draft(kind: str, current: Deployment, vm: Vm, arguments: Mapping[str, Any]) -> Draft:
    """An operation that holds one VM, and its deployment shared with operations on others."""
    return Draft(
        kind=kind,
        subject=" ".join([vm.name, *(str(arguments[name]) for name in ("action",) if name in arguments)]),
        claims=[(name_key(current.tenant, current.name), SHARED), (f"vm/{vm.id}", EXCLUSIVE)],
        arguments=arguments,
        tenant=current.tenant,
        deployment_id=current.id,
        vm_id=vm.id,
    )


def leaf(request: etree._Element, name: str, default: str = "") -> str:
    """A leaf of the input; blanks around values are gone already."""
    return request.findtext(f"{{{ESC}}}{name}") or default


def require_tenant(user: User, tenant: str) -> None:
    """Raises: AccessDenied."""
    if not access.may_use_tenant(user, tenant):
        raise AccessDenied(f"user {user.name} (group {user.group}) may not use tenant {tenant}")


def deployment_named(connection: Connection, tenant: str, name: str) -> Deployment:
    """The deployment that goes by this name now. Raises: NotFound."""
    found = inventory.deployments_named(connection, tenant, name)
    if not found:
        raise NotFound(f"there is no deployment {name} in tenant {tenant}")
    return next((row for row in found if row.state != states.SERVICE_UNDEPLOYING), found[-1])


def vm_named(connection: Connection, user: User, name: str) -> tuple[Deployment, Vm]:
    """A VM by its generated name, with its deployment. Raises: NotFound, AccessDenied."""
    vm = inventory.vm_named(connection, name)
    current = inventory.deployment(connection, vm.deployment_id) if vm is not None else None
    if vm is None or current is None:
        raise NotFound(f"VM [{name}] not found: opdata lists the generated names of VMs")
    require_tenant(user, current.tenant)
    return current, vm


def admits(connection: Connection, row: str, current: Deployment, vm: Vm | None = None) -> bool:
    """Look the operation up in the table. True: nothing is under way that it has to wait for, so its states may be
    written at once.

    Raises: OperationRefused with the table's words.
    """
    if vm is not None:
        column, what = meets.column_of_vm(connection, current, vm), f"VM [{vm.name}]"
    else:
        column, what = meets.column_of_service(connection, current), f"Service group [{current.name}]"
    text = meets.rejection(row, column, what)
    if text is not None:
        raise OperationRefused(text)
    busy = any(vm is None or _conflicts(one, vm) for one in journal.open_operations(connection, current.id))
    return meets.verdict(row, column) == meets.RUN and not busy


def _conflicts(other: journal.OperationRow, vm: Vm) -> bool:
    return any(
        mode == EXCLUSIVE and (key == f"vm/{vm.id}" or key.startswith("deployment/")) for key, mode in other.claims
    )


def require_min_active(connection: Connection, current: Deployment, vm: Vm) -> None:
    """Raises: OperationRefused naming the numbers when the group would fall below min_active."""
    group = next((one for one in intent.parse(current.wanted).groups if one.name == vm.vm_group), None)
    members = [one for one in inventory.vms_of(connection, current.id) if one.vm_group == vm.vm_group]
    running = [one for one in members if one.state in states.VM_UP and one.id != vm.id]
    if group is not None and len(running) < group.min_active:
        raise OperationRefused(
            f"VM [{vm.name}]: vm_group {vm.vm_group} would have {len(running)} active VMs, fewer than its min_active "
            f"{group.min_active}; use force to do it nevertheless"
        )
