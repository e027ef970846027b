"""Restore: a snapshot's image, or another boot volume, by a service update (user guide, VNF restore operations)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.integration.main_job.house import House, Session, one, texts
from tests.integration.main_job.payloads import ESC, deployment, group, undeploy
from tests.integration.main_job.subscriber import Event, Subscriber, subscribe, types
from tests.integration.main_job.test_main_volumes import cloud
from tests.integration.operations.test_interfaces import nics, replaced
from tests.integration.operations.vnf import Vnf, deployed, rpc

IMAGE = "SolTest-Cirros-Image"
BOOT = (
    f"<volume><name>boot</name><volid>0</volid><size>1</size><image>{IMAGE}</image><boot_index>0</boot_index></volume>"
)
DATA = "<volume><name>data</name><volid>1</volid><size>1</size></volume>"
RESTORED = "<volume><name>{}</name><volid>0</volid><boot_index>0</boot_index></volume>"
DAY_ZERO = "<config_data><configuration><dst>--user-data</dst><data>day 0</data></configuration></config_data>"


def booted(*volumes: str) -> str:
    """A group that boots from a volume."""
    made = group(extra=f"<volumes>{''.join(volumes)}</volumes>{DAY_ZERO}")
    return made.replace(f"<image>{IMAGE}</image><flavor>", "<flavor>", 1)


def swap(name: str, new: str) -> str:
    """The update the user guide describes: a delete of the old volume and a create of the new one."""
    changes = f'<volume nc:operation="delete"><name>boot</name></volume>{_created(RESTORED.format(new))}'
    return deployment(name, f"<vm_group><name>g1</name><volumes>{changes}</volumes></vm_group>")


def _created(volume: str) -> str:
    return volume.replace("<volume>", '<volume nc:operation="create">', 1)


@pytest.fixture
def restored(house: House) -> Iterator[Any]:
    """A bootable volume, as it is made from a snapshot: out of band."""
    with cloud(house) as connection:
        image = connection.image.find_image(IMAGE)
        made = connection.block_storage.create_volume(name="from-snapshot", size=1, image_id=image.id)
        connection.block_storage.wait_for_status(made, "available", interval=0.1, wait=20)
        yield made
        assert connection.block_storage.get_volume(made).status == "available", "an undeployment leaves it"
        connection.block_storage.delete_volume(made)


def gone(vnf: Vnf) -> None:
    vnf.admin.edit(undeploy(vnf.name))
    vnf.until("SERVICE_UNDEPLOYED")


def leaf(event: Event, path: str) -> str | None:
    return event.element.findtext("/".join(f"{{{ESC}}}{part}" for part in path.split("/")))


def volumes_of(vnf: Vnf) -> dict[str, str]:
    """The VM's volumes in opdata, by name."""
    entries = vnf.entry().iter(f"{{{ESC}}}volume")
    return {str(entry.findtext(f"{{{ESC}}}name")): str(entry.findtext(f"{{{ESC}}}volume_id")) for entry in entries}


def kept(vnf: Vnf) -> list[dict[str, Any]]:
    """The leftovers of the deployment."""
    return [row for row in vnf.house.told("leftover.list") if row["deployment"] == vnf.name]


def clean(vnf: Vnf, old: str) -> None:
    """What is kept on purpose goes only when it is named."""
    [row] = kept(vnf)
    assert (row["kind"], row["external_id"], row["kept"]) == ("volume", old, True)
    assert row["reason"] == "the boot volume boot was replaced by a restore: it is kept on purpose"
    assert vnf.house.told("leftover.clean", ids=[]) == []
    assert kept(vnf) == [row]
    [done] = vnf.house.told("leftover.clean", ids=[row["id"]])
    assert done["result"] == "removed"
    with cloud(vnf.house) as connection:
        assert connection.block_storage.find_volume(old) is None


