"""What a constraint reads, found by walking its expression over the schema (no instance data)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from openesc.yang.schema import Constraint, SchemaNode
from openesc.yang.xpath_ast import Binary, Call, Expr, Negate, Path, Step

#: Where a walk stands: a schema node, and whether it is the context's very own ancestor (reached by
#: climbing alone) rather than any instance of that node.
Place = tuple[SchemaNode, bool]
Places = frozenset[Place]

_NOWHERE: Places = frozenset()
_EXISTENCE = frozenset({"not", "boolean", "count"})
_SIBLING_AXES = frozenset({"following-sibling", "preceding-sibling"})


class Unbounded(Exception):
    """The expression may read anything."""


@dataclass(slots=True)
class ReadSet:
    """Collects what one expression reads; see Constraint for the meaning of the sets."""

    reads: set[SchemaNode] = field(default_factory=set)
    climbs: set[SchemaNode] = field(default_factory=set)
    reaches: set[SchemaNode] = field(default_factory=set)

    def visit(self, place: Place) -> None:
        """Note that instances of `place` are looked at."""
        node, climbed = place
        self.reads.add(node)
        if not climbed:
            self.reaches.add(node)

    def descend(self, origin: Place, child: SchemaNode) -> Place:
        """Note a step from `origin` down to `child`. The keys of an own ancestor are its own."""
        node, climbed = origin
        own_key = climbed and child.qname in node.keys
        if climbed and not own_key:
            self.climbs.add(node)
        place = (child, own_key)
        self.visit(place)
        return place


class Reader:
    """Walks expressions. `tests` maps the schema's prefixes to namespaces; `targets` says for a leafref
    leaf which leaf it refers to, for deref()."""

    def __init__(
        self, namespaces: Mapping[str, str], root: SchemaNode, targets: Mapping[SchemaNode, SchemaNode]
    ) -> None:
        self._namespaces = namespaces
        self._root = root
        self._targets = targets
        self._axes: dict[str, Callable[[Place, Step, ReadSet], Iterable[Place]]] = {
            "child": self._child,
            "parent": self._parent,
            "self": self._self,
            "descendant": self._descendant,
            "descendant-or-self": self._descendant_or_self,
            "ancestor": self._ancestor,
            "ancestor-or-self": self._ancestor_or_self,
            "following-sibling": self._sibling,
            "preceding-sibling": self._sibling,
        }

    def read(self, bound: Expr, context: SchemaNode) -> ReadSet:
        """What `bound` reads with an instance of `context` as context node. Raises Unbounded."""
        found = ReadSet()
        place = (context, True)
        found.visit(place)
        self._expr(bound, frozenset({place}), place, found)
        return found

    def places(self, bound: Expr, context: SchemaNode) -> list[SchemaNode]:
        """The schema nodes that a path can select. Raises Unbounded."""
        place = (context, True)
        selected = self._expr(bound, frozenset({place}), place, ReadSet())
        return sorted({node for node, _ in selected}, key=lambda node: node.path)

    def _whole(self, node: SchemaNode, found: ReadSet) -> None:
        for below in node.descendants():
            found.visit((below, False))

    def _expr(self, expression: Expr, here: Places, current: Place, found: ReadSet) -> Places:
        match expression:
            case Path():
                return self._path(expression, here, current, found)
            case Binary("|", left, right):
                return self._expr(left, here, current, found) | self._expr(right, here, current, found)
            case Binary(operator, left, right):
                self._operands((left, right), operator not in ("and", "or"), here, current, found)
            case Negate(operand):
                self._operands((operand,), True, here, current, found)
            case Call():
                return self._call(expression, here, current, found)
        return _NOWHERE

    def _operands(self, parts: tuple[Expr, ...], as_text: bool, here: Places, current: Place, found: ReadSet) -> None:
        for part in parts:
            for node, _ in self._expr(part, here, current, found):
                if as_text and node.children:
                    self._whole(node, found)

    def _call(self, call: Call, here: Places, current: Place, found: ReadSet) -> Places:
        if call.name == "current":
            return frozenset({current})
        if call.name == "deref":
            return self._deref(call, here, current, found)
        if call.name == "id":
            raise Unbounded
        if not call.args and call.name in ("string", "string-length", "normalize-space", "number"):
            self._operands((Path(False, (Step("self", "node()"),)),), True, here, current, found)
        self._operands(call.args, call.name not in _EXISTENCE, here, current, found)
        return _NOWHERE

    def _deref(self, call: Call, here: Places, current: Place, found: ReadSet) -> Places:
        reached: set[Place] = set()
        for node, _ in self._expr(call.args[0], here, current, found):
            target = self._targets.get(node)
            if target is None:
                raise Unbounded
            for above in (target, *target.ancestors()):
                found.visit((above, False))
            found.climbs.add(self._root)
            reached.add((target, False))
        return frozenset(reached)

    def _path(self, path: Path, here: Places, current: Place, found: ReadSet) -> Places:
        places = here
        if path.start is not None:
            places = self._expr(path.start, here, current, found)
            self._predicates(path.predicates, places, current, found)
        elif path.absolute:
            places = frozenset({(self._root, True)})
        for step in path.steps:
            places = self._step(step, places, current, found)
        return places

    def _step(self, step: Step, places: Places, current: Place, found: ReadSet) -> Places:
        walk = self._axes.get(step.axis)
        if walk is None:
            raise Unbounded
        reached = frozenset(place for origin in places for place in walk(origin, step, found))
        self._predicates(step.predicates, reached, current, found)
        return reached

    def _predicates(self, predicates: tuple[Expr, ...], places: Places, current: Place, found: ReadSet) -> None:
        for predicate in predicates:
            self._expr(predicate, places, current, found)

    def _matches(self, node: SchemaNode, test: str) -> bool:
        if test in ("*", "node()"):
            return True
        prefix, _, local = test.partition(":")
        if node.namespace != self._namespaces.get(prefix):
            return False
        return local in ("*", node.name)

    def _child(self, origin: Place, step: Step, found: ReadSet) -> list[Place]:
        if step.test == "text()":
            return [origin]
        children = [c for c in origin[0].children.values() if self._matches(c, step.test)]
        return [found.descend(origin, child) for child in children]

    def _self(self, origin: Place, step: Step, found: ReadSet) -> list[Place]:
        return [origin] if self._matches(origin[0], step.test) else []

    def _parent(self, origin: Place, step: Step, found: ReadSet) -> list[Place]:
        above = origin[0].parent
        if above is None or not self._matches(above, step.test):
            return []
        place = (above, origin[1])
        found.visit(place)
        return [place]

    def _ancestor(self, origin: Place, step: Step, found: ReadSet) -> list[Place]:
        places = [(above, origin[1]) for above in origin[0].ancestors() if self._matches(above, step.test)]
        for place in places:
            found.visit(place)
        return places

    def _ancestor_or_self(self, origin: Place, step: Step, found: ReadSet) -> list[Place]:
        return self._self(origin, step, found) + self._ancestor(origin, step, found)

    def _descendant(self, origin: Place, step: Step, found: ReadSet) -> list[Place]:
        reached: list[Place] = []
        for child in origin[0].children.values():
            place = found.descend(origin, child)
            reached += self._descendant_or_self(place, step, found)
        return reached

    def _descendant_or_self(self, origin: Place, step: Step, found: ReadSet) -> list[Place]:
        return self._self(origin, step, found) + self._descendant(origin, step, found)

    def _sibling(self, origin: Place, step: Step, found: ReadSet) -> list[Place]:
        above = origin[0].parent
        if above is None:
            return []
        return self._child((above, origin[1]), step, found)


def default_dependencies(node: SchemaNode, when_reads: Mapping[SchemaNode, ReadSet | None]) -> set[SchemaNode]:
    """What decides whether the default of `node` is in use, apart from `node` itself: the nodes around it
    up to the one that really exists, their when statements, and the other cases of their choices.
    Raises Unbounded."""
    found: set[SchemaNode] = set()
    level: SchemaNode | None = node
    while level is not None and (level is node or (level.kind == "container" and not level.presence)):
        if level in when_reads:
            reads = when_reads[level]
            if reads is None:
                raise Unbounded
            found |= reads.reads
        if level.parent is not None:
            found.add(level.parent)
            found |= _branch_members(level, level.parent)
        level = level.parent
    return found


def _branch_members(node: SchemaNode, parent: SchemaNode) -> set[SchemaNode]:
    members = {name for choice, _ in node.case_path for case in choice.cases for name in case.members}
    return {parent.children[name] for name in members if name in parent.children}


def has_default_inside(node: SchemaNode) -> bool:
    """Whether an instance of `node` can exist without being in the document: a leaf with a default, or
    a non-presence container (RFC 7950 section 6.4.1)."""
    return bool(node.defaults) or (node.kind == "container" and not node.presence)


def crosses(constraint: Constraint, units: frozenset[SchemaNode]) -> bool:
    """Whether `constraint` looks outside the unit of its context node; see Schema.crossing_constraints."""
    if constraint.reads is None:
        return True
    home = _unit_of(constraint.node, units)
    if home is not None and any(not _inside(above, home) for above in constraint.climbs):
        return True
    return any(_unit_of(node, units) is not home for node in constraint.reaches)


def _unit_of(node: SchemaNode, units: frozenset[SchemaNode]) -> SchemaNode | None:
    return next((above for above in (node, *node.ancestors()) if above in units), None)


def _inside(node: SchemaNode, unit: SchemaNode) -> bool:
    return node is unit or unit in node.ancestors()
