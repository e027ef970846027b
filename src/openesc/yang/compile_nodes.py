"""From pyang's resolved statements (`i_children`) to schema nodes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from openesc.yang.compile_types import TypeCompiler, clark, namespace_of, namespace_of_module
from openesc.yang.errors import SchemaError
from openesc.yang.expressions import Expression, Scope, bind, expression
from openesc.yang.schema import Case, Choice, Must, SchemaNode, Unique, When
from openesc.yang.types import LeafrefType, leafrefs
from openesc.yang.xpath_ast import Expr, XPathSyntaxError

Statement = Any

_DATA = frozenset({"container", "list", "leaf", "leaf-list", "anydata", "anyxml"})
_BRANCHES = frozenset({"choice", "case"})


@dataclass(frozen=True, slots=True)
class Bound:
    """An expression met on the way, still a tree: the constraint compiler finds out what it reads.

    `context` is the node it is evaluated on, `node` the one it belongs to.
    """

    kind: Literal["must", "when", "leafref"]
    node: SchemaNode
    context: SchemaNode
    source: str
    tree: Expr
    type: LeafrefType | None = None


@dataclass(frozen=True, slots=True)
class Branch:
    """Where in the choices of a data node a child stands, and the when statements gathered there."""

    path: tuple[tuple[Choice, Case], ...] = ()
    whens: tuple[Statement, ...] = ()


class NodeCompiler:
    """Builds the trees and remembers, in `bound` and `defaults`, what is finished once all nodes exist."""

    def __init__(self, prefixes: Mapping[str, str], identities: Mapping[str, frozenset[str]]) -> None:
        self.prefixes = prefixes
        self.bound: list[Bound] = []
        self.defaults: list[tuple[SchemaNode, Statement, tuple[str, ...]]] = []
        self._types = TypeCompiler(prefixes, identities)

    def compile(self, modules: Sequence[Statement]) -> tuple[SchemaNode, dict[str, SchemaNode], dict[str, SchemaNode]]:
        """The data tree's root, the rpcs and the notifications of `modules`, the latter by Clark name."""
        root = SchemaNode("", "", "", "", "", "root", presence=True)
        frames: dict[str, dict[str, SchemaNode]] = {"rpc": {}, "notification": {}}
        data: list[Statement] = []
        for statement in (child for module in modules for child in module.i_children):
            if statement.keyword in frames:
                frames[statement.keyword][clark(statement)] = self._frame(statement, root)
            else:
                data.append(statement)
        self._fill(root, data)
        return root, frames["rpc"], frames["notification"]

    def scope(self, statement: Statement, default: str) -> Scope:
        """What names mean in the text of `statement`."""
        return Scope(prefix_map(statement), default, self.prefixes.__getitem__)

    def _bare(self, statement: Statement, parent: SchemaNode) -> SchemaNode:
        namespace = namespace_of(statement)
        prefix = self.prefixes[namespace]
        step = statement.arg if parent.namespace == namespace else f"{prefix}:{statement.arg}"
        return SchemaNode(
            qname=f"{{{namespace}}}{statement.arg}",
            name=statement.arg,
            namespace=namespace,
            prefix=prefix,
            module=statement.i_module.i_modulename,
            kind=statement.keyword,
            config=statement.i_config is not False,
            parent=parent,
            path=f"{parent.path}/{step}",
        )

    def _frame(self, statement: Statement, parent: SchemaNode) -> SchemaNode:
        """An rpc, action or notification. An rpc node carries the children of its input."""
        node = self._bare(statement, parent)
        parts = {part.keyword: part for part in statement.i_children if part.keyword in ("input", "output")}
        self._musts(node, parts.get("input", statement))
        self._fill(node, parts["input"].i_children if parts else statement.i_children)
        if "output" in parts:
            output = self._bare(statement, parent)
            output.kind = "output"
            self._musts(output, parts["output"])
            self._fill(output, parts["output"].i_children)
            node.output = output
        return node

    def _fill(self, node: SchemaNode, statements: Sequence[Statement]) -> None:
        """Give `node` its children and choices."""
        children: list[SchemaNode] = []
        choices: list[Choice] = []
        for statement in statements:
            self._place(statement, node, Branch(), children, choices)
        children.sort(key=lambda child: _key_position(node, child))
        for order, child in enumerate(children):
            child.order = order
            child.rivals = _rivals(child)
            node.children[child.qname] = child
        node.choices = tuple(choices)

    def _place(
        self,
        statement: Statement,
        node: SchemaNode,
        branch: Branch,
        children: list[SchemaNode],
        choices: list[Choice],
    ) -> None:
        if statement.keyword == "choice":
            choices.append(self._choice(statement, node, branch, children))
        elif statement.keyword in _DATA:
            children.append(self._data(statement, node, branch))
        elif statement.keyword in ("action", "notification"):
            frames = node.actions if statement.keyword == "action" else node.notifications
            frames[clark(statement)] = self._frame(statement, node)

    def _choice(self, statement: Statement, node: SchemaNode, branch: Branch, children: list[SchemaNode]) -> Choice:
        default, mandatory = statement.search_one("default"), statement.search_one("mandatory")
        choice = Choice(
            statement.arg,
            mandatory is not None and mandatory.arg == "true",
            default.arg.rpartition(":")[2] if default else None,
            (),
            config=statement.i_config is not False,
        )
        whens = (*branch.whens, *_whens(statement))
        choice.cases = tuple(
            self._case(case, node, choice, Branch(branch.path, whens), children) for case in statement.i_children
        )
        choice.whens = tuple(self._when(node, when, node, on_parent=True) for when in whens)
        return choice

    def _case(
        self,
        statement: Statement,
        node: SchemaNode,
        choice: Choice,
        branch: Branch,
        children: list[SchemaNode],
    ) -> Case:
        case = Case(statement.arg, frozenset(), ())
        inner = Branch((*branch.path, (choice, case)), (*branch.whens, *_whens(statement)))
        before, nested = len(children), list[Choice]()
        for child in statement.i_children:
            self._place(child, node, inner, children, nested)
        case.members = frozenset(child.qname for child in children[before:])
        case.choices = tuple(nested)
        return case

    def _data(self, statement: Statement, parent: SchemaNode, branch: Branch) -> SchemaNode:
        node = self._bare(statement, parent)
        node.case_path = branch.path
        own = _whens(statement)
        node.whens = (
            *(self._when(node, when, parent, on_parent=True) for when in branch.whens),
            *(self._when(node, when, *_context(when, node, parent)) for when in own),
        )
        self._musts(node, statement)
        _ATTRIBUTES[statement.keyword](self, node, statement)
        return node

    def _when(self, node: SchemaNode, when: Statement, context: SchemaNode, on_parent: bool) -> When:
        tree = self._bind(when, context)
        if node is not context or not on_parent:
            self.bound.append(Bound("when", node, context, when.arg, tree))
        return When(expression(when.arg, tree), on_parent)

    def _bind(self, statement: Statement, context: SchemaNode) -> Expr:
        try:
            return bind(statement.arg, self.scope(statement, context.namespace or namespace_of(statement)))
        except (XPathSyntaxError, KeyError) as error:
            raise SchemaError([f"{statement.pos}: {error}"]) from error

    def _musts(self, node: SchemaNode, statement: Statement) -> None:
        found = []
        for must in statement.search("must"):
            tree = self._bind(must, node)
            self.bound.append(Bound("must", node, node, must.arg, tree))
            message, app_tag = must.search_one("error-message"), must.search_one("error-app-tag")
            found.append(Must(expression(must.arg, tree), message and message.arg, app_tag and app_tag.arg))
        node.musts = tuple(found)

    def _container(self, node: SchemaNode, statement: Statement) -> None:
        node.presence = statement.search_one("presence") is not None
        self._fill(node, statement.i_children)

    def _list(self, node: SchemaNode, statement: Statement) -> None:
        self._entries(node, statement)
        node.keys = tuple(clark(key) for key in getattr(statement, "i_key", None) or ())
        self._fill(node, statement.i_children)
        node.uniques = tuple(
            Unique(unique.arg, self._unique_paths(unique, node)) for unique in statement.search("unique")
        )

    def _unique_paths(self, statement: Statement, node: SchemaNode) -> tuple[tuple[str, ...], ...]:
        scope = self.scope(statement, node.namespace)
        return tuple(tuple(scope.clark(step) for step in path.split("/") if step) for path in statement.arg.split())

    def _leaf(self, node: SchemaNode, statement: Statement) -> None:
        node.mandatory = _says(statement, "mandatory")
        units = statement.search_one("units")
        node.units = units.arg if units else None
        self._value(node, statement)

    def _leaf_list(self, node: SchemaNode, statement: Statement) -> None:
        self._entries(node, statement)
        self._value(node, statement)

    def _any(self, node: SchemaNode, statement: Statement) -> None:
        node.mandatory = _says(statement, "mandatory")

    def _entries(self, node: SchemaNode, statement: Statement) -> None:
        """What lists and leaf-lists share."""
        low, high = statement.search_one("min-elements"), statement.search_one("max-elements")
        order = statement.search_one("ordered-by")
        node.min_elements = int(low.arg) if low else 0
        node.max_elements = int(high.arg) if high and high.arg != "unbounded" else None
        node.ordered_by_user = order is not None and order.arg == "user"

    def _value(self, node: SchemaNode, statement: Statement) -> None:
        """Type and default. Leafrefs and defaults are finished when the whole tree is there."""
        type_statement = statement.search_one("type")
        trees: list[tuple[Statement, Expr]] = []

        def bind_path(path: Statement) -> Expression:
            tree = self._bind(path, node)
            trees.append((path, tree))
            return expression(path.arg, tree)

        node.type = self._types.compile(type_statement, bind_path)
        for (path, tree), type_ in zip(trees, leafrefs(node.type), strict=True):
            self.bound.append(Bound("leafref", node, node, path.arg, tree, type_))
        origin, values = _default(statement, type_statement)
        if values and not node.mandatory and not node.min_elements:
            self.defaults.append((node, origin, values))


