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
"""What must not be made twice."""
REPEATED = frozenset({"server_metadata.create", "flavor_specs.create"})
"""Requests that may be made again without harm."""
TOLD = ("openesc:last_operation", "openesc:monitoring", "openesc:recovery")


@dataclass(frozen=True)
class Outcome:
    """`events` with how often each came; `orders` the types of the events of each object, and `last` the one that
    closes the operation; the rest as it ended. `guests` is what the servers see of themselves.
    """

    states: list[tuple[str, str]]
    events: Mapping[str, int]
    orders: Mapping[str, list[str]]
    last: str
    opdata: str
    guests: Mapping[str, Any]
    objects: Mapping[str, list[str]]
    leftovers: int


async def outcome(house: House, names: Names, since: datetime) -> Outcome:
    """Ask server and cloud. The events are those since then that name something of the deployment's."""
    events = [event for event in await house.replay(since) if names.suffix in etree.tostring(event, encoding="unicode")]
    _check_order(events)
    objects = house.objects(names)
    return Outcome(
        states=[(row["kind"], row["state"]) for row in await house.operations(names) if row["kind"] != "sweep"],
        events=Counter(_text(event[1], names) for event in events),
        orders=_orders(events, names),
        last=_type(events[-1]) if events else "",
        guests={_masked(name, names): _guest(house, name) for name in objects.get("servers", ())},
        opdata=_text(await house.opdata(names), names),
        objects={kind: sorted(_masked(name, names) for name in found) for kind, found in objects.items()},
        leftovers=len(await house.leftovers(names)),
    )


def assert_same(found: Outcome, expected: Outcome) -> None:
    """Part by part: a difference shows itself where it is."""
    assert found.states == expected.states
    assert found.events == expected.events
    assert found.orders == expected.orders
    assert found.last == expected.last
    assert found.guests == expected.guests
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


def asked(house: House, names: Names) -> Mapping[tuple[str, str], int]:
    """What the cloud was asked to do to objects of the deployment and accepted, and how often each; deletions apart,
    for what is gone is gone.
    """
    return Counter(
        (row["operation"], _masked(row["resource_name"], names))
        for row in house.requests(names, "*")
        if row["method"] == "POST" and row["status"] // 100 == 2 and row["operation"] not in REPEATED
    )


def _check_order(events: Sequence[etree._Element]) -> None:
    """Times strictly grow."""
    times = [datetime.fromisoformat(str(event[0].text)) for event in events]
    assert all(earlier < later for earlier, later in pairwise(times)), times


def _guest(house: House, name: str) -> Any:
    """Whether it runs, what it was told of the last operation, and how many volumes it has."""
    seen = house.cloud("GET", f"/sim/servers/{name}/guest")
    return seen["power"], {key: seen["metadata"].get(key) for key in TOLD}, len(seen["volumes"])


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
