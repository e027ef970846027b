"""Parameters of the base operations, read and checked (RFC 6241 section 7)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Literal, TypeVar

from lxml.etree import _Element

from openesc.netconf import errors, names
from openesc.netconf.backend import EditRequest, Filter
from openesc.netconf.capabilities import offers
from openesc.netconf.core import Core
from openesc.netconf.errors import RpcError
from openesc.netconf.messages import children, text_of
from openesc.netconf.names import split

DATASTORES = ("running",)
"""What this server has; candidate and startup are refused by the name of the capability they need."""

_DefaultOperation = Literal["merge", "replace", "none"]
_TestOption = Literal["test-then-set", "set", "test-only"]
_ErrorOption = Literal["stop-on-error", "continue-on-error", "rollback-on-error"]
_Value = TypeVar("_Value", bound=str)

_CAPABILITY_OF = {"candidate": ":candidate", "startup": ":startup", "url": ":url"}
_DEFAULT_OPERATIONS: tuple[_DefaultOperation, ...] = ("merge", "replace", "none")
_TEST_OPTIONS: tuple[_TestOption, ...] = ("test-then-set", "set", "test-only")
_ERROR_OPTIONS: tuple[_ErrorOption, ...] = ("stop-on-error", "continue-on-error", "rollback-on-error")


def parameters(operation: _Element, allowed: Collection[str], namespace: str = names.BASE) -> dict[str, _Element]:
    """The children of `operation` by local name. Raises RpcError for one that is unknown or given twice."""
    found: dict[str, _Element] = {}
    operation_name = split(str(operation.tag))[1]
    for child in children(operation):
        child_namespace, name = split(str(child.tag))
        if child_namespace != namespace:
            raise _foreign(operation_name, name, child_namespace, namespace)
        if name not in allowed:
            known = ", ".join(allowed) or "no parameters"
            raise errors.unknown_element(name, f"{operation_name} has no parameter {name}; it takes {known}")
        if name in found:
            raise errors.bad_element(name, f"{operation_name} has {name} twice")
        found[name] = child
    return found


def _foreign(operation: str, name: str, namespace: str, expected: str) -> RpcError:
    message = f'{name} in {operation} must be in the namespace {expected}; it is in "{namespace}"'
    return RpcError("unknown-namespace", message, error_info={"bad-element": name, "bad-namespace": namespace})


def datastore(given: Mapping[str, _Element], parameter: str) -> str:
    """The name of the datastore in `<source>` or `<target>`. Raises RpcError."""
    if parameter not in given:
        hint = "; found source instead" if parameter == "target" and "source" in given else ""
        raise errors.missing_element(parameter, f"missing {parameter}, which names the datastore{hint}")
    named = children(given[parameter])
    if len(named) != 1:
        message = f"{parameter} must hold one datastore, such as <running/>; it holds {len(named)}"
        raise (errors.missing_element("running", message) if not named else errors.bad_element(parameter, message))
    return _known_datastore(named[0])


def _known_datastore(element: _Element) -> str:
    namespace, name = split(str(element.tag))
    if namespace != names.BASE:
        raise _foreign("the datastore's name", name, namespace, names.BASE)
    if name in DATASTORES:
        return name
    if name in _CAPABILITY_OF:
        message = f"{name} needs the capability {_CAPABILITY_OF[name]}, which this server does not have"
        raise RpcError("operation-not-supported", message, error_info={"bad-element": name})
    raise errors.unknown_element(name, f"{name} is no datastore; this server has {', '.join(DATASTORES)}")


def filter_of(element: _Element | None) -> Filter | None:
    """A `<filter>` as the backend takes it (RFC 6241 sections 6 and 8.9). Raises RpcError."""
    if element is None:
        return None
    kind = _base_attribute(element, "type", "subtree")
    if kind == "subtree":
        return Filter("subtree", element)
    if kind != "xpath":
        raise errors.bad_attribute("type", "filter", f'a filter is of type subtree or xpath, not "{kind}"')
    select = _base_attribute(element, "select", "").strip()
    if not select:
        message = "a filter of type xpath needs a select attribute with the expression"
        raise errors.missing_attribute("select", "filter", message)
    return Filter("xpath", element, select, dict(element.nsmap))


def _base_attribute(element: _Element, name: str, default: str) -> str:
    """An attribute as RFC 6241 writes it; some clients qualify it with the base namespace."""
    value = element.get(name)
    return value if value is not None else element.get(names.base(name), default)


def edit_request(core: Core, operation: _Element) -> EditRequest:
    """The parameters of an edit-config. Raises RpcError."""
    allowed = ("target", "default-operation", "test-option", "error-option", "config", "url", "source")
    given = parameters(operation, allowed)
    target = datastore(given, "target")
    if "source" in given:
        raise errors.unknown_element("source", "edit-config has no source")
    return EditRequest(
        target=target,
        config=_config(given),
        default_operation=_choice(given, "default-operation", _DEFAULT_OPERATIONS),
        test_option=_test_option(core, given),
        error_option=_choice(given, "error-option", _ERROR_OPTIONS),
    )


def _config(given: Mapping[str, _Element]) -> _Element:
    if "url" in given:
        message = "url needs the capability :url, which this server does not have; send the data in config"
        raise RpcError("operation-not-supported", message, error_info={"bad-element": "url"})
    if "config" not in given:
        raise errors.missing_element("config", "edit-config needs config with the data to edit")
    config = given["config"]
    if (config.text or "").strip():
        raise errors.bad_element("config", "config holds text outside of any element")
    return config


def _test_option(core: Core, given: Mapping[str, _Element]) -> _TestOption:
    option = _choice(given, "test-option", _TEST_OPTIONS)
    if option == "test-only" and not offers(core, "validate:1.1"):
        message = "test-only needs the capability :validate:1.1, which this server does not have"
        raise RpcError("operation-not-supported", message, error_info={"bad-element": "test-option"})
    return option


def _choice(given: Mapping[str, _Element], name: str, values: tuple[_Value, ...]) -> _Value:
    """One of `values`; the first when the parameter is absent. Raises RpcError."""
    if name not in given:
        return values[0]
    value = text_of(given[name])
    for allowed in values:
        if allowed == value:
            return allowed
    message = f'{name} is one of {", ".join(values)}, not "{value}"'
    raise RpcError("invalid-value", message, error_info={"bad-element": name})
