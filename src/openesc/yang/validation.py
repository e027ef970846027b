"""Validation of instance data (RFC 7950 section 8): one pass over the structure, then the constraints.

The document is copied under a wrapper, values are made canonical, and defaults and non-presence
containers that constraints can see are put in: the accessible tree of RFC 7950 section 6.4.1.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from lxml import etree
from lxml.etree import _Element

from openesc.yang.constraint_checks import ConstraintChecks
from openesc.yang.errors import TypeViolation, YangError
from openesc.yang.hoisting import Known
from openesc.yang.instance_path import error_at, error_below
from openesc.yang.schema import Case, Choice, Schema, SchemaNode
from openesc.yang.structure_errors import missing_keys, state_in_config, stray_text, unknown_element
from openesc.yang.validation_plan import NodePlan, Planner
from openesc.yang.xml import make, split


@dataclass(slots=True)
class Tally:
    """What validations had to do: how many constraints they checked, each on each instance."""

    constraints: int = 0


Content = Literal["config", "all"]
#: What stands under one parent: the only or first element of each name, and all entries of lists.
Seen = dict[str, _Element]


def validate(
    schema: Schema,
    tree: _Element | Sequence[_Element],
    *,
    complete: bool = True,
    touched: set[SchemaNode] | None = None,
    content: Content = "config",
    tally: Tally | None = None,
) -> list[YangError]:
    """All errors of a document; an empty list says that it is valid. The document is not changed.

    `tree` is a top-level data element, several of them, or a wrapper such as config or data.
    `complete=False` judges a fragment: names, types, keys and choices, but nothing that may be missing and
    no must, when, leafref or unique. `touched` are the schema nodes of which instances were made, removed
    or changed in a document that was valid before (see `changed_nodes`): only what they can affect is
    checked, and the verdict is the same as that of a full validation. `content="all"` allows
    config false nodes. `tally` is added to.
    """
    run = Run(schema, complete=complete, content=content, touched=touched)
    errors = run.data(top_elements(schema, tree))
    if tally is not None:
        tally.constraints += run.constraints_checked
    return errors


def top_elements(schema: Schema, tree: _Element | Sequence[_Element]) -> list[_Element]:
    """The top-level data elements of `tree`: itself, its items, or what a wrapper (config, data) holds."""
    if not isinstance(tree, etree._Element):
        return list(tree)
    is_wrapper = split(tree.tag)[1] in ("config", "data") and tree.tag not in schema.root.children
    return list(tree.iterchildren(tag=etree.Element)) if is_wrapper else [tree]


class Run:
    """One validation."""

    def __init__(
        self,
        schema: Schema,
        *,
        complete: bool = True,
        content: Content = "config",
        touched: Iterable[SchemaNode] | None = None,
        missing_tag: str = "data-missing",
        planner: type[Planner] = Planner,
    ) -> None:
        self._planner = schema.tool(planner)
        self.defaults: list[_Element] = []
        self.constraints_checked = 0
        self._schema = schema
        self._complete = complete
        self._all = content == "all"
        self._missing_tag = missing_tag
        self._scope = None if touched is None else Scope(schema, frozenset(touched))
        self._errors: list[YangError] = []
        self._broken: list[_Element] = []
        self._instances: dict[NodePlan, list[_Element]] = {}
        self._conditional: list[tuple[_Element, NodePlan]] = []
        self._conditional_required: list[tuple[_Element, NodePlan]] = []
        self._conditional_choices: list[tuple[_Element, Choice]] = []

    def data(self, roots: Sequence[_Element]) -> list[YangError]:
        """The errors of top-level data elements."""
        wrapper = self._planner.wrapped(roots)
        self._visit(wrapper, self._planner.plan(self._schema.root))
        return self._finish()

    def filled(self, roots: Sequence[_Element]) -> _Element:
        """A wrapper with copies of `roots` and the defaults of the plans; `defaults` are those added."""
        wrapper = self._planner.wrapped(roots)
        self._visit(wrapper, self._planner.plan(self._schema.root))
        self._fill_conditional()
        for element in list(wrapper):
            if element.tag not in {root.tag for root in roots}:
                wrapper.remove(element)
        return wrapper

    def framed(self, node: SchemaNode, element: _Element, data: Sequence[_Element] = ()) -> list[YangError]:
        """The errors of an rpc, its reply or a notification; `data` is what its expressions may read."""
        wrapper = self._planner.wrapped([element, *data])
        self._all = True
        plan = self._planner.plan(node)
        self._note(plan, wrapper[0])
        self._visit(wrapper[0], plan)
        return self._finish()

    def _finish(self) -> list[YangError]:
        if not self._complete:
            return self._errors
        self._fill_conditional()
        self._check_conditional()
        checks = ConstraintChecks(self._planner.evaluator, self._errors, self._broken)
        for plan, elements in self._instances.items():
            if self._scope is None or plan.node in self._scope.active:
                checks.check(plan, elements)
                self.constraints_checked += plan.constraints * len(elements)
        return self._errors

    def _note(self, plan: NodePlan, element: _Element) -> None:
        if plan.constrained:
            self._instances.setdefault(plan, []).append(element)

    def _visit(self, element: _Element, plan: NodePlan) -> None:
        """Check what stands under `element`."""
        seen: Seen = {}
        entries: dict[str, list[_Element]] = {}
        scope = None if self._scope is None else self._scope.needed
        table = plan.children
        for child in element:
            tag = child.tag
            below = table.get(tag)
            if below is None:
                self._unknown(child, element, plan)
                continue
            if tag not in seen:
                seen[tag] = child
            elif not below.node.keys and below.node.kind not in ("list", "leaf-list"):
                self._duplicate(child, below)
            if scope is not None and below.node not in scope:
                continue
            if below.canonical is not None:
                self._leaf(child, below)
            if below.node.kind in ("list", "leaf-list"):
                entries.setdefault(tag, []).append(child)
            elif below.canonical is None:
                self._inner(child, below)
        self._entries(element, plan, entries)
        self._presence(element, plan, seen)

    def _inner(self, element: _Element, plan: NodePlan) -> None:
        """A container, list entry or anydata."""
        if plan.constrained:
            self._note(plan, element)
        if not (plan.node.config or self._all):
            self._state_in_config(element, plan)
        elif plan.node.kind not in ("anydata", "anyxml"):
            self._text(element, plan)
            self._visit(element, plan)

    def _leaf(self, element: _Element, plan: NodePlan) -> None:
        text = element.text or ""
        memo = plan.memo
        canonical = None if memo is None else memo.get(text)
        if canonical is None:
            canonical = self._typed(element, plan, text)
        if canonical is not None and canonical != text:
            element.text = canonical
        if len(element):
            self._leaf_with_children(element, plan)
        if plan.constrained:
            self._instances.setdefault(plan, []).append(element)
        if not (plan.node.config or self._all):
            self._state_in_config(element, plan)

    def _typed(self, element: _Element, plan: NodePlan, text: str) -> str | None:
        assert plan.canonical is not None
        try:
            canonical = plan.canonical(text, element)
        except TypeViolation as violation:
            self._broken.append(element)
            info = {"bad-element": plan.node.name}
            self._errors.append(
                error_at(
                    element,
                    plan.node,
                    "invalid-value",
                    violation.message,
                    error_app_tag=violation.app_tag,
                    error_info=info,
                )
            )
            return None
        plan.remember(text, canonical)
        return canonical

    def _entries(self, element: _Element, plan: NodePlan, entries: dict[str, list[_Element]]) -> None:
        for tag, found in entries.items():
            below = plan.children[tag]
            if below.canonical is None:
                self._list(found, below)
            elif below.node.config:
                self._distinct(found, below, [(entry.text or "",) for entry in found])

    def _list(self, found: list[_Element], plan: NodePlan) -> None:
        for entry in found:
            self._inner(entry, plan)
        if plan.node.keys:
            keys = [tuple(entry.findtext(key) for key in plan.node.keys) for entry in found]
            self._distinct(found, plan, keys)

    def _distinct(self, found: list[_Element], plan: NodePlan, keys: Sequence[tuple[str | None, ...]]) -> None:
        if None not in (known := set().union(*keys)) and len(set(keys)) == len(keys):
            return
        taken: set[tuple[str | None, ...]] = set()
        for entry, key in zip(found, keys, strict=True):
            if known and None in key:
                self._keyless(entry, plan, key)
            elif key in taken:
                self._duplicate(entry, plan)
            taken.add(key)

    def _presence(self, element: _Element, plan: NodePlan, seen: Seen) -> None:
        """What the nodes that stand here, or do not, mean for their siblings."""
        if plan.choices:
            self._exclusive(plan.choices, element, plan, seen)
        if not self._complete:
            return
        for below in plan.entries:
            self._count(element, below, seen)
        for below in plan.required:
            if below.node.qname not in seen and _selected(below.node, seen) and self._wants(below.node):
                self._required(element, below)
        for choice in plan.choices:
            self._choice(element, plan, choice, seen)
        for below in plan.fillers:
            if below.node.qname not in seen and _in_use(below.node, seen) and self._wants(below.node):
                self._fill(element, below)

    def _wants(self, node: SchemaNode) -> bool:
        return node.config or self._all

    def _count(self, element: _Element, plan: NodePlan, seen: Seen) -> None:
        node = plan.node
        low, high = node.min_elements, node.max_elements
        if (not low and high is None) or not self._wants(node):
            return
        count = len(element.findall(node.qname)) if node.qname in seen else 0
        if high is not None and count > high:
            self._number(element, node, "too-many-elements", f"{count} entries, at most {high} are allowed")
        if count < low and (count or _selected(node, seen)):
            if node.whens and not count:
                self._conditional_required.append((element, plan))
            else:
                self._too_few(element, node, count)

    def _number(self, element: _Element, node: SchemaNode, app_tag: str, message: str) -> None:
        self._errors.append(
            error_below(element, node, "operation-failed", f"{node.name}: {message}", error_app_tag=app_tag)
        )

    def _too_few(self, element: _Element, node: SchemaNode, count: int) -> None:
        message = f"{count} entries, at least {node.min_elements} are needed"
        self._number(element, node, "too-few-elements", message)

    def _required(self, element: _Element, plan: NodePlan) -> None:
        if plan.whens:
            self._conditional_required.append((element, plan))
        else:
            self._missing(element, plan.node)

    def _missing(self, element: _Element, node: SchemaNode) -> None:
        if node.min_elements:
            self._too_few(element, node, 0)
            return
        message = f"{node.name} is mandatory and missing"
        info = {"bad-element": node.name}
        self._errors.append(error_below(element, node, self._missing_tag, message, error_info=info))

    def _choice(self, element: _Element, plan: NodePlan, choice: Choice, seen: Seen) -> None:
        chosen = [case for case in choice.cases if not case.members.isdisjoint(seen)]
        for case in chosen:
            for inner in case.choices:
                self._choice(element, plan, inner, seen)
        if choice.mandatory and not chosen and (choice.config or self._all):
            if choice.whens:
                self._conditional_choices.append((element, choice))
            else:
                self._missing_choice(element, plan.node, choice)

    def _missing_choice(self, element: _Element, node: SchemaNode, choice: Choice) -> None:
        message = f"one of the cases of choice {choice.name} is mandatory: {_cases(choice)}"
        info = {"missing-choice": choice.name}
        self._errors.append(
            error_at(element, node, "data-missing", message, error_app_tag="missing-choice", error_info=info)
        )

    def _exclusive(self, choices: Iterable[Choice], element: _Element, plan: NodePlan, seen: Seen) -> None:
        for choice in choices:
            chosen = [case for case in choice.cases if not case.members.isdisjoint(seen)]
            for case in chosen[1:]:
                first, rival = _member(chosen[0], seen), _member(case, seen)
                node = plan.children[rival.tag].node
                message = f"{node.name} cannot stand beside {split(first.tag)[1]}: both are of choice {choice.name}"
                self._bad_element(rival, node, message)
            for case in chosen:
                self._exclusive(case.choices, element, plan, seen)

    def _fill(self, element: _Element, plan: NodePlan) -> None:
        """Put the default, or the empty non-presence container, where constraints can see it."""
        if plan.whens:
            self._conditional.append((element, plan))
            return
        for value in plan.node.defaults or ("",):
            self._visit_filled(_dummy(element, plan.node, value), plan)

    def _visit_filled(self, element: _Element, plan: NodePlan) -> None:
        self._note(plan, element)
        self.defaults.append(element)
        if plan.node.kind == "container":
            self._visit(element, plan)

    def _fill_conditional(self) -> None:
        """Defaults under a when: in use if it is true on a dummy in their place (RFC 7950 section 7.21.5).
        What one of them shows may decide the next, so they are taken in the order of their dependencies."""
        while self._conditional:
            rank = min(plan.rank for _, plan in self._conditional)
            now = [pair for pair in self._conditional if pair[1].rank == rank]
            self._conditional = [pair for pair in self._conditional if pair[1].rank != rank]
            known: Known = {}
            for element, plan in now:
                self._decide(element, plan, known)

    def _decide(self, element: _Element, plan: NodePlan, known: Known) -> None:
        dummies = [_dummy(element, plan.node, value) for value in plan.node.defaults or ("",)]
        if holds(plan, dummies[0], known):
            for dummy in dummies:
                self._visit_filled(dummy, plan)
        else:
            for dummy in dummies:
                element.remove(dummy)

    def _check_conditional(self) -> None:
        """Mandatory nodes under a when."""
        known: Known = {}
        for element, plan in self._conditional_required:
            dummy = _dummy(element, plan.node, "")
            wanted = holds(plan, dummy, known)
            element.remove(dummy)
            if wanted:
                self._missing(element, plan.node)
        for element, choice in self._conditional_choices:
            node = self._planner.evaluator.node_of(element)
            if node is not None and all(
                test.holds(element, known) for test in self._planner.choice_tests(choice, node)
            ):
                self._missing_choice(element, node, choice)

    def _unknown(self, child: _Element, parent: _Element, plan: NodePlan) -> None:
        if isinstance(child.tag, str):
            self._errors.append(unknown_element(self._schema, child, parent, plan.node))

    def _duplicate(self, element: _Element, plan: NodePlan) -> None:
        self._bad_element(element, plan.node, f"{plan.node.name} is given twice")

    def _bad_element(self, element: _Element, node: SchemaNode, message: str) -> None:
        info = {"bad-element": node.name}
        self._errors.append(error_at(element, node, "bad-element", message, error_info=info))

    def _keyless(self, entry: _Element, plan: NodePlan, key: tuple[str | None, ...]) -> None:
        self._errors.extend(missing_keys(entry, plan.node))

    def _leaf_with_children(self, element: _Element, plan: NodePlan) -> None:
        inner = split(str(element[0].tag))[1]
        self._bad_element(element, plan.node, f"{plan.node.name} holds a value, not the element {inner}")

    def _text(self, element: _Element, plan: NodePlan) -> None:
        text = stray_text(element)
        if text:
            message = f"text {text[:40]!r} directly inside {plan.node.name}, where only elements are allowed"
            self._bad_element(element, plan.node, message)

    def _state_in_config(self, element: _Element, plan: NodePlan) -> None:
        self._errors.append(state_in_config(element, plan.node))


class Scope:
    """What an incremental validation looks at. `active`: nodes with a constraint that may be affected;
    `needed`: the nodes to walk through to reach those and the touched ones."""

    def __init__(self, schema: Schema, touched: frozenset[SchemaNode]) -> None:
        affected = {constraint for node in touched for constraint in schema.constraints_reading(node)}
        self.active = {constraint.node for constraint in affected}
        self.needed: set[SchemaNode] = set()
        for node in touched | self.active:
            self._include(node)
        for constraint in affected:
            self._with_whens(constraint.reads)

    def _include(self, node: SchemaNode) -> None:
        """A node, what is above it, and the containers below that exist with it."""
        self.needed.add(node)
        self.needed.update(node.ancestors())
        for child in node.children.values():
            if child.kind == "container" and not child.presence and child not in self.needed:
                self._include(child)

    def _with_whens(self, reads: Collection[SchemaNode] | None) -> None:
        """Where defaults that an affected constraint reads must be filled in."""
        for node in reads or ():
            self.needed.add(node)
            self.needed.update(node.ancestors())


def holds(plan: NodePlan, element: _Element, known: Known) -> bool:
    """Whether all when statements of a node are true for `element`, an instance of it or a dummy."""
    parent = element.getparent()
    return all(
        test.holds(parent if when.on_parent and parent is not None else element, known) for when, test in plan.whens
    )


def _selected(node: SchemaNode, seen: Seen) -> bool:
    """Whether a mandatory node counts: it is in no choice, or something of its case is there."""
    return all(not case.members.isdisjoint(seen) for _, case in node.case_path)


def _in_use(node: SchemaNode, seen: Seen) -> bool:
    """Whether the default of a node is in use as far as choices decide (RFC 7950 section 7.6.1)."""
    return all(
        not case.members.isdisjoint(seen) or (choice.default_case == case.name and node.rivals.isdisjoint(seen))
        for choice, case in node.case_path
    )


def _cases(choice: Choice) -> str:
    return ", ".join(case.name for case in choice.cases)


def _member(case: Case, seen: Seen) -> _Element:
    return next(element for tag, element in seen.items() if tag in case.members)


def _dummy(parent: _Element, node: SchemaNode, value: str) -> _Element:
    dummy = make(parent, node.qname)
    if value:
        dummy.text = value
    return dummy
