"""Service updates of what is deployed: groups, networks, interfaces, numbers, monitors; what a quota leaves undone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.integration.main_job.house import House, Session, texts
from tests.integration.main_job.payloads import deployment, group, network, removed_group
from tests.integration.main_job.subscriber import Event, Subscriber, types
from tests.integration.operations.test_interfaces import UPDATED, nicids, nics, replaced
from tests.integration.operations.vnf import Vnf, deployed, rpc, told
from tests.integration.snapshots.test_recovery import policy
from tests.openstack.acceptance.outside import Outside
from tests.openstack.acceptance.test_operations import ok
from tests.openstack.acceptance.test_refusals import limited

NET = "SolTest-Network"
ADDRESS = "198.19.7.{}"
"""In a network of the test's own; guests answer pings there too."""

VOLUME = "<volumes><volume><name>data</name><volid>1</volid><size>1</size><sizeunit>GiB</sizeunit></volume></volumes>"
SERVICE_UPDATED = ("SERVICE_UPDATED", "SUCCESS", "Service group update completed successfully")


@pytest.fixture
def own(name: str) -> str:
    """The name of an ephemeral network of the test's deployment."""
    return f"{name}-own"


@pytest.fixture
def networks(own: str) -> str:
    """Its element in a document."""
    return f"<networks>{network(own, ADDRESS.format(0))}</networks>"


def vms_of(vnf: Vnf) -> list[str]:
    """The generated names as they are now."""
    return texts(vnf.entry(), "vm_name")


def ports(outside: Outside, vm: str) -> list[Any]:
    """The ports the cloud says the server has, by name: one for each interface, in order."""
    found = outside.cloud.network.ports(device_id=outside.server(vm).id)
    return sorted(found, key=lambda port: str(port.name))


def update(house: House, folder: Path, document: str) -> None:
    """edit-config as an operator does it, with a file."""
    file = folder / "update.xml"
    file.write_text(document)
    ok(house.esc_nc_cli("edit-config", str(file)))


def succeeded(events: list[Event]) -> list[str]:
    """The types, all of SUCCESS."""
    assert {event.status for event in events} == {"SUCCESS"}, "\n".join(map(str, events))
    return types(events)


def test_groups_come_and_go(
    house: House, admin: Session, subscriber: Subscriber, outside: Outside, name: str, tmp_path: Path
) -> None:
    """By esc_nc_cli; the other group is left alone, and a document that changes nothing does nothing."""
    vnf = deployed(name, house, admin, subscriber)
    (first,) = vnf.vms
    server = outside.server(first).id
    document = deployment(name, group("g2", count=2))
    update(house, tmp_path, document)
    came = vnf.until("SERVICE_UPDATED")
    assert sorted(succeeded(came)[:-1]) == ["VM_ALIVE"] * 2 + ["VM_DEPLOYED"] * 2
    assert {event.vm_group for event in came[:-1]} == {"g2"}
    assert [outside.server(vm).status for vm in vms_of(vnf)] == ["ACTIVE"] * 3
    assert outside.server(first).id == server
    update(house, tmp_path, document)
    subscriber.quiet()
    update(house, tmp_path, removed_group(name, "g1"))
    assert told(vnf.until("SERVICE_UPDATED")) == [
        ("VM_UNDEPLOYED", "SUCCESS", "OpenStack Driver: VM successfully deleted"),
        SERVICE_UPDATED,
    ]
    left = vms_of(vnf)
    assert len(left) == 2 and first not in left
    assert outside.named(name)["servers"] == sorted(left)
    assert vnf.state == "SERVICE_ACTIVE_STATE"


def test_an_interface_comes_and_goes_with_its_network(
    house: House,
    admin: Session,
    subscriber: Subscriber,
    outside: Outside,
    name: str,
    own: str,
    networks: str,
    tmp_path: Path,
) -> None:
    vnf = deployed(name, house, admin, subscriber)
    (vm,) = vnf.vms
    server, (first,) = outside.server(vm).id, ports(outside, vm)
    update(house, tmp_path, replaced(name, group(networks=(NET, own)), before=networks))
    came = vnf.until("SERVICE_UPDATED")
    assert succeeded(came) == ["CREATE_NETWORK", "CREATE_SUBNET", "VM_UPDATED", "SERVICE_UPDATED"]
    assert (came[2].status_message, nicids(came[2])) == (UPDATED.format(vm), ["0", "1"])
    kept, new = ports(outside, vm)
    assert (kept.id, new.status, new.description) == (first.id, "ACTIVE", first.description)
    assert [nic["port_id"] for nic in nics(vnf)] == [kept.id, new.id]
    address = nics(vnf)[1]["ip_address"]
    assert new.fixed_ips[0]["ip_address"] == address and address.startswith(ADDRESS.format(""))
    assert outside.answers(address), "the guest has it"
    assert sorted(outside.addresses(vm)) == sorted(nic["ip_address"] for nic in nics(vnf))
    assert outside.metadata(vm)["openesc:last_operation"] == "update"
    update(house, tmp_path, replaced(name, group()))
    came = vnf.until("SERVICE_UPDATED")
    assert succeeded(came) == ["VM_UPDATED", "DELETE_SUBNET", "DELETE_NETWORK", "SERVICE_UPDATED"]
    assert [port.id for port in ports(outside, vm)] == [first.id]
    assert "networks" not in outside.named(name) and not outside.answers(address)
    assert (outside.server(vm).id, vnf.states) == (server, ["SERVICE_ACTIVE_STATE", "VM_ALIVE_STATE"])


