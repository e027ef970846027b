"""Service updates of volumes and images: made, given and moved ones, another boot volume, another image."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from tests.integration.main_job.house import House, Session, texts, until
from tests.integration.main_job.payloads import group, undeploy
from tests.integration.main_job.subscriber import Subscriber
from tests.integration.operations.test_interfaces import nics, replaced
from tests.integration.operations.test_restore import booted, kept, leaf, swap, volumes_of
from tests.integration.operations.vnf import deployed
from tests.integration.snapshots.test_recovery import policy
from tests.openstack.acceptance.outside import SECONDS, Outside
from tests.openstack.acceptance.test_operations import ok
from tests.openstack.acceptance.test_updates import succeeded

OWN = "<volume><name>own</name><volid>2</volid><size>1</size><sizeunit>GiB</sizeunit><bus>virtio</bus></volume>"
IMAGE = "SolTest-Cirros-Image"
BOOT = (
    f"<volume><name>boot</name><volid>0</volid><size>1</size><image>{IMAGE}</image><boot_index>0</boot_index></volume>"
)


def holding(name: str, *volumes: str) -> str:
    """A group with these volumes."""
    return group(name, extra=f"<volumes>{''.join(volumes)}</volumes>" if volumes else "")


class Given:
    """A volume that is not openesc's: `element` is how a document names it."""

    def __init__(self, outside: Outside, **how: Any) -> None:
        self.cloud = outside.cloud.block_storage
        self.name = f"given-{uuid.uuid4().hex[:8]}"
        self.id = str(self.cloud.create_volume(name=self.name, size=1, **how).id)
        until(lambda: self.status == "available", f"volume {self.name} is available", SECONDS)
        self.element = f"<volume><name>{self.name}</name><volid>1</volid><bus>virtio</bus></volume>"

    @property
    def status(self) -> str:
        return str(self.cloud.get_volume(self.id).status)

    @property
    def servers(self) -> list[str]:
        """The ids of the servers that have it."""
        return [attachment["server_id"] for attachment in self.cloud.get_volume(self.id).attachments]

    def remove(self) -> None:
        """An undeployment has left it as it was."""
        until(lambda: self.status == "available", f"volume {self.name} is left as it was", SECONDS)
        self.cloud.delete_volume(self.id)


@pytest.fixture
def given(outside: Outside) -> Iterator[Given]:
    """One without content. Ask for it before `name`, whose deployment goes before it does."""
    made = Given(outside)
    yield made
    made.remove()


@pytest.fixture
def bootable(outside: Outside) -> Iterator[Given]:
    """One with the image's content, as one from a snapshot has."""
    made = Given(outside, image_id=outside.cloud.image.find_image(IMAGE).id)
    yield made
    made.remove()


def attached(outside: Outside, vm: str) -> list[str]:
    """The ids of the volumes the cloud says the server has."""
    return sorted(str(one.id) for one in outside.server(vm).attached_volumes)


def test_volumes_come_and_go(
    given: Given, house: House, admin: Session, subscriber: Subscriber, outside: Outside, name: str
) -> None:
    """Of a VM that runs, then of one that is off. The one that was given stays; the other is deleted."""
    vnf = deployed(name, house, admin, subscriber)
    (vm,) = vnf.vms
    server = outside.server(vm).id
    admin.edit(replaced(name, holding("g1", given.element, OWN)))
    assert succeeded(vnf.until("SERVICE_UPDATED")) == ["VM_UPDATED", "SERVICE_UPDATED"]
    shown = volumes_of(vnf)
    assert attached(outside, vm) == sorted(shown.values()) and shown[given.name] == given.id
    assert (given.servers, outside.named(name)["volumes"]) == ([server], [f"{vm}_own"])
    refused = admin.refused(replaced(name, holding("g1", given.element, OWN.replace("<size>1<", "<size>2<"))))
    assert refused.message == "size of volume own in vm_group g1 cannot change: give it another name"
    ok(house.esc_nc_cli("vm-action", "STOP", vm))
    vnf.until("VM_STOPPED")
    admin.edit(replaced(name, holding("g1")))
    assert succeeded(vnf.until("SERVICE_UPDATED")) == ["VM_UPDATED", "SERVICE_UPDATED"]
    assert (attached(outside, vm), volumes_of(vnf), given.status) == ([], {}, "available")
    until(lambda: "volumes" not in outside.named(name), "its own volume is deleted", SECONDS)
    admin.edit(replaced(name, holding("g1", OWN)))
    assert succeeded(vnf.until("SERVICE_UPDATED")) == ["VM_UPDATED", "SERVICE_UPDATED"]
    assert (len(attached(outside, vm)), outside.server(vm).status) == (1, "SHUTOFF")
    assert (outside.server(vm).id, vnf.vm_state(vm)) == (server, "VM_SHUTOFF_STATE")


