"""The planner: what is wanted against what is applied, as operations.

Runs in the writer lane, in the transaction of the edit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from openesc.errors import OperationRefused, report
from openesc.inventory import states
from openesc.inventory import store as inventory
from openesc.inventory.door import move_service
from openesc.inventory.records import Deployment, Vm
from openesc.lifecycle import intent, journal, meets, resizes
from openesc.lifecycle.applied import changes
from openesc.lifecycle.changes import VmChange
from openesc.lifecycle.in_place import refusals, volume_refusals
from openesc.lifecycle.locks import EXCLUSIVE, SHARED, Claim, name_key
from openesc.lifecycle.plan import capacity_faults, plan_vms
from openesc.lifecycle.queue import Draft, Queue
from openesc.store import Tx

INTERRUPTED_BY_UNDEPLOY = "interrupted by undeploy"


@dataclass(frozen=True, slots=True)
class Wish:
    """One unit an edit touched: `document` is what running holds of it now, None when it is gone.

    `depid`: the id that a deployment which this makes is to have; None: a fresh one.
    """

    kind: str
    keys: tuple[str, ...]
    document: bytes | None
    depid: str | None = None


class Planner:
    """Turns the units an edit touched into operations that bring the inventory there.

    `restores`: the boot volume of a VM may be replaced.
    """

    def __init__(self, queue: Queue, default_vim: str, *, restores: bool = True) -> None:
        self._queue = queue
        self._default_vim = default_vim
        self._restores = restores

    def plan(self, tx: Tx, wishes: Iterable[Wish], requested_by: str | None = None) -> list[journal.OperationRow]:
        """Queue what the wishes need; a wish that is applied already, or on its way, needs nothing."""
        ordered = sorted(wishes, key=_rank)
        busy_tenants = {wish.keys[0] for wish in ordered if _needs_no_tenant_of_its_own(wish)}
        planned: list[journal.OperationRow] = []
        for wish in ordered:
            if wish.kind == "tenant" and wish.document is not None and wish.keys[0] in busy_tenants:
                continue
            plan = _PLANS.get(wish.kind)
            if plan is not None:
                planned += [self._queue.submit(tx, _by(draft, requested_by)) for draft in plan(self, tx, wish)]
        return planned

    def retry(self, tx: Tx, deployment: Deployment, requested_by: str | None = None) -> list[journal.OperationRow]:
        """Plan a deployment again as if its document had been sent again."""
        wish = Wish("deployment", (deployment.tenant, deployment.name), deployment.wanted)
        return self.plan(tx, [wish], requested_by)

    def answer(self, tx: Tx, tenant: str, name: str, requested_by: str) -> journal.OperationRow:
        """Queue what tells the result of an update that needs nothing, after all that is on its way."""
        current = inventory.deployments_named(tx.connection, tenant, name)[-1]
        draft = Draft(
            kind="unchanged",
            subject=f"{tenant}/{name}",
            claims=[(name_key(tenant, name), EXCLUSIVE)],
            tenant=tenant,
            deployment_id=current.id,
        )
        return self._queue.submit(tx, _by(draft, requested_by))

    # deployments

    def _deployment(self, tx: Tx, wish: Wish) -> list[Draft]:
        tenant, name = wish.keys
        rows = inventory.deployments_named(tx.connection, tenant, name)
        current = next((row for row in rows if row.state != states.SERVICE_UNDEPLOYING), None)
        if wish.document is None:
            return [self._undeploy(tx, current)] if current is not None else []
        wanted = intent.parse(wish.document)
        if current is None:
            return [self._deploy_new(tx, wanted, wish.document, wish.depid)]
        return self._bring_up_to(tx, current, wanted, wish.document)

    def _deploy_new(self, tx: Tx, wanted: intent.Deployment, document: bytes, depid: str | None) -> Draft:
        if depid is not None and inventory.deployment(tx.connection, depid) is not None:
            raise OperationRefused(f"Internal id: {depid} is already in use")
        record = Deployment(
            id=depid or inventory.new_id(),
            tenant=wanted.tenant,
            name=wanted.name,
            state=states.SERVICE_UNDEF,
            vim_id=wanted.vim_id or self._default_vim,
            project=wanted.project,
            project_id=None,
            wanted=document,
            alive_at=None,
            failure=None,
            created_at=tx.clock.tick(),
        )
        inventory.add_deployment(tx, record)
        plan_vms(tx, record.id, wanted, known=())
        move_service(tx, record.id, "deploy")
        return _draft("deploy", record, self._claims(record, wanted), document)

    def _bring_up_to(self, tx: Tx, current: Deployment, wanted: intent.Deployment, document: bytes) -> list[Draft]:
        found = _read(tx, current, wanted)
        if current.wanted == document and (found.active or not found.lacking(wanted)):
            return []  # it is on its way, or there
        self._check_in_place(found, wanted)
        self._require_possible(tx, found, wanted)
        inventory.update_deployment(tx, current.id, wanted=document)
        plan_vms(tx, current.id, wanted, found.vms, refitting=not found.active)
        if current.alive_at is None and not found.active:
            move_service(tx, current.id, "deploy", failure=None)
            return [_draft("deploy", current, self._claims(current, wanted), document)]
        return [_draft("update", current, self._claims(current, wanted), document)]

    def _check_in_place(self, found: _Found, wanted: intent.Deployment) -> None:
        """Raises: OperationRefused naming what running VMs do not allow to change."""
        before = intent.parse(found.current.wanted)
        running = {vm.vm_group for vm in found.vms if vm.server_id is not None and vm.state != states.VM_ERROR}
        report(list(refusals(before, wanted, running)))

    def _require_possible(self, tx: Tx, found: _Found, wanted: intent.Deployment) -> None:
        """Raises: EscError, EscErrors."""
        vms, current = found.vms, found.current
        column = meets.service_column(current, vms, found.operations)
        reasons = dict.fromkeys([*resizes.refusals(vms, wanted, current, column), *_waiting(vms, found.changing)])
        volumes = volume_refusals(vms, wanted, found.changing, restores=self._restores)
        report([*map(OperationRefused, reasons), *capacity_faults(vms, wanted), *volumes])
        for vm in resizes.forgiven(vms, wanted):
            inventory.update_vm(tx, vm.id, declined_flavor=None)

    def _undeploy(self, tx: Tx, current: Deployment) -> Draft:
        """Interrupts everything that runs or waits for this deployment."""
        others = [row.id for row in journal.open_operations(tx.connection, current.id)]
        self._queue.cancel(tx, others, INTERRUPTED_BY_UNDEPLOY)
        move_service(tx, current.id, "undeploy")
        return Draft(
            kind="undeploy",
            subject=f"{current.tenant}/{current.name}",
            claims=[(name_key(current.tenant, current.name), EXCLUSIVE), *self._tenant_claim(current)],
            tenant=current.tenant,
            deployment_id=current.id,
        )

    def _claims(self, record: Deployment, wanted: intent.Deployment) -> list[tuple[str, str]]:
        claims: dict[str, str] = {name_key(record.tenant, record.name): EXCLUSIVE, **dict(self._tenant_claim(record))}
        if record.vim_id == self._default_vim:
            claims.update(dict.fromkeys(_named(wanted), SHARED))
        return list(claims.items())

    def _tenant_claim(self, record: Deployment) -> list[tuple[str, str]]:
        """Operations on tenants, images, flavors and networks work in the default VIM: nothing elsewhere waits for
        them, and they wait for nothing elsewhere, which may be down.
        """
        return [(f"tenant/{record.project}", SHARED)] if record.vim_id == self._default_vim else []

    # tenants, images, flavors, networks

    def _tenant(self, tx: Tx, wish: Wish) -> list[Draft]:
        name = wish.keys[0]
        managed = wish.document is None or b"<managed_resource>false" not in wish.document
        known = inventory.resource(tx.connection, f"tenant:{name}")
        if wish.document is not None and known is not None and known.external_id is not None:
            return []
        kind = "delete-tenant" if wish.document is None else "create-tenant"
        arguments = {"name": name, "managed": managed}
        return [Draft(kind, name, [(f"tenant/{name}", EXCLUSIVE)], arguments, tenant=name)]

    def _artifact(self, tx: Tx, wish: Wish) -> list[Draft]:
        name = wish.keys[0]
        known = inventory.resource(tx.connection, f"{wish.kind}:{name}")
        claims: list[Claim] = [(f"{wish.kind}/{name}", EXCLUSIVE)]
        arguments = {"kind": wish.kind, "name": name}
        if wish.document is None:
            return [Draft("delete-artifact", f"{wish.kind} {name}", claims, arguments)]
        if known is not None and known.external_id is not None:
            return []
        arguments["document"] = wish.document.decode()
        return [Draft("create-artifact", f"{wish.kind} {name}", claims, arguments)]

    def _network(self, tx: Tx, wish: Wish) -> list[Draft]:
        *owner, name = wish.keys
        tenant = owner[0] if owner else None
        claims: list[Claim] = [(f"network/{'/'.join(wish.keys)}", EXCLUSIVE)]
        if tenant is not None:
            claims.append((f"tenant/{tenant}", SHARED))
        arguments = {"name": name, "tenant": tenant}
        if wish.document is None:
            return [Draft("delete-network", f"network {name}", claims, arguments, tenant=tenant)]
        arguments["document"] = wish.document.decode()
        return [Draft("apply-network", f"network {name}", claims, arguments, tenant=tenant)]


_PLANS: dict[str, Callable[[Planner, Tx, Wish], list[Draft]]] = {
    "deployment": Planner._deployment,
    "tenant": Planner._tenant,
    "image": Planner._artifact,
    "flavor": Planner._artifact,
    "network": Planner._network,
    "tenant-network": Planner._network,
}
_MAKING = ("tenant", "image", "flavor", "network", "tenant-network", "deployment")


@dataclass(frozen=True, slots=True)
class _Found:
    """What there is of a deployment that a document comes for, read once, and what would change in place."""

    current: Deployment
    vms: Sequence[Vm]
    operations: Sequence[journal.OperationRow]
    changing: Mapping[str, VmChange]

    @property
    def active(self) -> bool:
        """Whether an earlier document is still being worked on."""
        return any(row.kind in ("deploy", "update") for row in self.operations)

    def lacking(self, wanted: intent.Deployment) -> bool:
        """Whether a document that is applied already has something left to do."""
        failed = any(vm.state in (states.VM_ERROR, states.VM_UNDEF) for vm in self.vms)
        unresized = any(vm.failure is not None for vm in resizes.to_resize(self.vms, wanted))
        return self.current.state == states.SERVICE_ERROR or failed or unresized or bool(self.changing)


def _read(tx: Tx, current: Deployment, wanted: intent.Deployment) -> _Found:
    vms = inventory.vms_of(tx.connection, current.id)
    operations = journal.open_operations(tx.connection, current.id)
    return _Found(current, vms, operations, changes(tx.connection, current.id, vms, wanted))


def _waiting(vms: Iterable[Vm], changing: Mapping[str, VmChange]) -> Iterator[str]:
    """The cloud changes no interface of a server that waits for confirm or revert."""
    for vm in vms:
        if vm.vim_status == states.VERIFY_RESIZE and vm.id in changing and changing[vm.id].resources:
            yield meets.rejection("update of a VM", meets.VERIFY_RESIZE, f"VM [{vm.name}]") or ""


def _needs_no_tenant_of_its_own(wish: Wish) -> bool:
    """Whether the operation of this wish makes the tenant's project on its way, or takes something out of it."""
    if wish.kind not in ("deployment", "tenant-network"):
        return False
    if wish.document is None:
        return True
    return wish.kind == "tenant-network" or intent.parse(wish.document).project == wish.keys[0]


def _rank(wish: Wish) -> int:
    """What others need is made first and taken away last."""
    rank = _MAKING.index(wish.kind) if wish.kind in _MAKING else 0
    return rank if wish.document is not None else -rank


def _by(draft: Draft, requested_by: str | None) -> Draft:
    return replace(draft, requested_by=requested_by)


def _named(wanted: intent.Deployment) -> Iterator[str]:
    """The names of images, flavors and networks that a deployment uses, as keys of locks."""
    for group in wanted.groups:
        yield from (f"image/{group.image}", f"flavor/{group.flavor}")
        for interface in group.interfaces:
            yield from (f"network/{interface.network}", f"network/{wanted.tenant}/{interface.network}")


def _draft(kind: str, record: Deployment, claims: list[tuple[str, str]], document: bytes) -> Draft:
    return Draft(
        kind=kind,
        subject=f"{record.tenant}/{record.name}",
        claims=claims,
        arguments={"document": document.decode()},
        tenant=record.tenant,
        deployment_id=record.id,
    )