def test_the_server_is_made_anew_on_what_it_had(
    house: House, admin: Session, subscriber: Subscriber, restored: Any
) -> None:
    vnf = deployed("anew", house, admin, subscriber, [booted(BOOT, DATA)])
    before, nics_before, old = one(vnf.entry(), "vm_id"), nics(vnf), volumes_of(vnf)
    guest = house.guest(before)
    admin.edit(swap("anew", "from-snapshot"))
    came = vnf.until("SERVICE_UPDATED")
    assert [(event.type, event.status) for event in came] == [("VM_UPDATED", "SUCCESS"), ("SERVICE_UPDATED", "SUCCESS")]
    after = one(vnf.entry(), "vm_id")
    assert after != before
    assert (leaf(came[0], "vm_source/vmid"), leaf(came[0], "vm_target/vmid")) == (before, after)
    assert leaf(came[0], "vm_target/vmname") == vnf.vms[0]
    assert nics(vnf) == nics_before, "ports and addresses"
    assert volumes_of(vnf) == {"data": old["data"], "from-snapshot": restored.id}
    anew = house.guest(after)
    assert (anew["name"], anew["user_data"]) == (guest["name"], "day 0")
    assert anew["metadata"]["openesc:vm"] == guest["metadata"]["openesc:vm"]
    assert sorted(anew["volumes"]) == sorted([restored.id, old["data"]])
    assert vnf.states == ["SERVICE_ACTIVE_STATE", "VM_ALIVE_STATE"]
    gone(vnf)
    clean(vnf, old["boot"])


def test_a_volume_is_named_by_its_id(house: House, admin: Session, subscriber: Subscriber, restored: Any) -> None:
    vnf = deployed("by-id", house, admin, subscriber, [booted(BOOT)])
    admin.edit(swap("by-id", restored.id))
    assert vnf.until("SERVICE_UPDATED")[-1].status == "SUCCESS"
    assert volumes_of(vnf) == {restored.id: restored.id}
    gone(vnf)
    house.told("leftover.clean", ids=[kept(vnf)[0]["id"]])


def test_where_the_cloud_swaps_the_server_stays(
    house: House, admin: Session, subscriber: Subscriber, restored: Any
) -> None:
    house.sim("PUT", "/sim/settings", {"root_volume_swap": True})
    vnf = deployed("swapped", house, admin, subscriber, [booted(BOOT)])
    before, old = one(vnf.entry(), "vm_id"), volumes_of(vnf)["boot"]
    admin.edit(swap("swapped", "from-snapshot"))
    came = vnf.until("SERVICE_UPDATED")
    house.sim("PUT", "/sim/settings", {"root_volume_swap": False})
    assert [(event.type, event.status) for event in came] == [("VM_UPDATED", "SUCCESS"), ("SERVICE_UPDATED", "SUCCESS")]
    assert (leaf(came[0], "vm_source/vmid"), leaf(came[0], "vm_target/vmid")) == (before, None)
    assert one(vnf.entry(), "vm_id") == before
    assert house.guest(before)["volumes"] == [restored.id]
    gone(vnf)
    clean(vnf, old)


def test_a_stopped_vm_is_stopped_afterwards(
    house: House, admin: Session, subscriber: Subscriber, restored: Any
) -> None:
    vnf = deployed("off", house, admin, subscriber, [booted(BOOT)])
    rpc(admin, "serviceAction", actionType="STOP", tenantName="admin", depName="off")
    vnf.until("SERVICE_STOPPED")
    admin.edit(swap("off", "from-snapshot"))
    assert types(vnf.until("SERVICE_UPDATED")) == ["VM_UPDATED", "SERVICE_UPDATED"]
    assert vnf.states == ["SERVICE_STOPPED_STATE", "VM_SHUTOFF_STATE"]
    assert house.guest(one(vnf.entry(), "vm_id"))["power"] is False
    gone(vnf)
    house.told("leftover.clean", ids=[kept(vnf)[0]["id"]])


