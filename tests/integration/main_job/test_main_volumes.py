"""Volumes of a VM: given ones stay in the cloud, those made for it go with it; snapshots are left alone."""

from __future__ import annotations

from typing import Any

import openstack
from tests.integration.main_job.house import House, Session, until
from tests.integration.main_job.payloads import deployment, group, undeploy
from tests.integration.main_job.subscriber import Subscriber, types

SCRATCH = (
    "<volumes><volume><name>scratch</name><volid>1</volid><size>1</size><sizeunit>GiB</sizeunit></volume></volumes>"
)
VOLUMES = (
    "<volumes><volume><name>given-volume</name><volid>1</volid><bus>virtio</bus></volume>"
    "<volume><name>scratch</name><volid>2</volid><size>1</size><sizeunit>GiB</sizeunit><bus>virtio</bus></volume></volumes>"
)


def cloud(house: House) -> Any:
    facts = house.server.cloud_facts
    words = ("auth_url", "username", "password", "project_name", "user_domain_name", "project_domain_name")
    return openstack.connect(**{word: facts[word] for word in words})


def test_undeploy_leaves_what_is_not_its_own(house: House, admin: Session, subscriber: Subscriber) -> None:
    connection = cloud(house)
    given = connection.block_storage.create_volume(name="given-volume", size=1)
    connection.block_storage.wait_for_status(given, "available", interval=0.1, wait=20)
    admin.edit(deployment("keeper", group("g1", extra=VOLUMES)))
    assert types(subscriber.until("SERVICE_ALIVE", depname="keeper")) == ["VM_DEPLOYED", "VM_ALIVE", "SERVICE_ALIVE"]
    [server] = connection.compute.servers(name="^keeper_")
    assert {volume.name for volume in connection.block_storage.volumes()} >= {"given-volume", f"{server.name}_scratch"}
    image = connection.compute.create_server_image(server, "kept-snapshot")
    connection.compute.wait_for_server(connection.compute.get_server(server.id), interval=0.1, wait=20)
    admin.edit(undeploy("keeper"))
    assert types(subscriber.until("SERVICE_UNDEPLOYED", depname="keeper")) == ["VM_UNDEPLOYED", "SERVICE_UNDEPLOYED"]
    left = {volume.name: volume.status for volume in connection.block_storage.volumes()}
    assert left.get("given-volume") == "available"
    assert not [name for name in left if name.endswith("_scratch")]
    assert connection.image.get_image(image).name == "kept-snapshot"
    connection.block_storage.delete_volume(given)
    connection.image.delete_image(image)
    connection.close()


def _looks(house: House, since: int) -> list[dict[str, Any]]:
    """The readings of single volumes after that request."""
    return list(house.sim("GET", f"/sim/requests?operation=volume.show&since={since}")["requests"])


def test_undeploy_waits_for_a_volume_that_is_being_made(house: House, admin: Session, subscriber: Subscriber) -> None:
    """Cinder deletes nothing half-made."""
    with house.fault("volume.create", {"type": "freeze"}, "*unmade*"):
        admin.edit(deployment("unmade", group("g1", extra=SCRATCH)))
        until(lambda: [name for name in house.names("volumes") if name.startswith("unmade")], "a volume is asked for")
        admin.edit(undeploy("unmade"))
        began = house.sim("GET", "/sim/requests")["last"]
        until(lambda: len(_looks(house, began)) > 3, "it is looked at, and not deleted")
    assert subscriber.until("SERVICE_UNDEPLOYED", depname="unmade")[-1].status == "SUCCESS"
    assert not [name for name in house.names("volumes") if name.startswith("unmade")]


def test_a_volume_is_made_from_its_own_image(house: House, admin: Session, subscriber: Subscriber) -> None:
    """A group without an image boots from it; an image that is not there is named."""
    boot = "<volumes><volume><name>root</name><volid>0</volid><size>1</size><boot_index>0</boot_index><image>{}</image>"
    boot += "</volume></volumes>"
    bare = group("g1", extra=boot.format("SolTest-Cirros-Image")).replace("<image>SolTest-Cirros-Image</image>", "", 1)
    admin.edit(deployment("rooted", bare))
    came = subscriber.until("SERVICE_ALIVE", depname="rooted")
    assert came[-1].status == "SUCCESS", came[-1].status_message
    connection = cloud(house)
    [server] = connection.compute.servers(name="^rooted_")
    [volume] = [one for one in connection.block_storage.volumes() if one.name == f"{server.name}_root"]
    volume = connection.block_storage.get_volume(volume)
    assert volume.is_bootable and volume.volume_image_metadata["image_name"] == "SolTest-Cirros-Image"
    connection.close()
    admin.edit(undeploy("rooted"))
    subscriber.until("SERVICE_UNDEPLOYED", depname="rooted")
    admin.edit(deployment("rootless", group("g1", extra=boot.format("no-such-image"))))
    assert {event.status_message for event in subscriber.until("SERVICE_ALIVE", depname="rootless")} == {
        "image no-such-image of volume root not found"
    }
    admin.edit(undeploy("rootless"))
    subscriber.until("SERVICE_UNDEPLOYED", depname="rootless")
