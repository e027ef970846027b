"""Static address pools: what a document may say, and who holds which address."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from openesc.errors import OperationRefused
from openesc.inventory import store as inventory
from openesc.inventory.records import Vm
from openesc.lifecycle.intent import Group, parse
from openesc.lifecycle.pools import (
    ADDRESS,
    MAC,
    give_back,
    pool_faults,
    refit,
    require_room,
    reserve,
    reserved,
    variable_key,
)
from openesc.store import Store, Tx

ESC = "http://www.cisco.com/esc/esc"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "openesc.db")
    yield opened
    opened.close()


def group(pool: str = "", *, min_active: int = 2, address: str = "", variable: str = "", nics: int = 1) -> Group:
    interfaces = "".join(
        f"<interface><nicid>{nicid}</nicid><network>n</network>{address}</interface>" for nicid in range(nics)
    )
    document = f"""<esc_datamodel xmlns="{ESC}"><tenants><tenant><name>t</name><deployments><deployment><name>d</name>
      <vm_group><name>g</name><image>i</image><flavor>f</flavor><bootup_time>60</bootup_time>
      <recovery_wait_time>0</recovery_wait_time>
      <interfaces>{interfaces}</interfaces>{config_data(variable)}
      <scaling><min_active>{min_active}</min_active><max_active>5</max_active>{pool}</scaling></vm_group>
      </deployment></deployments></tenant></tenants></esc_datamodel>"""
    return parse(document.encode()).group("g")


def config_data(values: str) -> str:
    """Day-0 data with a variable of these values."""
    if not values:
        return ""
    several = "".join(f"<val>{value}</val>" for value in values.split())
    return (
        f"<config_data><configuration><dst>d</dst><data>$K</data><variable><name>K</name>{several}</variable>"
        "</configuration></config_data>"
    )


def pool(*addresses: str, start: str = "", end: str = "", network: str = "n") -> str:
    single = "".join(f"<ip_address>{address}</ip_address>" for address in addresses)
    several = f"<ip_address_range><start>{start}</start><end>{end}</end></ip_address_range>" if start else ""
    return f"<static_ip_address_pool><network>{network}</network>{several}{single}</static_ip_address_pool>"


def mac_pool(*addresses: str, start: str = "", end: str = "") -> str:
    return pool(*addresses, start=start, end=end).replace("ip_address", "mac_address")


def vm(tx: Tx, ordinal: int) -> Vm:
    return Vm(
        id=inventory.new_id(),
        deployment_id="dep",
        vm_group="g",
        ordinal=ordinal,
        name=f"vm-{ordinal}",
        state="VM_UNDEF_STATE",
        server_id=None,
        host_id=None,
        hostname=None,
        image=None,
        flavor=None,
        announced=False,
        failure=None,
        created_at=tx.clock.tick(),
    )


def test_single_addresses_come_before_ranges_and_ranges_are_written_out() -> None:
    assert group(pool("10.0.0.9", start="10.0.0.1", end="10.0.0.3")).pools[0].addresses == (
        "10.0.0.9",
        "10.0.0.1",
        "10.0.0.2",
        "10.0.0.3",
    )


@pytest.mark.parametrize(
    ("wanted", "fault"),
    [
        (group(pool("10.0.0.1")), "static_ip_address_pool of network n lacks 1 addresses for min_active 2"),
        (
            group(pool("10.0.0.1", "10.0.0.2", start="10.0.0.2", end="10.0.0.3")),
            "static_ip_address_pool of network n names 10.0.0.2 more than once",
        ),
        (
            group(pool("10.0.0.1", "10.0.0.2", network="other")),
            "static_ip_address_pool of network other is of no use: vm_group g has no interface on it",
        ),
        (group(variable="a b", min_active=4), "variable K of d lacks 2 values for min_active 4"),
        (
            group(pool("10.0.0.1", "10.0.0.2"), nics=2),
            "static_ip_address_pool of network n lacks 2 addresses for min_active 2",
        ),
        (
            group("", address="<ip_address>10.0.0.1</ip_address>"),
            "interface 0 has the static address 10.0.0.1, but min_active is 2: "
            "give a static_ip_address_pool for network n",
        ),
        (
            group(mac_pool("02:00:00:00:00:01")),
            "static_mac_address_pool of network n lacks 1 addresses for min_active 2",
        ),
        (
            group(
                mac_pool("02:00:00:00:00:0A", "02:00:00:00:00:0b", start="02:00:00:00:00:09", end="02:00:00:00:00:0a")
            ),
            "static_mac_address_pool of network n names 02:00:00:00:00:0a more than once",
        ),
        (
            group("", address="<mac_address>02:00:00:00:00:01</mac_address>"),
            "interface 0 has the static address 02:00:00:00:00:01, but min_active is 2: "
            "give a static_mac_address_pool for network n",
        ),
    ],
)
def test_a_faulty_pool_is_named(wanted: Group, fault: str) -> None:
    assert [text for _, text in pool_faults(wanted)] == [fault]


def test_the_first_vm_may_bring_its_own_address() -> None:
    assert list(pool_faults(group(pool("10.0.0.2"), address="<ip_address>10.0.0.1</ip_address>"))) == []


def test_one_value_serves_all() -> None:
    assert list(pool_faults(group(variable="a", min_active=4))) == []


async def test_each_vm_takes_an_address_and_gives_it_back(store: Store) -> None:
    wanted = group(pool("10.0.0.1", "10.0.0.2"))

    first, second = await store.write(lambda tx: planned(tx, wanted, 2))
    assert await held(store, first) == {("n", 0): "10.0.0.1"}
    assert await held(store, second) == {("n", 0): "10.0.0.2"}

    with pytest.raises(OperationRefused, match="of network n in vm_group g lacks 1"):
        await store.write(lambda tx: reserve(tx, vm(tx, 2), wanted))

    def replace(tx: Tx) -> Vm:
        give_back(tx, first.id)
        third = vm(tx, 2)
        reserve(tx, third, wanted)
        return third

    third = await store.write(replace)
    assert await held(store, third) == {("n", 0): "10.0.0.1"}
    assert await held(store, first) == {}


def planned(tx: Tx, wanted: Group, count: int) -> list[Vm]:
    """The first VMs of the group, with what they take of its pools."""
    vms = [vm(tx, ordinal) for ordinal in range(count)]
    for one in vms:
        reserve(tx, one, wanted)
    return vms


async def held(store: Store, of: Vm, kind: str = ADDRESS) -> dict[tuple[str, int], str]:
    """Its addresses of this kind, by network and nicid."""
    found = (await store.read(lambda c: reserved(c, of.id))).addresses
    return {(network, nicid): address for (other, network, nicid), address in found.items() if other == kind}


async def test_mac_addresses_are_a_pool_of_their_own(store: Store) -> None:
    wanted = group(
        pool("10.0.0.1", "10.0.0.2", "10.0.0.3") + mac_pool(start="02:00:00:00:00:FF", end="02:00:00:00:01:00")
    )

    first, second = await store.write(lambda tx: planned(tx, wanted, 2))
    assert await held(store, first, MAC) == {("n", 0): "02:00:00:00:00:ff"}
    assert await held(store, second, MAC) == {("n", 0): "02:00:00:00:01:00"}
    assert await held(store, second) == {("n", 0): "10.0.0.2"}
    with pytest.raises(OperationRefused, match="static_mac_address_pool of network n in vm_group g lacks 1"):
        await store.read(lambda c: require_room(c, "dep", wanted, [2]))


async def test_what_a_pool_lacks_is_told_before_anything_is_taken(store: Store) -> None:
    wanted = group(pool("10.0.0.1", "10.0.0.2", "10.0.0.3"))
    await store.write(lambda tx: reserve(tx, vm(tx, 0), wanted))
    with pytest.raises(OperationRefused) as caught:
        await store.read(lambda c: require_room(c, "dep", wanted, [1, 2, 3, 4]))
    assert caught.value.error_message == (
        "static_ip_address_pool of network n in vm_group g lacks 2: 4 more VMs need 4, 2 of its 3 are free"
    )


async def test_the_address_an_interface_names_is_handed_out_to_nobody_else(store: Store) -> None:
    wanted = group(pool("10.0.0.1", "10.0.0.2"), address="<ip_address>10.0.0.1</ip_address>")

    first, second = await store.write(lambda tx: planned(tx, wanted, 2))
    assert await held(store, first) == {}
    assert await held(store, second) == {("n", 0): "10.0.0.2"}


async def test_two_interfaces_on_one_network_have_an_address_each(store: Store) -> None:
    wanted = group(pool("10.0.0.1", "10.0.0.2"), nics=2)

    (only,) = await store.write(lambda tx: planned(tx, wanted, 1))
    assert await held(store, only) == {("n", 0): "10.0.0.1", ("n", 1): "10.0.0.2"}


async def test_values_of_a_variable_are_a_pool_and_follow_the_document(store: Store) -> None:
    """A value that is no more in the pool is given back for another; the others stay with their VMs."""
    key = variable_key("g", "d", "K")

    def values(tx: Tx, vms: list[Vm]) -> list[str]:
        return [reserved(tx.connection, one.id).variables[key] for one in vms]

    def plan(tx: Tx) -> tuple[list[str], list[str], dict[str, str]]:
        vms = planned(tx, group(variable="a b c"), 2)
        first = values(tx, vms)
        for one in vms:
            refit(tx, one, group(variable="b c"))
        second = values(tx, vms)
        refit(tx, vms[0], group(variable="only"))
        return first, second, dict(reserved(tx.connection, vms[0].id).variables)

    assert await store.write(plan) == (["a", "b"], ["c", "b"], {})
