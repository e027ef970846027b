"""Input of rpcs and content of notifications: canonical copies, checked in full."""

from __future__ import annotations

from collections.abc import Sequence

from lxml import etree
from lxml.etree import _Element

from openesc.yang.edit import Editor
from openesc.yang.errors import YangError, YangErrors
from openesc.yang.schema import Schema, SchemaNode
from openesc.yang.validation import Run
from openesc.yang.xml import elements, make


def validate_rpc_input(schema: Schema, rpc_element: _Element, data: Sequence[_Element] = ()) -> _Element:
    """A canonical copy of the operation element of an rpc, with everything its input demands checked.

    `data`: top-level data elements that must, when and leafref of the input may read. Raises YangErrors;
    KeyError if the schema has no such rpc (`schema.rpcs` tells beforehand).
    """
    return _framed(schema, schema.rpcs[rpc_element.tag], rpc_element, data, "missing-element")


def validate_rpc_output(schema: Schema, rpc: str, reply: _Element, data: Sequence[_Element] = ()) -> None:
    """Check the output parameters in `reply`, the children of an element of any name.

    `rpc` is the Clark name of the operation. Raises YangErrors.
    """
    node = schema.rpcs[rpc].output
    if node is None:
        raise YangErrors([YangError("unknown-element", f"{rpc} has no output")])
    copied = etree.Element(node.qname)
    copied.extend(elements(reply))
    _framed(schema, node, copied, data, "missing-element")


def validate_notification(schema: Schema, element: _Element, data: Sequence[_Element] = ()) -> _Element:
    """A canonical copy of the content of a notification (without the notification element around it and
    its eventTime). Raises YangErrors; KeyError if the schema has no such notification."""
    return _framed(schema, schema.notifications[element.tag], element, data, "missing-element")


def _framed(
    schema: Schema, node: SchemaNode, element: _Element, data: Sequence[_Element], missing_tag: str
) -> _Element:
    editor = Editor(schema, state=True, operations=False)
    wrapper = etree.Element("data")
    copied = make(wrapper, node.qname)
    editor.merge(copied, node, elements(element), "merge")
    errors = editor.errors or Run(schema, missing_tag=missing_tag).framed(node, copied, data)
    if errors:
        raise YangErrors(errors)
    result = editor.result(wrapper)
    assert result is not None
    return result
