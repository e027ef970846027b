"""Scaling by a service update: min_active, static pools, variables (user guide, composite VNFs)."""

from __future__ import annotations

from collections.abc import Sequence

from tests.integration.main_job.house import House, Session, texts
from tests.integration.main_job.payloads import KPI, deployment, network, undeploy
from tests.integration.main_job.subscriber import Event, Subscriber, types

INNER = f"<networks>{network('pooled', '192.168.40.0')}</networks>"


def pool(*addresses: str, start: str = "", end: str = "", more: str = "") -> str:
    several = f"<ip_address_range><start>{start}</start><end>{end}</end></ip_address_range>" if start else ""
    single = "".join(f"<ip_address>{address}</ip_address>" for address in addresses)
    return f"<static_ip_address_pool><network>pooled</network>{more}{several}{single}</static_ip_address_pool>"


def group(
    count: int, most: int, pools: str = "", *, variable: Sequence[str] = (), nic: str = "", kpi: bool = True
) -> str:
    """A group on the pooled network."""
    values = "".join(f"<val>{value}</val>" for value in variable)
    data = (
        f"<config_data><configuration><dst>--user-data</dst><data>key $KEY</data><variable><name>KEY</name>{values}"
        "</variable></configuration></config_data>"
        if variable
        else ""
    )
    return (
        "<vm_group><name>g1</name><image>SolTest-Cirros-Image</image><flavor>SolTest-Cirros-Flavor</flavor>"
        "<bootup_time>60</bootup_time><recovery_wait_time>0</recovery_wait_time><interfaces><interface><nicid>0</nicid>"
        f"<network>pooled</network>{nic}</interface></interfaces>{KPI if kpi else ''}{data}"
        f"<scaling><min_active>{count}</min_active><max_active>{most}</max_active>{pools}</scaling></vm_group>"
    )


def addresses(events: Sequence[Event]) -> list[str]:
    return sorted(texts(event.element, "ip_address")[0] for event in events if event.type == "VM_DEPLOYED")


def test_min_active_adds_the_difference_and_takes_none_away(admin: Session, subscriber: Subscriber) -> None:
    admin.edit(deployment("scaled", group(1, 3), before=INNER))
    first = subscriber.until("SERVICE_ALIVE", depname="scaled")
    admin.edit(deployment("scaled", group(3, 3)))
    came = subscriber.until("SERVICE_UPDATED", depname="scaled")
    assert sorted(types(came)) == ["SERVICE_UPDATED", *["VM_ALIVE"] * 2, *["VM_DEPLOYED"] * 2]
    assert types(came)[-1] == "SERVICE_UPDATED" and {event.status for event in came} == {"SUCCESS"}
    new = {event.vm_source_vmid for event in came if event.type == "VM_DEPLOYED"}
    assert len(new) == 2 and first[2].vm_source_vmid not in new
    admin.edit(deployment("scaled", group(1, 3)))
    assert types(subscriber.until("SERVICE_UPDATED", depname="scaled")) == ["SERVICE_UPDATED"]
    assert len(texts(admin.deployment("scaled"), "vm_id")) == 3
    refused = admin.refused(deployment("scaled", group(1, 2)))
    assert refused.message == "scaling/max_active 2 of vm_group g1 is below the number of its VMs, 3"
    refused = admin.refused(deployment("scaled", group(4, 3)))
    assert refused.message == "scaling/min_active 4 of vm_group g1 is above scaling/max_active 3"
    assert refused.path.endswith("vm_group[name='g1']/scaling/min_active")
    admin.edit(undeploy("scaled"))
    subscriber.until("SERVICE_UNDEPLOYED", depname="scaled")


