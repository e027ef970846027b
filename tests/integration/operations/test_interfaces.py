"""Interfaces of running VMs come, go and change by a service update (user guide, updating an existing deployment)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from tests.integration.main_job.house import House, Session, texts
from tests.integration.main_job.payloads import ESC, deployment, group, network, undeploy
from tests.integration.main_job.subscriber import Event, Subscriber, types
from tests.integration.main_job.test_main_volumes import cloud
from tests.integration.operations.vnf import Vnf, deployed, rpc

NET = "SolTest-Network"
UPDATED = "VM has been updated successfully. vm: VM ID: [{}]"


def replaced(name: str, *groups: str, before: str = "") -> str:
    """The deployment as it is to be, whole."""
    return deployment(name, *groups, before=before, operation="replace")


def nics(vnf: Vnf) -> list[dict[str, str]]:
    """The interfaces of all VMs in opdata."""
    leaves = ("nicid", "port_id", "network", "subnet", "ip_address", "mac_address")
    return [
        {leaf: interface.findtext(f"{{{ESC}}}{leaf}") or "" for leaf in leaves}
        for interface in vnf.entry().iter(f"{{{ESC}}}interface")
    ]


def plugged(vnf: Vnf, server: str) -> list[str]:
    """The ports a server has, in the cloud's own words."""
    return sorted(port["id"] for port in ports(vnf.house) if port["device_id"] == server)


def ports(house: House) -> list[Any]:
    with cloud(house) as connection:
        return [port.to_dict() for port in connection.network.ports()]


def nicids(event: Event) -> list[str]:
    return texts(event.element, "nicid")


@pytest.fixture
def pair(house: House, admin: Session, subscriber: Subscriber) -> Any:
    """Two VMs with one interface each."""
    vnf = deployed("wired", house, admin, subscriber, [group(count=2)])
    yield vnf
    admin.edit(undeploy("wired"))
    vnf.until("SERVICE_UNDEPLOYED")
    assert house.of_deployment("wired") == {"servers": [], "ports": []}


def test_an_interface_comes_and_goes_on_every_vm(pair: Vnf) -> None:
    vms, ids, before = pair.vms, texts(pair.entry(), "vm_id"), nics(pair)
    pair.admin.edit(replaced("wired", group(count=2, networks=(NET, NET))))
    came = pair.until("SERVICE_UPDATED", each=lambda event: _is_in_opdata(pair, event))
    assert types(came) == ["VM_UPDATED", "VM_UPDATED", "SERVICE_UPDATED"]
    assert sorted(event.status_message or "" for event in came[:2]) == sorted(UPDATED.format(vm) for vm in vms)
    assert [nicids(event) for event in came[:2]] == [["0", "1"]] * 2
    assert texts(pair.entry(), "vm_id") == ids, "the same servers"
    assert all(nic in nics(pair) for nic in before), "what was there is as it was"
    for server in ids:
        assert pair.house.guest(server)["metadata"]["openesc:last_operation"] == "update"
        assert pair.house.guest(server)["metadata"]["openesc:updated"]
    assert {port["port_id"] for port in nics(pair)} == {port for server in ids for port in plugged(pair, server)}
    assert pair.states == ["SERVICE_ACTIVE_STATE", "VM_ALIVE_STATE", "VM_ALIVE_STATE"]
    pair.admin.edit(replaced("wired", group(count=2)))
    came = pair.until("SERVICE_UPDATED")
    assert [nicids(event) for event in came[:2]] == [["0"]] * 2
    assert nics(pair) == before
    assert sorted(pair.house.of_deployment("wired")["ports"]) == sorted(f"{vm}_nic0" for vm in vms)


def _is_in_opdata(vnf: Vnf, event: Event) -> None:
    """A client that reads at once finds what the event says."""
    if event.type == "VM_UPDATED":
        shown = {nic["port_id"] for nic in nics(vnf)}
        assert set(texts(event.element, "port_id")) <= shown


