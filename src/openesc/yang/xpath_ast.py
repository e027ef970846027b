"""XPath 1.0 expressions as a tree: parsed, walked and written back.

lxml evaluates; this tree is for what lxml cannot do: bind YANG's prefixes, find what an expression reads,
and find which instances a filter can touch.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<literal>"[^"]*"|'[^']*')
    | (?P<number>\d+(?:\.\d*)?|\.\d+)
    | (?P<symbol>::|//|\.\.|!=|<=|>=|[()\[\].@,/|+\-=<>*$])
    | (?P<name>[^\W\d][\w.\-]*(?::(?!:)(?:\*|[^\W\d][\w.\-]*))?)
    )""",
    re.VERBOSE,
)
_OPERATOR_NAMES = frozenset({"and", "or", "div", "mod"})
_BEFORE_OPERAND = frozenset({"@", "::", "(", "[", ",", "/", "//", "|", "+", "-", "=", "!=", "<", "<=", ">", ">=", "$"})
_NODE_TYPES = frozenset({"node", "text", "comment", "processing-instruction"})
_AXES = frozenset(
    {
        *("ancestor", "ancestor-or-self", "attribute", "child", "descendant", "descendant-or-self"),
        *("following", "following-sibling", "namespace", "parent", "preceding", "preceding-sibling", "self"),
    }
)
_LEVELS = (("or",), ("and",), ("=", "!="), ("<", "<=", ">", ">="), ("+", "-"), ("*", "div", "mod"))


class XPathSyntaxError(ValueError):
    """Not an XPath 1.0 expression; the message says where."""


@dataclass(frozen=True, slots=True)
class Literal:
    value: str


@dataclass(frozen=True, slots=True)
class Number:
    text: str


@dataclass(frozen=True, slots=True)
class Variable:
    name: str


@dataclass(frozen=True, slots=True)
class Call:
    name: str
    args: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Binary:
    operator: str
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Negate:
    operand: Expr


@dataclass(frozen=True, slots=True)
class Step:
    """`test` is a name test as written, or a node type test such as ``node()``."""

    axis: str
    test: str
    predicates: tuple[Expr, ...] = ()


@dataclass(frozen=True, slots=True)
class Path:
    """A location path; `start` is the filter expression it goes on from, if any."""

    absolute: bool
    steps: tuple[Step, ...]
    start: Expr | None = None
    predicates: tuple[Expr, ...] = ()


Expr = Literal | Number | Variable | Call | Binary | Negate | Path

ANY_DEPTH = Step("descendant-or-self", "node()")


def parse(text: str) -> Expr:
    """The tree of `text`. Raises XPathSyntaxError."""
    return _Parser(text).whole()


