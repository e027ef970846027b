"""Runs that meet the steps a good day does not have: refusals, undo, second tries, late comers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.crash import documents, requests, things
from tests.crash.documents import Names
from tests.crash.house import House
from tests.crash.requests import Request
from tests.crash.scenarios_vm import AUTO_CONFIRM

Fault = tuple[str, str, Mapping[str, Any]]
"""Operation, what its object's name has in it (with the deployment's), action."""

QUOTA = {"type": "quota"}
FORBIDDEN = {"type": "http", "status": 403}
HANG = {"type": "hang"}
LOST_AND_LATE = {"type": "lost_reply", "effect_after": 1.0}
LOST = {"type": "lost_reply"}
SILENT = {"type": "ping_silent"}


@dataclass(frozen=True)
class Trouble:
    """Requests one after the other, each with the faults that hold until all it started has ended.

    `held`: the first two meet while the cloud answers nobody, so that the second finds the first running.
    `after`: the second one comes as soon as the cloud was asked for this. `ahead`: what somebody else does in the
    cloud before the second one. `cloud`: settings of the simulator.
    """

    requests: Sequence[tuple[Request, Sequence[Fault]]]
    held: bool = False
    after: str | None = None
    ahead: Callable[[House, Names], None] | None = None
    cloud: Mapping[str, Any] = field(default_factory=dict)


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


def _take_port(house: House, names: Names) -> None:
    """Somebody deletes the VM's port."""
    with house.openstack(names.tenant) as cloud:
        for port in cloud.network.ports():
            if names.suffix in port.name:
                cloud.network.delete_port(port)


def _make_volume(house: House, names: Names) -> None:
    """Somebody makes the volume that the document names."""
    with house.openstack(names.tenant) as cloud:
        made = cloud.block_storage.create_volume(name=f"theirs{names.suffix}", size=1)
        cloud.block_storage.wait_for_status(made, "available", interval=0.1, wait=10)


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
    "an address handed over by the second try of a deploy": Trouble(
        [(documents.and_another(documents.addressed), [_G2_STAYS_AWAY]), (documents.addressed_elsewhere, [])]
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
            [(documents.and_another(before), [_G2_STAYS_AWAY]), (documents.and_another(after), [])], cloud=cloud
        )
        for what, before, after, cloud in (
            ("interfaces changed", documents.wired, documents.rewired, {}),
            ("volumes changed", documents.stored, documents.stored_elsewhere, {}),
            ("a restore", documents.booted, documents.restored, {}),
            ("a restore by a swap", documents.booted, documents.restored, {"root_volume_swap": True}),
            ("a resize", documents.single, documents.single_of_other_flavor, {}),
            ("a resize that the cloud confirms", documents.single, documents.single_of_other_flavor, AUTO_CONFIRM),
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
    "a resize after a failure is refused": Trouble(
        [
            (documents.and_another(documents.single), [_G2_STAYS_AWAY]),
            (documents.and_another(documents.single_of_other_flavor), [("server.resize", "", FORBIDDEN)]),
        ]
    ),
    "a restore of a stopped VM after a failure": Trouble(
        [
            (documents.and_another(documents.booted), [_G2_STAYS_AWAY]),
            (requests.vm_action("STOP"), []),
            (documents.and_another(documents.restored), []),
        ]
    ),
    "a volume given back": Trouble(
        [(things.tenant, []), (documents.with_existing_volume, []), (documents.without_existing_volume, [])],
        ahead=_make_volume,
    ),
    "a volume given back after a failure": Trouble(
        [
            (things.tenant, []),
            (documents.and_another(documents.with_existing_volume), [_G2_STAYS_AWAY]),
            (documents.and_another(documents.without_existing_volume), []),
        ],
        ahead=_make_volume,
    ),
    "a resize is refused": Trouble(
        [(documents.single, []), (documents.single_of_other_flavor, [("server.resize", "", FORBIDDEN)])]
    ),
    "no placement any more, after a failure": Trouble(
        [(documents.apart, [_G1_STAYS_AWAY]), (documents.single_elsewhere, [])]
    ),
    "a placement comes and goes": Trouble(
        [(documents.single_elsewhere, []), (documents.apart, []), (documents.single_elsewhere, [])]
    ),
    "a VM does not stop": Trouble(
        [(documents.single, []), (requests.vm_action("STOP"), [("server.stop", "", FORBIDDEN)])]
    ),
    "a service does not stop": Trouble(
        [(documents.pair, []), (requests.service_action("STOP"), [("server.stop", "", FORBIDDEN)])]
    ),
    "a recovery with other interfaces": Trouble(
        [
            (documents.wired, []),
            (documents.rewired, [("interface.delete", "", FORBIDDEN)]),
            (requests.recover(), [("server.reboot", "", FORBIDDEN)]),
        ]
    ),
    "a double of an image that stays": Trouble(
        [
            (documents.single, []),
            (requests.backup(), [("server.create_image", "", LOST_AND_LATE), ("image.delete", "", FORBIDDEN)]),
        ]
    ),
    "a double of a volume": Trouble(
        [
            (documents.booting_from_volume, []),
            (requests.backup(), []),
            (requests.volume_from_snapshot(), [("volume.create", "", LOST_AND_LATE)]),
        ]
    ),
    "a VM is not rebooted": Trouble([(documents.single, []), (requests.recover(), [("server.reboot", "", FORBIDDEN)])]),
    "a VM stays silent": Trouble([(documents.impatient, []), (requests.recover(), [("ping", "", SILENT)])]),
    "a recovery cannot undeploy": Trouble([(documents.booting_from_volume, []), (requests.recover(), [_STUCK_SERVER])]),
    "a recovery cannot deploy": Trouble([(documents.booting_from_volume, []), (requests.recover(), [_NO_SERVER])]),
    "a recovery without its port": Trouble(
        [(documents.booting_from_volume, []), (requests.recover(), [])], ahead=_take_port
    ),
    "a recovery without a volume that was given": Trouble(
        [
            (things.tenant, []),
            (documents.with_existing_volume, []),
            (documents.without_existing_volume, [("volume_attachment.delete", "", FORBIDDEN)]),
            (requests.recover(), []),
        ],
        ahead=_make_volume,
    ),
    "a recovery with other volumes": Trouble(
        [
            (documents.stored, []),
            (documents.stored_elsewhere, [("volume_attachment.delete", "", FORBIDDEN)]),
            (requests.recover(), [("server.reboot", "", FORBIDDEN)]),
        ]
    ),
    "a lost answer": Trouble([(documents.multi, [("server.create", "g1_0", LOST)])]),
}


