"""The edit algebra of RFC 6241 section 7.2 on canonical trees.

An edit is merged into a copy of the target; all structural errors are gathered on the way. The result is
canonical: schema order with keys first, canonical values, no empty non-presence containers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Literal

from lxml.etree import _Element

from openesc.yang.edit_attributes import INSERT, OPERATION, check_attributes, insert_point, operation_of
from openesc.yang.errors import TargetError, TypeViolation, YangError, YangErrors
from openesc.yang.fresh import FreshBuilder
from openesc.yang.instance_path import error_at
from openesc.yang.output import Output, Position, key_of
from openesc.yang.schema import Schema, SchemaNode
from openesc.yang.structure_errors import missing_keys, state_in_config, stray_text, unknown_element
from openesc.yang.validation_plan import Planner
from openesc.yang.xml import make, split

DefaultOperation = Literal["merge", "replace", "none"]

_REMOVING = frozenset({"delete", "remove"})
#: What a value makes no sense for: it stands in the way when there, and is not wanted when not.
_FRESH = "merge"


def apply_edit(
    schema: Schema,
    target: _Element | None,
    edit: _Element,
    *,
    default_operation: DefaultOperation = "merge",
) -> _Element | None:
    """The tree that results from `edit`, one top-level data element, on `target`, a canonical tree.

    Neither is changed. Returns None when nothing is left. Values, operations and structure are checked,
    constraints (must, mandatory and so on) are not: see `validate`.
    Raises YangErrors with all errors found.
    """
    wrapper = schema.tool(Planner).wrapped([] if target is None else [target])
    editor = Editor(schema)
    editor.merge(wrapper, schema.root, [edit], default_operation)
    editor.check()
    return editor.result(wrapper)


def detached(wrapper: _Element) -> _Element | None:
    """The only child of `wrapper`, copied: a removed one would still belong to the wrapper's document, and
    an absolute XPath on it would begin at the wrapper."""
    return deepcopy(wrapper[0]) if len(wrapper) else None


@dataclass(frozen=True, slots=True)
class Item:
    """One element of an edit with its node and the operation in effect."""

    element: _Element
    node: SchemaNode
    operation: str


class Editor:
    """Merges edits into trees. `state` allows config false nodes, `operations` the operation attribute."""

    def __init__(self, schema: Schema, *, state: bool = False, operations: bool = True) -> None:
        self._schema = schema
        self._state = state
        self._operations = operations
        self._output = Output()
        self._fresh = FreshBuilder(state=state)
        self.errors: list[YangError] = []
        self._apply: dict[str, Callable[[_Element, Item], None]] = {
            "container": self._container,
            "list": self._entry,
            "leaf": self._leaf,
            "leaf-list": self._leaf_list,
            "anydata": self._any,
            "anyxml": self._any,
        }

    def check(self) -> None:
        """Raise YangErrors if anything was wrong."""
        if self.errors:
            raise YangErrors(self.errors)

    def result(self, wrapper: _Element) -> _Element | None:
        """What `wrapper` holds, as a document of its own."""
        return self._output.rebound(wrapper, detached(wrapper))

    def merge(self, out: _Element, node: SchemaNode, elements: Sequence[_Element], operation: str) -> None:
        """Apply `elements`, children of an instance of `node`, to `out`. Removals go first, so that a
        key or a choice can be given to another node in the same edit."""
        items = [item for element in elements if (item := self._item(element, node, operation))]
        self._check_distinct(items)
        self._check_choices(items)
        for item in sorted(items, key=lambda item: item.operation not in _REMOVING):
            self._apply[item.node.kind](out, item)

    def _item(self, element: _Element, parent: SchemaNode, inherited: str) -> Item | None:
        if not isinstance(element.tag, str):
            return None
        node = parent.children.get(element.tag)
        if node is None:
            holder = element.getparent()
            above = element if holder is None or parent.kind == "root" else holder
            self.errors.append(unknown_element(self._schema, element, above, parent))
            return None
        if not (node.config or self._state):
            self.errors.append(state_in_config(element, node))
            return None
        self.errors += check_attributes(element, node, operations=self._operations)
        return Item(element, node, operation_of(element) or inherited)

    def _error(self, item: Item, tag: str, message: str, app_tag: str | None = None) -> None:
        info = {"bad-element": item.node.name}
        self.errors.append(error_at(item.element, item.node, tag, message, error_app_tag=app_tag, error_info=info))

    def _target_error(self, item: Item, tag: str, message: str) -> None:
        found = error_at(
            item.element, item.node, tag, message, kind=TargetError, error_info={"bad-element": item.node.name}
        )
        self.errors.append(found)

    def _check_distinct(self, items: Sequence[Item]) -> None:
        """An instance may be written once and removed once in one edit."""
        taken: set[tuple[object, ...]] = set()
        for item in items:
            identity = (item.node, item.operation in _REMOVING, self._identity(item))
            if identity in taken:
                self._error(item, "bad-element", f"{item.node.name} is given twice in one edit")
            taken.add(identity)

    def _identity(self, item: Item) -> object:
        if item.node.kind == "list":
            return key_of(item.element, item.node) or item
        if item.node.kind == "leaf-list":
            return self._output.canonical(item.element, item.node) or item
        return None

    def _check_choices(self, items: Sequence[Item]) -> None:
        written = {item.element.tag: item for item in items if item.operation not in _REMOVING | {"none"}}
        for item in written.values():
            for rival in item.node.rivals & written.keys():
                if written[rival].node.order < item.node.order:
                    choice = item.node.case_path[-1][0].name
                    message = f"{item.node.name} cannot stand beside {split(rival)[1]}: both are of choice {choice}"
                    self._error(item, "bad-element", message)

    def _exists_wrongly(self, item: Item, existing: _Element | None) -> bool:
        """Report what create, delete and none demand of the target (RFC 6241 section 7.2)."""
        if item.operation == "create" and existing is not None:
            self._target_error(item, "data-exists", f"create: {item.node.name} exists already")
            return True
        if item.operation == "delete" and existing is None:
            self._target_error(item, "data-missing", f"delete: there is no such {item.node.name}")
            return True
        virtual = item.node.kind == "container" and not item.node.presence
        if item.operation == "none" and existing is None and not virtual:
            self._target_error(item, "data-missing", f"there is no such {item.node.name}, and the operation is none")
            return True
        return False

    def _removed(self, out: _Element, item: Item, existing: _Element | None) -> bool:
        """Do what delete and remove ask for."""
        if item.operation not in _REMOVING:
            return False
        if existing is not None:
            self._output.remove(out, item.node, existing)
        return True

    def _container(self, out: _Element, item: Item) -> None:
        existing = out.find(item.node.qname)
        wrong = self._exists_wrongly(item, existing)
        if self._removed(out, item, existing):
            return
        inner, inherited = self._opened(out, item, None if wrong else existing, scratch=wrong)
        if existing is None and not wrong and self._built(inner, item):
            return
        self._descend(inner, item, inherited)
        if not item.node.presence and not len(inner) and not wrong:
            self._output.remove(out, item.node, inner)

    def _entry(self, out: _Element, item: Item) -> None:
        key = self._key(item)
        existing = None if key is None else self._output.entry(out, item.node, key)
        wrong = key is None or self._exists_wrongly(item, existing)
        if self._removed(out, item, existing):
            return
        position = None if wrong else self._position(out, item)
        inner, inherited = self._opened(out, item, None if wrong else existing, position, scratch=wrong)
        if existing is None and key is not None and not wrong and self._built(inner, item):
            self._output.note_entry(out, item.node, key, inner)
            return
        if not len(inner):
            for name in item.node.keys:
                found = item.element.find(name)
                if found is not None:
                    self._output.value(inner, found, item.node.children[name])
            if key is not None and not wrong:
                self._output.note_entry(out, item.node, key, inner)
        self._descend(inner, item, inherited)

    def _built(self, created: _Element, item: Item) -> bool:
        """Whether a new subtree could be copied as a whole."""
        if item.operation == "none" or not self._fresh.build(item.element, item.node, created):
            return False
        return item.node.kind == "list" or item.node.presence or len(created) > 0

    def _key(self, item: Item) -> tuple[str, ...] | None:
        """The canonical key of a list entry; None, with an error, when it is not complete and right."""
        missing = missing_keys(item.element, item.node)
        self.errors += missing
        values = []
        for name in item.node.keys:
            found = item.element.find(name)
            value = None if found is None else self._checked(Item(found, item.node.children[name], ""))
            values.append(value)
        complete = tuple(value for value in values if value is not None)
        return complete if len(complete) == len(values) else None

    def _opened(
        self,
        out: _Element,
        item: Item,
        existing: _Element | None,
        position: Position | None = None,
        *,
        scratch: bool,
    ) -> tuple[_Element, str]:
        """The element to merge the children into, and the operation they inherit. After an error the
        children are still looked at, on a scratch element: their errors are told in the same pass."""
        if scratch:
            return make(None, item.node.qname), _FRESH
        if existing is None:
            created = self._output.create(out, item.node, position)
            return created, item.operation if item.operation == "none" else _FRESH
        if position is not None:
            self._output.move(out, item.node, existing, position)
        if item.operation == "replace":
            self._output.empty(existing)
            return existing, _FRESH
        return existing, item.operation

    def _descend(self, inner: _Element, item: Item, inherited: str) -> None:
        text = stray_text(item.element)
        if text:
            message = f"text {text[:40]!r} directly inside {item.node.name}, where only elements are allowed"
            self._error(item, "bad-element", message)
        keys = item.node.keys
        elements = [child for child in item.element if child.tag not in keys]
        if len(elements) + len(keys) != len(item.element):
            self._repeated_keys(item)
        for child in item.element if keys else ():
            self._key_attributes(child, item)
        self.merge(inner, item.node, elements, inherited)

    def _repeated_keys(self, item: Item) -> None:
        for name in item.node.keys:
            if len(item.element.findall(name)) > 1:
                self._error(item, "bad-element", f"the key {split(name)[1]} is given twice")

    def _key_attributes(self, child: _Element, item: Item) -> None:
        if child.tag not in item.node.keys:
            return
        node = item.node.children[child.tag]
        self.errors += check_attributes(child, node, operations=self._operations)
        if operation_of(child) in _REMOVING:
            message = f"the key {node.name} cannot be removed alone: remove the {item.node.name}"
            info = {"bad-attribute": "operation", "bad-element": node.name}
            self.errors.append(error_at(child, node, "bad-attribute", message, error_info=info))

    def _leaf(self, out: _Element, item: Item) -> None:
        existing = out.find(item.node.qname)
        wrong = self._exists_wrongly(item, existing)
        if self._removed(out, item, existing):
            return
        value = self._checked(item)
        if not wrong and value is not None and item.operation != "none":
            self._output.value(out, item.element, item.node, existing)

    def _leaf_list(self, out: _Element, item: Item) -> None:
        value = self._checked(item)
        if value is None:
            return
        existing = self._output.entry(out, item.node, (value,))
        wrong = self._exists_wrongly(item, existing)
        if self._removed(out, item, existing) or wrong or item.operation == "none":
            return
        position = self._position(out, item)
        if existing is None:
            created = self._output.value(out, item.element, item.node, None, position)
            assert created is not None  # the value has just been checked
            self._output.note_entry(out, item.node, (value,), created)
        elif position is not None:
            self._output.move(out, item.node, existing, position)

    def _any(self, out: _Element, item: Item) -> None:
        existing = out.find(item.node.qname)
        wrong = self._exists_wrongly(item, existing)
        if self._removed(out, item, existing) or wrong or item.operation == "none":
            return
        if existing is not None:
            self._output.remove(out, item.node, existing)
        copied = deepcopy(item.element)
        copied.tail = None
        if OPERATION in copied.attrib:
            del copied.attrib[OPERATION]
        self._output.insert(out, item.node, copied)

    def _checked(self, item: Item) -> str | None:
        """The canonical value of a leaf; None, with an error, when there is none."""
        if len(item.element):
            inner = split(str(item.element[0].tag))[1]
            self._error(item, "bad-element", f"{item.node.name} holds a value, not the element {inner}")
            return None
        assert item.node.type is not None
        try:
            return item.node.type.canonical(item.element.text or "", item.element)
        except TypeViolation as violation:
            self._error(item, "invalid-value", violation.message, violation.app_tag)
            return None

    def _position(self, out: _Element, item: Item) -> Position | None:
        """Where YANG's insert attribute wants an entry (RFC 7950 sections 7.7.9 and 7.8.6)."""
        if not item.node.ordered_by_user or INSERT not in item.element.attrib:
            return None
        where, key = insert_point(item.element, item.node)
        if key is None:
            return Position(where)
        anchor = self._output.entry(out, item.node, key)
        if anchor is None:
            message = f"insert {where}: the {item.node.name} it names does not exist"
            info = {"bad-attribute": "value" if item.node.is_leafy else "key", "bad-element": item.node.name}
            self.errors.append(
                error_at(
                    item.element,
                    item.node,
                    "bad-attribute",
                    message,
                    error_app_tag="missing-instance",
                    error_info=info,
                )
            )
            return None
        return Position(where, anchor)
