"""Static address pools: what a document may say, and who holds which address."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from openesc.errors import OperationRefused
from openesc.inventory import store as inventory
from openesc.inventory.records import Vm
from openesc.lifecycle.intent import Group, parse
from openesc.lifecycle.pools import give_back, pool_faults, reserve, reserved
from openesc.store import Store, Tx

ESC = "http://www.cisco.com/esc/esc"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "openesc.db")
    yield opened
    opened.close()


def group(pool: str, *, min_active: int = 2, address: str = "") -> Group:
    document = f"""<esc_datamodel xmlns="{ESC}"><tenants><tenant><name>t</name><deployments><deployment><name>d</name>
      <vm_group><name>g</name><image>i</image><flavor>f</flavor><bootup_time>60</bootup_time>
      <recovery_wait_time>0</recovery_wait_time>
      <interfaces><interface><nicid>0</nicid><network>n</network>{address}</interface></interfaces>
      <scaling><min_active>{min_active}</min_active><max_active>5</max_active>{pool}</scaling></vm_group>
      </deployment></deployments></tenant></tenants></esc_datamodel>"""
    return parse(document.encode()).group("g")


def pool(*addresses: str, start: str = "", end: str = "", network: str = "n") -> str:
    single = "".join(f"<ip_address>{address}</ip_address>" for address in addresses)
    several = f"<ip_address_range><start>{start}</start><end>{end}</end></ip_address_range>" if start else ""
    return f"<static_ip_address_pool><network>{network}</network>{several}{single}</static_ip_address_pool>"


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
        (
            group("", address="<ip_address>10.0.0.1</ip_address>"),
            "interface 0 has the static address 10.0.0.1, but min_active is 2: "
            "give a static_ip_address_pool for network n",
        ),
    ],
)
def test_a_faulty_pool_is_named(wanted: Group, fault: str) -> None:
    assert list(pool_faults(wanted)) == [fault]


def test_the_first_vm_may_bring_its_own_address() -> None:
    assert list(pool_faults(group(pool("10.0.0.2"), address="<ip_address>10.0.0.1</ip_address>"))) == []


async def test_each_vm_takes_an_address_and_gives_it_back(store: Store) -> None:
    wanted = group(pool("10.0.0.1", "10.0.0.2"))

    def plan(tx: Tx) -> list[Vm]:
        vms = [vm(tx, 0), vm(tx, 1)]
        for planned in vms:
            reserve(tx, planned, wanted)
        return vms

    first, second = await store.write(plan)
    assert await store.read(lambda c: reserved(c, first.id)) == {"n": "10.0.0.1"}
    assert await store.read(lambda c: reserved(c, second.id)) == {"n": "10.0.0.2"}

    with pytest.raises(OperationRefused, match="has no address left for VM number 3"):
        await store.write(lambda tx: reserve(tx, vm(tx, 2), wanted))

    def replace(tx: Tx) -> Vm:
        give_back(tx, first.id)
        third = vm(tx, 2)
        reserve(tx, third, wanted)
        return third

    third = await store.write(replace)
    assert await store.read(lambda c: reserved(c, third.id)) == {"n": "10.0.0.1"}
    assert await store.read(lambda c: reserved(c, first.id)) == {}
