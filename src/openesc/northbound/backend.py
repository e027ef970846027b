"""ESC behind the NETCONF server: `openesc.netconf.Backend` over datastore, inventory and events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from itertools import islice

from lxml import etree

from openesc.datastore.running import Running
from openesc.datastore.units import Unit
from openesc.events.log import EventLog
from openesc.netconf import REPLAY_COMPLETE, EditRequest, Filter, SessionInfo, Stream, User
from openesc.northbound import access
from openesc.northbound.canonical import tidy_operation
from openesc.northbound.edits import Edits
from openesc.northbound.invocations import Invocations
from openesc.northbound.opdata import Scope, esc_state, scope_of
from openesc.northbound.reading import joined
from openesc.northbound.requester import Requester
from openesc.northbound.streams import deliver
from openesc.northbound.system import masked, secret_free
from openesc.store import Store
from openesc.yang import Bound, Schema, filter_bounds, parse_xml, subtree_filter, xpath_filter

MANY = 100
"""From so many units on an answer is made on a thread."""
BIG = 2000
"""Likewise from so many elements of state on."""


class EscBackend:
    """Reads, edits, actions and events of ESC."""

    def __init__(
        self,
        store: Store,
        running: Running,
        edits: Edits,
        events: EventLog,
        invocations: Invocations,
    ) -> None:
        self._store = store
        self._running = running
        self._edits = edits
        self._events = events
        self._invocations = invocations
        self._started = datetime.now(UTC)

    @property
    def schema(self) -> Schema:
        return self._running.schema

    def capabilities(self) -> Sequence[str]:
        return ()

    def tidy(self, operation: etree._Element) -> None:
        tidy_operation(operation)

    def authorize(self, session: SessionInfo, operation_qname: str) -> None:
        access.check_operation(session.user, operation_qname)

    async def get_config(self, session: SessionInfo, datastore: str, filter: Filter | None) -> bytes:
        return await self._answer(self._units(session.user, self._bounds(filter)), None, filter)

    async def get(self, session: SessionInfo, filter: Filter | None) -> bytes:
        bounds = self._bounds(filter)
        scope = scope_of(bounds, lambda tenant: access.may_use_tenant(session.user, tenant))
        found = await self._state(scope) if scope is not None else None
        return await self._answer(self._units(session.user, bounds), found, filter)

    async def edit_config(self, session: SessionInfo, edit: EditRequest) -> None:
        test_only = edit.test_option == "test-only"
        await self._edits.edit(Requester(session.user), edit.config, edit.default_operation, test_only=test_only)

    async def invoke(self, session: SessionInfo, rpc: etree._Element) -> bytes | None:
        return await self._invocations.invoke(Requester(session.user), rpc)

    def streams(self) -> Sequence[Stream]:
        oldest = self._events.created_at
        created = datetime.fromtimestamp(oldest / 1000, UTC) if oldest else self._started
        return (
            Stream("escEvent", "ESC's notifications", replay_support=True, replay_log_creation_time=created),
            Stream(
                "NETCONF", "all notifications of this server", replay_support=True, replay_log_creation_time=created
            ),
        )

    def subscribe(
        self, session: SessionInfo, stream: str, start: datetime | None, stop: datetime | None
    ) -> AsyncIterator[tuple[str, bytes]]:
        user = session.user
        return deliver(
            self._events, start, stop, lambda event: access.may_see_event(user, event), replay_complete=REPLAY_COMPLETE
        )

    def _bounds(self, filter: Filter | None) -> list[Bound] | None:
        if filter is None:
            return None
        wanted = filter.element if filter.kind == "subtree" else filter.select
        return filter_bounds(self.schema, wanted, filter.nsmap)

    def _units(self, user: User, bounds: list[Bound] | None) -> list[Unit]:
        units = [unit for unit in self._running.select(bounds) if access.may_read(user, unit.id)]
        if access.sees_secrets(user):
            return units
        return [unit if secret_free(unit) else masked(unit) for unit in units]

    async def _answer(self, units: list[Unit], state: etree._Element | None, filter: Filter | None) -> bytes:
        """Serialise and filter; much of it on a thread, so that other sessions keep their latency."""

        def work() -> bytes:
            config = self._running.tree_of(units)
            data = config if state is None else joined(config, state)
            return self._filtered(data, filter) if filter is not None else data

        few = len(units) < MANY and (state is None or next(islice(state.iter(), BIG, None), None) is None)
        return work() if few else await asyncio.to_thread(work)

    async def _state(self, scope: Scope) -> etree._Element:
        version = self.schema.modules["esc"].revision or ""
        return await self._store.read(lambda connection: esc_state(connection, scope, version))

    def _filtered(self, data: bytes, filter: Filter) -> bytes:
        roots = list(parse_xml(b"<data>" + data + b"</data>")) if data else []
        if filter.kind == "subtree":
            found = subtree_filter(self.schema, roots, filter.element)
        else:
            found = xpath_filter(self.schema, roots, filter.select, filter.nsmap)
        return b"".join(etree.tostring(element, with_tail=False) for element in found)
