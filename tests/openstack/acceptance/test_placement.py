"""Where VMs land: (anti-)affinity in and between groups, hosts, zones of host aggregates; in a deploy and an update."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import pytest
from tests.integration.main_job.house import House, Session, texts
from tests.integration.main_job.payloads import deployment, group, removed_group
from tests.integration.main_job.subscriber import Subscriber, types
from tests.integration.operations.test_placement import between, on, within
from tests.integration.operations.vnf import Vnf
from tests.openstack.acceptance.outside import Outside

HERE, THERE = "Host-22", "Host-24"


def made(
    house: House, admin: Session, subscriber: Subscriber, name: str, groups: Sequence[str], before: str = ""
) -> Vnf:
    """The deployment, alive."""
    admin.edit(deployment(name, *groups, before=before))
    subscriber.until("SERVICE_ALIVE", depname=name, status="SUCCESS")
    return Vnf(name, house, admin, subscriber, texts(admin.deployment(name), "vm_name"))


def hosts(outside: Outside, vnf: Vnf) -> list[str]:
    """Where its VMs are, in the order of groups and ordinals: as the cloud has it, and as operational data say."""
    vms = texts(vnf.entry(), "vm_name")
    found = [outside.host(vm) for vm in vms]
    assert found == [vnf.leaf(vm, "hostname") for vm in vms]
    return found


@pytest.mark.parametrize("kind, used", [("affinity", 1), ("anti_affinity", 2)])
def test_within_a_group(
    house: House, admin: Session, subscriber: Subscriber, outside: Outside, name: str, kind: str, used: int
) -> None:
    vnf = made(house, admin, subscriber, name, [group(count=2, extra=within(kind))])
    assert len(set(hosts(outside, vnf))) == used


def test_together_by_a_policy_between_groups(
    house: House, admin: Session, subscriber: Subscriber, outside: Outside, name: str
) -> None:
    vnf = made(house, admin, subscriber, name, [group("g1"), group("g2")], between("affinity"))
    assert len(set(hosts(outside, vnf))) == 1


def test_more_than_there_are_hosts(
    house: House, admin: Session, subscriber: Subscriber, outside: Outside, name: str
) -> None:
    """Only strict enforcement exists: the VM that has no host fails the deployment."""
    admin.edit(deployment(name, group(count=3, kpi=False, extra=within("anti_affinity"))))
    came = subscriber.until("SERVICE_ALIVE", depname=name)
    failed = [event for event in came if event.status == "FAILURE"]
    assert types(failed) == ["VM_DEPLOYED", "SERVICE_ALIVE"]
    # seen by the scheduler, or by the host when servers that were asked for at once are compared there
    assert re.search("No valid host was found|Exhausted all hosts available", str(failed[0].status_message))


def test_groups_that_come_by_an_update(
    house: House, admin: Session, subscriber: Subscriber, outside: Outside, name: str
) -> None:
    """A new group joins the server group of the policy it is added to; others have a rule and a host of their own."""
    empty = group("g2").replace("<min_active>1</min_active>", "<min_active>0</min_active>")
    vnf = made(house, admin, subscriber, name, [group("g1"), empty], between("anti_affinity"))
    (where,) = hosts(outside, vnf)
    admin.edit(deployment(name, group("g3"), before=between("anti_affinity", "g2", "g3")))
    vnf.until("SERVICE_UPDATED", status="SUCCESS")
    assert hosts(outside, vnf) == [where, {HERE: THERE, THERE: HERE}[where]]
    admin.edit(deployment(name, group("g4", kpi=False, extra=on(HERE))))
    vnf.until("SERVICE_UPDATED", status="SUCCESS")
    assert hosts(outside, vnf)[2:] == [HERE]


def test_running_vms_are_not_moved_by_an_update(
    house: House, admin: Session, subscriber: Subscriber, outside: Outside, name: str
) -> None:
    """Refused by name; the group deleted and added anew is where it is wanted."""
    vnf = made(house, admin, subscriber, name, [group("g1", extra=on(THERE))])
    words = " of vm_group g1 cannot change while its VMs run: delete the group, add it anew"
    refused = admin.refused(deployment(name, group("g1", extra=on(HERE))))
    assert refused.message == f"placement{words}"
    refused = admin.refused(deployment(name, group("g2"), before=between("anti_affinity")))
    assert refused.message == f"policies/placement{words}"
    assert (hosts(outside, vnf), outside.named(name)["servers"]) == ([THERE], vnf.vms)
    admin.edit(removed_group(name, "g1", group("g2", extra=on(HERE))))
    came = vnf.until("SERVICE_UPDATED", status="SUCCESS")
    assert types(came) == ["VM_DEPLOYED", "VM_ALIVE", "VM_UNDEPLOYED", "SERVICE_UPDATED"]
    assert hosts(outside, vnf) == [HERE]


@pytest.fixture
def zone(outside: Outside) -> Iterator[str]:
    """An availability zone of one host: a host aggregate."""
    aggregate = outside.cloud.compute.create_aggregate(name="edge", availability_zone="edge")
    outside.cloud.compute.add_host_to_aggregate(aggregate, THERE)
    yield "edge"
    outside.cloud.compute.remove_host_from_aggregate(aggregate, THERE)
    outside.cloud.compute.delete_aggregate(aggregate)


def test_a_zone_of_a_host_aggregate(
    zone: str, house: House, admin: Session, subscriber: Subscriber, outside: Outside, name: str
) -> None:
    """All VMs land there; a zone and a host that is not in it are refused by the cloud."""
    edge = within("zone_host", f"<zone>{zone}</zone>")
    vnf = made(house, admin, subscriber, name, [group(count=2, extra=edge)])
    assert hosts(outside, vnf) == [THERE, THERE]
    assert {outside.server(vm).availability_zone for vm in vnf.vms} == {zone}
    neither = within("zone_host", f"<zone>{zone}</zone><host>{HERE}</host>")
    admin.edit(deployment(name, group("g2", kpi=False, extra=neither)))
    failed = vnf.until("SERVICE_UPDATED", status="FAILURE")
    assert (failed[0].type, failed[0].vm_group) == ("VM_DEPLOYED", "g2")
    assert "No valid host was found." in str(failed[0].status_message)
