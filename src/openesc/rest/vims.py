"""VIM connectors: entries of ``esc_system_config``. Their secrets are never told here."""

from __future__ import annotations

from typing import Any, Final

from lxml import etree

from openesc.datastore.units import UnitId
from openesc.errors import InvalidRequest, NotFound
from openesc.northbound.model import ESC, local
from openesc.northbound.system import masked
from openesc.rest.answers import Answer, Done, Entity, Listing
from openesc.rest.call import Call
from openesc.rest.codec import BASE, adopted, json_value
from openesc.rest.deployments import edit
from openesc.rest.documents import OPERATION, leaf
from openesc.yang import parse_xml

CONNECTOR: Final = "/esc:esc_system_config/vim_connectors/vim_connector"


async def listed(call: Call) -> Answer:
    """GET /v0/vims."""
    return Listing("vim_connectors", "vim_connector", _connectors(call))


async def show(call: Call) -> Answer:
    """GET /v0/vims/{vim}. Raises: NotFound."""
    return Entity("vim_connector", _meant(call))


async def create(call: Call) -> Answer:
    """POST /v0/vims/{vim}: a ``vim_connector`` as in the data model; its id is the path's."""
    element = adopted(await call.element(ESC, "vim_connector"), ESC, (BASE,))
    if local(str(element.tag)) != "vim_connector":
        raise InvalidRequest(f"the body is {local(str(element.tag))}; this takes vim_connector")
    given = (element.findtext(f"{{{ESC}}}id") or "").strip()
    if given not in ("", call.path("vim")):
        raise InvalidRequest(f"the body's id is {given}, the path's {call.path('vim')}", path="/vim_connector/id")
    if not given:
        leaf(element, "id", call.path("vim"))
    element.set(OPERATION, "create")
    config, connectors = _place()
    connectors.append(element)
    await edit(call, config)
    return Done()


async def delete(call: Call) -> Answer:
    """DELETE /v0/vims/{vim}. Raises: NotFound; OperationRefused while something is deployed through it."""
    config, connectors = _place()
    entry = leaf(connectors, "vim_connector")
    entry.set(OPERATION, "delete")
    leaf(entry, "id", str(_meant(call)["id"]))
    await edit(call, config)
    return Done()


def _place() -> tuple[etree._Element, etree._Element]:
    config = etree.Element(f"{{{BASE}}}config", nsmap={None: ESC, "nc": BASE})  # type: ignore[dict-item]
    return config, leaf(leaf(config, "esc_system_config"), "vim_connectors")


def _connectors(call: Call) -> list[dict[str, Any]]:
    running = call.context.running
    unit = running.get(UnitId(running.tree.kinds["system"], ()))
    if unit is None:
        return []
    node = running.schema.find(CONNECTOR)
    return [json_value(entry, node) for entry in parse_xml(masked(unit).document).iter(f"{{{ESC}}}vim_connector")]


def _meant(call: Call) -> dict[str, Any]:
    for connector in _connectors(call):
        if connector["id"] == call.path("vim"):
            return connector
    raise NotFound(f"there is no VIM connector {call.path('vim')}")
