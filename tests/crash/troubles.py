"""Runs that meet the steps a good day does not have: refusals, undo, second tries, late comers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.crash import documents
from tests.crash.documents import Names
from tests.crash.house import House
from tests.crash.scenarios import Document

Fault = tuple[str, str, Mapping[str, Any]]
"""Operation, what its object's name has in it (with the deployment's), action."""

QUOTA = {"type": "quota"}
FORBIDDEN = {"type": "http", "status": 403}
HANG = {"type": "hang"}
LOST = {"type": "lost_reply"}
SILENT = {"type": "ping_silent"}


@dataclass(frozen=True)
class Trouble:
    """Edits one after the other, each with the faults that hold until all it started has ended.

    `held`: the first two edits meet while the cloud answers nobody, so that the second finds the first running.
    `after`: the second one comes as soon as the cloud was asked for this. `swaps`: the cloud swaps root volumes.
    """

    edits: Sequence[tuple[Document, Sequence[Fault]]]
    held: bool = False
    after: str | None = None
    swaps: bool = False


def _one_of(kind: str) -> Fault:
    return f"{kind}.create", "", QUOTA if kind != "project" else FORBIDDEN


_G1_STAYS_AWAY: Fault = ("server.create", "_g1_1_", QUOTA)
_G2_STAYS_AWAY: Fault = ("server.create", "_g2_", QUOTA)
_NO_SERVER: Fault = ("server.create", "", QUOTA)
_STUCK_PORT: Fault = ("port.delete", "", FORBIDDEN)
_STUCK_SUBNET: Fault = ("subnet.delete", "", FORBIDDEN)
_STUCK_NETWORK: Fault = ("network.delete", "", FORBIDDEN)
_NO_PLUG: Fault = ("interface.create", "", FORBIDDEN)
_NO_ANSWER: Fault = ("ping", "_g1_", SILENT)
_STUCK_SERVER: Fault = ("server.delete", "", FORBIDDEN)

TROUBLES: Mapping[str, Trouble] = {
    "no tenant": Trouble([(documents.single, [_one_of("project")])]),
    "no tenant for an update": Trouble(
        [(documents.single, [_one_of("project")]), (documents.single_with_other_group, [_one_of("project")])], held=True
    ),
    "no network": Trouble([(documents.multi, [_one_of("network")])]),
    "no subnet": Trouble([(documents.multi, [_one_of("subnet")])]),
    "no network in an update": Trouble([(documents.single_elsewhere, []), (documents.multi, [_one_of("network")])]),
    "no subnet in an update": Trouble([(documents.single_elsewhere, []), (documents.multi, [_one_of("subnet")])]),
    "a tenant late enough for an update": Trouble(
        [
            (documents.single, []),
            (documents.single_with_other_group, [("project.create", "", {**FORBIDDEN, "count": 1})]),
        ],
        held=True,
    ),
    "a second try": Trouble([(documents.single, [_NO_SERVER]), (documents.single, [])]),
    "a second try of an update": Trouble(
        [
            (documents.single, []),
            (documents.single_with_other_group, [_NO_SERVER]),
            (documents.single_with_other_group, []),
        ]
    ),
    "a port that stays": Trouble([(documents.single, [_NO_SERVER, _STUCK_PORT])]),
    "a port that stays until the undeployment": Trouble(
        [(documents.single, [_NO_SERVER, _STUCK_PORT]), (documents.gone, [])]
    ),
    "a port that stays in an update": Trouble(
        [(documents.single, []), (documents.single_with_other_group, [_NO_SERVER, _STUCK_PORT])]
    ),
    "a volume taken back": Trouble([(documents.multi, [_G1_STAYS_AWAY])]),
    "a volume taken back in an update": Trouble(
        [(documents.single_elsewhere, []), (documents.multi, [_G1_STAYS_AWAY])]
    ),
    "a volume removed by an update": Trouble([(documents.multi, []), (documents.single_elsewhere, [])]),
    "another document after a failure": Trouble(
        [(documents.multi, [_G2_STAYS_AWAY]), (documents.single_elsewhere, [])]
    ),
    "a server that stays after a failure": Trouble(
        [(documents.multi, [_G2_STAYS_AWAY]), (documents.single_elsewhere, [_STUCK_SERVER])]
    ),
    "a server that stays in an update": Trouble(
        [(documents.single, []), (documents.single_with_other_group, [_STUCK_SERVER])]
    ),
    "a server that stays": Trouble([(documents.multi, []), (documents.gone, [_STUCK_SERVER])]),
    "a network that stays": Trouble([(documents.multi, []), (documents.gone, [_STUCK_NETWORK])]),
    "a subnet that stays in an update": Trouble([(documents.multi, []), (documents.single_elsewhere, [_STUCK_SUBNET])]),
    "a network that stays in an update": Trouble(
        [(documents.multi, []), (documents.single_elsewhere, [_STUCK_NETWORK])]
    ),
    "a subnet that stays after a failure": Trouble(
        [(documents.multi, [_G2_STAYS_AWAY]), (documents.single_elsewhere, [_STUCK_SUBNET])]
    ),
    "a network that stays after a failure": Trouble(
        [(documents.multi, [_G2_STAYS_AWAY]), (documents.single_elsewhere, [_STUCK_NETWORK])]
    ),
    "an interface that is refused": Trouble([(documents.wired, []), (documents.rewired, [_NO_PLUG])]),
    "a changed VM that is not alive, and is again": Trouble(
        [(documents.wired, []), (documents.in_a_hurry(documents.rewired), [_NO_ANSWER]), (documents.rewired, [])]
    ),
    "an interface that is refused after a failure": Trouble(
        [
            (documents.and_another(documents.wired), [_G2_STAYS_AWAY]),
            (documents.and_another(documents.rewired), [_NO_PLUG]),
        ]
    ),
    "a changed VM that is not alive after a failure": Trouble(
        [
            (documents.and_another(documents.wired), [_G2_STAYS_AWAY]),
            (documents.in_a_hurry(documents.rewired), [_NO_ANSWER]),
        ]
    ),
    **{
        f"{what} after a failure": Trouble(
            [(documents.and_another(before), [_G2_STAYS_AWAY]), (documents.and_another(after), [])], swaps=swaps
        )
        for what, before, after, swaps in (
            ("interfaces changed", documents.wired, documents.rewired, False),
            ("volumes changed", documents.stored, documents.stored_elsewhere, False),
            ("a restore", documents.booted, documents.restored, False),
            ("a restore by a swap", documents.booted, documents.restored, True),
        )
    },
    **{
        f"another volume for a VM that was not alive: {what}": Trouble([*earlier, (after, [])])
        for what, before, after in (
            ("data", documents.stored, documents.stored_elsewhere),
            ("boot", documents.booted, documents.restored),
        )
        for earlier in (
            [(documents.in_a_hurry(before), [_NO_ANSWER])],
            [(documents.single_elsewhere, []), (documents.in_a_hurry(before), [_NO_ANSWER])],
        )
        for what in (f"{what}, {'deploy' if len(earlier) == 1 else 'update'}",)
    },
    "undeployed while it is made": Trouble(
        [(documents.single, [("server.create", "", HANG)]), (documents.gone, [])], after="server.create"
    ),
    "a lost answer": Trouble([(documents.multi, [("server.create", "g1_0", LOST)])]),
}


async def meet(house: House, names: Names, trouble: Trouble) -> None:
    """Let it happen, and wait for its end."""
    edits = list(trouble.edits)
    house.swaps(trouble.swaps)
    if trouble.held:
        await _both_at_once(house, names, edits)
        edits = edits[2:]
    for number, (document, faults) in enumerate(edits):
        _add(house, names, faults)
        await house.edit(document(names))
        if trouble.after and number == 0:
            await house.requested(names, trouble.after)
        else:
            await house.ended(names, sweeps=True)
            house.clear_faults()


async def _both_at_once(house: House, names: Names, edits: Sequence[tuple[Document, Sequence[Fault]]]) -> None:
    (first, its), (second, others) = edits[:2]
    _add(house, names, [*its, *others])
    with house.stopped_cloud():
        await house.edit(first(names))
        await house.edit(second(names))
    await house.ended(names, sweeps=True)
    house.clear_faults()


def _add(house: House, names: Names, faults: Sequence[Fault]) -> None:
    for operation, part, action in faults:
        given = dict(action)
        once = given["type"] in ("hang", "lost_reply")
        count = given.pop("count", 1 if once else None)
        if given == SILENT:
            house.fault(given, server=f"*{names.suffix}*{part}*")
            continue
        named = {} if operation == "project.delete" else {"name": f"*{names.suffix}*{part}*"}
        house.fault(given, operation=operation, count=count, **named)


@dataclass(frozen=True)
class ThingTrouble:
    """The same for tenants, images, flavors and networks that are no deployment's: make all, take all away."""

    making: Sequence[Fault] = ()
    removing: Sequence[Fault] = ()


_KINDS = ("project", "image", "flavor", "network")
THINGS: Mapping[str, ThingTrouble] = {
    "nothing": ThingTrouble(),
    "none can be made": ThingTrouble(making=[(f"{kind}.create", "", FORBIDDEN) for kind in _KINDS]),
    "no subnet": ThingTrouble(making=[("subnet.create", "", FORBIDDEN)]),
    "no subnet can be deleted": ThingTrouble(removing=[("subnet.delete", "", FORBIDDEN)]),
    "none can be deleted": ThingTrouble(removing=[(f"{kind}.delete", "", FORBIDDEN) for kind in _KINDS]),
}


async def meet_things(house: House, names: Names, trouble: ThingTrouble, source: str) -> None:
    """Let it happen, and wait for its end. (The path of a project has no name a rule could match.)"""
    _add(house, names, trouble.making)
    for document in documents.things(names, source):
        await house.edit(document)
        await house.ended(names)
    house.clear_faults()
    _add(house, names, trouble.removing)
    for document in documents.things_gone(names):
        await house.edit(document)
        await house.ended(names)
    house.clear_faults()
