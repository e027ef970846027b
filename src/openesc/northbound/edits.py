"""The way of an edit: canonical form, split, then one transaction: merge, validate, check, plan, stage."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Protocol

from lxml import etree

from openesc.datastore.partition import SplitEdit, split
from openesc.datastore.running import Change, DefaultOperation, Running
from openesc.errors import EscError, OperationRefused
from openesc.lifecycle import intent
from openesc.lifecycle.planner import Planner, Wish
from openesc.northbound import access
from openesc.northbound.canonical import canonical_config, misplaced_action
from openesc.northbound.checks import Checks
from openesc.northbound.requester import Requester
from openesc.store import Store, Tx

DEPLOYMENT = "deployment"
BIG = 2000
"""From so many elements on an edit is prepared on a thread."""


class EscErrors(Exception):
    """Several errors of one document, reported together."""

    def __init__(self, errors: Sequence[EscError]) -> None:
        super().__init__("; ".join(error.error_message for error in errors))
        self.errors = list(errors)


class _OnlyTested(Exception):
    """Ends a test-only edit: nothing of it is kept."""


class Lookup(Protocol):
    """A question to the cloud that an edit is not accepted without."""

    async def check(self, edit: SplitEdit) -> None:
        """Raises: EscError."""
        ...


class Edits:
    """Edits running. `on_changes` hears, in the lane, of every edit that was staged; `lookups` ask the cloud before."""

    def __init__(
        self,
        store: Store,
        running: Running,
        planner: Planner,
        checks: Checks,
        on_changes: Callable[[Tx, Sequence[Change]], None],
        lookups: Sequence[Lookup],
    ) -> None:
        self._store = store
        self._running = running
        self._planner = planner
        self._checks = checks
        self._on_changes = on_changes
        self._lookups = lookups

    async def edit(
        self,
        requester: Requester,
        config: etree._Element,
        default_operation: DefaultOperation = "merge",
        *,
        test_only: bool = False,
    ) -> None:
        """Do the whole edit durably. Raises: YangErrors, EscError, EscErrors, StoreError; then nothing was changed."""
        edit = await self._prepared(config, default_operation)
        access.check_edit(requester.user, [part.id for part in edit.edits])
        for lookup in self._lookups:
            await lookup.check(edit)
        try:
            await self._store.write(lambda tx: self._stage(tx, requester, edit, default_operation, test_only))
        except _OnlyTested:
            return

    async def _prepared(self, config: etree._Element, default_operation: DefaultOperation) -> SplitEdit:
        """Canonical and split; a big one on a thread, so that other sessions keep their latency."""

        def work() -> SplitEdit:
            action = misplaced_action(config)
            if action is not None:
                raise OperationRefused(action)
            return split(self._running.tree, canonical_config(config), default_operation)

        big = next(islice(config.iter(), BIG, None), None) is not None
        return await asyncio.to_thread(work) if big else work()

    def _stage(
        self, tx: Tx, requester: Requester, edit: SplitEdit, default_operation: DefaultOperation, test_only: bool
    ) -> None:
        user = requester.user
        changes = self._running.stage(tx, edit, default_operation)
        access.check_edit(user, [change.id for change in changes if change.before != change.after])
        for change in changes:
            if change.id.kind.name == DEPLOYMENT and change.after is not None:
                access.check_project(user, intent.parse(change.after))
        errors = self._checks.errors(changes, tx.connection)
        if errors:
            raise EscErrors(errors)
        if test_only:
            raise _OnlyTested
        self._on_changes(tx, changes)
        for row in self._planner.plan(tx, [_wish(change) for change in changes], requested_by=user.name):
            requester.accepted(tx, row)


def _wish(change: Change) -> Wish:
    return Wish(change.id.kind.name, change.id.keys, change.after)
