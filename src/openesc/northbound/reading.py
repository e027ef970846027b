"""Reads of one thing by what it is, without a filter over all there is."""

from __future__ import annotations

from lxml import etree
from sqlalchemy import Connection

from openesc.datastore.running import Running
from openesc.datastore.units import UnitId
from openesc.inventory.records import Deployment
from openesc.northbound.model import ESC
from openesc.northbound.opdata import deployment_opdata


def deployment(connection: Connection, running: Running, record: Deployment) -> bytes:
    """``esc_datamodel`` with the configuration of a deployment, where it still has one, and its operational data."""
    unit = running.get(UnitId(running.tree.kinds["deployment"], (record.tenant, record.name)))
    config = running.tree_of([unit]) if unit is not None else b""
    return joined(config, deployment_opdata(connection, record))


def joined(config: bytes, state: etree._Element) -> bytes:
    """Configuration and opdata under one ``esc_datamodel``."""
    opening, closing = f'<esc_datamodel xmlns="{ESC}">'.encode(), b"</esc_datamodel>"
    inner = etree.tostring(state)[len(opening) : -len(closing)]
    if opening not in config:
        return etree.tostring(state) + config
    head, _, tail = config.partition(closing)
    return head + inner + closing + tail