async def meet(house: House, names: Names, trouble: Trouble) -> None:
    """Let it happen, and wait for its end."""
    asked = list(trouble.requests)
    with house.cloud_settings(**trouble.cloud):
        if trouble.held:
            await _both_at_once(house, names, asked)
            asked = asked[2:]
        for number, (request, faults) in enumerate(asked):
            if trouble.ahead is not None and number == 1:
                trouble.ahead(house, names)
            _add(house, names, faults)
            await house.ask_for(request, names)
            if trouble.after and number == 0:
                await house.requested(names, trouble.after)
            else:
                await house.ended(names, sweeps=True)
                house.clear_faults()


async def _both_at_once(house: House, names: Names, asked: Sequence[tuple[Request, Sequence[Fault]]]) -> None:
    (first, its), (second, others) = asked[:2]
    _add(house, names, [*its, *others])
    with house.stopped_cloud():
        await house.ask_for(first, names)
        await house.ask_for(second, names)
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


_LOST_THINGS: Sequence[Fault] = [("image.create", "", LOST_AND_LATE), ("network.create", "", LOST_AND_LATE)]
_KINDS = ("project", "image", "flavor", "network")
THING_TROUBLES: Mapping[str, ThingTrouble] = {
    "nothing": ThingTrouble(),
    "none can be made": ThingTrouble(making=[(f"{kind}.create", "", FORBIDDEN) for kind in _KINDS]),
    "lost answers": ThingTrouble(making=_LOST_THINGS),
    "doubles that stay": ThingTrouble(
        making=[*_LOST_THINGS, ("image.delete", "", FORBIDDEN), ("network.delete", "", FORBIDDEN)]
    ),
    "no subnet": ThingTrouble(making=[("subnet.create", "", FORBIDDEN)]),
    "no subnet can be deleted": ThingTrouble(removing=[("subnet.delete", "", FORBIDDEN)]),
    "none can be deleted": ThingTrouble(removing=[(f"{kind}.delete", "", FORBIDDEN) for kind in _KINDS]),
}


async def meet_things(house: House, names: Names, trouble: ThingTrouble) -> None:
    """Let it happen, and wait for its end. (The path of a project has no name a rule could match.)"""
    for faults, asked_for in ((trouble.making, things.MAKING), (trouble.removing, things.REMOVING)):
        _add(house, names, faults)
        for document in asked_for:
            await house.edit(document(names))
            await house.ended(names)
        house.clear_faults()
