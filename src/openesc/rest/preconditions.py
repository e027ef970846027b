"""``ETag`` and ``If-Match`` (RFC 9110 section 13.1.1): who has not seen the last change does not change it again.

As in RFC 8040 (section 3.5.2) the tag is that of the configuration: what becomes of a deployment does not change it,
and it is the same in XML and JSON.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Final

from openesc.datastore.units import Unit, UnitId
from openesc.errors import EscError, InvalidRequest
from openesc.inventory.records import Deployment
from openesc.rest.call import Call
from openesc.store import Tx

_TAG: Final = re.compile(r'(?:W/)?"[!#-~]*"')


class Changed(EscError):
    """The configuration is not the one the client has seen."""

    http_status = 412


def etag(call: Call, record: Deployment) -> str | None:
    """The tag of a deployment's configuration; None where it has none any more."""
    unit = call.context.running.get(_unit_id(call, record))
    return _tag(unit) if unit is not None else None


def precondition(call: Call, record: Deployment) -> Callable[[Tx], None] | None:
    """What is to be asked in the transaction of an edit, where the request has ``If-Match``. Raises: InvalidRequest."""
    given = ",".join(call.request.headers.getlist("if-match")).strip()
    if not given or given == "*":
        return None  # that it is there is known already
    tags = [tag.strip() for tag in given.split(",")]
    if not all(map(_TAG.fullmatch, tags)):
        raise InvalidRequest(f"If-Match: {given} is neither * nor a list of entity tags")

    def check(_tx: Tx) -> None:
        unit = call.context.running.current(_unit_id(call, record))
        if unit is None or _tag(unit) not in tags:
            raise Changed(f"deployment {record.id} has changed since the client read it: its ETag is another one now")

    return check


def _unit_id(call: Call, record: Deployment) -> UnitId:
    return UnitId(call.context.running.tree.kinds["deployment"], (record.tenant, record.name))


def _tag(unit: Unit) -> str:
    return f'"{hashlib.sha256(unit.document).hexdigest()[:32]}"'