def test_an_interface_is_exchanged_under_its_monitor(
    house: House, admin: Session, subscriber: Subscriber, outside: Outside, name: str, own: str, networks: str
) -> None:
    """Another network, then another address there: the monitor asks the new address."""
    vnf = deployed(name, house, admin, subscriber)
    (vm,) = vnf.vms
    server, before = outside.server(vm).id, outside.addresses(vm)
    for last, expected in ((33, ["CREATE_NETWORK", "CREATE_SUBNET"]), (34, [])):
        address = ADDRESS.format(last)
        fixed = group(networks=(own,)).replace(
            "</network></inter", f"</network><ip_address>{address}</ip_address></inter"
        )
        admin.edit(replaced(name, fixed, before=networks))
        came = vnf.until("SERVICE_UPDATED")
        assert succeeded(came) == [*expected, "VM_UPDATED", "SERVICE_UPDATED"]
        assert outside.addresses(vm) == texts(came[-2].element, "ip_address") == [address]
        assert outside.answers(address)
        assert vnf.states == ["SERVICE_ACTIVE_STATE", "VM_ALIVE_STATE"]
    assert not any(map(outside.answers, [*before, ADDRESS.format(33)]))
    assert outside.server(vm).id == server


def test_pairs_and_security_groups_change_on_the_port(
    house: House, admin: Session, subscriber: Subscriber, outside: Outside, name: str
) -> None:
    vnf = deployed(name, house, admin, subscriber)
    (vm,) = vnf.vms
    (before,) = ports(outside, vm)
    project = outside.cloud.identity.find_project("admin").id
    made = outside.cloud.network.create_security_group(name=f"of-{name}", project_id=project)
    more = (
        "<allowed_address_pairs><address><ip_address>10.9.9.0</ip_address><netmask>255.255.255.0</netmask></address>"
        f"</allowed_address_pairs><security_groups><security_group>of-{name}</security_group></security_groups>"
    )
    wanted = group().replace(f"<network>{NET}</network>", f"<network>{NET}</network>{more}")
    admin.edit(replaced(name, wanted))
    assert succeeded(vnf.until("SERVICE_UPDATED")) == ["VM_UPDATED", "SERVICE_UPDATED"]
    (port,) = ports(outside, vm)
    assert (port.id, port.security_group_ids) == (before.id, [made.id])
    assert [pair["ip_address"] for pair in port.allowed_address_pairs] == ["10.9.9.0/24"]
    admin.edit(replaced(name, wanted.replace(f">of-{name}<", ">no-such<")))
    came = vnf.until("SERVICE_UPDATED")
    assert [(event.type, event.status) for event in came] == [("VM_UPDATED", "FAILURE"), ("SERVICE_UPDATED", "FAILURE")]
    assert "security group no-such not found" in str(came[0].status_message)
    assert (ports(outside, vm)[0].security_group_ids, vnf.vm_state(vm)) == ([made.id], "VM_ALIVE_STATE")
    admin.edit(replaced(name, group()))
    assert succeeded(vnf.until("SERVICE_UPDATED")) == ["VM_UPDATED", "SERVICE_UPDATED"]
    (port,) = ports(outside, vm)
    assert (port.id, port.allowed_address_pairs, port.security_group_ids) == (before.id, [], before.security_group_ids)
    outside.cloud.network.delete_security_group(made)


