"""Parts of an expression that are the same for all siblings, evaluated once.

A must such as ``weight <= ../limit`` on each of 10,000 list entries would search their parent's 10,000
children 10,000 times. What only depends on an ancestor (here ``../limit``) is put in a variable.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from lxml.etree import _Element

from openesc.yang.schema import SchemaNode
from openesc.yang.xpath_ast import Binary, Call, Expr, Literal, Negate, Number, Path, Step, Variable, render

#: What has been evaluated, by variable and ancestor.
Known = dict[tuple[int, _Element], Any]

_UP = Step("parent", "node()")
_CONTEXTUAL = frozenset({"position", "last", "current", "deref"})
#: Climbs higher than any expression: an absolute path, which begins at the wrapper, or a constant.
TOP = 1_000_000
#: Passing a longer node-set as a variable costs more than finding it again.
_FEW = 16


@dataclass(frozen=True, slots=True)
class Part:
    """A part that depends on the ancestor `climb` levels up alone; `text` is evaluated there."""

    climb: int
    text: str


@dataclass(slots=True)
class Condition:
    """A boolean expression, ready to be tested on elements; `known` is shared by tests on one document
    that does not change meanwhile."""

    plain: Callable[[_Element], bool]
    hoisted: Callable[..., bool] | None = None
    parts: tuple[tuple[int, Callable[[_Element], Any]], ...] = ()
    names: tuple[str, ...] = ()
    uses_current: bool = False

    def holds(self, element: _Element, known: Known) -> bool:
        """Whether the expression is true with `element` as context node."""
        if self.hoisted is None:
            return self.plain(element)
        values: dict[str, Any] = {"current": element} if self.uses_current else {}
        for name, (climb, evaluate) in zip(self.names, self.parts, strict=True):
            origin = climbed(element, climb)
            value = known.get((id(evaluate), origin))
            if value is None:
                value = known[id(evaluate), origin] = evaluate(origin)
            if isinstance(value, list) and len(value) > _FEW:
                return self.plain(element)
            values[name] = value
        return bool(self.hoisted(element, **values))


def climbed(element: _Element, levels: int) -> _Element:
    """The ancestor that many levels up, or the wrapper if there are not so many."""
    if levels >= TOP:
        return element.getroottree().getroot()
    origin = element
    for _ in range(levels):
        parent = origin.getparent()
        if parent is None:
            break
        origin = parent
    return origin


def hoist(tree: Expr, least: int) -> tuple[Expr, list[Part]]:
    """`tree` with variables h0, h1... for the parts that only depend on an ancestor at least `least` levels
    up, and those parts."""
    parts: list[Part] = []
    return _replace(tree, least, parts), parts


def sharing_level(node: SchemaNode) -> int | None:
    """How far above an instance of `node` lies what others share with it: the parent of the nearest list
    entry. None if there is but one instance."""
    for level, above in enumerate((node, *node.ancestors()), start=1):
        if above.kind in ("list", "leaf-list"):
            return level
    return None


def _operands(tree: Expr) -> tuple[Expr, ...]:
    match tree:
        case Binary(_, left, right):
            return (left, right)
        case Negate(operand):
            return (operand,)
        case Call(_, args):
            return args
        case _:
            return ()


def _is_uniform(tree: Expr) -> bool:
    """Whether all that `tree` depends on lies at one level: only then one variable is best for it."""
    levels = {climb for operand in _operands(tree) if (climb := _climb(operand)) != TOP}
    return len(levels) < 2 and all(map(_is_uniform, _operands(tree)))


def _replace(tree: Expr, least: int, parts: list[Part]) -> Expr:
    if isinstance(tree, Literal | Number | Variable):
        return tree
    climb = _climb(tree)
    if climb >= least and _is_uniform(tree):
        parts.append(Part(climb, render(_lowered(tree, climb))))
        return Variable(f"h{len(parts) - 1}")
    match tree:
        case Binary(operator, left, right):
            return Binary(operator, _replace(left, least, parts), _replace(right, least, parts))
        case Negate(operand):
            return Negate(_replace(operand, least, parts))
        case Call(name, args):
            return Call(name, tuple(_replace(arg, least, parts) for arg in args))
        case _:
            return tree  # inside a path the context is another one


def _climb(tree: Expr) -> int:
    """How many levels above the context lies what `tree` depends on; 0 for the context itself."""
    match tree:
        case Literal() | Number():
            return TOP
        case Path():
            return _path_climb(tree)
        case Binary(_, left, right):
            return min(_climb(left), _climb(right))
        case Negate(operand):
            return _climb(operand)
        case Call(name, args) if args and name not in _CONTEXTUAL:
            return min(map(_climb, args))
        case _:
            return 0


def _path_climb(path: Path) -> int:
    inner = (*path.predicates, *(predicate for step in path.steps for predicate in step.predicates))
    if any(_uses_current(predicate) for predicate in inner):
        return 0
    if path.absolute:
        return TOP
    if path.start not in (None, Variable("current")):
        return 0
    return next((i for i, step in enumerate(path.steps) if step != _UP), len(path.steps))


def _uses_current(tree: Expr) -> bool:
    match tree:
        case Variable():
            return True
        case Path(start=start, steps=steps, predicates=predicates):
            inner = (*predicates, *(predicate for step in steps for predicate in step.predicates))
            return (start is not None and _uses_current(start)) or any(map(_uses_current, inner))
        case Binary(_, left, right):
            return _uses_current(left) or _uses_current(right)
        case Negate(operand):
            return _uses_current(operand)
        case Call(_, args):
            return any(map(_uses_current, args))
        case _:
            return False


def _lowered(tree: Expr, climb: int) -> Expr:
    """`tree` as seen from the ancestor `climb` levels up."""
    match tree:
        case Path(absolute=False):
            steps = tree.steps[climb:] or (Step("self", "node()"),)
            return replace(tree, steps=steps, start=None)
        case Binary(operator, left, right):
            return Binary(operator, _lowered(left, climb), _lowered(right, climb))
        case Negate(operand):
            return Negate(_lowered(operand, climb))
        case Call(name, args):
            return Call(name, tuple(_lowered(arg, climb) for arg in args))
        case _:
            return tree