def test_another_network_exchanges_the_port(pair: Vnf) -> None:
    """The network comes and goes with the same update."""
    before = nics(pair)
    own = f"<networks>{network('own', '192.168.50.0')}</networks>"
    pair.admin.edit(replaced("wired", group(count=2, networks=("own",)), before=own))
    came = pair.until("SERVICE_UPDATED")
    assert types(came) == ["CREATE_NETWORK", "CREATE_SUBNET", "VM_UPDATED", "VM_UPDATED", "SERVICE_UPDATED"]
    assert all(nic["ip_address"].startswith("192.168.50.") for nic in nics(pair))
    assert {nic["port_id"] for nic in nics(pair)}.isdisjoint(nic["port_id"] for nic in before)
    pair.admin.edit(replaced("wired", group(count=2)))
    came = pair.until("SERVICE_UPDATED")
    assert types(came) == ["VM_UPDATED", "VM_UPDATED", "DELETE_SUBNET", "DELETE_NETWORK", "SERVICE_UPDATED"]
    assert pair.states[0] == "SERVICE_ACTIVE_STATE"


def test_pairs_and_security_groups_change_on_the_port(pair: Vnf) -> None:
    more = (
        "<allowed_address_pairs><address><ip_address>10.9.9.0</ip_address><netmask>24</netmask></address>"
        "</allowed_address_pairs><security_groups><security_group>default</security_group></security_groups>"
    )
    before = nics(pair)
    wanted = group(count=2).replace(f"<network>{NET}</network>", f"<network>{NET}</network>{more}")
    pair.admin.edit(replaced("wired", wanted))
    assert types(pair.until("SERVICE_UPDATED")) == ["VM_UPDATED", "VM_UPDATED", "SERVICE_UPDATED"]
    assert nics(pair) == before
    mine = [port for port in ports(pair.house) if port["name"].startswith("wired")]
    assert [[one["ip_address"] for one in port["allowed_address_pairs"]] for port in mine] == [["10.9.9.0/24"]] * 2
    refused = wanted.replace(">default<", ">no-such<")
    pair.admin.edit(replaced("wired", refused))
    came = pair.until("SERVICE_UPDATED")
    assert [event.status for event in came] == ["FAILURE"] * 3
    assert "security group no-such not found" in str(came[0].status_message)
    assert pair.states == ["SERVICE_ERROR_STATE", "VM_ALIVE_STATE", "VM_ALIVE_STATE"]
    pair.admin.edit(replaced("wired", group(count=2)))
    assert {event.status for event in pair.until("SERVICE_UPDATED")} == {"SUCCESS"}


def test_several_things_in_one_request(pair: Vnf) -> None:
    """A group and a VM come, interfaces come on a new network, day-0 data changes."""
    own = f"<networks>{network('several', '192.168.51.0')}</networks>"
    data = "<config_data><configuration><dst>--user-data</dst><data>new</data></configuration></config_data>"
    wanted = (group(count=3, networks=(NET, "several"), extra=data), group("g2", kpi=False))
    pair.admin.edit(replaced("wired", *wanted, before=own))
    came = pair.until("SERVICE_UPDATED")
    assert types(came)[:2] == ["CREATE_NETWORK", "CREATE_SUBNET"]
    assert sorted(types(came)[2:]) == sorted(
        ["VM_UPDATED", "VM_UPDATED", "VM_DEPLOYED", "VM_DEPLOYED", "VM_ALIVE", "SERVICE_UPDATED"]
    )
    assert {event.status for event in came} == {"SUCCESS"}
    assert len(nics(pair)) == 7


def addressed(name: str, last: int) -> str:
    """A group on the deployment's own network, with a static address there."""
    nic = f"</network><ip_address>192.168.52.{last}</ip_address></interface>"
    return group(name, networks=("fixed",)).replace("</network></interface>", nic)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ((("g1", 7), ("g2", 8)), (("g1", 8), ("g2", 7)), ["VM_UPDATED", "VM_UPDATED"]),
        ((("g1", 7),), (("g2", 7),), ["VM_UNDEPLOYED", "VM_DEPLOYED", "VM_ALIVE"]),
    ],
    ids=["exchanged", "of a group that goes"],
)
def test_a_static_address_goes_to_another_vm(
    house: House, admin: Session, subscriber: Subscriber, before: Any, after: Any, told: list[str]
) -> None:
    """Who has it gives it up first."""
    own = f"<networks>{network('fixed', '192.168.52.0')}</networks>"
    admin.edit(deployment("passing", *(addressed(*one) for one in before), before=own))
    subscriber.until("SERVICE_ALIVE", depname="passing", status="SUCCESS")
    admin.edit(replaced("passing", *(addressed(*one) for one in after), before=own))
    came = subscriber.until("SERVICE_UPDATED", depname="passing")
    assert types(came) == [*told, "SERVICE_UPDATED"] and {event.status for event in came} == {"SUCCESS"}
    found = admin.deployment("passing")
    assert texts(found, "ip_address") == [f"192.168.52.{last}" for _, last in after]
    admin.edit(undeploy("passing"))
    subscriber.until("SERVICE_UNDEPLOYED", depname="passing")


