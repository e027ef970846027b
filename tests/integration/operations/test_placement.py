"""Where VMs land: placement of a group, policies between groups, hosts and zones; in a deploy and in an update."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from tests.integration.main_job.house import House, Session, texts
from tests.integration.main_job.payloads import deployment, group, undeploy
from tests.integration.main_job.subscriber import Event, Subscriber
from tests.integration.operations.vnf import Vnf, rpc

HERE, THERE = "Host-22", "Host-24"


def within(kind: str, leaves: str = "") -> str:
    """The placement of a group's own VMs, or of the group."""
    return f"<placement><type>{kind}</type>{leaves}</placement>"


def on(host: str) -> str:
    return within("zone_host", f"<host>{host}</host>")


def between(kind: str, target: str = "g2", *others: str) -> str:
    """A policy for the groups of a deployment."""
    refs = "".join(f"<vm_group_ref>{other}</vm_group_ref>" for other in others or ("g1",))
    return (
        f"<policies><placement><target_vm_group_ref>{target}</target_vm_group_ref><type>{kind}</type>{refs}</placement>"
        "</policies>"
    )


def made(
    house: House, admin: Session, subscriber: Subscriber, name: str, groups: Sequence[str], before: str = ""
) -> Vnf:
    admin.edit(deployment(name, *groups, before=before))
    subscriber.until("SERVICE_ALIVE", depname=name, status="SUCCESS")
    return named(house, admin, subscriber, name)


def named(house: House, admin: Session, subscriber: Subscriber, name: str) -> Vnf:
    return Vnf(name, house, admin, subscriber, texts(admin.deployment(name), "vm_name"))


def hosts(vnf: Vnf) -> list[str]:
    """Where its VMs are, in the order of groups and ordinals: as the cloud has it, and as opdata says."""
    found = [str(vnf.house.guest(vm)["host"]) for vm in vnf.vms]
    assert found == [vnf.leaf(vm, "hostname") for vm in vnf.vms]
    return found


def gone(vnf: Vnf) -> None:
    """Undeployed; no server group of it is left."""
    vnf.admin.edit(undeploy(vnf.name))
    vnf.until("SERVICE_UNDEPLOYED", status="SUCCESS")
    assert vnf.house.names("server_groups") == []


@pytest.mark.parametrize("count", [2, 3])
def test_affinity_within_a_group(house: House, admin: Session, subscriber: Subscriber, count: int) -> None:
    vnf = made(house, admin, subscriber, f"near{count}", [group(count=count, extra=within("affinity"))])
    assert len(set(hosts(vnf))) == 1
    gone(vnf)


def test_anti_affinity_within_a_group(house: House, admin: Session, subscriber: Subscriber) -> None:
    vnf = made(house, admin, subscriber, "far", [group(count=2, extra=within("anti_affinity"))])
    assert sorted(hosts(vnf)) == [HERE, THERE]
    gone(vnf)


def test_more_than_there_are_hosts(house: House, admin: Session, subscriber: Subscriber) -> None:
    """Only strict enforcement exists: the VM that has no host fails the deployment."""
    admin.edit(deployment("crowd", group(count=3, extra=within("anti_affinity"))))
    came = subscriber.until("SERVICE_ALIVE", depname="crowd")
    failed = [event for event in came if event.status == "FAILURE"]
    assert [event.type for event in failed] == ["VM_DEPLOYED", "SERVICE_ALIVE"]
    assert "No valid host was found." in (failed[0].status_message or "")
    gone(named(house, admin, subscriber, "crowd"))


def test_a_policy_between_groups(house: House, admin: Session, subscriber: Subscriber) -> None:
    apart = made(house, admin, subscriber, "apart", [group("g1"), group("g2")], between("anti_affinity"))
    assert sorted(hosts(apart)) == [HERE, THERE]
    gone(apart)
    together = made(house, admin, subscriber, "joint", [group("g1"), group("g2")], between("affinity"))
    assert len(set(hosts(together))) == 1
    gone(together)


def test_a_groups_own_rule_and_a_policy(house: House, admin: Session, subscriber: Subscriber) -> None:
    groups = [group("g1", extra=within("anti_affinity")), group("g2", extra=within("anti_affinity"))]
    vnf = made(house, admin, subscriber, "both", groups, between("anti_affinity"))
    assert sorted(hosts(vnf)) == [HERE, THERE]
    gone(vnf)


