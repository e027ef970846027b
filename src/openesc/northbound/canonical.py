"""Misprints that ESC's own documents and clients carry, made canonical before YANG sees them.

Each fix is a function of one element in a table keyed by the element's name. A fix acts only where the meaning is
beyond doubt; what could be a real mistake is left for validation to refuse. ``docs/compatibility.md`` lists every
fix with an example.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Mapping

from lxml import etree

ESC = "http://www.cisco.com/esc/esc"
BASE = "urn:ietf:params:xml:ns:netconf:base:1.0"

ACTIONS = frozenset({"serviceAction", "vmAction", "recoveryVmAction", "vmMigrate", "vmBackupAction", "snapshotAction"})
"""The operations of ESC, by element name."""

_TOP = frozenset({"esc_datamodel", "esc_system_config"})
_OPERATION = f"{{{BASE}}}operation"
_OPERATIONS = frozenset({"merge", "replace", "create", "delete", "remove"})
_QUOTES = frozenset({'""', "''", "\u201c\u201d", "\u2018\u2019"})
_MISSPELT = re.compile(r"^\{(?!urn:ietf:)(?i:urn:ietf:)")
_KNOWN_ACTIONS = frozenset({"log", "recover autohealing", "servicebooted.sh", "esc_vm_alive_notification"})

Fix = Callable[[etree._Element], None]


def canonical_config(root: etree._Element) -> etree._Element:
    """A copy of `root` (a ``config`` element, or one of its children) with tolerated misprints made canonical.

    `root` itself is not changed. Nothing is validated: what is not a known misprint comes out as it went in.
    """
    result = copy.deepcopy(root)
    _repair_namespaces(result)
    for element in list(_elements(result)):
        _qualify_operation(element)
        _apply(_CONFIG_FIXES, element)
    return result


def canonical_rpc(operation: etree._Element) -> etree._Element:
    """A copy of the child of ``rpc`` with tolerated misprints made canonical.

    Takes the actions of ESC (blanks around values, ``-`` for the obsolete service keys, the case of the action) and
    ``edit-config`` (``source`` in place of ``target``). The ``config`` of an edit-config is left alone: see
    `canonical_config`.
    """
    result = copy.deepcopy(operation)
    tidy_operation(result)
    if etree.QName(result).localname in ACTIONS:
        _canonical_action(result)
    return result


def tidy_operation(operation: etree._Element) -> None:
    """Make canonical, in place, what a NETCONF server must see to find its way: the namespace of an ESC action, the
    ``target`` of an edit-config. Whatever else there is, a big ``config`` above all, is not looked at.
    """
    name = etree.QName(operation).localname
    if name in ACTIONS:
        _repair_namespaces(operation)
    elif name == "edit-config":
        _source_for_target(operation)


def misplaced_action(config: etree._Element) -> str | None:
    """How to send the ESC action that stands in `config` as if it were configuration, or None when there is none there.

    The manuals of ESC 1.0 to 2.3 print actions inside edit-config, although the YANG declares them as operations.
    """
    for element in _children_of_children(config):
        name = etree.QName(element).localname
        if name in ACTIONS:
            return (
                f'{name} is an operation, not configuration: send <{name} xmlns="{ESC}"> as the child of <rpc>, '
                "without edit-config and config around it"
            )
    return None


def _elements(root: etree._Element) -> Iterator[etree._Element]:
    return (node for node in root.iter(etree.Element))


def _children_of_children(config: etree._Element) -> Iterator[etree._Element]:
    for child in config.iterchildren(etree.Element):
        yield child
        yield from child.iterchildren(etree.Element)


def _apply(fixes: Mapping[str, Fix], element: etree._Element) -> None:
    fix = fixes.get(str(element.tag))
    if fix is not None:
        fix(element)


# Namespaces


def _repair_namespaces(root: etree._Element) -> None:
    """``urn:iETF:`` becomes ``urn:ietf:``; an ESC tree without a namespace of its own gets ESC's."""
    for element in list(_elements(root)):
        if _MISSPELT.match(str(element.tag)):
            element.tag = _MISSPELT.sub("{urn:ietf:", str(element.tag))
        for attribute in [str(name) for name in element.attrib if _MISSPELT.match(str(name))]:
            element.set(_MISSPELT.sub("{urn:ietf:", attribute), element.attrib.pop(attribute))
    for top in _candidates(root):
        _adopt(top)


def _candidates(root: etree._Element) -> list[etree._Element]:
    """What is an ESC tree by name but stands in no namespace, or in the one of the message around it."""
    places = [root, *root.iterchildren(etree.Element)]
    names = _TOP | ACTIONS
    return [
        place
        for place in places
        if etree.QName(place).localname in names and etree.QName(place).namespace in (None, "", BASE)
    ]


