"""Which instances a filter can touch, so that a store needs to load only those."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lxml.etree import _Element

from openesc.yang.schema import Schema, SchemaNode
from openesc.yang.select import Prefixes, parse_filter
from openesc.yang.xml import elements, split
from openesc.yang.xpath_ast import Binary, Call, Expr, Literal, Negate, Number, Path, Step

#: One step of a bound: the Clark name of a node, and the values of those of its keys that are known.
BoundStep = tuple[str, dict[str, str]]
#: All matches of a filter lie under the instances that the steps of one of its bounds lead to.
Bound = list[BoundStep]

_BOOLEAN_CALLS = frozenset({"not", "boolean", "contains", "starts-with", "true", "false", "re-match"})
_BOOLEAN_OPERATORS = frozenset({"and", "or", "=", "!=", "<", "<=", ">", ">="})
_DOWNWARD = frozenset({"child", "self", "descendant", "descendant-or-self", "attribute"})


class _Unbounded(Exception):
    pass


@dataclass(frozen=True, slots=True)
class _Place:
    """A schema node reached, with the steps that led to it."""

    node: SchemaNode
    steps: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()

    def child(self, node: SchemaNode) -> _Place:
        return _Place(node, (*self.steps, (node.qname, ())))

    def with_keys(self, keys: Mapping[str, str]) -> _Place:
        """This place with further key values; one that is known already stays (a superset is harmless)."""
        if not self.steps:
            return self
        name, known = self.steps[-1]
        return _Place(self.node, (*self.steps[:-1], (name, tuple({**keys, **dict(known)}.items()))))

    def bound(self) -> Bound:
        return [(name, dict(keys)) for name, keys in self.steps]


def filter_bounds(schema: Schema, filter: _Element | str, nsmap: Prefixes | None = None) -> list[Bound] | None:
    """Where the matches of a filter can be: a filter element (subtree) or an XPath expression.

    Everything the filter needs to look at, its predicates included, lies under the bounds, keys of the
    ancestors aside. None means that it may need any data; an empty list that it matches nothing.
    Raises YangError as `xpath_filter` does.
    """
    if not isinstance(filter, str):
        return _distinct(_subtree(elements(filter), _Place(schema.root)))
    try:
        return _distinct(_expression(parse_filter(schema, filter, nsmap), _Place(schema.root)))
    except _Unbounded:
        return None


def _distinct(places: Iterable[_Place]) -> list[Bound]:
    """Each bound once, without those that lie inside another."""
    unique = list(dict.fromkeys(places))
    return [place.bound() for place in unique if not any(_covers(other, place) for other in unique)]


def _covers(other: _Place, place: _Place) -> bool:
    if other is place or len(other.steps) > len(place.steps):
        return False
    pairs = zip(other.steps, place.steps, strict=False)
    return all(name == inner and set(keys) <= set(inner_keys) for (name, keys), (inner, inner_keys) in pairs)


def _subtree(parts: Iterable[_Element], place: _Place) -> list[_Place]:
    found: list[_Place] = []
    for part in parts:
        for node in place.node.children.values():
            if _named(part, node):
                found += _subtree_part(part, place.child(node))
    return found


def _named(part: _Element, node: SchemaNode) -> bool:
    namespace, name = split(part.tag)
    return name == node.name and namespace in ("", node.namespace)


def _subtree_part(part: _Element, place: _Place) -> list[_Place]:
    inner = elements(part)
    content = {
        node.qname: (child.text or "").strip()
        for child in inner
        if not len(child) and (child.text or "").strip()
        for node in place.node.children.values()
        if _named(child, node)
    }
    keys = {name: content[name] for name in place.node.keys if name in content}
    here = place.with_keys(keys)
    further = [child for child in inner if len(child)]
    key_matches = [child for child in inner if any(_named(child, place.node.children[key]) for key in keys)]
    if not further or len(further) + len(key_matches) < len(inner):
        return [here]
    return _subtree(further, here)


def _expression(expression: Expr, root: _Place) -> list[_Place]:
    match expression:
        case Binary("|", left, right):
            return _expression(left, root) + _expression(right, root)
        case Path(absolute=True, start=None, steps=steps):
            return _steps(steps, [root])
        case _:
            raise _Unbounded


def _steps(steps: Iterable[Step], places: list[_Place]) -> list[_Place]:
    for step in steps:
        if any(not _looks_down(predicate) for predicate in step.predicates):
            raise _Unbounded
        places = [reached for place in places for reached in _step(step, place)]
    if any(not place.steps for place in places):
        raise _Unbounded
    return places


def _step(step: Step, place: _Place) -> list[_Place]:
    if step.axis == "attribute" or step.test == "text()":
        return [place]
    if step.axis not in _DOWNWARD:
        raise _Unbounded
    reached = [found for found in _axis(step.axis, place) if _test(step.test, found.node)]
    return [found.with_keys(_keys(step.predicates, found.node)) for found in reached]


def _axis(axis: str, place: _Place) -> Iterable[_Place]:
    if axis in ("self", "descendant-or-self"):
        yield place
    if axis != "self":
        for node in place.node.children.values():
            child = place.child(node)
            yield child
            if axis != "child":
                yield from _axis("descendant", child)


def _test(test: str, node: SchemaNode) -> bool:
    if test in ("*", "node()"):
        return test == "node()" or node.kind != "root"
    if test.startswith("{"):
        namespace, _, local = test[1:].partition("}")
        return node.namespace == namespace and local in ("*", node.name)
    return node.name == test


def _keys(predicates: Iterable[Expr], node: SchemaNode) -> dict[str, str]:
    """The key values that predicates demand, up to the first one that depends on the position: loading
    only some entries would change what it means."""
    found: dict[str, str] = {}
    for predicate in predicates:
        if not _is_boolean(predicate):
            break
        for name, value in _equations(predicate):
            key = next((key for key in node.keys if _test(name, node.children[key])), None)
            if key is not None:
                found.setdefault(key, value)
    return found


def _is_boolean(predicate: Expr) -> bool:
    match predicate:
        case Path(start=None):
            return True
        case Binary(operator, left, right):
            return operator in _BOOLEAN_OPERATORS and not _positional(left) and not _positional(right)
        case Call(name, args):
            return name in _BOOLEAN_CALLS and not any(map(_positional, args))
        case _:
            return False


def _positional(part: Expr) -> bool:
    match part:
        case Call("position" | "last", _):
            return True
        case Call(_, args):
            return any(map(_positional, args))
        case Binary(_, left, right):
            return _positional(left) or _positional(right)
        case Negate(operand):
            return _positional(operand)
        case _:
            return False


def _equations(predicate: Expr) -> Iterable[tuple[str, str]]:
    match predicate:
        case Binary("and", left, right):
            yield from _equations(left)
            yield from _equations(right)
        case Binary("=", Path() as path, Literal(value)) | Binary("=", Literal(value), Path() as path):
            name = _child_name(path)
            if name is not None:
                yield name, value
        case _:
            return


def _child_name(path: Path) -> str | None:
    """The name of a child that a path such as ``name`` or ``./name`` leads to."""
    steps = [step for step in path.steps if step != Step("self", "node()")]
    if path.absolute or path.start is not None or len(steps) != 1 or steps[0].predicates:
        return None
    return steps[0].test if steps[0].axis == "child" else None


def _looks_down(part: Expr) -> bool:
    """Whether an expression reads only what is below its context."""
    match part:
        case Path(absolute=absolute, start=start, steps=steps, predicates=predicates):
            inner = [*predicates, *(p for step in steps for p in step.predicates)]
            below = not absolute and all(step.axis in _DOWNWARD for step in steps)
            return below and (start is None or _looks_down(start)) and all(map(_looks_down, inner))
        case Binary(_, left, right):
            return _looks_down(left) and _looks_down(right)
        case Negate(operand):
            return _looks_down(operand)
        case Call(name, args):
            return name not in ("current", "deref", "id") and all(map(_looks_down, args))
        case Literal() | Number():
            return True
        case _:
            return False
