"""Evaluation of schema expressions on instance data, with YANG's functions (RFC 7950 section 10)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lxml import etree
from lxml.etree import _Element

from openesc.yang.expressions import Expression
from openesc.yang.hoisting import Condition, hoist, sharing_level
from openesc.yang.patterns import matcher
from openesc.yang.schema import Schema, SchemaNode
from openesc.yang.types import (
    BitsType,
    EnumerationType,
    InstanceIdentifierType,
    LeafrefType,
    Type,
    UnionType,
    resolve_qname,
)
from openesc.yang.xpath_ast import Path, Step, XPathSyntaxError, parse, render, transform

Nodes = Sequence[_Element]


class Evaluator:
    """Compiles expressions of one schema once; the results are functions of the context element."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._compiled: dict[str, etree.XPath] = {}
        self._extensions = {
            (None, "deref"): self._deref,
            (None, "re-match"): self._re_match,
            (None, "derived-from"): self._derived_from,
            (None, "derived-from-or-self"): self._derived_from_or_self,
            (None, "enum-value"): self._enum_value,
            (None, "bit-is-set"): self._bit_is_set,
        }

    def condition(self, expression: Expression, context: SchemaNode) -> Condition:
        """`expression` as a test of instances of `context`."""
        compiled: Any = self._compile(f"boolean({expression.text})")
        plain = compiled
        if expression.uses_current:
            plain = lambda element: compiled(element, current=element)  # noqa: E731
        least = sharing_level(context)
        tree, parts = (None, []) if least is None else hoist(parse(expression.text), least)
        if tree is None or not parts:
            return Condition(plain)
        text = render(tree)
        hoisted: Any = self._compile(f"boolean({text})")
        return Condition(
            plain,
            hoisted,
            tuple((part.climb, self._compile(part.text)) for part in parts),
            tuple(f"h{number}" for number in range(len(parts))),
            "$current" in text,
        )

    def nodes(self, expression: Expression) -> Callable[[_Element], list[_Element]]:
        """A function that gives the elements `expression` selects from an element."""
        compiled: Any = self._compile(expression.text)
        if expression.uses_current:
            return lambda element: list(compiled(element, current=element))
        return compiled  # type: ignore[no-any-return]  # a location path returns a list of elements

    def compile(self, text: str, prefixes: Mapping[str, str]) -> etree.XPath:
        """Compile any expression with prefixes of its own. Raises etree.XPathError."""
        return etree.XPath(text, namespaces=dict(prefixes) or None, extensions=self._extensions)

    def _compile(self, text: str) -> etree.XPath:
        found = self._compiled.get(text)
        if found is None:
            found = etree.XPath(
                text,
                namespaces=self._schema.namespaces,
                extensions=self._extensions,
                smart_strings=False,
            )
            self._compiled[text] = found
        return found

    def node_of(self, element: _Element) -> SchemaNode | None:
        """The schema node of an element under the wrapper; None if it has none."""
        parent = element.getparent()
        if parent is None:
            return self._schema.root
        above = self.node_of(parent)
        if above is None:
            return None
        found = above.children.get(element.tag)
        if found is None and above is self._schema.root:
            return self._schema.rpcs.get(element.tag) or self._schema.notifications.get(element.tag)
        return found

    def instances(self, element: _Element, text: str) -> list[_Element]:
        """What the instance-identifier `text`, a value of `element`, leads to; empty if nothing or nonsense."""
        try:
            tree = transform(parse(text), lambda part: part)
        except XPathSyntaxError:
            return []
        if not isinstance(tree, Path):
            return []
        path = render(Path(tree.absolute, (Step("child", "*"), *tree.steps)))
        namespaces = {prefix: ns for prefix, ns in element.nsmap.items() if prefix}
        try:
            found = element.xpath(path, namespaces=namespaces)
        except etree.XPathError:
            return []
        return list(found) if isinstance(found, list) else []  # type: ignore[arg-type]  # a location path

    def _deref(self, context: Any, nodes: Nodes) -> list[_Element]:
        for element in nodes[:1]:
            node = self.node_of(element)
            return self._refer(element, node.type if node is not None else None)
        return []

    def _refer(self, element: _Element, type_: Type | None) -> list[_Element]:
        text = element.text or ""
        match type_:
            case LeafrefType():
                return [found for found in self.nodes(type_.path)(element) if (found.text or "") == text]
            case InstanceIdentifierType():
                return self.instances(element, text)
            case UnionType(members=members):
                return [found for member in members for found in self._refer(element, member)]
            case _:
                return []

    def _re_match(self, context: Any, subject: Any, pattern: Any) -> bool:
        return matcher(_string(pattern))(_string(subject))

    def _derived_from(self, context: Any, nodes: Nodes, identity: Any) -> bool:
        wanted = self._identity(context, identity)
        return any(wanted in self._schema.identities.get(_held(e), ()) for e in nodes)

    def _derived_from_or_self(self, context: Any, nodes: Nodes, identity: Any) -> bool:
        wanted = self._identity(context, identity)
        held = {_held(element) for element in nodes}
        return wanted in held or any(wanted in self._schema.identities.get(one, ()) for one in held)

    def _identity(self, context: Any, identity: Any) -> str:
        """Literals were made Clark names with the module's prefixes; anything else uses the schema's."""
        name = _string(identity)
        if name.startswith("{"):
            return name
        prefix, _, local = name.rpartition(":")
        return f"{{{self._schema.namespaces.get(prefix, '')}}}{local}"

    def _enum_value(self, context: Any, nodes: Nodes) -> float:
        for element in nodes[:1]:
            for type_ in self._types(element):
                if isinstance(type_, EnumerationType) and element.text in type_.values:
                    return float(type_.values[element.text])
        return float("nan")

    def _bit_is_set(self, context: Any, nodes: Nodes, bit: Any) -> bool:
        for element in nodes[:1]:
            if any(isinstance(type_, BitsType) for type_ in self._types(element)):
                return _string(bit) in (element.text or "").split()
        return False

    def _types(self, element: _Element) -> list[Type]:
        node = self.node_of(element)
        return [] if node is None or node.type is None else _flat(node.type)


def _flat(type_: Type) -> list[Type]:
    match type_:
        case LeafrefType(target=target):
            return _flat(target)
        case UnionType(members=members):
            return [inner for member in members for inner in _flat(member)]
        case _:
            return [type_]


def _held(element: _Element) -> str:
    """The identity an element holds, as a Clark name; empty if its prefix is not bound."""
    return resolve_qname((element.text or "").strip(), element) or ""


def _string(value: Any) -> str:
    """XPath's string() of an argument that came from lxml."""
    if isinstance(value, list):
        return "".join(value[0].itertext()) if value else ""
    return str(value)
