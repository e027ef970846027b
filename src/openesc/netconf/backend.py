"""What the NETCONF server asks of the application behind it.

The server does the protocol: framing, sessions, message syntax, locks, subscriptions, monitoring. An application gives
it data by implementing `Backend` and users by implementing `Authenticator`.

Any exception that has the attributes `error_tag`, `error_type`, `error_app_tag`, `error_path`, `error_message` and
`error_info` (a mapping of element names to text) becomes that rpc-error; one with a list `errors` of such becomes
several; every other one is logged with its traceback and reported as an internal error with a reference.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, Protocol

import asyncssh
from lxml.etree import _Element

from openesc.yang import Schema

REPLAY_COMPLETE: Final[tuple[str, bytes]] = ("replay-complete", b"")
"""What a subscription yields (this very object) between the replayed and the live events."""


@dataclass(frozen=True)
class User:
    """Who is logged in. `tenants` None means all of them; the server itself attaches no meaning to `group`."""

    name: str
    group: str
    tenants: frozenset[str] | None = None


@dataclass
class SessionInfo:
    """One NETCONF session, with the counters of RFC 6022 section 2.1.4."""

    id: int
    user: User
    host: str
    started: datetime
    in_rpcs: int = 0
    in_bad_rpcs: int = 0
    out_rpc_errors: int = 0
    out_notifications: int = 0

    def __str__(self) -> str:
        return f"session {self.id} ({self.user.name}@{self.host})"


@dataclass(frozen=True)
class Filter:
    """A `<filter>` of get, get-config or create-subscription.

    `element` is the `<filter>` itself: for kind "subtree" its children are the filter. For kind "xpath", `select`
    is the expression and `nsmap` the prefixes in scope where it was written.
    """

    kind: Literal["subtree", "xpath"]
    element: _Element
    select: str = ""
    nsmap: Mapping[str | None, str] = field(default_factory=dict)


@dataclass(frozen=True)
class EditRequest:
    """An edit-config (RFC 6241 section 7.2), its parameters checked, its `<config>` as it came."""

    target: str
    config: _Element
    default_operation: Literal["merge", "replace", "none"] = "merge"
    test_option: Literal["test-then-set", "set", "test-only"] = "test-then-set"
    error_option: Literal["stop-on-error", "continue-on-error", "rollback-on-error"] = "stop-on-error"


@dataclass(frozen=True)
class Stream:
    """An event stream (RFC 5277 section 3.2.5.1)."""

    name: str
    description: str
    replay_support: bool = False
    replay_log_creation_time: datetime | None = None


class Authenticator(Protocol):
    """Decides who may log in. None is a refusal; which part was wrong is not said to the peer."""

    async def check_password(self, name: str, password: str) -> User | None:
        """The user of that name if the password is right."""
        ...

    async def check_public_key(self, name: str, key: asyncssh.SSHKey) -> User | None:
        """The user of that name if the key is one of theirs. The peer's possession of it is proved elsewhere."""
        ...


class Backend(Protocol):
    """The data behind the server. Every method may raise what the module's text says."""

    @property
    def schema(self) -> Schema:
        """The modules served. Read once, when the server starts."""
        ...

    def capabilities(self) -> Sequence[str]:
        """Capability URIs beside those the server knows itself and the modules."""
        ...

    async def get(self, session: SessionInfo, filter: Filter | None) -> bytes:
        """Configuration and state: the serialised children of `<data>`, b"" when nothing matches.

        The server adds its own state (ietf-netconf-monitoring, ietf-yang-library, the streams).
        """
        ...

    async def get_config(self, session: SessionInfo, datastore: str, filter: Filter | None) -> bytes:
        """Configuration alone: the serialised children of `<data>`, b"" when nothing matches."""
        ...

    async def edit_config(self, session: SessionInfo, edit: EditRequest) -> None:
        """Do the whole edit durably, or raise and change nothing. Locks have been looked at."""
        ...

    async def invoke(self, session: SessionInfo, rpc: _Element) -> bytes | None:
        """Any other operation. `rpc` is the operation element; it exists in the schema, its content is unchecked.

        Returns the content of the rpc-reply, or None for `<ok/>`.
        """
        ...

    def streams(self) -> Sequence[Stream]:
        """The event streams. RFC 5277 wants one named NETCONF among them."""
        ...

    def subscribe(
        self, session: SessionInfo, stream: str, start: datetime | None, stop: datetime | None
    ) -> AsyncIterator[tuple[str, bytes]]:
        """The events of a stream: eventTime text and serialised event element.

        Live events count from this call on, not from the first step of the iterator. With `start`: first the
        events since then, then `REPLAY_COMPLETE`, then live ones. With `stop`: the iterator ends when that time
        has come. Yield one object per event to all subscribers: the server wraps equal ones once. The iterator is
        asked for the next event only when the peer took the last ones, so it should read from a log, or bound
        what it queues.
        """
        ...

    def tidy(self, operation: _Element) -> None:
        """Change, in place, what clients of this application are known to write and do not mean; most change nothing.

        Called first of all with each operation. What it leaves is read strictly.
        """
        ...

    def authorize(self, session: SessionInfo, operation_qname: str) -> None:
        """Raise (error-tag access-denied) when the user may not use the operation, given as a Clark name."""
        ...
