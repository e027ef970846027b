"""Errors that reach a client. Each carries its protocol codes: error-tag for NETCONF, HTTP status for REST."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


class EscError(Exception):
    """The request could not be served; nothing was changed.

    The attributes are those of an RFC 6241 rpc-error (section 4.3): the NETCONF server serialises any exception that
    has them. Subclasses give the codes; `message` names the culprit and, where there is one, the next step.
    """

    error_type = "application"
    error_tag = "operation-failed"
    http_status = 500

    def __init__(
        self,
        message: str,
        *,
        path: str | None = None,
        app_tag: str | None = None,
        info: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.error_message = message
        self.error_path = path
        self.error_app_tag = app_tag
        self.error_info: Mapping[str, str] = dict(info or {})


class EscErrors(Exception):
    """Several errors of one document, reported together."""

    def __init__(self, errors: Sequence[EscError]) -> None:
        super().__init__("; ".join(error.error_message for error in errors))
        self.errors = list(errors)


def report(errors: Sequence[EscError]) -> None:
    """Raises: the only error, or EscErrors with all of them; nothing when there is none."""
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise EscErrors(errors)


class InvalidRequest(EscError):
    """The request is wrong in itself."""

    error_tag = "invalid-value"
    http_status = 400


class OperationRefused(EscError):
    """The request is well-formed but ESC's rules refuse it."""

    error_tag = "operation-failed"
    http_status = 409


class RefusedByCloud(OperationRefused):
    """The cloud refused it; the message has its words (user guide: an OpenStack API error)."""

    http_status = 500


class NotFound(EscError):
    """What the request names does not exist."""

    error_tag = "data-missing"
    http_status = 404


class AccessDenied(EscError):
    """The user's group or tenants do not allow it."""

    error_type = "protocol"
    error_tag = "access-denied"
    http_status = 403


class ResourceDenied(EscError):
    """The server lacks a resource for it (disk full, too many of something)."""

    error_tag = "resource-denied"
    http_status = 503


class InUse(EscError):
    """Somebody else holds it (a lock, a running operation)."""

    error_type = "protocol"
    error_tag = "in-use"
    http_status = 409
