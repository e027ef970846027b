"""What validation needs to know of one schema node, worked out once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field

from lxml import etree
from lxml.etree import _Element

from openesc.yang.constraints import has_default_inside
from openesc.yang.expressions import Expression
from openesc.yang.hoisting import TOP, Condition
from openesc.yang.schema import Choice, Must, Schema, SchemaNode, Unique, When
from openesc.yang.types import Type, UnionType, leafrefs
from openesc.yang.xpath import Evaluator
from openesc.yang.xpath_ast import Path, Step, parse, render

_MEMO_LIMIT = 10_000


@dataclass(slots=True)
class ReferencePlan:
    """How to find what a leafref may name. A path of plain steps is evaluated once for each ancestor that
    it climbs to; one with predicates for each leaf."""

    select: Callable[[_Element], list[_Element]]
    climb: int | None


@dataclass(slots=True, eq=False)
class NodePlan:
    """`memo` maps texts already seen to their canonical form, for types that need no context."""

    node: SchemaNode
    children: dict[str, NodePlan] = field(default_factory=dict)
    canonical: Callable[[str, _Element | None], str] | None = None
    memo: dict[str, str] | None = None
    whens: tuple[tuple[When, Condition], ...] = ()
    musts: tuple[tuple[Must, Condition], ...] = ()
    uniques: tuple[Unique, ...] = ()
    references: dict[int, ReferencePlan] = field(default_factory=dict)
    refers: bool = False
    constrained: bool = False
    entries: tuple[NodePlan, ...] = ()
    required: tuple[NodePlan, ...] = ()
    fillers: tuple[NodePlan, ...] = ()
    choices: tuple[Choice, ...] = ()
    rank: int = 0

    @property
    def constraints(self) -> int:
        """How many constraints an instance has to meet."""
        return len(self.whens) + len(self.musts) + len(self.uniques) + self.refers

    def remember(self, text: str, canonical: str) -> None:
        """Keep what a text became, unless its type needs context."""
        if self.memo is not None:
            if len(self.memo) >= _MEMO_LIMIT:
                self.memo.clear()
            self.memo[text] = canonical


class Planner:
    """Makes and keeps the plans of one schema. `fills_everything` puts in all defaults in use, not only
    those that matter to constraints."""

    fills_everything = False

    def __init__(self, schema: Schema) -> None:
        self.evaluator = Evaluator(schema)
        self._schema = schema
        self._plans: dict[SchemaNode, NodePlan] = {}
        self._read = _read_nodes(schema)
        self._prefixed_values = any(
            node.type is not None and not node.type.context_free
            for tree in (schema.root, *schema.rpcs.values(), *schema.notifications.values())
            for node in tree.descendants()
        )

    def plan(self, node: SchemaNode) -> NodePlan:
        """The plan of `node`, with those of everything below it."""
        found = self._plans.get(node)
        if found is None:
            found = self._plans[node] = NodePlan(node)
            self._own(found)
            self._below(found)
        return found

    def wrapped(self, roots: Sequence[_Element]) -> _Element:
        """Copies of `roots` under a nameless wrapper.

        lxml drops a prefix when it moves an element to where another prefix has the same namespace. Where
        values may hold prefixes the copy therefore goes through text, which keeps them all.
        """
        if not self._prefixed_values:
            wrapper = etree.Element("data")
            wrapper.extend([deepcopy(root) for root in roots])
            return wrapper
        text = b"".join(etree.tostring(root, with_tail=False) for root in roots)
        copied: _Element = etree.fromstring(b"<data>" + text + b"</data>", etree.XMLParser(huge_tree=True))
        return copied

    def choice_tests(self, choice: Choice, node: SchemaNode) -> list[Condition]:
        """The when statements of a choice, as conditions on its parent element, an instance of `node`."""
        return [self.evaluator.condition(when.expression, node) for when in choice.whens]

    def _own(self, plan: NodePlan) -> None:
        node, condition = plan.node, self.evaluator.condition
        plan.whens = tuple((when, condition(when.expression, when_context(when, node))) for when in node.whens)
        plan.musts = tuple((must, condition(must.expression, node)) for must in node.musts)
        plan.uniques = node.uniques
        if node.type is not None:
            plan.canonical = node.type.canonical
            plan.memo = {} if node.type.context_free else None
            plan.refers = _refers(node.type)
            plan.references = {id(ref): self._reference(ref.path) for ref in leafrefs(node.type)}
        plan.constrained = bool(plan.whens or plan.musts or plan.uniques or plan.refers)

    def _reference(self, path: Expression) -> ReferencePlan:
        climb, rest = _split_path(path)
        if climb is None:
            return ReferencePlan(self.evaluator.nodes(path), None)
        return ReferencePlan(self.evaluator.nodes(Expression(path.source, rest, False)), climb)

    def _below(self, plan: NodePlan) -> None:
        node = plan.node
        plan.children = {qname: self.plan(child) for qname, child in node.children.items()}
        children = plan.children.values()
        plan.choices = node.choices
        plan.entries = tuple(child for child in children if child.node.kind in ("list", "leaf-list"))
        plan.required = tuple(child for child in children if child.node.mandatory)
        plan.fillers = tuple(child for child in children if self._is_filled(child))
        plan.rank = self._rank(node, frozenset())

    def _is_filled(self, plan: NodePlan) -> bool:
        """Whether a missing instance must be put in before constraints are checked: it is a default that
        some expression reads, or a non-presence container where something may be missing or violated."""
        node = plan.node
        if not has_default_inside(node) or self.fills_everything:
            return has_default_inside(node)
        if plan.constrained or self._read is None or node in self._read:
            return True
        least = any(entry.node.min_elements for entry in plan.entries)
        choices = any(choice.mandatory for choice in plan.choices)
        return bool(plan.required or plan.fillers or least or choices)

    def _rank(self, node: SchemaNode, seen: frozenset[SchemaNode]) -> int:
        """Defaults whose when reads other conditional defaults come after them."""
        if not node.whens or node in seen or self._read is None:
            return 0
        reads = [
            read
            for constraint in self._schema.constraints
            if constraint.kind == "when" and constraint.node is node
            for read in constraint.reads or ()
            if read is not node and read.whens and has_default_inside(read)
        ]
        return 1 + max((self._rank(read, seen | {node}) for read in reads), default=0)


def when_context(when: When, node: SchemaNode) -> SchemaNode:
    """The node that a when of `node` is evaluated on."""
    return node.parent if when.on_parent and node.parent is not None else node


def _read_nodes(schema: Schema) -> frozenset[SchemaNode] | None:
    """All nodes that constraints read; None if some constraint may read anything."""
    found: set[SchemaNode] = set()
    for constraint in schema.constraints:
        if constraint.reads is None:
            return None
        found |= constraint.reads
    return frozenset(found)


def _refers(type_: Type) -> bool:
    members: Iterable[Type] = type_.members if isinstance(type_, UnionType) else (type_,)
    return any(
        _refers(member) if isinstance(member, UnionType) else getattr(member, "require_instance", False)
        for member in members
    )


def _split_path(path: Expression) -> tuple[int | None, str]:
    """How many levels a leafref path climbs and what follows; None if it is not made of plain steps.
    An absolute path begins at the top and is the same for every leaf."""
    tree = parse(path.text)
    if not isinstance(tree, Path) or tree.start is not None or any(step.predicates for step in tree.steps):
        return None, path.text
    if tree.absolute:
        return TOP, path.text
    up = Step("parent", "node()")
    climb = next((i for i, step in enumerate(tree.steps) if step != up), len(tree.steps))
    rest = tree.steps[climb:]
    if not rest or any(step.axis != "child" for step in rest):
        return None, path.text
    return climb, render(Path(False, rest))
