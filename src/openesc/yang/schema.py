"""The compiled schema: light, immutable nodes that outlive the compiler's statements."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeVar

from openesc.yang.expressions import Expression
from openesc.yang.types import Type

T = TypeVar("T")

Kind = Literal[
    "root",
    "container",
    "list",
    "leaf",
    "leaf-list",
    "anydata",
    "anyxml",
    "rpc",
    "action",
    "input",
    "output",
    "notification",
]


@dataclass(frozen=True, slots=True)
class ModuleInfo:
    """One module as hello, yang-library and get-schema speak of it. `conformance` is implement or import."""

    name: str
    revision: str | None
    namespace: str
    prefix: str
    submodules: tuple[SubmoduleInfo, ...]
    features: tuple[str, ...]
    path: Path
    conformance: str = "implement"


@dataclass(frozen=True, slots=True)
class SubmoduleInfo:
    name: str
    revision: str | None
    path: Path


@dataclass(frozen=True, slots=True)
class Must:
    expression: Expression
    message: str | None = None
    app_tag: str | None = None


@dataclass(frozen=True, slots=True)
class When:
    """`on_parent`: the context is the parent data node (when of augment, uses, choice or case)."""

    expression: Expression
    on_parent: bool = False


@dataclass(frozen=True, slots=True)
class Unique:
    """`paths`: for each leaf the Clark names of the steps from the list entry down to it."""

    source: str
    paths: tuple[tuple[str, ...], ...]


@dataclass(slots=True, eq=False)
class Case:
    """`members` are the data nodes of the case, those of nested choices included."""

    name: str
    members: frozenset[str]
    choices: tuple[Choice, ...]


@dataclass(slots=True, eq=False)
class Choice:
    name: str
    mandatory: bool
    default_case: str | None
    cases: tuple[Case, ...]
    whens: tuple[When, ...] = ()
    config: bool = True


@dataclass(slots=True, eq=False, repr=False)
class SchemaNode:
    """A data node, or the frame of an rpc, action or notification.

    Choices and cases do not appear in `children`: they are kept in `choices` of their data node, and
    `case_path` of a child names the branches it lies on. Names are Clark names (``{namespace}local``).
    An rpc's children are those of its input; `output` holds the other half.
    """

    qname: str
    name: str
    namespace: str
    prefix: str
    module: str
    kind: Kind
    config: bool = True
    parent: SchemaNode | None = None
    path: str = ""
    order: int = 0
    children: dict[str, SchemaNode] = field(default_factory=dict)
    choices: tuple[Choice, ...] = ()
    case_path: tuple[tuple[Choice, Case], ...] = ()
    rivals: frozenset[str] = frozenset()
    keys: tuple[str, ...] = ()
    ordered_by_user: bool = False
    defaults: tuple[str, ...] = ()
    mandatory: bool = False
    presence: bool = False
    min_elements: int = 0
    max_elements: int | None = None
    type: Type | None = None
    units: str | None = None
    musts: tuple[Must, ...] = ()
    whens: tuple[When, ...] = ()
    uniques: tuple[Unique, ...] = ()
    output: SchemaNode | None = None
    actions: dict[str, SchemaNode] = field(default_factory=dict)
    notifications: dict[str, SchemaNode] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"SchemaNode({self.path or '/'})"

    @property
    def default(self) -> str | None:
        """The default value of a leaf, canonical; None if there is none in use."""
        return self.defaults[0] if self.defaults else None

    @property
    def is_leafy(self) -> bool:
        """Whether instances hold a value of a type."""
        return self.kind in ("leaf", "leaf-list")

    @property
    def is_key(self) -> bool:
        """Whether this leaf is a key of its list."""
        return self.parent is not None and self.qname in self.parent.keys

    def ancestors(self) -> Iterator[SchemaNode]:
        """The nodes above, nearest first, the root last."""
        node = self.parent
        while node is not None:
            yield node
            node = node.parent

    def descendants(self) -> Iterator[SchemaNode]:
        """This node and all data nodes below it, in schema order."""
        yield self
        for child in self.children.values():
            yield from child.descendants()


@dataclass(slots=True, eq=False)
class Constraint:
    """A must, when, leafref or unique with what it depends on.

    `reads`: the schema nodes whose instances can change the verdict; None when that cannot be told.
    `climbs`: the ancestors of the context from which the expression goes down again to other nodes
    than their keys. `reaches`: what it reads that way or below its context.
    """

    kind: Literal["must", "when", "leafref", "unique"]
    node: SchemaNode
    expression: str
    reads: frozenset[SchemaNode] | None
    climbs: frozenset[SchemaNode] = frozenset()
    reaches: frozenset[SchemaNode] = frozenset()

    def affected_by(self, touched: frozenset[SchemaNode]) -> bool:
        """Whether a change of instances of `touched` can change the verdict."""
        return self.reads is None or not self.reads.isdisjoint(touched)


class Schema:
    """A set of YANG modules, compiled. Make one with `Schema.load`; it never changes."""

    def __init__(
        self,
        *,
        modules: Mapping[str, ModuleInfo],
        root: SchemaNode,
        rpcs: Mapping[str, SchemaNode],
        notifications: Mapping[str, SchemaNode],
        prefixes: Mapping[str, str],
        identities: Mapping[str, frozenset[str]],
        constraints: Sequence[Constraint],
        content_id: str,
    ) -> None:
        self.modules = modules
        self.root = root
        self.rpcs = rpcs
        self.notifications = notifications
        self.prefixes = prefixes
        self.identities = identities
        self.constraints = constraints
        self.content_id = content_id

    @staticmethod
    def load(
        search: Sequence[Path],
        modules: Sequence[str],
        cache_dir: Path | None = None,
        *,
        features: Mapping[str, Sequence[str]] | None = None,
    ) -> Schema:
        """Compile `modules` and what they import, looking for files in the directories of `search`.

        `cache_dir` keeps the compiled form, keyed by the content of all module files found in `search`;
        it must be writable by nobody else, since what lies there is unpickled. `features` names the
        features supported of a module; modules not named support all of theirs.
        Raises SchemaError with all errors of the modules.
        """
        from openesc.yang.cache import load  # the compiler is needed only when the cache misses

        return load(search, modules, cache_dir, features)

    def __getstate__(self) -> dict[str, Any]:
        """Without what is derived: it is cheaper to make again than to read."""
        kept = ("modules", "root", "rpcs", "notifications", "prefixes", "identities", "constraints")
        return {name: self.__dict__[name] for name in (*kept, "content_id")}

    def tool(self, make: Callable[[Schema], T]) -> T:
        """What `make` derives from this schema (a planner, an evaluator), made once and kept."""
        tools: dict[object, Any] = self.__dict__.setdefault("_tools", {})
        if make not in tools:
            tools[make] = make(self)
        found: T = tools[make]
        return found

    @cached_property
    def namespaces(self) -> dict[str, str]:
        """Namespace by prefix, unique over all modules."""
        return {prefix: namespace for namespace, prefix in self.prefixes.items()}

    @cached_property
    def module_namespaces(self) -> dict[str, str]:
        """Namespace by module name."""
        return {module.name: module.namespace for module in self.modules.values()}

    def data_node(self, qname: str) -> SchemaNode:
        """The top-level data node of that Clark name. Raises KeyError."""
        return self.root.children[qname]

    def top(self, qname: str) -> SchemaNode | None:
        """The node of a document's top element: data, notification or rpc; None if there is none."""
        return self.root.children.get(qname) or self.notifications.get(qname) or self.rpcs.get(qname)

    def find(self, path: str) -> SchemaNode:
        """The node at a schema path such as ``/esc:esc_datamodel/tenants/tenant``.

        A prefix (or module name) may be left out where the namespace is that of the step before.
        Also finds the children of rpcs and notifications. Raises KeyError naming the step.
        """
        namespace = ""
        children: Mapping[str, SchemaNode] = {**self.notifications, **self.rpcs, **self.root.children}
        node = self.root
        for step in path.strip("/").split("/"):
            prefix, colon, name = step.rpartition(":")
            if colon:
                namespace = self.namespaces.get(prefix) or self.module_namespaces.get(prefix, "")
            if f"{{{namespace}}}{name}" not in children:
                raise KeyError(f"{path}: no schema node {step!r}")
            node = children[f"{{{namespace}}}{name}"]
            children = node.children
        return node

    @cached_property
    def _constraints_by_node(self) -> dict[SchemaNode, tuple[Constraint, ...]]:
        index: dict[SchemaNode, list[Constraint]] = {}
        for constraint in self.constraints:
            for node in constraint.reads or ():
                index.setdefault(node, []).append(constraint)
        return {node: tuple(found) for node, found in index.items()}

    @cached_property
    def unbounded_constraints(self) -> tuple[Constraint, ...]:
        """The constraints whose read set cannot be told: any change may affect them."""
        return tuple(constraint for constraint in self.constraints if constraint.reads is None)

    def constraints_reading(self, node: SchemaNode) -> tuple[Constraint, ...]:
        """The constraints whose verdict may change with instances of `node`, unbounded ones included."""
        return self._constraints_by_node.get(node, ()) + self.unbounded_constraints

    def crossing_constraints(self, unit_paths: Sequence[str]) -> list[Constraint]:
        """The constraints that look outside the unit that holds their context node.

        A unit is one instance of the node at a path of `unit_paths`, without nested units; what lies in no
        unit counts as one more. The keys of the ancestors belong to every unit: reading them crosses nothing.
        """
        from openesc.yang.constraints import crosses  # avoids a cycle: constraints needs SchemaNode

        units = frozenset(self.find(path) for path in unit_paths)
        return [constraint for constraint in self.constraints if crosses(constraint, units)]