FAULTS: Sequence[tuple[str, dict[str, Any]]] = (
    ("port.create", {"type": "quota"}),
    ("interface.create", {"type": "http", "status": 400}),
)


@pytest.mark.parametrize(("operation", "action"), FAULTS, ids=lambda value: str(value))
def test_a_failed_update_is_sent_again(pair: Vnf, operation: str, action: dict[str, Any]) -> None:
    """The same document retries what is missing, and nothing else."""
    document = replaced("wired", group(count=2, networks=(NET, NET)))
    with pair.house.fault(
        operation, action, name="wired*_1_*" if operation == "port.create" else f"*{pair.vms[1][-8:]}*"
    ):
        pair.admin.edit(document)
        came = pair.until("SERVICE_UPDATED")
    outcome = {event.vm_source_vmname: event.status for event in came if event.type == "VM_UPDATED"}
    assert outcome == {pair.vms[0]: "SUCCESS", pair.vms[1]: "FAILURE"}
    assert came[-1].status == "FAILURE"
    assert pair.states == ["SERVICE_ERROR_STATE", "VM_ALIVE_STATE", "VM_ALIVE_STATE"]
    pair.admin.edit(document)
    came = pair.until("SERVICE_UPDATED")
    assert [(event.type, event.vm_source_vmname, event.status) for event in came] == [
        ("VM_UPDATED", pair.vms[1], "SUCCESS"),
        ("SERVICE_UPDATED", None, "SUCCESS"),
    ]
    assert pair.states[0] == "SERVICE_ACTIVE_STATE"
    pair.admin.edit(document)
    pair.subscriber.quiet(0.4)
    assert len(pair.house.of_deployment("wired")["ports"]) == 4


def test_powered_off_vms_get_theirs_and_tell_no_sign_of_life(pair: Vnf) -> None:
    rpc(pair.admin, "serviceAction", actionType="STOP", tenantName="admin", depName="wired")
    pair.until("SERVICE_STOPPED")
    pair.admin.edit(replaced("wired", group(count=2, networks=(NET, NET))))
    assert types(pair.until("SERVICE_UPDATED")) == ["VM_UPDATED", "VM_UPDATED", "SERVICE_UPDATED"]
    assert pair.states == ["SERVICE_STOPPED_STATE", "VM_SHUTOFF_STATE", "VM_SHUTOFF_STATE"]
    assert len(nics(pair)) == 4
    rpc(pair.admin, "serviceAction", actionType="START", tenantName="admin", depName="wired")
    assert types(pair.until("SERVICE_ALIVE"))[-1] == "SERVICE_ALIVE"


def test_other_kpis_set_the_monitors_anew(pair: Vnf) -> None:
    """No VM_ALIVE for what was alive before; what never was tells it."""
    slower = group(count=2).replace("<poll_frequency>1<", "<poll_frequency>2<")
    pair.admin.edit(replaced("wired", slower))
    assert types(pair.until("SERVICE_UPDATED")) == ["SERVICE_UPDATED"]
    assert pair.states == ["SERVICE_ACTIVE_STATE", "VM_ALIVE_STATE", "VM_ALIVE_STATE"]
    pair.admin.edit(replaced("wired", group(count=2, kpi=False)))
    assert types(pair.until("SERVICE_UPDATED")) == ["SERVICE_UPDATED"]
    assert pair.states == ["SERVICE_ACTIVE_STATE", "VM_INERT_STATE", "VM_INERT_STATE"]
    pair.admin.edit(replaced("wired", group(count=2)))
    assert types(pair.until("SERVICE_UPDATED")) == ["VM_ALIVE", "VM_ALIVE", "SERVICE_UPDATED"]
    assert pair.states == ["SERVICE_ACTIVE_STATE", "VM_ALIVE_STATE", "VM_ALIVE_STATE"]


