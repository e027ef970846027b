"""YANG for Python: compiled schemas, validation, the edit-config algebra, filters."""

from openesc.yang.bounds import Bound, filter_bounds
from openesc.yang.changes import changed_nodes
from openesc.yang.defaults import with_defaults
from openesc.yang.edit import apply_edit
from openesc.yang.errors import MalformedXml, SchemaError, TargetError, YangError, YangErrors
from openesc.yang.instance_path import instance_path
from openesc.yang.rpc import validate_notification, validate_rpc_input, validate_rpc_output
from openesc.yang.schema import Constraint, ModuleInfo, Schema, SchemaNode
from openesc.yang.select import xpath_filter
from openesc.yang.subtree import subtree_filter
from openesc.yang.validation import Tally, validate
from openesc.yang.xml import parse_xml

__all__ = [
    "Bound",
    "Constraint",
    "MalformedXml",
    "ModuleInfo",
    "Schema",
    "SchemaError",
    "SchemaNode",
    "Tally",
    "TargetError",
    "YangError",
    "YangErrors",
    "apply_edit",
    "changed_nodes",
    "filter_bounds",
    "instance_path",
    "parse_xml",
    "subtree_filter",
    "validate",
    "validate_notification",
    "validate_rpc_input",
    "validate_rpc_output",
    "with_defaults",
    "xpath_filter",
]
