"""What the cloud refuses, and what happens behind our back: told in its words, and nothing left over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from tests.integration.main_job.house import House, Session, texts, until
from tests.integration.main_job.payloads import deployment, group, network, undeploy
from tests.integration.main_job.subscriber import Event, Subscriber, types
from tests.integration.operations.vnf import deployed, refused, rpc
from tests.integration.snapshots.actions import BOOT_VOLUME, backup
from tests.integration.snapshots.actions import refused as refused_call
from tests.openstack.acceptance.outside import SECONDS, Outside
from tests.openstack.acceptance.test_deploy import APART
from tests.openstack.acceptance.test_operations import V2

FILES = "<config_data><configuration><dst>day0.cfg</dst><data>anything</data></configuration></config_data>"
VOLUME = (
    "<volumes><volume><name>{name}</name><volid>1</volid><size>{size}</size><sizeunit>GiB</sizeunit>{type}</volume>"
    "</volumes>"
)


def failed(admin: Session, subscriber: Subscriber, name: str, one_group: str, tenant: str = "admin") -> Event:
    """Deploy what cannot be; the failure of the VM or, where it never came to one, of the service."""
    admin.edit(deployment(name, one_group, tenant=tenant))
    came = [event for event in subscriber.until("SERVICE_ALIVE", depname=name) if event.depname == name]
    assert came[-1].status == "FAILURE"
    return came[0]


@pytest.mark.parametrize(
    "words, change",
    [
        ("no-such-image", {"image": "no-such-image"}),
        ("no-such-flavor", {"flavor": "no-such-flavor"}),
        ("no-such-network", {"networks": ("no-such-network",)}),
        (
            "Volume type with name no-such could not be found.",
            {"extra": VOLUME.format(name="v", size=1, type="<type>no-such</type>")},
        ),
        ("Could not find any available weighted backend.", {"extra": VOLUME.format(name="v", size=3000, type="")}),
    ],
)
def test_what_is_not_there(
    admin: Session, subscriber: Subscriber, outside: Outside, name: str, words: str, change: dict[str, Any]
) -> None:
    assert words in str(failed(admin, subscriber, name, group(**change)).status_message)
    until(lambda: "servers" not in outside.named(name), "no server is left", SECONDS)
    assert "ports" not in outside.named(name)


def test_no_valid_host(admin: Session, subscriber: Subscriber, outside: Outside, name: str) -> None:
    flavor = outside.cloud.compute.create_flavor(name=f"{name}-huge", vcpus=1, ram=512, disk=5000)
    event = failed(admin, subscriber, name, group(flavor=flavor.name))
    assert (event.type, "No valid host was found." in str(event.status_message)) == ("VM_DEPLOYED", True)
    outside.cloud.compute.delete_flavor(flavor)


def test_a_flavor_too_small_for_the_image(admin: Session, subscriber: Subscriber, outside: Outside, name: str) -> None:
    image = outside.cloud.image.create_image(
        f"{name}-big", data=b"\0" * 1024, disk_format="raw", container_format="bare", min_disk=2, wait=True
    )
    event = failed(admin, subscriber, name, group(image=f"{name}-big"))
    assert "Flavor's disk is smaller than the minimum size specified in image metadata." in str(event.status_message)
    assert "req-" in str(event.status_message)
    outside.cloud.image.delete_image(image)


Limit = Callable[[Any, str], object]


@contextmanager
def limited(outside: Outside, limit: Limit) -> Iterator[None]:
    """Quotas of the project admin for as long as the block lasts."""
    cloud = outside.cloud
    project = cloud.identity.find_project("admin").id
    limit(cloud, project)
    try:
        yield
    finally:
        for service in (cloud.compute, cloud.block_storage):
            service.revert_quota_set(project)
        cloud.network.delete_quota(project)


@pytest.mark.parametrize(
    "limit, words",
    [
        (lambda cloud, project: cloud.compute.update_quota_set(project, cores=0), "Quota exceeded for cores"),
        (lambda cloud, project: cloud.compute.update_quota_set(project, instances=0), "Quota exceeded for instances"),
        (lambda cloud, project: cloud.compute.update_quota_set(project, ram=0), "Quota exceeded for ram"),
        (
            lambda cloud, project: cloud.network.update_quota(project, ports=0),
            "Quota exceeded for resources: ['port'].",
        ),
        (lambda cloud, project: cloud.block_storage.update_quota_set(project, volumes=0), "VolumeLimitExceeded"),
        (
            lambda cloud, project: cloud.block_storage.update_quota_set(project, gigabytes=0),
            "VolumeSizeExceedsAvailableQuota",
        ),
    ],
    ids=["cores", "instances", "ram", "ports", "volumes", "gigabytes"],
)
def test_quotas(admin: Session, subscriber: Subscriber, outside: Outside, name: str, limit: Limit, words: str) -> None:
    with limited(outside, limit):
        event = failed(admin, subscriber, name, group(extra=BOOT_VOLUME))
    assert words in str(event.status_message) and "req-" in str(event.status_message)
    assert outside.is_empty(name)


def used_up(cloud: Any, project: str, kind: str) -> None:
    """Neutron takes no limit below what there is already."""
    there = len(list(getattr(cloud.network, kind)(project_id=project)))
    cloud.network.update_quota(project, **{kind: there})


INNER = "<networks>{}</networks>"


@pytest.mark.parametrize(
    "limit, words, one_group, before",
    [
        (lambda cloud, project: used_up(cloud, project, "networks"), "['network']", group(), INNER),
        (lambda cloud, project: used_up(cloud, project, "subnets"), "['subnet']", group(), INNER),
        (
            lambda cloud, project: cloud.compute.update_quota_set(project, server_groups=0),
            "Quota exceeded, too many server groups.",
            group("g1") + group("g2"),
            APART,
        ),
        (
            lambda cloud, project: cloud.compute.update_quota_set(project, injected_files=0),
            "file limit exceeded",
            group(extra=FILES, kpi=False),
            "",
        ),
    ],
    ids=["networks", "subnets", "server groups", "injected files"],
)
def test_quotas_of_what_vms_need(
    admin: Session,
    subscriber: Subscriber,
    outside: Outside,
    name: str,
    limit: Limit,
    words: str,
    one_group: str,
    before: str,
) -> None:
    """The failure of that object is the reason of the service's."""
    with limited(outside, limit):
        admin.edit(deployment(name, one_group, before=before.format(network(f"{name}-inner", "192.168.8.0"))))
        came = subscriber.until("SERVICE_ALIVE", depname=name)
    assert came[-1].status == "FAILURE"
    assert words in str(came[-1].status_message) and "req-" in str(came[-1].status_message)