_ATTRIBUTES: dict[str, Callable[[NodeCompiler, SchemaNode, Statement], None]] = {
    "container": NodeCompiler._container,
    "list": NodeCompiler._list,
    "leaf": NodeCompiler._leaf,
    "leaf-list": NodeCompiler._leaf_list,
    "anydata": NodeCompiler._any,
    "anyxml": NodeCompiler._any,
}


def prefix_map(statement: Statement) -> dict[str, str]:
    """Namespace by prefix in the module (or submodule) whose text `statement` is part of."""
    module = statement.i_orig_module
    context = module.i_ctx
    found = {}
    for prefix, (name, revision) in module.i_prefixes.items():
        imported = context.get_module(name, revision) or context.get_module(name)
        if imported is not None:
            found[prefix] = namespace_of_module(imported)
    return found


def _whens(statement: Statement) -> list[Statement]:
    """The when statements that apply to `statement`: its own, and those of the uses and augment it came by."""
    augment = getattr(statement, "i_augment", None)
    return [*statement.search("when"), *(augment.search("when") if augment else [])]


def _context(when: Statement, node: SchemaNode, parent: SchemaNode) -> tuple[SchemaNode, bool]:
    """The context node of a when on a data node, and whether it is the parent (RFC 7950 section 7.21.5)."""
    inherited = getattr(when, "i_origin", None) == "uses" or when.parent.keyword in ("augment", "uses")
    return (parent, True) if inherited else (node, False)


def _key_position(parent: SchemaNode, child: SchemaNode) -> int:
    return parent.keys.index(child.qname) if child.qname in parent.keys else len(parent.keys)


def _rivals(child: SchemaNode) -> frozenset[str]:
    """The siblings that cannot exist beside `child`: the members of the other cases."""
    return frozenset(
        name for choice, own in child.case_path for case in choice.cases if case is not own for name in case.members
    )


def _says(statement: Statement, keyword: str) -> bool:
    found = statement.search_one(keyword)
    return found is not None and found.arg == "true"


def _default(statement: Statement, type_statement: Statement) -> tuple[Statement, tuple[str, ...]]:
    """The default values of a leaf or leaf-list, and the statement they stand in: its own or its typedef's."""
    for owner in (statement, *_typedefs(type_statement)):
        stated = owner.search("default")
        if stated:
            return stated[0], tuple(default.arg for default in stated)
    return statement, ()


def _typedefs(type_statement: Statement) -> Iterator[Statement]:
    while (typedef := getattr(type_statement, "i_typedef", None)) is not None:
        yield typedef
        type_statement = typedef.search_one("type")
