"""The with-defaults modes of RFC 6243."""

from __future__ import annotations

from copy import deepcopy
from typing import Literal

from lxml import etree
from lxml.etree import _Element

from openesc.yang.edit import detached
from openesc.yang.schema import Schema, SchemaNode
from openesc.yang.validation import Run
from openesc.yang.validation_plan import Planner

WITH_DEFAULTS_NS = "urn:ietf:params:xml:ns:netconf:default:1.0"

etree.register_namespace("wd", WITH_DEFAULTS_NS)

Mode = Literal["report-all", "report-all-tagged", "trim", "explicit"]


class EveryDefault(Planner):
    """Plans that put in every default, not only those that constraints read."""

    fills_everything = True


def with_defaults(schema: Schema, tree: _Element, mode: Mode) -> _Element | None:
    """A copy of a canonical top-level tree in one of the modes of RFC 6243 section 3; None when nothing is
    left of it.

    explicit: as it was set. trim: without leaves that have their default value. report-all: with all defaults
    in use, state included where the tree holds what is around it. report-all-tagged: the same, with the attribute
    default="true" on what has its default value, set or not. Leaf-lists are trimmed and tagged only
    when they are not set.
    """
    if mode == "explicit":
        return deepcopy(tree)
    if mode == "trim":
        trimmed = deepcopy(tree)
        _trim(trimmed, schema.root.children[tree.tag])
        return trimmed
    run = Run(schema, content="all", planner=EveryDefault)
    wrapper = run.filled([tree])
    if mode == "report-all-tagged":
        _tag(wrapper, schema.root, {element for element in run.defaults if not len(element)})
    _arrange(wrapper, schema.root)
    return detached(wrapper)


def _trim(element: _Element, node: SchemaNode) -> None:
    for child in list(element):
        below = node.children.get(child.tag)
        if below is None or below.is_key:
            continue
        if below.children:
            _trim(child, below)
        empty = below.kind == "container" and not below.presence and not len(child)
        if empty or _has_default(child, below):
            element.remove(child)


def _has_default(element: _Element, node: SchemaNode) -> bool:
    return node.kind == "leaf" and node.default is not None and (element.text or "") == node.default


def _tag(element: _Element, node: SchemaNode, added: set[_Element]) -> None:
    for child in element:
        below = node.children.get(child.tag)
        if below is None:
            continue
        if _has_default(child, below) or (child in added and below.is_leafy):
            child.set(f"{{{WITH_DEFAULTS_NS}}}default", "true")
        _tag(child, below, added)


def _arrange(element: _Element, node: SchemaNode) -> None:
    """Schema order, and no empty non-presence containers."""
    order = {name: child.order for name, child in node.children.items()}
    for child in list(element):
        below = node.children.get(child.tag)
        if below is not None and below.children:
            _arrange(child, below)
            if below.kind == "container" and not below.presence and not len(child):
                element.remove(child)
    places = [order.get(child.tag, 0) for child in element]
    if places != sorted(places):
        element[:] = sorted(element, key=lambda child: order.get(child.tag, 0))
