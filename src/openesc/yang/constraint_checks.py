"""must, when, leafref, instance-identifier and unique, checked on the accessible tree."""

from __future__ import annotations

from lxml.etree import _Element

from openesc.yang.errors import TypeViolation, YangError
from openesc.yang.hoisting import Condition, Known, climbed
from openesc.yang.instance_path import error_at, instance_path
from openesc.yang.schema import Must, SchemaNode, Unique, When
from openesc.yang.types import InstanceIdentifierType, LeafrefType, Type, UnionType, shown
from openesc.yang.validation_plan import NodePlan
from openesc.yang.xpath import Evaluator


class ConstraintChecks:
    """Checks the instances of nodes and adds what is wrong to `errors`. `broken` are leaves whose value is
    not of their type: a must on them, or on what holds them, would only repeat that."""

    def __init__(self, evaluator: Evaluator, errors: list[YangError], broken: list[_Element]) -> None:
        self._broken = broken
        self._evaluator = evaluator
        self._errors = errors
        self._known: Known = {}
        self._values: dict[tuple[int, _Element], frozenset[str]] = {}

    def check(self, plan: NodePlan, elements: list[_Element]) -> None:
        """Check all constraints of one schema node on all its instances."""
        for when, holds_when in plan.whens:
            self._whens(plan.node, when, holds_when, elements)
        for must, holds_must in plan.musts:
            self._musts(plan.node, must, holds_must, elements)
        for unique in plan.uniques:
            self._unique(plan.node, unique, elements)
        if plan.refers and plan.node.type is not None:
            self._references(plan, plan.node.type, elements)

    def _whens(self, node: SchemaNode, when: When, test: Condition, elements: list[_Element]) -> None:
        for element in elements:
            context = element.getparent() if when.on_parent else element
            if context is not None and not test.holds(context, self._known):
                message = f"{node.name} is not allowed here: when {_text(when.expression.source)} is false"
                info = {"bad-element": node.name}
                self._errors.append(error_at(element, node, "unknown-element", message, error_info=info))

    def _musts(self, node: SchemaNode, must: Must, test: Condition, elements: list[_Element]) -> None:
        for element in elements:
            if not test.holds(element, self._known) and not self._holds_broken(element):
                value = f" {shown(element.text or '')}" if node.is_leafy else ""
                told = f"{node.name}{value} violates must {_text(must.expression.source)}"
                app_tag = must.app_tag or "must-violation"
                self._errors.append(
                    error_at(element, node, "operation-failed", must.message or told, error_app_tag=app_tag)
                )

    def _holds_broken(self, element: _Element) -> bool:
        return any(leaf is element or element in leaf.iterancestors() for leaf in self._broken)

    def _unique(self, node: SchemaNode, unique: Unique, elements: list[_Element]) -> None:
        paths = ["/".join(path) for path in unique.paths]
        first: dict[tuple[_Element | None, tuple[str | None, ...]], _Element] = {}
        for element in elements:
            values = tuple(element.findtext(path) for path in paths)
            if None in values:
                continue
            known = first.setdefault((element.getparent(), values), element)
            if known is not element:
                self._not_unique(node, unique, element, known, values)

    def _not_unique(
        self,
        node: SchemaNode,
        unique: Unique,
        element: _Element,
        known: _Element,
        values: tuple[str | None, ...],
    ) -> None:
        places = [instance_path(entry, node) for entry in (known, element)]
        told = ", ".join(shown(value or "") for value in values)
        self._errors.append(
            error_at(
                element,
                node,
                "operation-failed",
                f"unique {_text(unique.source)}: {told} is already used by {places[0]}",
                error_app_tag="data-not-unique",
                error_info={"non-unique": "\n".join(places)},
            )
        )

    def _references(self, plan: NodePlan, type_: Type, elements: list[_Element]) -> None:
        for element in elements:
            text = element.text or ""
            if element not in self._broken and not self._exists(plan, type_, element, text):
                message = f"{plan.node.name} {shown(text)}: {_wanted(type_)}"
                self._errors.append(
                    error_at(element, plan.node, "data-missing", message, error_app_tag="instance-required")
                )

    def _exists(self, plan: NodePlan, type_: Type, element: _Element, text: str) -> bool:
        """Whether what a value refers to is there; a value that refers to nothing always is."""
        match type_:
            case LeafrefType(require_instance=True):
                return text in self._targets(plan, type_, element)
            case InstanceIdentifierType(require_instance=True):
                return bool(self._evaluator.instances(element, text))
            case UnionType(members=members):
                return any(self._takes(plan, member, element, text) for member in members)
            case _:
                return True

    def _takes(self, plan: NodePlan, member: Type, element: _Element, text: str) -> bool:
        try:
            member.canonical(text, element)
        except TypeViolation:
            return False
        return self._exists(plan, member, element, text)

    def _targets(self, plan: NodePlan, type_: LeafrefType, element: _Element) -> frozenset[str]:
        """The values a leafref may have. Computed once for each ancestor that its path climbs to."""
        reference = plan.references[id(type_)]
        if reference.climb is None:
            return frozenset(found.text or "" for found in reference.select(element))
        origin = climbed(element, reference.climb)
        known = self._values.get((id(type_), origin))
        if known is None:
            known = frozenset(found.text or "" for found in reference.select(origin))
            self._values[id(type_), origin] = known
        return known


def _wanted(type_: Type) -> str:
    match type_:
        case LeafrefType(path=path):
            return f"there is no such {_text(path.source)}"
        case UnionType():
            return "no member of the union takes it, or what it refers to does not exist"
        case _:
            return "the instance it names does not exist"


def _text(source: str) -> str:
    return " ".join(source.split())