def test_numbers_and_a_static_pool(
    house: House, admin: Session, subscriber: Subscriber, outside: Outside, name: str, own: str, networks: str
) -> None:
    """A pool that is too small, and a minimum above the maximum, are refused; a lower minimum takes no VM away."""

    def pooled(least: int, most: int, *last: int) -> str:
        addresses = "".join(f"<ip_address>{ADDRESS.format(one)}</ip_address>" for one in last)
        scaling = (
            f"<scaling><min_active>{least}</min_active><max_active>{most}</max_active><static_ip_address_pool>"
            f"<network>{own}</network>{addresses}</static_ip_address_pool></scaling>"
        )
        start, _, rest = group(networks=(own,)).partition("<scaling>")
        return deployment(name, f"{start}{scaling}{rest.partition('</scaling>')[2]}", before=networks)

    admin.edit(pooled(1, 2, 50))
    assert succeeded(subscriber.until("SERVICE_ALIVE", depname=name))[-1] == "SERVICE_ALIVE"
    vnf = Vnf(name, house, admin, subscriber, texts(admin.deployment(name), "vm_name"))
    assert outside.addresses(vnf.vms[0]) == [ADDRESS.format(50)]
    assert admin.refused(pooled(2, 2, 50)).message == (
        f"static_ip_address_pool of network {own} lacks 1 addresses for min_active 2"
    )
    assert (
        admin.refused(pooled(3, 2, 50, 60, 70)).message
        == "scaling/min_active 3 of vm_group g1 is above scaling/max_active 2"
    )
    admin.edit(pooled(3, 4, 50, 60, 70))
    assert sorted(succeeded(vnf.until("SERVICE_UPDATED"))[:-1]) == ["VM_ALIVE"] * 2 + ["VM_DEPLOYED"] * 2
    vms = vms_of(vnf)
    assert sorted(outside.addresses(vm)[0] for vm in vms) == [ADDRESS.format(one) for one in (50, 60, 70)]
    assert all(outside.answers(outside.addresses(vm)[0]) for vm in vms)
    assert admin.refused(pooled(1, 2, 50, 60, 70)).message == (
        "scaling/max_active 2 of vm_group g1 is below the number of its VMs, 3"
    )
    admin.edit(pooled(1, 4, 50, 60, 70))
    assert told(vnf.until("SERVICE_UPDATED")) == [SERVICE_UPDATED]
    assert (vms_of(vnf), outside.named(name)["servers"]) == (vms, sorted(vms))


def test_what_counts_later_and_other_monitors(
    house: House, admin: Session, subscriber: Subscriber, outside: Outside, name: str
) -> None:
    """Day-0 data and the recovery policy count at the next redeployment; kpi_data and rules at once."""
    data = "<config_data><configuration><dst>--user-data</dst><data>day {}</data></configuration></config_data>"
    vnf = deployed(name, house, admin, subscriber, [group(extra=data.format(0))])
    (vm,) = vnf.vms
    server = outside.server(vm).id
    later = data.format(1) + policy("REDEPLOY_ONLY", reboot_time=120)
    slower = group(extra=later).replace("<poll_frequency>1<", "<poll_frequency>2<")
    unwatched = group(extra=later, kpi=False)
    steps: tuple[tuple[str, list[str], str], ...] = (
        (group(extra=later), [], "ALIVE"),
        (slower, [], "ALIVE"),
        (unwatched, [], "INERT"),
        (slower, ["VM_ALIVE"], "ALIVE"),
    )
    for wanted, expected, state in steps:
        admin.edit(replaced(name, wanted))
        assert succeeded(vnf.until("SERVICE_UPDATED")) == [*expected, "SERVICE_UPDATED"]
        assert vnf.states == ["SERVICE_ACTIVE_STATE", f"VM_{state}_STATE"]
    assert (outside.server(vm).id, outside.drive(vm)["openstack/latest/user_data"]) == (server, "day 0")
    rpc(admin, "recoveryVmAction", actionType="DO", vmName=vm)
    assert succeeded(vnf.until("VM_RECOVERY_COMPLETE")) == [
        *("VM_RECOVERY_INIT", "VM_RECOVERY_UNDEPLOYED", "VM_RECOVERY_DEPLOYED", "VM_RECOVERY_COMPLETE")
    ]
    assert outside.drive(vm)["openstack/latest/user_data"] == "day 1"
    assert outside.server(vm).id != server