def test_a_volume_that_was_given_moves_between_groups(
    given: Given, house: House, admin: Session, subscriber: Subscriber, outside: Outside, name: str
) -> None:
    """In one request: between two that stay, then from one that goes to one that comes."""
    vnf = deployed(name, house, admin, subscriber, [holding("g1", given.element), holding("g2")])
    first, second = vnf.vms
    assert attached(outside, first) == [given.id]
    admin.edit(replaced(name, holding("g1"), holding("g2", given.element)))
    assert succeeded(vnf.until("SERVICE_UPDATED")) == ["VM_UPDATED", "VM_UPDATED", "SERVICE_UPDATED"]
    assert (attached(outside, first), attached(outside, second)) == ([], [given.id])
    admin.edit(replaced(name, holding("g1"), holding("g3", given.element)))
    assert succeeded(vnf.until("SERVICE_UPDATED")) == ["VM_UNDEPLOYED", "VM_DEPLOYED", "VM_ALIVE", "SERVICE_UPDATED"]
    assert given.servers == [outside.server(texts(vnf.entry(), "vm_name")[-1]).id]


def test_another_image_counts_at_the_next_redeployment(
    house: House, admin: Session, subscriber: Subscriber, outside: Outside, name: str
) -> None:
    """The user guide's restore of a VM without a boot volume, from its snapshot's image."""
    vnf = deployed(name, house, admin, subscriber)
    (vm,) = vnf.vms
    ok(house.esc_nc_cli("vm-backup-action", vm, f"of-{name}"))
    assert vnf.until("VM_BACKUP_COMPLETE")[-1].status == "SUCCESS"
    image, server = outside.cloud.image.find_image(f"of-{name}"), outside.server(vm).id
    admin.edit(replaced(name, group(image=f"of-{name}", extra=policy("REDEPLOY_ONLY", reboot_time=120))))
    assert succeeded(vnf.until("SERVICE_UPDATED")) == ["SERVICE_UPDATED"]
    assert (outside.server(vm).id, vnf.leaf(vm, "image")) == (server, IMAGE)
    ok(house.esc_nc_cli("recovery-vm-action", "DO", vm))
    assert succeeded(vnf.until("VM_RECOVERY_COMPLETE"))[-1] == "VM_RECOVERY_COMPLETE"
    assert (outside.server(vm).image.id, vnf.leaf(vm, "image")) == (image.id, f"of-{name}")
    assert outside.server(vm).id != server
    admin.edit(undeploy(name))
    vnf.until("SERVICE_UNDEPLOYED")
    ok(house.esc_nc_cli("snapshot-action", "delete", f"of-{name}"))
    subscriber.until("VM_SNAPSHOT_DELETED")


def test_another_boot_volume(
    bootable: Given, house: House, admin: Session, subscriber: Subscriber, outside: Outside, name: str
) -> None:
    """The user guide's restore of a VM with one: the server is made anew on what it had, the old volume is kept."""
    vnf = deployed(name, house, admin, subscriber, [booted(BOOT, OWN)])
    (vm,) = vnf.vms
    before, wiring, old = outside.server(vm).id, nics(vnf), volumes_of(vnf)
    admin.edit(swap(name, bootable.name))
    came = vnf.until("SERVICE_UPDATED")
    assert succeeded(came) == ["VM_UPDATED", "SERVICE_UPDATED"]
    server = outside.server(vm)
    assert (leaf(came[0], "vm_source/vmid"), leaf(came[0], "vm_target/vmid")) == (before, server.id)
    assert server.status == "ACTIVE"
    assert attached(outside, vm) == sorted([bootable.id, old["own"]])
    assert (nics(vnf), volumes_of(vnf)) == (wiring, {"own": old["own"], bootable.name: bootable.id})
    assert outside.drive(vm)["openstack/latest/user_data"] == "day 0"
    assert vnf.states == ["SERVICE_ACTIVE_STATE", "VM_ALIVE_STATE"]
    admin.edit(undeploy(name))
    vnf.until("SERVICE_UNDEPLOYED")
    (row,) = kept(vnf)
    assert (row["external_id"], row["kept"]) == (old["boot"], True)
    assert outside.cloud.block_storage.get_volume(old["boot"]).status == "available"
    (done,) = house.told("leftover.clean", ids=[row["id"]])
    assert done["result"] == "removed"