def test_quota_of_snapshots(house: House, admin: Session, subscriber: Subscriber, outside: Outside, name: str) -> None:
    """Refused in the answer; no image and no volume snapshot is left."""
    (vm,) = deployed(name, house, admin, subscriber, [group(extra=BOOT_VOLUME, kpi=False)]).vms
    with limited(outside, lambda cloud, project: cloud.block_storage.update_quota_set(project, snapshots=0)):
        error = refused_call(admin, backup(vm, f"{name}-backup"))
    assert "uota" in str(error.message) and "req-" in str(error.message)
    found = outside.named(name)
    assert "images" not in found and "volume snapshots" not in found


def test_a_host_that_cannot_start_guests(admin: Session, subscriber: Subscriber, outside: Outside, name: str) -> None:
    """A compute service that is down: the scheduler does not use it, whoever names it is told."""
    host = "Host-24"
    outside.lab.stop(f"nova-compute.{host}")
    try:
        placed = group(extra=f"<placement><type>zone_host</type><host>{host}</host></placement>")
        until(lambda: not _is_up(outside, host), f"{host} is seen to be down", SECONDS)
        event = failed(admin, subscriber, name, placed)
    finally:
        outside.lab.start(f"nova-compute.{host}")
        until(lambda: _is_up(outside, host), f"{host} is up again", SECONDS)
    assert "No valid host was found. There are not enough hosts available." in str(event.status_message)


def _is_up(outside: Outside, host: str) -> bool:
    services = outside.cloud.compute.services(binary="nova-compute", host=host)
    return all(one.state == "up" for one in services)


def test_a_server_deleted_behind_our_back(admin: Session, subscriber: Subscriber, outside: Outside, name: str) -> None:
    admin.edit(deployment(name, group(kpi=False)))
    subscriber.until("SERVICE_ALIVE", depname=name)
    (vm,) = texts(admin.deployment(name), "vm_name")
    outside.cloud.compute.delete_server(outside.server(vm))
    until(lambda: "servers" not in outside.named(name), "the server is gone", SECONDS)
    assert "could not be found" in refused(admin, "vmMigrate", vmName=vm, migrationType="live")
    admin.edit(undeploy(name))
    came = subscriber.until("SERVICE_UNDEPLOYED", depname=name)
    assert types(came)[-2:] == ["VM_UNDEPLOYED", "SERVICE_UNDEPLOYED"] and came[-1].status == "SUCCESS"