def test_a_vm_that_does_not_come_back_to_life(pair: Vnf) -> None:
    """Its monitor asks an interface that answers nobody."""
    [first, second] = pair.vms
    slower = group(count=2, bootup=1).replace("<poll_frequency>1<", "<poll_frequency>2<")
    pair.house.sim("POST", "/sim/faults", {"match": {"server": first}, "action": {"type": "ping_silent"}})
    pair.admin.edit(replaced("wired", slower))
    came = pair.until("SERVICE_UPDATED")
    pair.house.sim("DELETE", "/sim/faults")
    assert [(event.type, event.vm_source_vmname, event.status) for event in came] == [
        ("VM_ALIVE", first, "FAILURE"),
        ("SERVICE_UPDATED", None, "FAILURE"),
    ]
    assert [pair.vm_state(first), pair.vm_state(second)] == ["VM_ERROR_STATE", "VM_ALIVE_STATE"]
    ids = texts(pair.entry(), "vm_id")
    pair.admin.edit(replaced("wired", slower))
    assert types(pair.until("SERVICE_UPDATED")) == ["VM_ALIVE", "SERVICE_UPDATED"]
    assert texts(pair.entry(), "vm_id") == ids, "its server was sound: it is monitored again"


def test_a_vm_that_waits_for_confirm_takes_no_interface(house: House, admin: Session, subscriber: Subscriber) -> None:
    vnf = deployed("verifying", house, admin, subscriber)
    admin.edit(replaced("verifying", group(flavor="SolTest-Cirros-Flavor-v2")))
    vnf.until("VM_VERIFY_RESIZE")
    refused = admin.refused(replaced("verifying", group(flavor="SolTest-Cirros-Flavor-v2", networks=(NET, NET))))
    assert refused.message == f"VM [{vnf.vms[0]}] waits for CONFIRM_RESIZE or REVERT_RESIZE"
    admin.edit(undeploy("verifying"))
    vnf.until("SERVICE_UNDEPLOYED")


@pytest.mark.parametrize(
    ("part", "extra"),
    [
        ("vim_vm_name", "<vim_vm_name>other</vim_vm_name>"),
        ("placement", "<placement><type>zone_host</type><host>Host-24</host></placement>"),
    ],
)
def test_what_running_vms_do_not_allow_is_refused_by_name(pair: Vnf, part: str, extra: str) -> None:
    refused = pair.admin.refused(replaced("wired", group(count=2, extra=extra)))
    assert refused.message == f"{part} of vm_group g1 cannot change while its VMs run: delete the group, add it anew"
    assert refused.path.endswith(f"/deployment[name='wired']/vm_group[name='g1']/{part}")


def test_what_counts_later_is_told_by_service_updated_alone(pair: Vnf) -> None:
    """Day-0 data, its variables, recovery policy and times: for the next boot, recovery or start."""
    data = (
        "<config_data><configuration><dst>--user-data</dst><data>day $N</data><variable><name>N</name><val>1</val>"
        "<val>2</val></variable></configuration></config_data>"
    )
    policy = "<recovery_policy><action_on_recovery>REDEPLOY_ONLY</action_on_recovery></recovery_policy>"
    ids, addresses = texts(pair.entry(), "vm_id"), texts(pair.entry(), "ip_address")
    pair.admin.edit(replaced("wired", group(count=2, bootup=90, extra=data + policy)))
    assert types(pair.until("SERVICE_UPDATED")) == ["SERVICE_UPDATED"]
    assert (texts(pair.entry(), "vm_id"), pair.states[0]) == (ids, "SERVICE_ACTIVE_STATE")
    for vm in pair.vms:
        rpc(pair.admin, "recoveryVmAction", actionType="DO", vmName=vm)
        assert pair.until("VM_RECOVERY_COMPLETE")[-1].status == "SUCCESS"
    assert [pair.house.guest(vm)["user_data"] for vm in pair.vms] == ["day 1", "day 2"]
    assert texts(pair.entry(), "ip_address") == addresses
    rpc(pair.admin, "recoveryVmAction", actionType="DO", vmName=pair.vms[1])
    pair.until("VM_RECOVERY_COMPLETE")
    assert pair.house.guest(pair.vms[1])["user_data"] == "day 2", "the value is kept"