def test_several_things_in_one_request(
    house: House, admin: Session, subscriber: Subscriber, outside: Outside, name: str, own: str, networks: str
) -> None:
    """One group goes, another comes, the one that stays has another VM, an interface, a volume and day-0 data more."""
    vnf = deployed(name, house, admin, subscriber, [group("g1"), group("g2", kpi=False)])
    stays, goes = vnf.vms
    data = "<config_data><configuration><dst>--user-data</dst><data>new</data></configuration></config_data>"
    wanted = (group("g1", count=2, networks=(NET, own), extra=VOLUME + data), group("g3", networks=(own,), kpi=False))
    admin.edit(replaced(name, *wanted, before=networks))
    came = vnf.until("SERVICE_UPDATED")
    assert succeeded(came)[:3] == ["CREATE_NETWORK", "CREATE_SUBNET", "VM_UPDATED"]
    assert sorted(types(came)[3:-1]) == ["VM_ALIVE", "VM_DEPLOYED", "VM_DEPLOYED", "VM_UNDEPLOYED"]
    assert types(came)[-2:] == ["VM_UNDEPLOYED", "SERVICE_UPDATED"]
    vms = vms_of(vnf)
    assert (vms[0], len(vms), goes in vms) == (stays, 3, False)
    found = outside.named(name)
    assert (found["servers"], len(found["ports"]), len(found["volumes"])) == (sorted(vms), 5, 2)
    assert [len(ports(outside, vm)) for vm in vms] == [2, 2, 1]
    assert [len(outside.server(vm).attached_volumes) for vm in vms] == [1, 1, 0]
    assert outside.drive(vms[1])["openstack/latest/user_data"] == "new"


def test_quotas_that_are_used_up(
    house: House, admin: Session, subscriber: Subscriber, outside: Outside, name: str
) -> None:
    """Without a port the VM is as it was; without a volume it has its interface, and says so. The same document brings
    what is missing, once.
    """
    vnf = deployed(name, house, admin, subscriber)
    (vm,) = vnf.vms
    server, (first,) = outside.server(vm).id, ports(outside, vm)
    document = replaced(name, group(networks=(NET, NET), extra=VOLUME))
    for limit, words, wired in (
        (lambda cloud, project: cloud.network.update_quota(project, ports=1), "resources: ['port'].", ["0"]),
        (lambda cloud, project: cloud.block_storage.update_quota_set(project, volumes=0), "'volumes'.", ["0", "1"]),
    ):
        with limited(outside, limit):
            admin.edit(document)
            came = vnf.until("SERVICE_UPDATED")
        assert [(one.type, one.status) for one in came] == [("VM_UPDATED", "FAILURE"), ("SERVICE_UPDATED", "FAILURE")]
        assert all(words in str(event.status_message) and "req-" in str(event.status_message) for event in came)
        assert nicids(came[0]) == [nic["nicid"] for nic in nics(vnf)] == wired
        assert [port.id for port in ports(outside, vm)] == [nic["port_id"] for nic in nics(vnf)]
        assert "volumes" not in outside.named(name)
        assert vnf.states == ["SERVICE_ERROR_STATE", "VM_ALIVE_STATE"]
    half_way = ports(outside, vm)
    assert half_way[0].id == first.id
    admin.edit(document)
    assert succeeded(vnf.until("SERVICE_UPDATED")) == ["VM_UPDATED", "SERVICE_UPDATED"]
    assert [port.id for port in ports(outside, vm)] == [port.id for port in half_way]
    assert (len(outside.server(vm).attached_volumes), outside.named(name)["volumes"]) == (1, [f"{vm}_data"])
    assert (outside.server(vm).id, vnf.state) == (server, "SERVICE_ACTIVE_STATE")
    admin.edit(document)
    subscriber.quiet()


def test_a_group_that_the_cloud_has_no_room_for(
    house: House, admin: Session, subscriber: Subscriber, outside: Outside, name: str
) -> None:
    """Nothing of it is left, what runs is as it was, and the document sent again makes it."""
    vnf = deployed(name, house, admin, subscriber)
    document = deployment(name, group("g2"))
    with limited(outside, lambda cloud, project: cloud.compute.update_quota_set(project, instances=1)):
        admin.edit(document)
        came = vnf.until("SERVICE_UPDATED")
    assert [(event.type, event.vm_group, event.status) for event in came] == [
        ("VM_DEPLOYED", "g2", "FAILURE"),
        ("SERVICE_UPDATED", None, "FAILURE"),
    ]
    assert all("Quota exceeded for instances" in str(event.status_message) for event in came)
    assert (outside.named(name)["servers"], len(outside.named(name)["ports"])) == (vnf.vms, 1)
    assert vnf.vm_state(vnf.vms[0]) == "VM_ALIVE_STATE"
    admin.edit(document)
    assert succeeded(vnf.until("SERVICE_UPDATED")) == ["VM_DEPLOYED", "VM_ALIVE", "SERVICE_UPDATED"]
    assert (vnf.state, len(outside.named(name)["servers"])) == ("SERVICE_ACTIVE_STATE", 2)