def _tokens(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    position, end = 0, len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise XPathSyntaxError(f"unexpected {text[position : position + 12]!r} at {position}")
        found.append(_classify(match.lastgroup, match.group(match.lastgroup), found))
        position = match.end()
    return found


def _classify(kind: str, value: str, before: list[tuple[str, str]]) -> tuple[str, str]:
    """XPath 1.0 section 3.7: after an operand, ``*`` and the operator names are operators."""
    operand_before = bool(before) and before[-1][0] != "operator" and before[-1][1] not in _BEFORE_OPERAND
    if operand_before and (value == "*" or value in _OPERATOR_NAMES):
        return "operator", value
    if value == "*":
        return "name", value
    return kind, value


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _tokens(text)
        self._at = 0

    def whole(self) -> Expr:
        expression = self._binary(0)
        if self._at < len(self._tokens):
            raise self._error("an operator or the end")
        return expression

    def _error(self, wanted: str) -> XPathSyntaxError:
        rest = self._tokens[self._at :]
        found = repr(rest[0][1]) if rest else "the end"
        return XPathSyntaxError(f"expected {wanted}, found {found} in {self._text!r}")

    def _peek(self, ahead: int = 0) -> str:
        at = self._at + ahead
        if at >= len(self._tokens) or self._tokens[at][0] == "literal":
            return ""
        return self._tokens[at][1]

    def _kind(self) -> str:
        return self._tokens[self._at][0] if self._at < len(self._tokens) else "end"

    def _next(self) -> str:
        self._at += 1
        return self._tokens[self._at - 1][1]

    def _take(self, symbol: str) -> bool:
        if self._peek() == symbol:
            self._at += 1
            return True
        return False

    def _expect(self, symbol: str) -> None:
        if not self._take(symbol):
            raise self._error(repr(symbol))

    def _binary(self, level: int) -> Expr:
        if level == len(_LEVELS):
            return self._unary()
        left = self._binary(level + 1)
        while self._peek() in _LEVELS[level] and self._kind() in ("operator", "symbol"):
            left = Binary(self._next(), left, self._binary(level + 1))
        return left

    def _unary(self) -> Expr:
        if self._take("-"):
            return Negate(self._unary())
        left = self._path()
        while self._take("|"):
            left = Binary("|", left, self._path())
        return left

    def _path(self) -> Expr:
        if self._starts_filter_expression():
            return self._filter_path()
        absolute, steps = False, []
        if self._take("//"):
            absolute = True
            steps.append(ANY_DEPTH)
        elif self._take("/"):
            absolute = True
            if not self._starts_step():
                return Path(True, ())
        return Path(absolute, (*steps, *self._relative()))

    def _filter_path(self) -> Expr:
        primary = self._primary()
        predicates = self._predicates()
        steps: tuple[Step, ...] = ()
        if self._take("//"):
            steps = (ANY_DEPTH, *self._relative())
        elif self._take("/"):
            steps = self._relative()
        return Path(False, steps, primary, predicates) if steps or predicates else primary

    def _starts_filter_expression(self) -> bool:
        if self._kind() in ("literal", "number") or self._peek() in ("(", "$"):
            return True
        is_call = self._kind() == "name" and self._peek(1) == "("
        return is_call and self._peek() not in _NODE_TYPES

    def _starts_step(self) -> bool:
        return self._kind() == "name" or self._peek() in (".", "..", "@")

    def _primary(self) -> Expr:
        kind = self._kind()
        if self._take("("):
            inner = self._binary(0)
            self._expect(")")
            return inner
        if self._take("$"):
            return Variable(self._next())
        token = self._next()
        if kind == "literal":
            return Literal(token[1:-1])
        return Number(token) if kind == "number" else self._call(token)

    def _call(self, name: str) -> Expr:
        self._expect("(")
        args: list[Expr] = []
        while not self._take(")"):
            if args:
                self._expect(",")
            args.append(self._binary(0))
        return Call(name, tuple(args))

    def _relative(self) -> tuple[Step, ...]:
        steps = [self._step()]
        while self._peek() in ("/", "//"):
            if self._next() == "//":
                steps.append(ANY_DEPTH)
            steps.append(self._step())
        return tuple(steps)

    def _step(self) -> Step:
        if self._take("."):
            return Step("self", "node()", self._predicates())
        if self._take(".."):
            return Step("parent", "node()", self._predicates())
        axis = "child"
        if self._take("@"):
            axis = "attribute"
        elif self._peek(1) == "::":
            axis = self._next()
            if axis not in _AXES:
                raise XPathSyntaxError(f"unknown axis {axis!r} in {self._text!r}")
            self._expect("::")
        return Step(axis, self._test(), self._predicates())

    def _test(self) -> str:
        if self._kind() != "name":
            raise self._error("a name")
        name = self._next()
        if self._peek() != "(":
            return name
        if name not in _NODE_TYPES:
            raise self._error("a node test")
        self._expect("(")
        self._expect(")")
        return f"{name}()"

    def _predicates(self) -> tuple[Expr, ...]:
        found = []
        while self._take("["):
            found.append(self._binary(0))
            self._expect("]")
        return tuple(found)


def render(expression: Expr) -> str:
    """`expression` as XPath text again, with every axis and bracket spelt out."""
    return _RENDER[type(expression)](expression)


def quote(value: str) -> str:
    """`value` as an XPath string: a literal, or concat() when it holds both kinds of quotes."""
    if "'" not in value:
        return f"'{value}'"
    if '"' not in value:
        return f'"{value}"'
    parts = ', "\'", '.join(f"'{part}'" for part in value.split("'"))
    return f"concat({parts})"


def _render_step(step: Step) -> str:
    return f"{step.axis}::{step.test}" + _render_predicates(step.predicates)


def _render_predicates(predicates: tuple[Expr, ...]) -> str:
    return "".join(f"[{render(predicate)}]" for predicate in predicates)


def _render_path(path: Path) -> str:
    steps = "/".join(map(_render_step, path.steps))
    if path.start is None:
        return f"/{steps}" if path.absolute else steps
    start = f"({render(path.start)}){_render_predicates(path.predicates)}"
    return f"{start}/{steps}" if steps else start


_RENDER: dict[type, Callable[..., str]] = {
    Literal: lambda e: quote(e.value),
    Number: lambda e: e.text,
    Variable: lambda e: f"${e.name}",
    Call: lambda e: f"{e.name}({', '.join(map(render, e.args))})",
    Binary: lambda e: f"({render(e.left)} {e.operator} {render(e.right)})",
    Negate: lambda e: f"-({render(e.operand)})",
    Path: _render_path,
}


def transform(
    expression: Expr, change: Callable[[Expr], Expr], change_step: Callable[[Step], Step] = lambda step: step
) -> Expr:
    """A copy of `expression` with `change` and `change_step` applied to every part, inner parts first."""

    def many(parts: tuple[Expr, ...]) -> tuple[Expr, ...]:
        return tuple(transform(part, change, change_step) for part in parts)

    def inside(part: Expr) -> Expr:
        match part:
            case Call(name, args):
                return Call(name, many(args))
            case Binary(operator, left, right):
                return Binary(operator, *many((left, right)))
            case Negate(operand):
                return Negate(*many((operand,)))
            case Path():
                steps = tuple(change_step(replace(s, predicates=many(s.predicates))) for s in part.steps)
                start = None if part.start is None else many((part.start,))[0]
                return Path(part.absolute, steps, start, many(part.predicates))
            case _:
                return part

    return change(inside(expression))
