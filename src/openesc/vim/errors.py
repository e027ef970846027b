"""What a cloud can answer instead of success, told apart by class and status, never by text."""

from __future__ import annotations


class VimError(Exception):
    """The cloud refused or failed.

    Args:
        message: the cloud's own words, without URL and class name.
        status: HTTP status where there was an answer, else None.
        request_id: the cloud's request id (``req-...``) where it gave one.
    """

    def __init__(self, message: str, *, status: int | None = None, request_id: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.request_id = request_id
        self.doubt = False
        """Set by who repeated the call: an earlier try may still take effect."""

    def __str__(self) -> str:
        return f"{self.message} ({self.request_id})" if self.request_id else self.message


class VimUnreachable(VimError):
    """No answer: connection refused or cut, 502, 503, 504. Trying again later is right.

    For a call that changes something it is not known whether it took effect (see `VimError.status`).
    """


class VimTimeout(VimUnreachable):
    """The answer did not come within the HTTP time-out. Whether the call took effect is not known."""


class VimAuthError(VimError):
    """The credentials were refused (401), or the cloud entry does not exist."""


class VimForbidden(VimError):
    """403 without a quota: policy refuses the call to these credentials."""


class VimQuotaExceeded(VimError):
    """A quota is used up (Nova 403, Neutron 409, Cinder 413)."""


class VimNotFound(VimError):
    """404: what was addressed does not exist."""


class VimBadRequest(VimError):
    """400, 415: the request itself cannot be served; trying again does not help."""


class VimConflict(VimError):
    """409: wrong state or busy; trying again later may help."""


class VimServerError(VimError):
    """500 and what else the cloud could not do; trying again may help."""


class VimFault(VimError):
    """A resource was accepted and then went to ERROR; the message is its fault."""


class WaitTimedOut(VimError):
    """What was waited for did not come in time."""
