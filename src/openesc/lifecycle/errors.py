"""How an operation can end other than well."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Interrupted(Exception):
    """The operation was told to stop; `reason` says by what."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Suspended(Exception):
    """The server stops: the operation stays as it is and goes on at the next start."""


class StepFailed(Exception):
    """A step failed for good, in this life or, as the journal says, in an earlier one.

    Args:
        reason: the cloud's own words with its request id, or ours.
        status: the HTTP status of the cloud's answer, where there was one.
        doubt: a call of the step may still take effect.
    """

    def __init__(self, reason: str, status: int | None = None, *, doubt: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.doubt = doubt

    def to_result(self) -> dict[str, Any]:
        """As the journal keeps it."""
        return {"reason": self.reason, "status": self.status, **({"doubt": True} if self.doubt else {})}

    @classmethod
    def from_result(cls, result: Mapping[str, Any]) -> StepFailed:
        return cls(result["reason"], result.get("status"), doubt=bool(result.get("doubt")))


class OperationFailed(Exception):
    """The flow has closed the operation as failed, its events included."""
