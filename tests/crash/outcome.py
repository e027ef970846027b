"""What became of a deployment, as far as two runs must agree on it: without ids, addresses, hosts and times."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from lxml import etree
from tests.crash.documents import ESC, Names
from tests.crash.house import House

_VARYING = (
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "ID"),
    (re.compile(r"\b(?:[0-9a-f]{56}|[0-9a-f]{32})\b"), "ID"),
    (re.compile(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}"), "MAC"),
    (re.compile(r"\bHost-\d+\b"), "HOST"),
    (re.compile(r"(?<=<ip_address>)[\d.]+(?=</ip_address>)"), "IP"),
)
CREATES = (
    *("project.create", "network.create", "subnet.create", "port.create", "volume.create", "server.create"),
    *("interface.create", "volume_attachment.create"),
)
"""What must not be made twice. (Setting a server's metadata again changes nothing.)"""
CLOSING = frozenset({"SERVICE_ALIVE", "SERVICE_UPDATED", "SERVICE_UNDEPLOYED"})


@dataclass(frozen=True)
class Outcome:
    """`events` with how often each came; `orders` the types of the events of each object; the rest as it ended."""

    states: list[tuple[str, str]]
    events: Mapping[str, int]
    orders: Mapping[str, list[str]]
    opdata: str
    objects: Mapping[str, list[str]]
    leftovers: int


async def outcome(house: House, names: Names, since: datetime) -> Outcome:
    """Ask server and cloud. The events are those since then of the deployment's tenant."""
    events = [event for event in await house.replay(since) if _leaf(event, "tenant") == names.tenant]
    _check_order(events)
    return Outcome(
        states=[(row["kind"], row["state"]) for row in await house.operations(names) if row["kind"] != "sweep"],
        events=Counter(_text(event[1], names) for event in events),
        orders=_orders(events, names),
        opdata=_text(await house.opdata(names), names),
        objects={kind: sorted(_masked(name, names) for name in found) for kind, found in house.objects(names).items()},
        leftovers=len(await house.leftovers(names)),
    )


def assert_same(found: Outcome, expected: Outcome) -> None:
    """Part by part: a difference shows itself where it is."""
    assert found.states == expected.states
    assert found.events == expected.events
    assert found.orders == expected.orders
    assert found.objects == expected.objects
    assert found.leftovers == expected.leftovers
    assert found.opdata == expected.opdata


def made_twice(house: House, names: Names, since: int = 0) -> list[tuple[str, str]]:
    """Objects whose creation the cloud accepted more than once, after the request of number `since`."""
    everything = {row["operation"] for row in house.requests(names)}
    assert everything & set(CREATES), "the cloud's log knows nothing of this deployment"
    log = house.requests(names, since=since)
    made = [row for row in log if row["operation"] in CREATES and row["status"] // 100 == 2]
    accepted = Counter((row["operation"], row["resource_name"]) for row in made)
    return [twice for twice, times in accepted.items() if times > 1]


def _check_order(events: Sequence[etree._Element]) -> None:
    """Times strictly grow, and what closes the operation comes last."""
    times = [datetime.fromisoformat(str(event[0].text)) for event in events]
    assert all(earlier < later for earlier, later in pairwise(times)), times
    kinds = [_type(event) for event in events]
    assert not kinds or kinds[-1] in CLOSING, kinds


def started_in_order(events: Iterable[etree._Element], first: str, second: str) -> bool:
    """Whether no VM of group `second` was deployed before every VM of `first` was alive."""
    told = [(_leaf(event, "vm_group"), _type(event)) for event in events]
    alive = [index for index, found in enumerate(told) if found == (first, "VM_ALIVE")]
    deployed = [index for index, found in enumerate(told) if found == (second, "VM_DEPLOYED")]
    return bool(alive) and bool(deployed) and max(alive) < min(deployed)


def _orders(events: Iterable[etree._Element], names: Names) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for event in events:
        found[_masked(_object(event), names)].append(_type(event))
    return dict(found)


def _object(event: etree._Element) -> str:
    """What the event is about: a VM, a subnet, a network, or the tenant and the service."""
    vm = event.find(f".//{{{ESC}}}vmname")
    return str(vm.text) if vm is not None else _leaf(event, "subnet") or _leaf(event, "network") or "service"


def _leaf(event: etree._Element, name: str) -> str:
    return event.findtext(f"{{{ESC}}}escEvent/{{{ESC}}}{name}") or ""


def _type(event: etree._Element) -> str:
    return event.findtext(f"{{{ESC}}}escEvent/{{{ESC}}}event/{{{ESC}}}type") or ""


def _text(element: Any, names: Names) -> str:
    """The XML, masked, with siblings in an order of their own: what is made in parallel is listed as it was made."""
    children = sorted(_text(child, names) for child in element)
    name, text = etree.QName(element).localname, (element.text or "").strip()
    return _masked(f"<{name}>{text}{''.join(children)}</{name}>", names)


def _masked(text: str, names: Names) -> str:
    for pattern, word in _VARYING:
        text = pattern.sub(word, text)
    return text.replace(names.suffix, "")