@pytest.mark.parametrize("host", [HERE, THERE])
def test_a_host(house: House, admin: Session, subscriber: Subscriber, host: str) -> None:
    vnf = made(house, admin, subscriber, f"on-{host}", [group(count=2, extra=on(host))])
    assert hosts(vnf) == [host, host]
    gone(vnf)


def test_a_zone(house: House, admin: Session, subscriber: Subscriber) -> None:
    vnf = made(house, admin, subscriber, "zoned", [group(extra=within("zone_host", "<zone>nova</zone>"))])
    assert len(hosts(vnf)) == 1
    gone(vnf)
    admin.edit(deployment("elsewhere", group(extra=within("zone_host", "<zone>no-such-zone</zone>"))))
    failed = subscriber.until("SERVICE_ALIVE", depname="elsewhere")
    assert _words(failed).startswith("The requested availability zone is not available")
    gone(named(house, admin, subscriber, "elsewhere"))


def test_an_unknown_host(house: House, admin: Session, subscriber: Subscriber) -> None:
    admin.edit(deployment("nowhere", group(extra=on("no-such-host"))))
    assert "no-such-host" in _words(subscriber.until("SERVICE_ALIVE", depname="nowhere"))
    gone(named(house, admin, subscriber, "nowhere"))


def _words(came: Sequence[Event]) -> str:
    return next(event.status_message or "" for event in came if event.status == "FAILURE")


def test_an_update_adds_groups_beside_those_there_are(house: House, admin: Session, subscriber: Subscriber) -> None:
    """A new group joins the server group of a policy it is added to; another one has a rule and a host of its own."""
    empty = group("g2").replace("<min_active>1</min_active>", "<min_active>0</min_active>")
    vnf = made(house, admin, subscriber, "grows", [group("g1"), empty], between("anti_affinity"))
    where = hosts(vnf)[0]
    admin.edit(deployment("grows", group("g3"), before=between("anti_affinity", "g2", "g3")))
    vnf.until("SERVICE_UPDATED", status="SUCCESS")
    grown = named(house, admin, subscriber, "grows")
    assert hosts(grown) == [where, {HERE: THERE, THERE: HERE}[where]]
    admin.edit(deployment("grows", group("g4", count=2, extra=within("affinity")), group("g5", extra=on(HERE))))
    vnf.until("SERVICE_UPDATED", status="SUCCESS")
    grown = named(house, admin, subscriber, "grows")
    first, second, last = hosts(grown)[2:]
    assert first == second
    assert last == HERE
    gone(grown)


def test_a_group_in_rules_of_both_types_is_refused(admin: Session, subscriber: Subscriber) -> None:
    groups = [group("g1", extra=within("affinity")), group("g2")]
    error = admin.refused(deployment("torn", *groups, before=between("anti_affinity")))
    assert error.message == (
        "vm_group g1 stands in 2 affinity rules (g1-affinity, g2-anti_affinity-policy): one is possible"
    )
    subscriber.quiet()


def test_a_vm_that_runs_does_not_get_into_another_rule(house: House, admin: Session, subscriber: Subscriber) -> None:
    """Nova takes a server into a server group only when it is made."""
    vnf = made(house, admin, subscriber, "settled", [group("g1")])
    error = admin.refused(deployment("settled", group("g2"), before=between("anti_affinity")))
    assert error.message == (
        "policies/placement of vm_group g1 cannot change while its VMs run: delete the group, add it anew"
    )
    gone(vnf)


def test_a_vm_that_is_made_again_keeps_its_rule(house: House, admin: Session, subscriber: Subscriber) -> None:
    again = "<recovery_policy><action_on_recovery>REDEPLOY_ONLY</action_on_recovery></recovery_policy>"
    vnf = made(house, admin, subscriber, "keeps", [group(count=2, extra=again + within("anti_affinity"))])
    for vm in vnf.vms:
        rpc(admin, "recoveryVmAction", actionType="DO", vmName=vm)
        vnf.until("VM_RECOVERY_COMPLETE", status="SUCCESS")
        assert sorted(hosts(vnf)) == [HERE, THERE]
    gone(vnf)
