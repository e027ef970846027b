"""What can go wrong with the store itself."""

from __future__ import annotations


class StoreError(Exception):
    """The transaction was not made durable; nothing of it happened.

    Carries the rpc-error fields a client gets (RFC 6241 appendix A, ``resource-denied``).
    """

    error_type = "application"
    error_tag = "resource-denied"
    error_app_tag: str | None = None
    error_path: str | None = None
    http_status = 503

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.error_message = message
        self.error_info: dict[str, str] = {}


class StoreClosed(StoreError):
    """The store is shutting down and takes no more writes."""


class StaleOwner(Exception):
    """The writer no longer owns the operation it writes for: another owner has taken it over."""