def test_a_restore_that_failed_half_way_is_sent_again(
    house: House, admin: Session, subscriber: Subscriber, restored: Any
) -> None:
    """The server is gone when the cloud refuses another one; ports, addresses and volumes are still there."""
    vnf = deployed("halfway", house, admin, subscriber, [booted(BOOT, DATA)])
    nics_before, old = nics(vnf), volumes_of(vnf)
    with house.fault("server.create", {"type": "quota"}):
        admin.edit(swap("halfway", "from-snapshot"))
        came = vnf.until("SERVICE_UPDATED")
    assert [(event.type, event.status) for event in came] == [("VM_UPDATED", "FAILURE"), ("SERVICE_UPDATED", "FAILURE")]
    assert vnf.states == ["SERVICE_ERROR_STATE", "VM_ERROR_STATE"]
    admin.edit(replaced("halfway", booted(RESTORED.format("from-snapshot"), DATA)))
    came = vnf.until("SERVICE_UPDATED")
    assert types(came) == ["VM_DEPLOYED", "VM_ALIVE", "SERVICE_UPDATED"]
    assert {event.status for event in came} == {"SUCCESS"}
    assert nics(vnf) == nics_before
    assert volumes_of(vnf) == {"data": old["data"], "from-snapshot": restored.id}
    gone(vnf)
    clean(vnf, old["boot"])


def test_what_cannot_be_booted_from_leaves_the_vm_as_it_is(
    house: House, admin: Session, subscriber: Subscriber
) -> None:
    vnf = deployed("intact", house, admin, subscriber, [booted(BOOT)])
    before, old = one(vnf.entry(), "vm_id"), volumes_of(vnf)
    with cloud(house) as connection:
        blank = connection.block_storage.create_volume(name="blank", size=1)
        for name, words in (("no-such", "volume no-such not found"), ("blank", "is not bootable")):
            admin.edit(replaced("intact", booted(RESTORED.format(name))))
            came = vnf.until("SERVICE_UPDATED")
            assert [event.status for event in came] == ["FAILURE", "FAILURE"]
            assert words in str(came[0].status_message)
            assert (one(vnf.entry(), "vm_id"), volumes_of(vnf)) == (before, old)
            assert vnf.vm_state(vnf.vms[0]) == "VM_ALIVE_STATE"
        connection.block_storage.delete_volume(blank)
    refused = admin.refused(replaced("intact", group(extra=f"<volumes>{DATA}</volumes>")))
    assert "give the new one boot_index 0" in refused.message
    gone(vnf)


def test_refused_by_the_setting(make_house: Callable[..., House]) -> None:
    """Before anything is asked of the cloud, where it is not asked to swap."""
    house = make_house(OPENESC_RESTORE__ROOT_VOLUME="refuse", OPENESC_RESTORE__SWAP_ROOT_VOLUME="false")
    vnf = deployed("refusing", house, house.session(), subscribe(house), [booted(BOOT)])
    refused = vnf.admin.refused(swap("refusing", "from-snapshot"))
    assert refused.message == (
        "the boot volume of vm_group g1 cannot be replaced: the cloud does not detach a root volume, and "
        "restore.root_volume is refuse"
    )
    assert refused.path.endswith("/vm_group[name='g1']/volumes/volume[name='from-snapshot']")


def test_refused_by_the_setting_where_the_cloud_does_not_swap(
    make_house: Callable[..., House],
) -> None:
    house = make_house(OPENESC_RESTORE__ROOT_VOLUME="refuse")
    vnf = deployed("asking", house, house.session(), subscribe(house), [booted(BOOT)])
    before = one(vnf.entry(), "vm_id")
    with cloud(house) as connection:
        image = connection.image.find_image(IMAGE)
        connection.block_storage.create_volume(name="from-snapshot", size=1, image_id=image.id)
    vnf.admin.edit(swap("asking", "from-snapshot"))
    came = vnf.until("SERVICE_UPDATED")
    assert [event.status for event in came] == ["FAILURE", "FAILURE"]
    assert "restore.root_volume is refuse: volume" in str(came[0].status_message)
    assert "is not migrating; this API should only be called by Cinder" in str(came[0].status_message)
    assert one(vnf.entry(), "vm_id") == before
    assert vnf.vm_state(vnf.vms[0]) == "VM_ALIVE_STATE"