def test_a_project_deleted_behind_our_back(admin: Session, subscriber: Subscriber, outside: Outside, name: str) -> None:
    """OpenStack keeps what is in it: the undeployment reaches it with an administrator's rights, and another deployment
    has a project again.
    """
    admin.edit(deployment(name, group(kpi=False, extra=VOLUME.format(name="v", size=1, type="")), tenant=name))
    assert subscriber.until("SERVICE_ALIVE", depname=name)[-1].status == "SUCCESS"
    (vm,) = texts(admin.deployment(name, name), "vm_name")
    outside.cloud.identity.delete_project(outside.cloud.identity.find_project(name))
    outside.forget_tokens()
    rpc(admin, "vmAction", actionType="STOP", vmName=vm)
    stopped = subscriber.until("VM_STOPPED", depname=name)[-1]
    assert stopped.status == "FAILURE"
    assert "is not there any more" in str(stopped.status_message) and "req-" in str(stopped.status_message)
    admin.edit(undeploy(name, name))
    came = subscriber.until("SERVICE_UNDEPLOYED", depname=name)
    assert (types(came)[-2:], came[-1].status) == (["VM_UNDEPLOYED", "SERVICE_UNDEPLOYED"], "SUCCESS")
    assert outside.is_empty(name)
    admin.edit(deployment(name, group(kpi=False), tenant=name))
    assert subscriber.until("SERVICE_ALIVE", depname=name)[-1].status == "SUCCESS"
    admin.edit(undeploy(name, name))
    assert subscriber.until("SERVICE_UNDEPLOYED", depname=name)[-1].status == "SUCCESS"
    outside.cloud.identity.delete_project(outside.cloud.identity.find_project(name))


def test_a_server_in_error_is_undeployed(
    house: House, admin: Session, subscriber: Subscriber, outside: Outside, name: str
) -> None:
    (vm,) = deployed(name, house, admin, subscriber, [group(kpi=False)]).vms
    outside.cloud.compute.reset_server_state(outside.server(vm), "error")
    outside.settled(vm, status="ERROR")
    admin.edit(undeploy(name))
    came = subscriber.until("SERVICE_UNDEPLOYED", depname=name)
    assert (types(came)[-2:], came[-1].status) == (["VM_UNDEPLOYED", "SERVICE_UNDEPLOYED"], "SUCCESS")
    assert outside.is_empty(name)


def test_a_server_in_error_is_not_resized(
    house: House, admin: Session, subscriber: Subscriber, outside: Outside, name: str
) -> None:
    """Nova's words are told and nothing is changed; the document sent again does it once the server is in order."""
    (vm,) = deployed(name, house, admin, subscriber, [group(kpi=False)]).vms
    outside.cloud.compute.reset_server_state(outside.server(vm), "error")
    outside.settled(vm, status="ERROR")
    admin.edit(deployment(name, group(kpi=False, flavor=V2)))
    failed = subscriber.until("SERVICE_UPDATED", depname=name)[-1]
    assert failed.status == "FAILURE"
    assert "while it is in vm_state error" in str(failed.status_message) and "req-" in str(failed.status_message)
    outside.cloud.compute.reset_server_state(outside.server(vm), "active")
    outside.settled(vm, status="ACTIVE")
    admin.edit(deployment(name, group(kpi=False, flavor=V2)))
    assert subscriber.until("VM_VERIFY_RESIZE", depname=name)[-1].status == "SUCCESS"
    assert (outside.server(vm).status, outside.flavor(vm)) == ("VERIFY_RESIZE", V2)


def test_a_server_in_error_is_brought_back_by_a_start(
    admin: Session, subscriber: Subscriber, outside: Outside, name: str
) -> None:
    admin.edit(deployment(name, group(kpi=False)))
    subscriber.until("SERVICE_ALIVE", depname=name)
    (vm,) = texts(admin.deployment(name), "vm_name")
    outside.cloud.compute.reset_server_state(outside.server(vm), "error")
    outside.settled(vm, status="ERROR")
    rpc(admin, "vmAction", actionType="REBOOT", vmName=vm)
    came = subscriber.until("VM_REBOOTED", depname=name)
    assert came[-1].status == "SUCCESS", came[-1]
    assert outside.server(vm).status == "ACTIVE"