def _adopt(top: etree._Element) -> None:
    foreign = etree.QName(top).namespace
    for element in list(_elements(top)):
        name = etree.QName(element)
        if name.namespace == foreign:
            element.tag = f"{{{ESC}}}{name.localname}"


def _qualify_operation(element: etree._Element) -> None:
    value = element.get("operation")
    if value in _OPERATIONS and _OPERATION not in element.attrib:
        del element.attrib["operation"]
        element.set(_OPERATION, value)


# Configuration


def _under(element: etree._Element, parent: str) -> bool:
    above = element.getparent()
    return above is not None and above.tag == f"{{{ESC}}}{parent}"


def _continuous_alarm(element: etree._Element) -> None:
    value = (element.text or "").strip().lstrip(">").strip()
    if value in ("true", "false"):
        element.text = value


def _unquoted(text: str) -> str:
    text = text.strip()
    return text[1:-1].strip() if len(text) > 1 and text[0] + text[-1] in _QUOTES else text


def _rule_action(element: etree._Element) -> None:
    if not _under(element, "rule"):
        return
    condition, _, action = " ".join(_unquoted(element.text or "").split()).partition(" ")
    if action.lower() in _KNOWN_ACTIONS:
        action = action.lower()
    element.text = f"{condition.upper()} {action}".strip()


def _type(element: etree._Element) -> None:
    """``type`` means something else under each parent."""
    text = (element.text or "").strip()
    if _under(element, "metric_collector"):
        if text.lower() == "icmpping":
            element.text = "ICMPPing"
    elif _under(element, "placement") or _under(element, "placement_group"):
        element.text = text.lower()
    elif _under(element, "action"):
        element.text = text.upper().replace("-", "_")


def _enforcement(element: etree._Element) -> None:
    element.text = (element.text or "").strip().lower()


def _action_on_recovery(element: etree._Element) -> None:
    if (element.text or "").strip() == "REBOOT_THEN_REDPLOY":
        element.text = "REBOOT_THEN_REDEPLOY"


def _volname(element: etree._Element) -> None:
    volume = element.getparent()
    if volume is None or not _under(element, "volume"):
        return
    name = volume.find(f"{{{ESC}}}name")
    if name is None:
        element.tag = f"{{{ESC}}}name"
    elif (name.text or "").strip() == (element.text or "").strip():
        volume.remove(element)


def _merge_interfaces(group: etree._Element) -> None:
    """Several ``interfaces`` become one, unless an attribute (an operation) tells them apart."""
    containers = group.findall(f"{{{ESC}}}interfaces")
    if len({frozenset(container.attrib.items()) for container in containers}) != 1:
        return
    for container in containers[1:]:
        containers[0].extend(list(container))
        group.remove(container)


_CONFIG_FIXES: Mapping[str, Fix] = {
    f"{{{ESC}}}{name}": fix
    for name, fix in {
        "continuous_alarm": _continuous_alarm,
        "action": _rule_action,
        "type": _type,
        "enforcement": _enforcement,
        "action_on_recovery": _action_on_recovery,
        "volname": _volname,
        "vm_group": _merge_interfaces,
    }.items()
}


# Operations


def _canonical_action(action: etree._Element) -> None:
    for child in list(action.iterchildren(etree.Element)):
        if len(child) == 0:
            child.text = (child.text or "").strip()
        _apply(_ACTION_FIXES, child)


def _upper(element: etree._Element) -> None:
    element.text = (element.text or "").upper()


def _lower(element: etree._Element) -> None:
    element.text = (element.text or "").lower()


def _drop_placeholder(element: etree._Element) -> None:
    parent = element.getparent()
    if parent is not None and element.text in ("-", ""):
        parent.remove(element)


_ACTION_FIXES: Mapping[str, Fix] = {
    f"{{{ESC}}}{name}": fix
    for name, fix in {
        "actionType": _upper,
        "migrationType": _lower,
        "force": _lower,
        "blockMigration": _lower,
        "serviceName": _drop_placeholder,
        "serviceVersion": _drop_placeholder,
    }.items()
}


def _source_for_target(edit: etree._Element) -> None:
    """The manuals print ``source`` in edit-config, where only ``target`` has a meaning."""
    children = {etree.QName(child).localname: child for child in edit.iterchildren(etree.Element)}
    if "source" in children and "target" not in children:
        source = children["source"]
        source.tag = str(source.tag).replace("source", "target")