def test_a_static_pool_is_used_up_and_filled_again(house: House, admin: Session, subscriber: Subscriber) -> None:
    """Addresses and ranges; a pool too small is refused with the number missing; a VM that goes gives its own back."""
    mask = "<gateway>192.168.40.9</gateway><netmask>255.255.0.0</netmask>"
    admin.edit(
        deployment(
            "pool",
            group(2, 9, pool("192.168.40.50", start="192.168.40.20", end="192.168.40.21", more=mask)),
            before=INNER,
        )
    )
    came = subscriber.until("SERVICE_ALIVE", depname="pool")
    assert addresses(came) == ["192.168.40.20", "192.168.40.50"]
    entry = admin.deployment("pool")
    assert set(texts(entry, "netmask")) == {"255.255.0.0"} and set(texts(entry, "gateway")) == {"192.168.40.9"}
    refused = admin.refused(deployment("pool", group(5, 9, pool())))
    assert refused.message == "static_ip_address_pool of network pooled lacks 2 addresses for min_active 5"
    assert refused.path.endswith("/scaling/static_ip_address_pool[network='pooled']")
    admin.edit(deployment("pool", group(4, 9, pool("192.168.40.51"))))
    came = subscriber.until("SERVICE_UPDATED", depname="pool")
    assert addresses(came) == ["192.168.40.21", "192.168.40.51"]
    refused = admin.refused(deployment("pool", group(4, 9, pool("192.168.40.21"))))
    assert refused.message == "static_ip_address_pool of network pooled names 192.168.40.21 more than once"
    admin.edit(undeploy("pool"))
    subscriber.until("SERVICE_UNDEPLOYED", depname="pool")
    assert [row for row in house.told("leftover.list") if row["deployment"] == "pool"] == []


def test_mac_addresses_of_a_pool(house: House, admin: Session, subscriber: Subscriber) -> None:
    """Each VM has its own, in the cloud and in opdata; scaling takes the next one."""
    macs = pool(start="02:00:00:00:10:01", end="02:00:00:00:10:03").replace("ip_address", "mac_address")
    admin.edit(deployment("macs", group(2, 9, macs, kpi=False), before=INNER))
    subscriber.until("SERVICE_ALIVE", depname="macs")
    assert sorted(texts(admin.deployment("macs"), "mac_address")) == ["02:00:00:00:10:01", "02:00:00:00:10:02"]
    refused = admin.refused(deployment("macs", group(4, 9, kpi=False)))
    assert refused.message == "static_mac_address_pool of network pooled lacks 1 addresses for min_active 4"
    admin.edit(deployment("macs", group(3, 9, kpi=False)))
    (made, *_) = subscriber.until("SERVICE_UPDATED", depname="macs")
    assert texts(made.element, "mac_address") == ["02:00:00:00:10:03"]
    admin.edit(undeploy("macs"))
    subscriber.until("SERVICE_UNDEPLOYED", depname="macs")


def test_an_address_that_is_in_no_subnet_is_named(admin: Session, subscriber: Subscriber) -> None:
    refused = admin.refused(deployment("lost", group(1, 9, pool("10.1.2.3", "192.168.40.5")), before=INNER))
    assert refused.message == (
        "static_ip_address_pool of network pooled names 10.1.2.3, which is in no subnet of it: 192.168.40.0/24"
    )
    subscriber.quiet(0.2)


def test_values_of_a_variable_are_a_pool(house: House, admin: Session, subscriber: Subscriber) -> None:
    admin.edit(deployment("valued", group(2, 9, variable=("one", "two"), kpi=False), before=INNER))
    subscriber.until("SERVICE_ALIVE", depname="valued")
    refused = admin.refused(deployment("valued", group(3, 9)))
    assert refused.message == "variable KEY of --user-data lacks 1 values for min_active 3"
    admin.edit(deployment("valued", group(3, 9, variable=("three",), kpi=False)))
    subscriber.until("SERVICE_UPDATED", depname="valued")
    guests = [house.guest(server)["user_data"] for server in house.of_deployment("valued")["servers"]]
    assert sorted(guests) == ["key one", "key three", "key two"]
    admin.edit(undeploy("valued"))
    subscriber.until("SERVICE_UNDEPLOYED", depname="valued")
