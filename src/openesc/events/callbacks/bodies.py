"""What a callback carries: its headers, and a body in the style of the event's family (docs/compatibility.md)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from openesc.events import types as e
from openesc.events.callbacks import facts, json_bodies, xml_bodies
from openesc.events.escevent import EscEvent

XML = "application/xml"
JSON = "application/json"
MAX_MESSAGE = 1024
"""Characters of a status message that fit into a header."""


@dataclass(frozen=True, slots=True)
class Body:
    """A body and its media type."""

    content_type: str
    text: str


_Xml = Callable[[EscEvent, Connection], str]

_RESOURCES: Mapping[str, _Xml] = {
    e.CREATE_TENANT: xml_bodies.tenant,
    e.DELETE_TENANT: xml_bodies.tenant,
    e.CREATE_NETWORK: xml_bodies.network,
    e.DELETE_NETWORK: xml_bodies.network,
    e.CREATE_SUBNET: xml_bodies.subnet,
    e.DELETE_SUBNET: xml_bodies.subnet,
    e.CREATE_IMAGE: xml_bodies.image,
    e.DELETE_IMAGE: xml_bodies.image,
    e.CREATE_FLAVOR: xml_bodies.flavor,
    e.DELETE_FLAVOR: xml_bodies.flavor,
}
"""Events of a resource: ESC's REST guide prints the resource itself. The rest are of a deployment."""

EVENT_STYLE = frozenset(
    {
        *(e.VM_VERIFY_RESIZE, e.VM_CONFIRM_RESIZE_INIT, e.VM_CONFIRM_RESIZE_COMPLETE),
        *(e.VM_REVERT_RESIZE_INIT, e.VM_REVERT_RESIZE_COMPLETE),
        *(e.VM_MIGRATE_INIT, e.VM_MIGRATED, e.VM_MIGRATE_COMPLETE),
        *(e.VM_BACKUP_INIT, e.VM_BACKUP_CREATED, e.VM_BACKUP_COMPLETE),
        *(e.VM_SNAPSHOT_DELETING, e.VM_SNAPSHOT_DELETED),
        *(e.VM_VOLUME_ACCEPTED, e.VM_VOLUME_CREATED),
    }
)
"""Events that came with ESC 5.x, whose user guide prints callbacks as JSON."""


def render(event: EscEvent, connection: Connection, delivery_id: str, transaction_id: str) -> Body:
    """The body of the callback of `event`. `delivery_id` is the same at every try."""
    if event.type in EVENT_STYLE:
        tenant = facts.tenant_id(connection, event.tenant)
        return Body(JSON, json_bodies.body(event, tenant, delivery_id, transaction_id))
    return Body(XML, _RESOURCES.get(event.type, xml_bodies.deployment)(event, connection))


def headers(transaction_id: str, status_code: int, status_message: str, content_type: str) -> dict[str, str]:
    """The headers of a callback; `status_message` is a `header_text`."""
    return {
        "Content-Type": content_type,
        "ESC-Transaction-Id": transaction_id,
        "ESC-Status-Code": str(status_code),
        "ESC-Status-Message": status_message,
    }


def header_text(text: str) -> str:
    """`text` on one line in the characters of a header (RFC 9110 section 5.5)."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line.encode("ascii", "replace").decode()[:MAX_MESSAGE]
