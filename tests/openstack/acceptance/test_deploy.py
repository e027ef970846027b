"""Deployments on the real cloud: what is told, what is there afterwards, and that nothing is left."""

from __future__ import annotations

import re

import pytest
from tests.integration.main_job.house import GENERATED, House, Session, one, texts
from tests.integration.main_job.payloads import deployment, group, network, undeploy
from tests.integration.main_job.subscriber import Subscriber, types
from tests.integration.operations.vnf import deployed, told
from tests.openstack.acceptance.outside import Outside

STARTUP = (
    "<policies><startup><target_vm_group_ref>g2</target_vm_group_ref><depends_on><vm_group_ref>g1</vm_group_ref>"
    "</depends_on></startup></policies>"
)
APART = (
    "<policies><placement><target_vm_group_ref>g2</target_vm_group_ref><type>anti_affinity</type>"
    "<enforcement>strict</enforcement><vm_group_ref>g1</vm_group_ref></placement></policies>"
)
DAY_ZERO = (
    "<config_data><configuration><dst>--user-data</dst><data>#cloud-config ip=$NICID_0_IP_ADDRESS x=${X}</data>"
    "<variable><name>X</name><val>7</val></variable></configuration>"
    "<configuration><dst>day0.cfg</dst><data>inner $NICID_1_IP_ADDRESS mask $NICID_1_NETMASK</data></configuration>"
    "</config_data>"
)


def test_one_vm(house: House, admin: Session, subscriber: Subscriber, outside: Outside, name: str) -> None:
    admin.edit(deployment(name, group()))
    came = subscriber.until("SERVICE_ALIVE", depname=name)
    made, alive, service = came
    vm = str(made.vm_source_vmname)
    assert told(came) == [
        ("VM_DEPLOYED", "SUCCESS", f"OpenStack Driver: VM successfully created, VM Name: [{vm}]"),
        ("VM_ALIVE", "SUCCESS", f"VM_Alive event received, VM ID: [{vm}]"),
        ("SERVICE_ALIVE", "SUCCESS", "Service group deployment completed successfully!"),
    ]
    assert GENERATED.match(vm)
    server = outside.server(vm)
    assert (server.status, server.id, outside.flavor(vm)) == ("ACTIVE", made.vm_source_vmid, "SolTest-Cirros-Flavor")
    assert alive.vm_source_hostname == server.compute_host
    assert outside.addresses(vm) == texts(made.element, "ip_address")
    assert all(outside.answers(address) for address in outside.addresses(vm))
    (port,) = outside.cloud.network.ports(device_id=server.id)
    assert port.status == "ACTIVE" and port.name.startswith(name) and port.description.startswith("openesc:vm:")
    assert service.depname == name
    admin.edit(undeploy(name))
    assert told(subscriber.until("SERVICE_UNDEPLOYED", depname=name)) == [
        ("VM_UNDEPLOYED", "SUCCESS", "OpenStack Driver: VM successfully deleted"),
        ("SERVICE_UNDEPLOYED", "SUCCESS", "Service group undeployment completed successfully"),
    ]
    assert outside.is_empty(name)
    assert admin.deployment(name) is None


def test_groups_a_tenant_a_network_and_day_zero_data(
    house: House, admin: Session, subscriber: Subscriber, outside: Outside, name: str
) -> None:
    """g2 is not begun before every VM of g1 is alive; the network comes and goes, the tenant stays."""
    inner = f"{name}-inner"
    networks = f"<networks>{network(inner, '192.168.7.0')}</networks>"
    nics = ("SolTest-Network", inner)
    groups = (
        group("g1", count=2, networks=nics),
        group("g2", networks=nics),
        group("g3", networks=nics, kpi=False, extra=DAY_ZERO),
    )
    admin.edit(deployment(name, *groups, before=STARTUP + networks, tenant=name))
    came = subscriber.until("SERVICE_ALIVE", depname=name)
    assert types(came)[:3] == ["CREATE_TENANT", "CREATE_NETWORK", "CREATE_SUBNET"]
    assert sorted(types(came)[3:]) == sorted(["VM_DEPLOYED"] * 4 + ["VM_ALIVE"] * 3 + ["SERVICE_ALIVE"])
    assert {event.status for event in came} == {"SUCCESS"}
    order = [(event.type, event.vm_group) for event in came]
    alive = [number for number, event in enumerate(order) if event == ("VM_ALIVE", "g1")]
    assert len(alive) == 2 and order.index(("VM_DEPLOYED", "g2")) > max(alive)

    (third,) = [event for event in came if (event.type, event.vm_group) == ("VM_DEPLOYED", "g3")]
    vm, addresses = str(third.vm_source_vmname), texts(third.element, "ip_address")
    drive = outside.drive(vm)
    assert drive["openstack/latest/user_data"] == f"#cloud-config ip={addresses[0]} x=7"
    assert drive["openstack/content/0000"] == f"inner {addresses[1]} mask 255.255.255.0"
    assert outside.described(vm)["files"] == [{"path": "day0.cfg", "content_path": "/content/0000"}]
    project = outside.cloud.identity.find_project(name)
    assert outside.server(vm).project_id == project.id

    admin.edit(undeploy(name, name))
    gone = subscriber.until("SERVICE_UNDEPLOYED", depname=name)
    assert types(gone) == ["VM_UNDEPLOYED"] * 4 + ["DELETE_SUBNET", "DELETE_NETWORK", "SERVICE_UNDEPLOYED"]
    assert {event.status for event in gone} == {"SUCCESS"}
    assert outside.is_empty(name)
    assert outside.cloud.identity.find_project(name) is not None
    outside.cloud.identity.delete_project(project)