def test_the_image_of_a_snapshot_is_kept_for_the_next_redeployment(
    house: House, admin: Session, subscriber: Subscriber
) -> None:
    vnf = deployed("imaged", house, admin, subscriber)
    server = one(vnf.entry(), "vm_id")
    with cloud(house) as connection:
        snapshot = connection.compute.create_server_image(server, "my-snapshot", wait=True)
    policy = "<recovery_policy><action_on_recovery>REDEPLOY_ONLY</action_on_recovery></recovery_policy>"
    admin.edit(replaced("imaged", group(image="my-snapshot", extra=policy)))
    assert types(vnf.until("SERVICE_UPDATED")) == ["SERVICE_UPDATED"]
    assert (one(vnf.entry(), "vm_id"), vnf.leaf(vnf.vms[0], "image")) == (server, IMAGE)
    rpc(admin, "recoveryVmAction", actionType="DO", vmName=vnf.vms[0])
    assert vnf.until("VM_RECOVERY_COMPLETE")[-1].status == "SUCCESS"
    assert vnf.leaf(vnf.vms[0], "image") == "my-snapshot"
    with cloud(house) as connection:
        found = connection.compute.get_server(texts(vnf.entry(), "vm_id")[0])
        assert found.image.id == snapshot.id
        gone(vnf)
        connection.image.delete_image(snapshot.id)


def test_from_a_backup_to_the_restored_vm(house: House, admin: Session, subscriber: Subscriber) -> None:
    """The whole way of the user guide: snapshot, bootable volume of its volume snapshot, update."""
    vnf = deployed("journey", house, admin, subscriber, [booted(BOOT)])
    old = volumes_of(vnf)["boot"]
    rpc(admin, "vmBackupAction", vmName=vnf.vms[0], backupName="my-snapshot-name")
    assert vnf.until("VM_BACKUP_COMPLETE")[-1].status == "SUCCESS"
    with cloud(house) as connection:
        [snapshot] = [one for one in connection.block_storage.snapshots() if "my-snapshot-name" in one.name]
        made = connection.block_storage.create_volume(name="my-bootable-volume", size=1, snapshot_id=snapshot.id)
        connection.block_storage.wait_for_status(made, "available", interval=0.1, wait=20)
        admin.edit(swap("journey", "my-bootable-volume"))
        assert {event.status for event in vnf.until("SERVICE_UPDATED")} == {"SUCCESS"}
        assert volumes_of(vnf) == {"my-bootable-volume": made.id}
        gone(vnf)
        assert connection.block_storage.get_volume(old).status == "available", "it has a snapshot, and is kept anyway"
        assert connection.block_storage.get_volume(made).status == "available"


def test_a_recovery_finishes_a_restore_that_failed(
    house: House, admin: Session, subscriber: Subscriber, restored: Any
) -> None:
    vnf = deployed("healed", house, admin, subscriber, [booted(BOOT, DATA)])
    before, old = nics(vnf), volumes_of(vnf)
    with house.fault("server.create", {"type": "error", "text": "no room"}):
        admin.edit(swap("healed", "from-snapshot"))
        came = vnf.until("SERVICE_UPDATED")
    assert "no room" in str(came[-1].status_message)
    assert vnf.states == ["SERVICE_ERROR_STATE", "VM_ERROR_STATE"]
    rpc(admin, "recoveryVmAction", actionType="DO", vmName=vnf.vms[0])
    assert vnf.until("VM_RECOVERY_COMPLETE")[-1].status == "SUCCESS"
    assert (nics(vnf), volumes_of(vnf)) == (before, {"data": old["data"], "from-snapshot": restored.id})
    gone(vnf)
    clean(vnf, old["boot"])
