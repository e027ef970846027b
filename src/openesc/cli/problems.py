"""What a command says when it fails: one line what, one line why, one line what next, and an exit status."""

from __future__ import annotations

from typing import Any, ClassVar


class Problem(Exception):
    """A command cannot do what it was asked. `why` and `hint` (what next) may be empty."""

    status: ClassVar[int] = 1

    def __init__(self, what: str, why: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.hint = hint

    def lines(self) -> list[str]:
        """The lines for stderr."""
        return [f"Error: {self.what}", *([f"  {self.why}"] if self.why else []), *self._next()]

    def _next(self) -> list[str]:
        return [f"  Next: {self.hint}"] if self.hint else []

    def as_json(self) -> dict[str, Any]:
        """The problem as the control socket carries it."""
        return {"status": self.status, "what": self.what, "why": self.why, "hint": self.hint}


class UsageProblem(Problem):
    """The request itself is wrong."""

    status = 2


class NotFoundProblem(Problem):
    """What the command names does not exist."""

    status = 3


class ConflictProblem(Problem):
    """It exists already, or is in a state that does not allow this."""

    status = 4


class UnreachableProblem(Problem):
    """The other side cannot be reached or does not let us in."""

    status = 5


class TimeoutProblem(Problem):
    """It took too long; what was begun goes on."""

    status = 6


KINDS = (Problem, UsageProblem, NotFoundProblem, ConflictProblem, UnreachableProblem, TimeoutProblem)
BY_STATUS = {kind.status: kind for kind in KINDS}
STATUS_OF_HTTP = {400: 2, 404: 3, 409: 4, 403: 5, 504: 6}
"""The exit status of an error that carries an HTTP status (`openesc.errors`)."""


def from_json(error: dict[str, Any]) -> Problem:
    """The problem a control server answered with."""
    kind = BY_STATUS.get(error.get("status", 1), Problem)
    return kind(str(error.get("what", "failed")), str(error.get("why", "")), str(error.get("hint", "")))


def of_exception(error: Exception) -> Problem:
    """Any exception as a problem; those of `openesc.errors` keep the kind their HTTP status tells."""
    if isinstance(error, Problem):
        return error
    kind = BY_STATUS[STATUS_OF_HTTP.get(getattr(error, "http_status", 500), 1)]
    return kind(str(getattr(error, "error_message", "") or error) or type(error).__name__)
