"""Finishes a schema once all its nodes exist: leafref targets, defaults, constraints and what they read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from lxml import etree

from openesc.yang.compile_nodes import Bound, NodeCompiler, prefix_map
from openesc.yang.constraints import Reader, ReadSet, Unbounded, default_dependencies, has_default_inside
from openesc.yang.errors import SchemaError, TypeViolation
from openesc.yang.schema import Constraint, SchemaNode
from openesc.yang.types import InstanceIdentifierType, Type, UnionType
from openesc.yang.xml import default_namespace
from openesc.yang.xpath_ast import Path


class ConstraintCompiler:
    def __init__(
        self,
        nodes: NodeCompiler,
        root: SchemaNode,
        rpcs: Mapping[str, SchemaNode],
        notifications: Mapping[str, SchemaNode],
    ) -> None:
        self._nodes = nodes
        self._root = root
        self._trees = [root, *rpcs.values(), *notifications.values()]
        self._targets: dict[SchemaNode, SchemaNode] = {}
        namespaces = {prefix: namespace for namespace, prefix in nodes.prefixes.items()}
        self._reader = Reader(namespaces, root, self._targets)
        self._when_reads: dict[SchemaNode, ReadSet | None] = {}

    def compile(self) -> list[Constraint]:
        """All constraints of the schema; sets leafref targets and default values on the way."""
        self._link_leafrefs()
        self._set_defaults()
        reads = [(bound, self._read(bound)) for bound in self._nodes.bound]
        for bound, found in reads:
            if bound.kind == "when":
                self._when_reads[bound.node] = _joined(self._when_reads.get(bound.node, ReadSet()), found)
        constraints = [self._constraint(bound, found) for bound, found in reads]
        constraints += [self._unique(*found) for found in self._uniques()]
        return constraints + [
            Constraint("leafref", node, "instance-identifier", None)
            for node in _everything(self._trees)
            if needs_instances(node.type)
        ]

    def _link_leafrefs(self) -> None:
        """Give every leafref the type of its target. A path with deref() needs other leafrefs linked
        first: go round until nothing is left, or nothing moves."""
        waiting = [bound for bound in self._nodes.bound if bound.type is not None]
        while waiting:
            left = [bound for bound in waiting if not self._link(bound)]
            if len(left) == len(waiting):
                raise SchemaError(
                    f"{bound.node.path}: the leafref path {bound.source} leads to no leaf" for bound in left
                )
            waiting = left

    def _link(self, bound: Bound) -> bool:
        target = self._target(bound)
        if target is None or target.type is None or bound.type is None:
            return False
        bound.type.target = target.type
        self._targets.setdefault(bound.node, target)
        return True

    def _target(self, bound: Bound) -> SchemaNode | None:
        """The leaf at the end of a leafref path, found by its steps alone."""
        assert isinstance(bound.tree, Path)
        try:
            found = self._reader.places(bound.tree, bound.node)
        except Unbounded:  # a path beginning with deref(), whose own target is not linked yet
            return None
        return next((node for node in found if node.is_leafy), None)

    def _set_defaults(self) -> None:
        for node, statement, values in self._nodes.defaults:
            assert node.type is not None
            scope = etree.Element(node.qname, nsmap=default_namespace(node.namespace, prefix_map(statement)))
            try:
                node.defaults = tuple(node.type.canonical(value, scope) for value in values)
            except TypeViolation as violation:
                raise SchemaError([f"{node.path}: default: {violation.message}"]) from violation

    def _read(self, bound: Bound) -> ReadSet | None:
        try:
            return self._reader.read(bound.tree, bound.context)
        except Unbounded:
            return None

    def _constraint(self, bound: Bound, found: ReadSet | None) -> Constraint:
        reads = None if found is None else self._with_defaults({*found.reads, bound.node})
        return Constraint(
            bound.kind,
            bound.node,
            bound.source,
            reads,
            frozenset(found.climbs if found else ()),
            frozenset(found.reaches if found else ()),
        )

    def _with_defaults(self, reads: set[SchemaNode]) -> frozenset[SchemaNode] | None:
        """`reads` with all that decides whether the defaults among them are in use."""
        done: set[SchemaNode] = set()
        waiting = set(reads)
        while waiting:
            node = waiting.pop()
            done.add(node)
            if has_default_inside(node):
                try:
                    waiting |= default_dependencies(node, self._when_reads) - done
                except Unbounded:
                    return None
        return frozenset(done)

    def _uniques(self) -> Iterator[tuple[SchemaNode, str, tuple[tuple[str, ...], ...]]]:
        for node in _everything(self._trees):
            for unique in node.uniques:
                yield node, unique.source, unique.paths

    def _unique(self, node: SchemaNode, source: str, paths: tuple[tuple[str, ...], ...]) -> Constraint:
        reads: set[SchemaNode] = {node}
        for path in paths:
            at = node
            for step in path:
                at = at.children[step]
                reads.add(at)
        above = frozenset({node.parent}) if node.parent is not None else frozenset()
        return Constraint("unique", node, source, self._with_defaults(reads), above, frozenset(reads))


def _everything(trees: Sequence[SchemaNode]) -> Iterator[SchemaNode]:
    for tree in trees:
        for node in tree.descendants():
            yield node
            frames: Iterable[SchemaNode] = (*node.actions.values(), *node.notifications.values())
            yield from _everything([*frames, *([node.output] if node.output is not None else [])])


def _joined(known: ReadSet | None, more: ReadSet | None) -> ReadSet | None:
    if known is None or more is None:
        return None
    return ReadSet(known.reads | more.reads, known.climbs | more.climbs, known.reaches | more.reaches)


def needs_instances(type_: Type | None) -> bool:
    """Whether values of `type_` name instances that must exist, other than by leafref."""
    match type_:
        case InstanceIdentifierType(require_instance=required):
            return required
        case UnionType(members=members):
            return any(needs_instances(member) for member in members)
        case _:
            return False
