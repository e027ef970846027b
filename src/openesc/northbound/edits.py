"""The way of an edit: canonical form, split, then one transaction: merge, validate, check, plan, stage."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from lxml import etree

from openesc.datastore.partition import SplitEdit, split
from openesc.datastore.running import Change, DefaultOperation, Running
from openesc.errors import EscErrors, OperationRefused
from openesc.lifecycle import intent
from openesc.lifecycle.journal import OperationRow
from openesc.lifecycle.planner import Planner, Wish
from openesc.netconf import User
from openesc.northbound import access
from openesc.northbound.canonical import canonical_config, misplaced_action
from openesc.northbound.checks import Checks
from openesc.northbound.requester import Requester
from openesc.store import Store, Tx

DEPLOYMENT = "deployment"
BIG = 2000
"""From so many elements on an edit is prepared on a thread."""


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
        deployment_id: str | None = None,
        before: Callable[[Tx], None] | None = None,
        staged: Callable[[Tx], None] | None = None,
    ) -> None:
        """Do the whole edit durably.

        `deployment_id`: the depid of the deployment that it makes. `before` and `staged` run in the edit's
        transaction: before it reads what it changes, and after all.
        Raises: YangErrors, EscError, EscErrors, StoreError; then nothing was changed.
        """
        edit = await self._prepared(config, default_operation)
        access.check_edit(requester.user, [part.id for part in edit.edits])
        for lookup in self._lookups:
            await lookup.check(edit)
        wanted = _Wanted(requester, edit, default_operation, test_only, deployment_id)

        def work(tx: Tx) -> None:
            if before is not None:
                before(tx)
            self._stage(tx, wanted)
            if staged is not None:
                staged(tx)

        try:
            await self._store.write(work)
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

    def _stage(self, tx: Tx, wanted: _Wanted) -> None:
        user = wanted.requester.user
        changes = self._running.stage(tx, wanted.edit, wanted.default_operation)
        access.check_edit(user, [change.id for change in changes if change.before != change.after])
        for change in changes:
            if change.id.kind.name == DEPLOYMENT and change.after is not None:
                access.check_project(user, intent.parse(change.after))
        errors = self._checks.errors(changes, tx.connection)
        if errors:
            raise EscErrors(errors)
        if wanted.test_only:
            raise _OnlyTested
        self._on_changes(tx, changes)
        wishes = [_wish(change, wanted.deployment_id) for change in changes]
        planned = self._planner.plan(tx, wishes, requested_by=user.name)
        if wanted.requester.listens:
            planned += self._answers(tx, user, changes, planned)
        for row in planned:
            wanted.requester.accepted(tx, row)

    def _answers(
        self, tx: Tx, user: User, changes: Sequence[Change], planned: Sequence[OperationRow]
    ) -> list[OperationRow]:
        """For each deployment that is as it is wanted, or on its way there: who listens waits for a result."""
        busy = {row.subject for row in planned}
        return [
            self._planner.answer(tx, change.id.keys[0], change.id.keys[1], user.name)
            for change in changes
            if change.id.kind.name == DEPLOYMENT and change.after is not None and "/".join(change.id.keys) not in busy
        ]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """One edit on its way through the lane."""

    requester: Requester
    edit: SplitEdit
    default_operation: DefaultOperation
    test_only: bool
    deployment_id: str | None


def _wish(change: Change, deployment_id: str | None) -> Wish:
    return Wish(change.id.kind.name, change.id.keys, change.after, deployment_id)
