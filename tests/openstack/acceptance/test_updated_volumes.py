"""Service updates of volumes: those made for a VM, those that were given, and one that moves to another VM."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from tests.integration.main_job.house import House, Session, texts, until
from tests.integration.main_job.payloads import group
from tests.integration.main_job.subscriber import Subscriber
from tests.integration.operations.test_interfaces import replaced
from tests.integration.operations.test_restore import volumes_of
from tests.integration.operations.vnf import deployed
from tests.openstack.acceptance.outside import SECONDS, Outside
from tests.openstack.acceptance.test_operations import ok
from tests.openstack.acceptance.test_updates import succeeded

OWN = "<volume><name>own</name><volid>2</volid><size>1</size><sizeunit>GiB</sizeunit><bus>virtio</bus></volume>"


def holding(name: str, *volumes: str) -> str:
    """A group with these volumes."""
    return group(name, extra=f"<volumes>{''.join(volumes)}</volumes>" if volumes else "")


class Given:
    """A volume that is not openesc's: `element` is how a document names it."""

    def __init__(self, outside: Outside) -> None:
        self.cloud = outside.cloud.block_storage
        self.name = f"given-{uuid.uuid4().hex[:8]}"
        self.id = str(self.cloud.create_volume(name=self.name, size=1).id)
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
    """Ask for it before `name`, whose deployment goes before it does."""
    made = Given(outside)
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
