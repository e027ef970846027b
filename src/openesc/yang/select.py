"""XPath filters (RFC 6241 section 8.9) with ConfD's leniency: names without a prefix match by local name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any

from lxml import etree
from lxml.etree import _Element

from openesc.yang.errors import YangError
from openesc.yang.schema import Schema
from openesc.yang.subtree import Wanted, copy_parts
from openesc.yang.xpath import Evaluator
from openesc.yang.xpath_ast import (
    Binary,
    Call,
    Expr,
    Literal,
    Path,
    Step,
    XPathSyntaxError,
    parse,
    render,
    transform,
)

#: Namespaces by prefix as lxml gives them (`element.nsmap`); the default namespace is not used.
Prefixes = Mapping[str, str] | Mapping[str | None, str]

_MAX_LENGTH = 16_384
_ELEMENT_AXES = frozenset(
    {
        *("child", "descendant", "descendant-or-self", "self", "parent", "ancestor", "ancestor-or-self"),
        *("following", "following-sibling", "preceding", "preceding-sibling"),
    }
)


def xpath_filter(
    schema: Schema, roots: Sequence[_Element], expression: str, nsmap: Prefixes | None = None
) -> list[_Element]:
    """What `expression` selects from `roots` (top-level data elements, or notifications), as new trees: each match
    whole, with its ancestors and the keys of the list entries on the way; matches of one root are one tree.

    A name without a prefix matches that name in any namespace; a prefix that `nsmap` does not bind is taken
    for a module's. A relative path begins at the top. Predicates see one root at a time.
    Raises YangError invalid-value for what is not an XPath expression for nodes.
    """
    evaluate = _compile(schema, expression, nsmap)
    result = []
    for root in roots:
        document = root if root.getroottree().getroot() is root else deepcopy(root)
        wanted = _wanted(evaluate(document), document)
        if wanted:
            result.append(copy_parts(document, schema.top(root.tag), wanted))
    return result


def parse_filter(schema: Schema, expression: str, nsmap: Prefixes | None) -> Expr:
    """The tree of a filter expression, made absolute, its names as ``{namespace}local`` where they are
    bound by a prefix. Raises YangError invalid-value."""
    if len(expression) > _MAX_LENGTH:
        raise _invalid(expression[:80] + "...", f"longer than {_MAX_LENGTH} characters")
    prefixes: dict[Any, str] = dict(schema.namespaces)
    prefixes.update(nsmap or {})
    try:
        return _absolute(transform(parse(expression), lambda part: part, lambda step: _bound(step, prefixes)))
    except XPathSyntaxError as error:
        raise _invalid(expression, str(error)) from error
    except KeyError as error:
        raise _invalid(expression, f"the prefix {error.args[0]} is not bound to a namespace") from error
    except RecursionError as error:
        raise _invalid(expression[:80] + "...", "nested too deep") from error


def _bound(step: Step, prefixes: Mapping[Any, str]) -> Step:
    prefix, colon, local = step.test.partition(":")
    return replace(step, test=f"{{{prefixes[prefix]}}}{local}") if colon else step


def _absolute(expression: Expr) -> Expr:
    match expression:
        case Path(start=None, absolute=True, steps=()):
            return Path(True, (Step("child", "*"),))  # the document: all of it
        case Path(start=None, absolute=False):
            return replace(expression, absolute=True)
        case Path(start=Path() | Binary() as start):
            return replace(expression, start=_absolute(start))
        case Binary("|", left, right):
            return Binary("|", _absolute(left), _absolute(right))
        case _:
            return expression


def _compile(schema: Schema, expression: str, nsmap: Prefixes | None) -> Callable[[_Element], list[_Element]]:
    tree = parse_filter(schema, expression, nsmap)
    names = _Names(schema)
    try:
        text = render(transform(tree, _identities, names.step))
        compiled: Any = schema.tool(Evaluator).compile(text, names.prefixes)
    except etree.XPathError as error:
        raise _invalid(expression, str(error)) from error
    except RecursionError as error:
        raise _invalid(expression[:80] + "...", "nested too deep") from error

    def evaluate(root: _Element) -> list[_Element]:
        try:
            found = compiled(root)
        except etree.XPathError as error:
            raise _invalid(expression, str(error)) from error
        if not isinstance(found, list):
            raise _invalid(expression, "it does not select nodes")
        return [element for element in map(_element, found) if element is not None]

    return evaluate


def _element(found: Any) -> _Element | None:
    """The element of a match: itself, or the one that holds a text or an attribute."""
    if isinstance(found, etree._Element):
        return found
    parent: Callable[[], _Element | None] | None = getattr(found, "getparent", None)
    return parent() if parent is not None else None


class _Names:
    """Writes name tests with prefixes of its own; one without a namespace as all the schema's names."""

    def __init__(self, schema: Schema) -> None:
        self._known = schema.tool(namespaces_by_name)
        self.prefixes: dict[str, str] = {}

    def step(self, step: Step) -> Step:
        """The step with a name test that lxml can evaluate."""
        test = step.test
        if test == "*" or test.endswith("()") or step.axis not in _ELEMENT_AXES:
            return step
        if test.startswith("{"):
            namespace, _, local = test[1:].partition("}")
            return replace(step, test=f"{self._prefix(namespace)}:{local}")
        namespaces = self._known.get(test, ())
        if len(namespaces) == 1:
            return replace(step, test=f"{self._prefix(namespaces[0])}:{test}")
        named = Binary("=", Call("local-name", ()), Literal(test))
        return replace(step, test="*", predicates=(named, *step.predicates))

    def _prefix(self, namespace: str) -> str:
        for prefix, known in self.prefixes.items():
            if known == namespace:
                return prefix
        prefix = f"n{len(self.prefixes)}"
        self.prefixes[prefix] = namespace
        return prefix


def namespaces_by_name(schema: Schema) -> dict[str, tuple[str, ...]]:
    """The namespaces in which a local name is that of a data node."""
    found: dict[str, dict[str, None]] = {}
    for node in schema.root.descendants():
        found.setdefault(node.name, {})[node.namespace] = None
    return {name: tuple(namespaces) for name, namespaces in found.items()}


def _identities(part: Expr) -> Expr:
    match part:
        case Call("current", ()):
            return Path(True, ())
        case _:
            return part


def _wanted(matches: Iterable[_Element], root: _Element) -> Wanted:
    wanted: Wanted = {}
    for element in matches:
        chain = [element, *element.iterancestors()]
        if chain[-1] is not root:
            continue
        level = wanted
        for above in reversed(chain[1:]):
            inner = level.setdefault(above, {})
            if inner is None:
                break  # an ancestor was selected whole
            level = inner
        else:
            level[element] = None
    return wanted


def _invalid(expression: str, why: str) -> YangError:
    return YangError("invalid-value", f"the filter {expression!r} is not usable: {why}", error_type="protocol")