def test_static_addresses(house: House, admin: Session, subscriber: Subscriber, outside: Outside, name: str) -> None:
    fixed = group().replace("</network></interface>", "</network><ip_address>198.18.9.77</ip_address></interface>")
    vnf = deployed(name, house, admin, subscriber, [fixed])
    (vm,) = vnf.vms
    assert outside.addresses(vm) == ["198.18.9.77"]
    other = f"{name}-2"
    admin.edit(deployment(other, fixed))
    failed = subscriber.until("SERVICE_ALIVE", depname=other)
    assert {event.status for event in failed} == {"FAILURE"}
    assert re.search(r"198\.18\.9\.77.*already.*(req-[0-9a-f-]{36})", str(failed[0].status_message))
    admin.edit(undeploy(other))
    subscriber.until("SERVICE_UNDEPLOYED", depname=other)


def test_anti_affinity(house: House, admin: Session, subscriber: Subscriber, outside: Outside, name: str) -> None:
    """Nova may place two at once on one host each time it tries: the document sent again makes the one that lacks."""
    admin.edit(deployment(name, group("g1"), group("g2"), before=APART))
    came = subscriber.until("SERVICE_ALIVE", depname=name)
    if came[-1].status == "FAILURE":
        assert any("Exceeded maximum number of retries." in str(event.status_message) for event in came)
        admin.edit(deployment(name, group("g1"), group("g2"), before=APART))
        came = subscriber.until("SERVICE_ALIVE", depname=name)
    assert came[-1].status == "SUCCESS", came[-1]
    vms = texts(admin.deployment(name), "vm_name")
    assert len({outside.host(vm) for vm in vms}) == 2


@pytest.mark.parametrize("host", ["Host-22", "Host-24"])
def test_on_a_named_host(
    house: House, admin: Session, subscriber: Subscriber, outside: Outside, name: str, host: str
) -> None:
    placed = group(extra=f"<placement><type>zone_host</type><host>{host}</host></placement>")
    (vm,) = deployed(name, house, admin, subscriber, [placed]).vms
    assert outside.host(vm) == host


def test_in_a_zone(house: House, admin: Session, subscriber: Subscriber, outside: Outside, name: str) -> None:
    def placed(zone: str) -> str:
        return group(extra=f"<placement><type>zone_host</type><zone>{zone}</zone></placement>")

    (vm,) = deployed(name, house, admin, subscriber, [placed("nova")]).vms
    assert outside.server(vm).availability_zone == "nova"
    admin.edit(undeploy(name))
    subscriber.until("SERVICE_UNDEPLOYED", depname=name)
    admin.edit(deployment(name, placed("nowhere")))
    failed = subscriber.until("SERVICE_ALIVE", depname=name)
    assert "The requested availability zone is not available" in str(failed[0].status_message)


def test_volumes(house: House, admin: Session, subscriber: Subscriber, outside: Outside, name: str) -> None:
    """A root volume from the image, and one more; both go with the deployment."""
    volumes = (
        "<volumes><volume><name>root</name><volid>0</volid><bus>virtio</bus><size>1</size><sizeunit>GiB</sizeunit>"
        "<boot_index>0</boot_index></volume><volume><name>data</name><volid>1</volid><bus>virtio</bus><size>2</size>"
        "<sizeunit>GiB</sizeunit></volume></volumes>"
    )
    vnf = deployed(name, house, admin, subscriber, [group(extra=volumes)])
    (vm,) = vnf.vms
    assert outside.named(name)["volumes"] == sorted((f"{vm}_data", f"{vm}_root"))
    attached = [outside.cloud.block_storage.get_volume(one.id) for one in outside.server(vm).attached_volumes]
    assert sorted((one.name, one.size, one.is_bootable) for one in attached) == [
        (f"{vm}_data", 2, False),
        (f"{vm}_root", 1, True),
    ]


def test_scaling_by_min_active(
    house: House, admin: Session, subscriber: Subscriber, outside: Outside, name: str
) -> None:
    deployed(name, house, admin, subscriber)
    admin.edit(deployment(name, group(count=3)))
    came = subscriber.until("SERVICE_UPDATED", depname=name)
    assert sorted(types(came)) == sorted(["VM_DEPLOYED"] * 2 + ["VM_ALIVE"] * 2 + ["SERVICE_UPDATED"])
    assert {event.status for event in came} == {"SUCCESS"}
    entry = admin.deployment(name)
    vms = texts(entry, "vm_name")
    assert len(vms) == 3 and {outside.server(vm).status for vm in vms} == {"ACTIVE"}
    assert one(entry, "deployment_name") == name
