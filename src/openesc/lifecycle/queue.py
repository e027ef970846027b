"""Where operations are queued, as those who queue them see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from openesc.lifecycle.journal import OperationRow
from openesc.lifecycle.locks import Claim
from openesc.store import Tx


@dataclass(frozen=True, slots=True)
class Draft:
    """An operation to be queued. `claims` say what it must not meet."""

    kind: str
    subject: str
    claims: Sequence[Claim]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    tenant: str | None = None
    deployment_id: str | None = None
    vm_id: str | None = None
    requested_by: str | None = None


class Queue(Protocol):
    """The engine. Both are called in the writer lane, in the transaction of the request."""

    def submit(self, tx: Tx, draft: Draft) -> OperationRow:
        """Queue an operation; it wakes once the transaction is durable."""
        ...

    def cancel(self, tx: Tx, operation_ids: Sequence[str], reason: str) -> None:
        """Tell operations to stop; each closes itself when it has its turn."""
        ...
