"""The running configuration: the head readers see, and the staging of edits in the writer lane."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from lxml import etree
from sqlalchemy import Connection, bindparam, select

from openesc import metrics
from openesc.datastore.assembly import assemble, spine_document
from openesc.datastore.partition import SplitEdit, UnitEdit, swept, within
from openesc.datastore.secrets import Vault
from openesc.datastore.units import Unit, UnitId, UnitNode, UnitTree
from openesc.store import Store, Tx
from openesc.store.tables import units as table
from openesc.yang import (
    Bound,
    Schema,
    SchemaNode,
    Tally,
    YangError,
    YangErrors,
    apply_edit,
    changed_nodes,
    parse_xml,
    validate,
)

DefaultOperation = Literal["merge", "replace", "none"]

_UPDATE = table.update().where(table.c.key == bindparam("unit"))
"""Built once: it runs in every edit. Its values are the names of the parameters it is given."""


@dataclass(frozen=True, slots=True)
class Change:
    """What an edit does to one unit it touches; `before` and `after` may be equal (a document sent again)."""

    id: UnitId
    before: bytes | None
    after: bytes | None
    document: etree._Element | None
    """`after`, parsed."""


class Running:
    """The datastore ``running``.

    `head` is what is durable; only the writer lane changes it, readers take it under a lock for the moment of
    copying references.
    """

    def __init__(self, store: Store, tree: UnitTree, vault: Vault) -> None:
        self.tree = tree
        self._vault = vault
        self._lock = threading.Lock()
        self._head: dict[str, Unit] = {}
        self._staged: dict[str, Unit | None] = {}
        """Changes of the batch in the lane that are not durable yet. Touched on the lane's thread alone."""
        self._crossing = _crossing(tree)
        store.read_now(self._load)

    @property
    def schema(self) -> Schema:
        return self.tree.schema

    # reading what is durable

    def get(self, unit_id: UnitId) -> Unit | None:
        """One unit, or None."""
        return self._head.get(unit_id.text)

    def select(self, bounds: Sequence[Bound] | None) -> list[Unit]:
        """Every unit that a filter with these bounds could match (None: all)."""
        with self._lock:
            if bounds is None:
                return list(self._head.values())
            exact = [self._exact(bound) for bound in bounds]
            if all(found is not None for found in exact):
                return list({unit.id.text: unit for found in exact for unit in found or ()}.values())
            return [unit for unit in self._head.values() if any(self._may_match(unit, bound) for bound in bounds)]

    def of_kind(self, kind: str, *keys: str) -> list[Unit]:
        """Every unit of a kind whose keys begin with `keys`."""
        with self._lock:
            found = [unit for unit in self._head.values() if unit.id.kind.name == kind]
        return [unit for unit in found if unit.id.keys[: len(keys)] == keys]

    def tree_of(self, units: Iterable[Unit]) -> bytes:
        """The top-level elements that hold just `units`, serialised one after the other."""
        return assemble(self.tree, units)

    def _exact(self, bound: Bound) -> list[Unit] | None:
        """The units of a bound that gives every key down to a unit without nested kinds, by look-up.

        None: must scan.
        """
        node: UnitNode | None = None
        keys: list[str] = []
        siblings = self.tree.roots
        found: list[Unit] = []
        for qname, given in bound:
            node = siblings.get(qname)
            if node is None:  # it leaves the units' paths: below what was found, or nowhere
                return found
            if any(key not in given for key in node.keys):
                return None
            keys.extend(given[key] for key in node.keys)
            if node.kind is not None:
                unit = self._head.get(UnitId(node.kind, tuple(keys)).text)
                found.extend([unit] if unit else [])
            siblings = node.children
        return found if node is not None and not node.children else None

    def _may_match(self, unit: Unit, bound: Bound) -> bool:
        steps = self.tree.steps(unit.id.kind)
        keys = list(unit.id.keys)
        for (qname, given), step in zip(bound, steps, strict=False):
            if qname != step.schema.qname:
                return False
            values, keys = keys[: len(step.keys)], keys[len(step.keys) :]
            if any(given.get(key, value) != value for key, value in zip(step.keys, values, strict=True)):
                return False
        return True

    def provide(self, unit: Unit) -> None:
        """Show `unit` as long as nobody has configured it: a default of the system that an edit may take over."""
        self._head.setdefault(unit.id.text, unit)

    # in the lane

    def stage(self, tx: Tx, edit: SplitEdit, default_operation: DefaultOperation) -> list[Change]:
        """Apply, validate and write `edit` in the transaction `tx`.

        Raises: YangErrors with all that is wrong; then nothing is staged.
        """
        changes: list[Change] = []
        errors: list[YangError] = []
        for part in edit.edits:
            try:
                changes.append(self._applied(part, default_operation))
            except YangErrors as error:
                errors.extend(self._all_errors(part, error))
        errors.extend(self._unmet(edit))
        changes.extend(self._swept(edit, {part.id.text for part in edit.edits}))
        tally = Tally()
        errors.extend(self._errors(changes, tally))
        if errors:
            raise YangErrors(errors)
        for change in changes:
            self._write(tx, change)
        units = sum(change.before != change.after for change in changes)
        tx.on_commit.append(lambda: metrics.edit_staged(units, tally.constraints))
        return changes

    def current(self, unit_id: UnitId) -> Unit | None:
        """As the lane sees it: with what is staged before this transaction."""
        text = unit_id.text
        return self._staged[text] if text in self._staged else self._head.get(text)

    def current_ids(self) -> list[UnitId]:
        """Every unit as the lane sees it."""
        ids = {text: unit.id for text, unit in self._head.items() if text not in self._staged}
        ids.update({text: unit.id for text, unit in self._staged.items() if unit is not None})
        return list(ids.values())

    def _applied(self, part: UnitEdit, default_operation: DefaultOperation) -> Change:
        before = self.current(part.id)
        if before is not None and part.names_only:
            return Change(part.id, before.document, before.document, None)
        steps = self.tree.steps(part.id.kind)
        there = before if not part.fresh else None
        target = parse_xml(there.document) if there else spine_document(steps, part.id.keys)
        result = apply_edit(self.schema, target, part.document, default_operation=default_operation)
        if result is None or not _has_unit(result, steps):
            return Change(part.id, before.document if before else None, None, None)
        return Change(part.id, before.document if before else None, etree.tostring(result), result)

    def _all_errors(self, part: UnitEdit, found: YangErrors) -> list[YangError]:
        """What could not be applied, and for a unit that would be new also what else is wrong with its document.

        A document that deletes what is not there brings no unit: nothing else is asked of it.
        """
        if self.current(part.id) is not None or any(error.error_tag == "data-missing" for error in found.errors):
            return found.errors
        known = {(error.error_path, error.error_tag) for error in found.errors}
        others = validate(self.schema, part.document)
        return [
            *found.errors,
            *(error for error in others if (error.error_path, error.error_tag) not in known),
        ]

    def _unmet(self, edit: SplitEdit) -> Iterable[YangError]:
        ids = self.current_ids() if edit.demands else []
        for demand in edit.demands:
            found = within(demand.node, demand.keys, ids, lambda unit: self.tree.steps(unit.kind))
            if error := demand.error(exists=next(found, None) is not None):
                yield error

    def _swept(self, edit: SplitEdit, edited: set[str]) -> Iterable[Change]:
        if not edit.sweeps:
            return []
        ids = [unit for unit in self.current_ids() if unit.text not in edited]
        gone: Mapping[str, UnitId] = {
            unit.text: unit for sweep in edit.sweeps for unit in swept(sweep, ids, lambda u: self.tree.steps(u.kind))
        }
        return [Change(unit, self._document(unit), None, None) for unit in gone.values()]

    def _document(self, unit_id: UnitId) -> bytes | None:
        unit = self.current(unit_id)
        return unit.document if unit else None

    def _write(self, tx: Tx, change: Change) -> None:
        if change.before == change.after:
            return
        text = change.id.text
        if change.after is None:
            tx.execute(table.delete().where(table.c.key == text))
        else:
            row = {
                "kind": change.id.kind.name,
                "document": self._vault.seal(change.id.kind.name, change.after),
                "changed_at": tx.clock.tick(),
            }
            changed = tx.execute(_UPDATE, {"unit": text, **row})
            if not changed.rowcount:
                tx.execute(table.insert(), {"key": text, **row})
        self._stage_unit(tx, text, Unit(change.id, change.after) if change.after is not None else None)

    def _stage_unit(self, tx: Tx, text: str, unit: Unit | None) -> None:
        had, previous = text in self._staged, self._staged.get(text)

        def back() -> None:
            if had:
                self._staged[text] = previous
            else:
                self._staged.pop(text, None)

        self._staged[text] = unit
        tx.on_rollback.append(back)
        if self._publish not in tx.on_commit:
            tx.on_commit.append(self._publish)

    def _publish(self) -> None:
        """The batch is durable: everything staged becomes the head at once."""
        with self._lock:
            for text, unit in self._staged.items():
                if unit is None:
                    self._head.pop(text, None)
                else:
                    self._head[text] = unit
            self._staged.clear()

    def _errors(self, changes: Sequence[Change], tally: Tally) -> list[YangError]:
        """What is invalid after `changes`. A unit is judged alone, unless some constraint looks into other units."""
        if self._crossing:
            return self._errors_over_units(changes, tally)
        return [
            error
            for change in changes
            if change.document is not None and change.before != change.after
            for error in validate(self.schema, change.document, tally=tally)
        ]

    def _errors_over_units(self, changes: Sequence[Change], tally: Tally) -> list[YangError]:
        """The whole tree, checked for what the changes can affect."""
        after = {change.id.text: Unit(change.id, change.after) for change in changes if change.after is not None}
        gone = {change.id.text for change in changes}
        others = [
            unit for unit_id in self.current_ids() if unit_id.text not in gone and (unit := self.current(unit_id))
        ]
        roots = list(parse_xml(b"<all>" + assemble(self.tree, [*others, *after.values()]) + b"</all>"))
        touched = {node for change in changes for node in self._changed(change)}
        return [error for root in roots for error in validate(self.schema, root, touched=touched, tally=tally)]

    def _changed(self, change: Change) -> set[SchemaNode]:
        before = parse_xml(change.before) if change.before is not None else None
        return changed_nodes(self.schema, before, change.document)

    def _load(self, connection: Connection) -> None:
        for row in connection.execute(select(table)):
            unit_id = self.tree.parse_id(row.key)
            self._head[row.key] = Unit(unit_id, self._vault.open(row.kind, row.document))


def _crossing(tree: UnitTree) -> bool:
    """Whether a constraint of the configuration reads outside the unit that holds its context."""
    paths = [kind.path for kind in tree.kinds.values()]
    tops = {node.schema for node in tree.roots.values()}
    return any(
        constraint.node.config and not tops.isdisjoint([constraint.node, *constraint.node.ancestors()])
        for constraint in tree.schema.crossing_constraints(paths)
    )


def _has_unit(root: etree._Element, steps: Sequence[UnitNode]) -> bool:
    """Whether the unit's own element is there: a unit's document is one element wide down to it."""
    element: etree._Element | None = root
    for step in steps[1:]:
        element = element.find(step.schema.qname) if element is not None else None
    return element is not None
