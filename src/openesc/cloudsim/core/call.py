"""One request being answered: who asks, with which microversion, for what."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from openesc.cloudsim.core.cloud import Cloud
from openesc.cloudsim.core.faults import ApiError, bad_request, forbidden
from openesc.cloudsim.core.http import Request, Response
from openesc.cloudsim.core.records import Token
from openesc.cloudsim.core.routing import ROLES, Route

_RANK = {"reader": 2, "member": 3, "manager": 4, "admin": 5}


@dataclass(slots=True)
class Call:
    """What a handler gets. `plan` is a fault rule's action for the transition that the call begins."""

    cloud: Cloud
    request: Request
    route: Route
    params: dict[str, str]
    request_id: str
    microversion: tuple[int, int] = (0, 0)
    token: Token | None = None
    plan: dict[str, Any] | None = None
    operation: str = ""
    resource_id: str = ""
    resource_name: str = ""
    _document: Any = field(default=None)

    @property
    def rank(self) -> int:
        """The place in `ROLES` of the best role the caller has."""
        if self.token is None:
            return 0
        return max((_RANK.get(role, 1) for role in self.token.roles), default=1)

    @property
    def is_admin(self) -> bool:
        """Whether the caller has an admin role."""
        return self.rank == _RANK["admin"]

    @property
    def project_id(self) -> str:
        """The project the token is for; empty if it is for none."""
        return (self.token.project_id if self.token else None) or ""

    @property
    def user_id(self) -> str:
        """Who asks."""
        return self.token.user_id if self.token else ""

    @property
    def document(self) -> Any:
        """The JSON body; raises a 400 if it is none."""
        if self._document is None:
            try:
                self._document = json.loads(self.request.body)
            except ValueError:
                raise bad_request("Malformed request body: JSON cannot be read") from None
        return self._document

    def body(self, key: str) -> dict[str, Any]:
        """The object under `key` of the JSON body; raises a 400 if it is not there."""
        document = self.document
        value = document.get(key) if isinstance(document, dict) else None
        if not isinstance(value, dict):
            raise bad_request(
                f"Invalid input for field/attribute {key}. Value: {value}. '{key}' is a required property"
            )
        return value

    def arg(self, name: str) -> str | None:
        """A query parameter's (last) value."""
        values = self.request.query.get(name)
        return values[-1] if values else None

    def args(self, name: str) -> list[str]:
        """All values of a query parameter."""
        return self.request.query.get(name, [])

    def flag(self, name: str) -> bool:
        """Whether a query parameter says yes."""
        return (self.arg(name) or "").lower() in ("1", "true", "t", "yes", "on")

    def require(self, role: str, policy: str) -> None:
        """Raise the 403 of Nova and Cinder if the caller has not at least `role`."""
        if self.rank < ROLES.index(role):
            raise forbidden(f"Policy doesn't allow {policy} to be performed.")

    def about(self, identifier: str, name: str | None = None) -> None:
        """Say for the request log what the call is about."""
        self.resource_id = identifier
        self.resource_name = name or ""

    def answer(self, document: Any, status: int = 200, **headers: str) -> Response:
        """A JSON answer; underscores in header names become dashes."""
        return Response.json(document, status, {k.replace("_", "-"): v for k, v in headers.items()})

    def fail(self, status: int, message: str) -> ApiError:
        """An error of any status."""
        return ApiError(status, message)


def empty(status: int) -> Response:
    """An answer without a body."""
    return Response(status)
