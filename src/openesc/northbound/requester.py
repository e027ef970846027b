"""Who asks for something, and where the rest of the story is to be told: what NETCONF and REST have in common."""

from __future__ import annotations

from dataclasses import dataclass, replace

from openesc.events import callbacks
from openesc.lifecycle.journal import OperationRow
from openesc.lifecycle.queue import Draft, Queue
from openesc.netconf import User
from openesc.store import Tx


@dataclass(frozen=True, slots=True)
class Requester:
    """The user; and of a request by REST the transaction it was answered with, the receiver of the final result
    (header ``Callback``), that of all other events (header ``Callback-ESC-Events``) and its ``X-Request-Id``.
    """

    user: User
    transaction_id: str | None = None
    callback: callbacks.Target | None = None
    events: callbacks.Target | None = None
    request_id: str | None = None

    @property
    def listens(self) -> bool:
        """Whether somebody waits to be told how it went."""
        return self.callback is not None or self.events is not None

    def submit(self, tx: Tx, queue: Queue, draft: Draft) -> OperationRow:
        """Queue an operation in the requester's name."""
        row = queue.submit(tx, replace(draft, requested_by=self.user.name))
        self.accepted(tx, row)
        return row

    def accepted(self, tx: Tx, row: OperationRow) -> None:
        """Note, in the transaction that queued the operation, who is to hear of it."""
        if self.transaction_id is not None:
            callbacks.register_operation(
                tx, row.id, self.callback, self.transaction_id, events=self.events, request_id=self.request_id
            )
        if row.deployment_id is not None and self.events is not None:
            callbacks.register_deployment(tx, row.deployment_id, self.events)
