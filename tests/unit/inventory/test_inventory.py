"""The inventory on a real store: every transition through the door, rows in and out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from openesc.inventory import states
from openesc.inventory import store as inventory
from openesc.inventory.door import move_service, move_vm
from openesc.inventory.records import Deployment, Interface, Resource, Vm
from openesc.inventory.transitions import SERVICE, VM, IllegalTransition, Transition, target
from openesc.store import Store, Tx

SERVICES = sorted(
    value for name, value in vars(states).items() if name.startswith("SERVICE_") and isinstance(value, str)
)
VMS = sorted(value for name, value in vars(states).items() if name.startswith("VM_") and isinstance(value, str))
TRIGGERS = sorted({line.trigger for line in (*SERVICE, *VM)})

DEPLOYMENT = Deployment("d", "t", "dep", states.SERVICE_UNDEF, "vim", "t", None, b"<x/>", None, None, 1)
MACHINE = Vm(
    id="v",
    deployment_id="d",
    vm_group="g",
    ordinal=0,
    name="dep_g_0_x",
    state=states.VM_UNDEF,
    server_id=None,
    host_id=None,
    hostname=None,
    image="i",
    flavor="f",
    announced=False,
    failure=None,
    created_at=1,
)
NIC = Interface("v", 0, "virtual", "p", "n", "s", "10.0.0.1", "fa:16:3e:00:00:01", "255.255.255.0", None)


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = Store(tmp_path / "openesc.db")
    yield opened
    opened.close()


@pytest.mark.parametrize("line", SERVICE, ids=lambda line: f"{line.source}-{line.trigger}")
async def test_a_service_walks_the_table(store: Store, line: Transition) -> None:
    def walk(tx: Tx) -> str:
        inventory.add_deployment(tx, replace(DEPLOYMENT, state=line.source))
        return move_service(tx, "d", line.trigger, failure="why")

    assert await store.write(walk) == line.target
    found = await store.read(lambda c: inventory.deployment(c, "d"))
    if line.target == states.GONE:
        assert found is None
    else:
        assert found is not None
        assert (found.state, found.failure) == (line.target, "why")


@pytest.mark.parametrize("line", VM, ids=lambda line: f"{line.source}-{line.trigger}")
async def test_a_vm_walks_the_table(store: Store, line: Transition) -> None:
    def walk(tx: Tx) -> str:
        inventory.add_vm(tx, replace(MACHINE, state=line.source))
        return move_vm(tx, "v", line.trigger)

    assert await store.write(walk) == line.target
    found = await store.read(lambda c: inventory.vm(c, "v"))
    assert (found.state if found else states.GONE) == line.target


async def test_what_the_table_does_not_have_is_refused(store: Store) -> None:
    """All pairs beside the table raise and leave the row as it is."""

    def try_all(tx: Tx) -> int:
        inventory.add_deployment(tx, DEPLOYMENT)
        inventory.add_vm(tx, MACHINE)
        refused = 0
        for move, table, machine, add in (
            (move_service, SERVICE, SERVICES, inventory.update_deployment),
            (move_vm, VM, VMS, inventory.update_vm),
        ):
            row = "d" if move is move_service else "v"
            for source in machine:
                add(tx, row, state=source)
                for trigger in TRIGGERS:
                    if (source, trigger) not in {(line.source, line.trigger) for line in table}:
                        with pytest.raises(IllegalTransition, match=f"{source} does not take '{trigger}'"):
                            move(tx, row, trigger)
                        refused += 1
        return refused

    assert await store.write(try_all) > 50
    left = await store.read(lambda c: inventory.deployment(c, "d"))
    assert left is not None
    assert left.state == SERVICES[-1]


async def test_a_row_that_is_not_there(store: Store) -> None:
    with pytest.raises(KeyError):
        await store.write(lambda tx: move_service(tx, "nobody", "deploy"))


@pytest.mark.parametrize("table", [SERVICE, VM], ids=["service", "vm"])
def test_the_table_says_each_thing_once(table: tuple[Transition, ...]) -> None:
    assert len({(line.source, line.trigger) for line in table}) == len(table)
    assert all(line.why and line.source for line in table)


def test_undeploy_interrupts_every_state_there_is() -> None:
    for machine, names in (("service", SERVICES), ("vm", VMS)):
        for name in names:
            assert target(machine, name, "undeploy")


@given(st.sampled_from(["service", "vm"]), st.lists(st.sampled_from(TRIGGERS), max_size=12))
def test_gone_is_the_end(machine: str, triggers: list[str]) -> None:
    state = SERVICE[0].source if machine == "service" else VM[0].source
    for trigger in triggers:
        if state == states.GONE:
            with pytest.raises(IllegalTransition):
                target(machine, state, trigger)
            return
        try:
            state = target(machine, state, trigger)
        except IllegalTransition:
            continue


# rows


async def test_names_are_found_oldest_first(store: Store) -> None:
    def fill(tx: Tx) -> None:
        inventory.add_deployment(tx, replace(DEPLOYMENT, id="new", created_at=2))
        inventory.add_deployment(tx, replace(DEPLOYMENT, id="old", created_at=1))
        inventory.add_deployment(tx, replace(DEPLOYMENT, id="other", tenant="t2", created_at=3))

    await store.write(fill)
    assert [d.id for d in await store.read(lambda c: inventory.deployments_named(c, "t", "dep"))] == [
        "old",
        "new",
    ]
    assert [d.id for d in await store.read(lambda c: inventory.all_deployments(c, "t2"))] == ["other"]
    assert [d.id for d in await store.read(inventory.all_deployments)] == ["old", "new", "other"]
    await store.write(lambda tx: inventory.remove_deployment(tx, "old"))
    assert await store.read(lambda c: inventory.deployment(c, "old")) is None


async def test_vms_and_their_interfaces(store: Store) -> None:
    def fill(tx: Tx) -> None:
        inventory.add_vm(tx, replace(MACHINE, id="w", ordinal=1, name="second"))
        inventory.add_vm(tx, MACHINE)
        inventory.put_interface(tx, replace(NIC, nicid=1))
        inventory.put_interface(tx, NIC)
        inventory.put_interface(tx, replace(NIC, ip_address="10.0.0.2"))

    await store.write(fill)
    assert [vm.id for vm in await store.read(lambda c: inventory.vms_of(c, "d"))] == ["v", "w"]
    found = await store.read(lambda c: inventory.interfaces_of(c, ["v", "w"]))
    assert found == {"v": [replace(NIC, ip_address="10.0.0.2"), replace(NIC, nicid=1)], "w": []}
    await store.write(lambda tx: inventory.remove_vm(tx, "v"))
    assert await store.read(lambda c: inventory.vm_named(c, MACHINE.name)) is None
    assert await store.read(lambda c: inventory.interfaces_of(c, ["v"])) == {"v": []}


async def test_resources(store: Store) -> None:
    row = Resource("r", "network", "network:/n", "n", None, None, None, "n", None, True, {"a": [1]}, None, 1)
    await store.write(lambda tx: inventory.add_resource(tx, row))
    assert await store.read(lambda c: inventory.resource(c, "network:/n")) == row
    await store.write(lambda tx: inventory.update_resource(tx, "network:/n", external_id="x"))
    assert await store.read(lambda c: inventory.resources(c, kind="network", tenant=None)) == [
        replace(row, external_id="x")
    ]
    await store.write(lambda tx: inventory.remove_resource(tx, "network:/n"))
    assert await store.read(lambda c: inventory.resources(c)) == []


async def test_a_leftover_is_listed_once(store: Store) -> None:
    values = {"kind": "server", "external_id": "s", "name": "n", "project": "p", "reason": "first"}
    for reason in ("first", "second"):
        await store.write(lambda tx, reason=reason: inventory.add_leftover(tx, {**values, "reason": reason}))  # type: ignore[misc]
    (found,) = await store.read(inventory.leftovers)
    assert (found.reason, found.kept) == ("first", False)
    await store.write(lambda tx: inventory.remove_leftover(tx, found.id))
    assert await store.read(inventory.leftovers) == []
