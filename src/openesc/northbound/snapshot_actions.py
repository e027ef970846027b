"""ESC's actions that make and delete snapshots and recover VMs: who may, whether the state allows it, then a durable
operation (user guide, VNF backup operations; developer guide, manual recovery).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from lxml import etree
from sqlalchemy import Connection

from openesc.errors import InvalidRequest, NotFound, OperationRefused
from openesc.events import types
from openesc.events.log import EventLog
from openesc.inventory import snapshots as inventory
from openesc.inventory import store
from openesc.inventory.records import Deployment, Vm
from openesc.inventory.snapshots import Snapshot
from openesc.lifecycle import journal
from openesc.lifecycle.engine import Engine
from openesc.lifecycle.flows.recovery import ROW as RECOVERY
from openesc.lifecycle.flows.recovery import recovery_draft
from openesc.lifecycle.locks import EXCLUSIVE
from openesc.lifecycle.queue import Draft
from openesc.lifecycle.snapshot_events import about, source_of
from openesc.netconf import User
from openesc.northbound import access
from openesc.northbound.actions import Actions, Rules, admits, leaf, vm_draft, vm_named
from openesc.northbound.invocations import RpcHandler
from openesc.northbound.model import ESC
from openesc.northbound.requester import Requester
from openesc.store import Store, Tx

SNAPSHOT = "SNAPSHOT"


def snapshot_handlers(store: Store, engine: Engine, events: EventLog, rules: Rules) -> Mapping[str, RpcHandler]:
    """The handlers of the RPCs by name."""
    actions = SnapshotActions(store, engine, events, rules)
    return {
        "vmBackupAction": actions.backup,
        "snapshotAction": actions.delete,
        "recoveryVmAction": actions.recover,
    }


class SnapshotActions:
    """Accepts or rejects. Each handler returns None (``<ok/>``) or raises an EscError."""

    def __init__(self, store: Store, engine: Engine, events: EventLog, rules: Rules) -> None:
        self._store = store
        self._actions = Actions(store, engine, rules)
        self._engine = engine
        self._events = events

    async def backup(self, requester: Requester, request: etree._Element) -> None:
        """vmBackupAction. Answers once the cloud has taken or refused the snapshot, or accept_wait is over.

        Raises: AccessDenied, NotFound, InvalidRequest (xml), OperationRefused (state; the cloud's words).
        """
        vm_name, name, kind = (leaf(request, one) for one in ("vmName", "backupName", "actionType"))
        document = document_of(request)
        await self._actions.taken(lambda tx: self._backup(tx, requester, vm_name, name, kind or SNAPSHOT, document))

    def _backup(
        self, tx: Tx, requester: Requester, vm_name: str, name: str, kind: str, document: str | None
    ) -> journal.OperationRow:
        current, vm = vm_named(tx.connection, requester.user, vm_name)
        admits(tx.connection, "backup", current, vm)
        record = new_snapshot(tx, current, vm, name, document)
        arguments = {"action": kind, "snapshot": asdict(record)}
        if kind == SNAPSHOT:
            inventory.add_snapshot(tx, record)
        row = requester.submit(tx, self._engine, vm_draft("backup", current, vm, arguments))
        self._events.append(tx, about(types.VM_BACKUP_INIT, record), row.id)
        return row

    async def delete(self, requester: Requester, request: etree._Element) -> None:
        """snapshotAction. Answers once the cloud has taken or refused the deletion of the image.

        Raises: NotFound, OperationRefused (ambiguous, being made or deleted; the cloud's words).
        """
        reference = leaf(request, "snapshot")
        await self._actions.taken(lambda tx: self._delete(tx, requester, reference))

    def _delete(self, tx: Tx, requester: Requester, reference: str) -> journal.OperationRow:
        record = snapshot_meant(tx.connection, requester.user, reference)
        draft = Draft(
            kind="snapshot-delete",
            subject=f"snapshot {record.name} [{record.id}]",
            claims=[(f"snapshot/{record.id}", EXCLUSIVE)],
            arguments={"snapshot_id": record.id, "status": record.status},
            tenant=record.tenant,
        )
        inventory.update_snapshot(tx, record.id, status=inventory.DELETING)
        row = requester.submit(tx, self._engine, draft)
        self._events.append(tx, about(types.VM_SNAPSHOT_DELETING, record), row.id)
        return row

    async def recover(self, requester: Requester, request: etree._Element) -> None:
        """recoveryVmAction. Answers once the recovery is queued: its events tell the rest.

        Raises: NotFound, AccessDenied, OperationRefused (a stopped VM, one being deployed or undeployed).
        """
        await self._store.write(lambda tx: self._recover(tx, requester, leaf(request, "vmName")))

    def _recover(self, tx: Tx, requester: Requester, vm_name: str) -> journal.OperationRow:
        current, vm = vm_named(tx.connection, requester.user, vm_name)
        admits(tx.connection, RECOVERY, current, vm)
        return requester.submit(tx, self._engine, recovery_draft(current, vm))


def new_snapshot(tx: Tx, current: Deployment, vm: Vm, name: str, document: str | None) -> Snapshot:
    """The record of a snapshot that is about to be made."""
    return Snapshot(
        id=store.new_id(),
        name=name,
        status=inventory.CREATING,
        status_message=f"Snapshot image for VM [{vm.name}] is being created.",
        vm_name=vm.name,
        vm_group=vm.vm_group,
        deployment=current.name,
        deployment_id=current.id,
        tenant=current.tenant,
        vim_id=current.vim_id,
        project=current.project,
        server_id=vm.server_id or "",
        started_at=tx.clock.tick(),
        source=source_of(current, vm),
        document=document,
    )


def snapshot_meant(connection: Connection, user: User, reference: str) -> Snapshot:
    """The one snapshot of this id or name that the user may see. Raises: NotFound, OperationRefused."""
    meant = inventory.snapshots_meant(connection, reference)
    found = [one for one in meant if access.may_use_tenant(user, one.tenant)]
    if not found:
        raise NotFound(f"Snapshot image [{reference}] not found.", info=_code(404))
    if len(found) > 1:
        ids = ", ".join(one.id for one in found)
        raise OperationRefused(
            f"Snapshot name [{reference}] is not unique, it is the name of {len(found)} snapshots: {ids}. "
            "Name the one you mean by its id.",
            info=_code(409),
        )
    if found[0].status in _UNDER_WAY:
        raise OperationRefused(f"Snapshot image [{reference}] {_UNDER_WAY[found[0].status]}", info=_code(409))
    return found[0]


def _code(code: int) -> dict[str, str]:
    """ESC's code of an error, for error-info."""
    return {f"{{{ESC}}}error_code": str(code)}


_UNDER_WAY = {
    inventory.CREATING: "is being created: delete it once VM_BACKUP_COMPLETE has come",
    inventory.DELETING: "is being deleted already",
}


def document_of(request: etree._Element) -> str | None:
    """The document in `xml`, as text; it may come as elements or as text. Raises: InvalidRequest unless it is
    well-formed.
    """
    xml = request.find(f"{{{ESC}}}xml")
    if xml is None:
        return None
    if len(xml):
        return "".join(etree.tostring(child, encoding="unicode") for child in xml)
    return _well_formed(xml.text or "")


def _well_formed(text: str) -> str | None:
    if not text.strip():
        return None
    try:
        etree.fromstring(text.strip().encode(), etree.XMLParser(resolve_entities=False, no_network=True))
    except etree.XMLSyntaxError as error:
        raise InvalidRequest(
            f"xml is not a well-formed XML document: {error.msg}", path="/vmBackupAction/xml"
        ) from None
    return text
