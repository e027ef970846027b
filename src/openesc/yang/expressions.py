"""XPath expressions of a schema: YANG's prefixes and current() brought into a form that lxml evaluates.

Every document is evaluated under one nameless wrapper element, so that several top-level data nodes
(and an rpc beside them) form one accessible tree (RFC 7950 section 6.4.1); an absolute path begins there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from openesc.yang.xpath_ast import Call, Expr, Literal, Path, Step, Variable, parse, render, transform

_IDENTITY_FUNCTIONS = frozenset({"derived-from", "derived-from-or-self"})
_WRAPPER = Step("child", "*")


@dataclass(frozen=True, slots=True)
class Expression:
    """`source` is the text of the YANG module, `text` the one that lxml evaluates."""

    source: str
    text: str
    uses_current: bool


@dataclass(frozen=True, slots=True)
class Scope:
    """What names mean where an expression stands (RFC 7950 section 6.4.1).

    `prefixes` are those of the module that holds the text; `default` is the namespace of the context
    node; `prefix_of` gives the prefix used all over the schema for a namespace.
    """

    prefixes: Mapping[str, str]
    default: str
    prefix_of: Callable[[str], str]

    def name(self, written: str) -> str:
        """A name test with the schema's own prefix. Raises KeyError for a prefix that is not bound."""
        if written == "*" or written.endswith("()"):
            return written
        prefix, colon, local = written.partition(":")
        if not colon:
            return f"{self.prefix_of(self.default)}:{prefix}"
        return f"{self.prefix_of(self.prefixes[prefix])}:{local}"

    def clark(self, written: str) -> str:
        """The Clark name of an identity's name."""
        prefix, colon, local = written.partition(":")
        namespace = self.prefixes[prefix] if colon else self.default
        return f"{{{namespace}}}{local if colon else prefix}"


def bind(source: str, scope: Scope) -> Expr:
    """The tree of `source` with every name in the schema's own prefixes.

    Raises XPathSyntaxError, or KeyError for a prefix that is not bound.
    """

    def identities(part: Expr) -> Expr:
        match part:
            case Call(name, (nodes, Literal(value))) if name in _IDENTITY_FUNCTIONS:
                return Call(name, (nodes, Literal(scope.clark(value))))
            case _:
                return part

    return transform(parse(source), identities, lambda step: replace(step, test=scope.name(step.test)))


def expression(source: str, bound: Expr) -> Expression:
    """The Expression of a bound tree."""
    used = False

    def adapt(part: Expr) -> Expr:
        nonlocal used
        match part:
            case Call("current", ()):
                used = True
                return Variable("current")
            case Path(absolute=True):
                return replace(part, steps=(_WRAPPER, *part.steps))
            case _:
                return part

    text = render(transform(bound, adapt))
    return Expression(source, text, used)
