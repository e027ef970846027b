"""``esc_system_config``: VIM connectors as configuration, their secrets, and the connector of the settings."""

from __future__ import annotations

import re
from collections.abc import Mapping

from lxml import etree

from openesc.datastore.units import Unit, UnitId, UnitTree
from openesc.lifecycle.steps.day_zero import FileServer
from openesc.lifecycle.xmlread import each, first, required, text
from openesc.northbound.model import ESC, SECRET_KINDS

_SECRET = re.compile(r"password|secret|token", re.IGNORECASE)
MASK = "****"


def secret_free(unit: Unit) -> bool:
    """Whether everybody may see the unit as it is."""
    return unit.id.kind.name not in SECRET_KINDS


def masked(unit: Unit) -> Unit:
    """The unit with its secrets replaced."""
    root = etree.fromstring(unit.document)
    for entry in root.iter(f"{{{ESC}}}property"):
        if _SECRET.search(text(entry, "name") or ""):
            value = first(entry, "value")
            if value is not None:
                value.text = MASK
    for element in root.iter(f"{{{ESC}}}file_server_password"):
        element.text = MASK
    return Unit(unit.id, etree.tostring(root))


def file_servers(document: bytes) -> dict[str, FileServer]:
    """The file servers of the system unit, by id."""
    root = etree.fromstring(document)
    return {required(entry, "id"): _file_server(entry) for entry in each(root, "file_servers/file_server")}


def _file_server(entry: etree._Element) -> FileServer:
    user = text(entry, "file_server_user")
    login = (user, text(entry, "file_server_password") or "") if user else None
    return FileServer(required(entry, "base_url"), login)


def system_unit(tree: UnitTree, vim_id: str, auth: Mapping[str, str]) -> Unit:
    """The system configuration with the connector of the settings (direct NETCONF clients look up the cloud's
    address here).
    """
    root = etree.Element(f"{{{ESC}}}esc_system_config", nsmap={None: ESC})  # type: ignore[dict-item]
    connector = _sub(_sub(root, "vim_connectors"), "vim_connector")
    _sub(connector, "id").text = vim_id
    _sub(connector, "type").text = "OPENSTACK"
    words = {"os_auth_url": "auth_url", "os_project_name": "project_name", "os_password": "password"}
    words |= {"os_project_domain_name": "project_domain_name", "os_user_domain_name": "user_domain_name"}
    properties = _sub(connector, "properties")
    for name, word in words.items():
        if word in auth:
            entry = _sub(properties, "property")
            _sub(entry, "name").text = name
            _sub(entry, "value").text = auth[word]
    if "username" in auth:
        _sub(_sub(_sub(connector, "users"), "user"), "id").text = auth["username"]
    return Unit(UnitId(tree.kinds["system"], ()), etree.tostring(root))


def _sub(parent: etree._Element, name: str) -> etree._Element:
    return etree.SubElement(parent, f"{{{ESC}}}{name}")
