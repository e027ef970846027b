"""ietf-yang-library: which modules the server has, in both generations (RFC 8525, RFC 7895)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lxml import etree
from lxml.etree import _Element

from openesc.netconf import names
from openesc.netconf.names import q
from openesc.yang import ModuleInfo

if TYPE_CHECKING:
    from openesc.netconf.session import Session

_SET = "all"


def leaf(parent: _Element, name: str, value: object) -> _Element:
    """A leaf below `parent`, in its namespace."""
    child = etree.SubElement(parent, q(etree.QName(parent).namespace or "", name))
    child.text = str(value)
    return child


def branch(parent: _Element, name: str) -> _Element:
    """A container or list entry below `parent`, in its namespace."""
    return etree.SubElement(parent, q(etree.QName(parent).namespace or "", name))


def top(namespace: str, name: str) -> _Element:
    """A top-level element whose namespace is the default one."""
    # the stubs know no default namespace
    return etree.Element(q(namespace, name), nsmap={None: namespace})  # type: ignore[dict-item]


def yang_library(session: Session) -> _Element:
    """The container yang-library of RFC 8525: one module set, one schema, the datastore running."""
    schema = session.core.schema
    root = top(names.LIBRARY, "yang-library")
    module_set = branch(root, "module-set")
    leaf(module_set, "name", _SET)
    for module in _sorted(session):
        _library_module(module_set, module)
    only_schema = branch(root, "schema")
    leaf(only_schema, "name", _SET)
    leaf(only_schema, "module-set", _SET)
    datastore = branch(root, "datastore")
    name = etree.SubElement(datastore, q(names.LIBRARY, "name"), nsmap={"ds": names.DATASTORES})
    name.text = "ds:running"
    leaf(datastore, "schema", _SET)
    leaf(root, "content-id", schema.content_id)
    return root


def _sorted(session: Session) -> list[ModuleInfo]:
    """Implemented modules first, for their lists come first in the module."""
    return sorted(
        session.core.schema.modules.values(), key=lambda module: (module.conformance == "import", module.name)
    )


def _library_module(parent: _Element, module: ModuleInfo) -> None:
    imported = module.conformance == "import"
    entry = branch(parent, "import-only-module" if imported else "module")
    leaf(entry, "name", module.name)
    if module.revision or imported:
        leaf(entry, "revision", module.revision or "")
    leaf(entry, "namespace", module.namespace)
    _submodules(entry, module, empty_revision=False)
    for feature in () if imported else module.features:
        leaf(entry, "feature", feature)


def _submodules(entry: _Element, module: ModuleInfo, *, empty_revision: bool) -> None:
    for submodule in module.submodules:
        child = branch(entry, "submodule")
        leaf(child, "name", submodule.name)
        if submodule.revision or empty_revision:
            leaf(child, "revision", submodule.revision or "")


def modules_state(session: Session) -> _Element:
    """The container modules-state of RFC 7895, for clients of that generation."""
    root = top(names.LIBRARY, "modules-state")
    leaf(root, "module-set-id", session.core.schema.content_id)
    for module in _sorted(session):
        entry = branch(root, "module")
        leaf(entry, "name", module.name)
        leaf(entry, "revision", module.revision or "")
        leaf(entry, "namespace", module.namespace)
        for feature in module.features:
            leaf(entry, "feature", feature)
        leaf(entry, "conformance-type", module.conformance)
        _submodules(entry, module, empty_revision=True)
    return root
