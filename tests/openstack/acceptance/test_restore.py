"""Restore of VMs from snapshots, by image and by volume; volumes made from snapshots; volumes that snapshots hold."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.integration.main_job.house import House, Session, one, until
from tests.integration.main_job.payloads import deployment, group, undeploy
from tests.integration.main_job.subscriber import Subscriber, types
from tests.integration.operations.test_interfaces import replaced
from tests.integration.operations.test_restore import BOOT, DATA, RESTORED, booted, kept, leaf, swap, volumes_of
from tests.integration.operations.vnf import Vnf, deployed
from tests.integration.rest.client import V0, Rest
from tests.integration.snapshots.actions import snapshot_id
from tests.integration.snapshots.test_recovery import policy
from tests.openstack.acceptance.callbacks import Callbacks, Told
from tests.openstack.acceptance.outside import SECONDS, Outside
from tests.openstack.acceptance.test_operations import ok

MADE = ["VM_BACKUP_INIT", "VM_BACKUP_CREATED", "VM_BACKUP_COMPLETE"]
REQUEST = "(req-"


def backed_up(vnf: Vnf, name: str) -> str:
    """A snapshot of the VM, by esc_nc_cli; its id."""
    ok(vnf.house.esc_nc_cli("vm-backup-action", vnf.vms[0], name))
    came = vnf.until("VM_BACKUP_COMPLETE")
    assert types(came) == MADE and {event.status for event in came} == {"SUCCESS"}
    return snapshot_id(came[0].status_message)


def deleted(vnf: Vnf, snapshot: str) -> None:
    """The snapshot goes, by esc_nc_cli."""
    ok(vnf.house.esc_nc_cli("snapshot-action", snapshot))
    assert types(vnf.until("VM_SNAPSHOT_DELETED", status="SUCCESS")) == ["VM_SNAPSHOT_DELETING", "VM_SNAPSHOT_DELETED"]


def sent(vnf: Vnf, folder: Path, document: str) -> None:
    """An update, as a file for esc_nc_cli."""
    (folder / "update.xml").write_text(document)
    ok(vnf.house.esc_nc_cli("edit-config", str(folder / "update.xml")))


def gone(vnf: Vnf) -> None:
    vnf.admin.edit(undeploy(vnf.name))
    assert types(vnf.until("SERVICE_UNDEPLOYED", status="SUCCESS")) == ["VM_UNDEPLOYED", "SERVICE_UNDEPLOYED"]


def volume_snapshots(outside: Outside, backup: str) -> dict[str, Any]:
    """Cinder's snapshots of one of ours, by the volumes they are of."""
    found = outside.cloud.block_storage.snapshots(details=True)
    return {snapshot.volume_id: snapshot for snapshot in found if snapshot.name == f"snapshot for {backup}"}


@contextmanager
def volume_of(rest: Rest, callbacks: Callbacks, outside: Outside, snapshot: str, **body: Any) -> Iterator[Any]:
    """A volume made of a snapshot by REST and told by callbacks; it is not openesc's, and deleted after the block."""
    path = f"{V0}/snapshots/{snapshot}/volumes"
    asked = rest.call("POST", path, json.dumps(body), Content_Type="application/json", **callbacks.headers)
    assert (asked.status, asked.content) == (202, b""), asked.text
    accepted, created = callbacks.take(2)
    assert [(told.type, told.code) for told in accepted + created] == [
        ("VM_VOLUME_ACCEPTED", "202"),
        ("VM_VOLUME_CREATED", "201"),
    ]
    assert created[0].transaction == asked.headers["ESC-Transaction-Id"]
    volume = outside.cloud.block_storage.get_volume(parameter(created[0])["external_volume_id"])
    try:
        yield volume
    finally:
        outside.cloud.block_storage.delete_volume(volume)
        until(lambda: outside.cloud.block_storage.find_volume(volume.id) is None, "the volume is gone", SECONDS)


def parameter(told: Told) -> dict[str, Any]:
    """What a callback says of the volume."""
    found: dict[str, Any] = json.loads(told.body)["escParameter"]
    return found


def disks(outside: Outside, vm: str) -> list[str]:
    """The ids of the volumes the server has."""
    return sorted(volume.id for volume in outside.server(vm).attached_volumes)


def test_an_image_backed_vm_is_restored_by_redeployment(
    house: House, admin: Session, subscriber: Subscriber, outside: Outside, name: str, tmp_path: Path
) -> None:
    """The update keeps the image's name; the next redeployment takes it."""
    backup = f"{name}-backup"
    vnf = deployed(name, house, admin, subscriber)
    (vm,) = vnf.vms
    snapshot, before, addresses = backed_up(vnf, backup), outside.server(vm), outside.addresses(vm)
    image = outside.cloud.image.find_image(backup)
    sent(vnf, tmp_path, replaced(name, group(image=backup, extra=policy("REDEPLOY_ONLY", reboot_time=120))))
    assert types(vnf.until("SERVICE_UPDATED", status="SUCCESS")) == ["SERVICE_UPDATED"]
    assert (outside.server(vm).id, outside.server(vm).image.id) == (before.id, before.image.id)
    ok(house.esc_nc_cli("recovery-vm-action", "DO", vm))
    assert types(vnf.until("VM_RECOVERY_COMPLETE", status="SUCCESS")) == [
        *("VM_RECOVERY_INIT", "VM_RECOVERY_UNDEPLOYED", "VM_RECOVERY_DEPLOYED", "VM_RECOVERY_COMPLETE")
    ]
    after = outside.server(vm)
    assert after.id != before.id
    assert (after.status, after.image.id, outside.addresses(vm)) == ("ACTIVE", image.id, addresses)
    assert vnf.leaf(vm, "image") == backup
    gone(vnf)
    deleted(vnf, snapshot)
    assert outside.cloud.image.find_image(backup) is None


@pytest.mark.parametrize("by", ["esc_nc_cli", "netconf", "rest"])
def test_a_volume_backed_vm_is_restored_from_its_snapshot(
    house: House,
    admin: Session,
    subscriber: Subscriber,
    rest: Rest,
    callbacks: Callbacks,
    outside: Outside,
    name: str,
    tmp_path: Path,
    by: str,
) -> None:
    """Snapshot, bootable volume of its volume snapshot, update: the whole way of the user guide."""
    backup = f"{name}-backup"
    vnf = deployed(name, house, admin, subscriber, [booted(BOOT, DATA)])
    (vm,) = vnf.vms
    before, addresses, old = outside.server(vm), outside.addresses(vm), volumes_of(vnf)
    ports = sorted(port.id for port in outside.cloud.network.ports(device_id=before.id))
    snapshot = backed_up(vnf, backup)
    of_boot = volume_snapshots(outside, backup)[old["boot"]]
    with volume_of(rest, callbacks, outside, snapshot, name=f"restored-{name}") as volume:
        assert (volume.status, volume.is_bootable, volume.snapshot_id) == ("available", True, of_boot.id)
        update = swap(name, volume.name)
        if by == "esc_nc_cli":
            sent(vnf, tmp_path, update)
        elif by == "netconf":
            admin.edit(update)
        else:
            path = f"{V0}/deployments/{one(vnf.entry(), 'deployment_id')}"
            assert rest.put(path, update, **callbacks.headers).status == 200
        came = vnf.until("SERVICE_UPDATED")
        assert [event.short[:2] for event in came] == [("VM_UPDATED", "SUCCESS"), ("SERVICE_UPDATED", "SUCCESS")]
        if by == "rest":
            callbacks.tell(came)
        after = outside.settled(vm, status="ACTIVE")
        assert (leaf(came[0], "vm_source/vmid"), leaf(came[0], "vm_target/vmid")) == (before.id, after.id)
        assert after.id != before.id
        assert disks(outside, vm) == sorted([volume.id, old["data"]])
        assert sorted(port.id for port in outside.cloud.network.ports(device_id=after.id)) == ports
        assert (outside.addresses(vm), outside.drive(vm)["openstack/latest/user_data"]) == (addresses, "day 0")
        assert vnf.states == ["SERVICE_ACTIVE_STATE", "VM_ALIVE_STATE"]
        (row,) = kept(vnf)
        assert (row["kind"], row["external_id"], row["kept"]) == ("volume", old["boot"], True)
        assert outside.cloud.block_storage.get_volume(old["boot"]).status == "available"
        deleted(vnf, snapshot)
        until(lambda: not volume_snapshots(outside, backup), "the volume snapshots are gone", SECONDS)
        gone(vnf)
        assert outside.named(name)["volumes"] == [f"{vm}_boot"], "what is kept is there, and nothing else"
        assert outside.cloud.block_storage.get_volume(volume.id).status == "available", "it is not ours"
    (done,) = house.told("leftover.clean", ids=[row["id"]])
    assert done["result"] == "removed"


def test_a_vm_is_deployed_with_volumes_of_a_snapshot(
    house: House,
    admin: Session,
    subscriber: Subscriber,
    rest: Rest,
    callbacks: Callbacks,
    outside: Outside,
    name: str,
    tmp_path: Path,
) -> None:
    """Another deployment boots from a volume of the first one's snapshot, by each of the three ways."""
    backup, copy = f"{name}-backup", f"{name}-copy"
    vnf = deployed(name, house, admin, subscriber, [booted(BOOT)])
    old = volumes_of(vnf)["boot"]
    snapshot = backed_up(vnf, backup)
    of_boot = volume_snapshots(outside, backup)[old]
    document = deployment(copy, booted(RESTORED.format(f"restored-{name}")))
    body = {"name": f"restored-{name}", "volume_type": "LVM", "operation": "snapshot"}
    with volume_of(rest, callbacks, outside, snapshot, **body) as volume:
        assert (volume.volume_type, volume.snapshot_id, volume.size) == ("LVM", of_boot.id, of_boot.size)
        other = Vnf(copy, house, admin, subscriber, [])
        ways = (
            lambda: sent(other, tmp_path, document),
            lambda: admin.edit(document),
            lambda: rest.post(f"{V0}/deployments/{copy}", document),
        )
        for way in ways:
            way()
            assert types(other.until("SERVICE_ALIVE", status="SUCCESS")) == ["VM_DEPLOYED", "VM_ALIVE", "SERVICE_ALIVE"]
            (vm,) = (found.text for found in other.entry().iter("{*}vm_name"))
            assert disks(outside, str(vm)) == [volume.id]
            gone(other)
            assert outside.is_empty(copy)
            assert outside.cloud.block_storage.get_volume(volume.id).status == "available"
    deleted(vnf, snapshot)


def test_volumes_of_snapshots_that_cannot_be(
    house: House, admin: Session, subscriber: Subscriber, rest: Rest, callbacks: Callbacks, outside: Outside, name: str
) -> None:
    """No boot volume, no such type: refused here. A quota: the cloud's words answer and call back."""
    vnf = deployed(name, house, admin, subscriber, [booted(BOOT)])
    snapshot = backed_up(vnf, f"{name}-backup")
    path = f"{V0}/snapshots/{snapshot}/volumes"
    assert "volume_type [no-such] not found" in rest.json("POST", path, {"name": name, "volume_type": "no-such"}).text
    project = outside.cloud.identity.find_project("admin").id
    outside.cloud.block_storage.update_quota_set(project, volumes=0)
    try:
        headers = {"Content_Type": "application/json", **callbacks.headers}
        refused = rest.call("POST", path, json.dumps({"name": name}), **headers)
    finally:
        outside.cloud.block_storage.revert_quota_set(project)
    code, message = refused.error
    assert code == 500 and "VolumeLimitExceeded" in message and REQUEST in message
    _, (final,) = callbacks.take(1)
    assert (final.type, final.code) == ("VM_VOLUME_CREATED", "500")
    assert "VolumeLimitExceeded" in final.message and REQUEST in final.message
    deleted(vnf, snapshot)


def test_what_boots_not_is_refused_and_the_vm_stays(
    house: House, admin: Session, subscriber: Subscriber, rest: Rest, callbacks: Callbacks, outside: Outside, name: str
) -> None:
    vnf = deployed(name, house, admin, subscriber, [booted(BOOT)])
    (vm,) = vnf.vms
    before, old = outside.server(vm), volumes_of(vnf)
    snapshot = backed_up(vnf, f"{name}-backup")
    with volume_of(rest, callbacks, outside, snapshot, name=f"blank-{name}", bootable=False) as blank:
        assert not blank.is_bootable
        for volume, words in ((f"no-such-{name}", "not found"), (blank.name, "is not bootable")):
            admin.edit(replaced(name, booted(RESTORED.format(volume))))
            came = vnf.until("SERVICE_UPDATED")
            assert [event.short[:2] for event in came] == [("VM_UPDATED", "FAILURE"), ("SERVICE_UPDATED", "FAILURE")]
            assert words in str(came[0].status_message)
        after = outside.server(vm)
        assert (after.id, after.status, volumes_of(vnf)) == (before.id, "ACTIVE", old)
        assert vnf.vm_state(vm) == "VM_ALIVE_STATE"
    deleted(vnf, snapshot)


def test_volumes_that_snapshots_hold_are_left_and_named(
    house: House, admin: Session, subscriber: Subscriber, outside: Outside, name: str
) -> None:
    """OpenStack deletes no volume that has snapshots: all else goes, and the volume goes when they are gone."""
    vnf = deployed(name, house, admin, subscriber, [booted(BOOT, DATA)])
    (vm,) = vnf.vms
    boot = volumes_of(vnf)["boot"]
    held = outside.cloud.block_storage.create_snapshot(volume_id=boot, name=f"{name}-held", is_forced=True)
    outside.cloud.block_storage.wait_for_status(held, "available", wait=SECONDS)
    admin.edit(undeploy(name))
    came = vnf.until("SERVICE_UNDEPLOYED")
    assert [event.short[:2] for event in came] == [("VM_UNDEPLOYED", "FAILURE"), ("SERVICE_UNDEPLOYED", "FAILURE")]
    for event in came:
        assert "have snapshots" in str(event.status_message) and "req-" in str(event.status_message)
    assert admin.deployment(name) is None
    until(lambda: set(outside.named(name)) == {"volumes", "volume snapshots"}, "all else is gone", SECONDS)
    assert outside.named(name)["volumes"] == [f"{vm}_boot"]
    (row,) = kept(vnf)
    assert (row["kind"], row["external_id"], row["name"], row["kept"]) == ("volume", boot, f"{vm}_boot", False)
    assert "have snapshots" in row["reason"] and "req-" in row["reason"]
    (still,) = house.told("leftover.clean", ids=[row["id"]])
    assert still["result"] == "failed" and "have snapshots" in still["reason"]
    outside.cloud.block_storage.delete_snapshot(held)
    until(lambda: outside.cloud.block_storage.find_snapshot(held.id) is None, "the snapshot is gone", SECONDS)
    (done,) = house.told("leftover.clean", ids=[row["id"]])
    assert done["result"] == "removed"
    assert kept(vnf) == [] and outside.is_empty(name)


def test_volumes_of_a_vm_that_was_backed_up_go_after_its_snapshot(
    house: House, admin: Session, subscriber: Subscriber, outside: Outside, name: str
) -> None:
    """The snapshot outlives its VM, as it should, and holds both volumes; it can be deleted, and then they can."""
    backup = f"{name}-backup"
    vnf = deployed(name, house, admin, subscriber, [booted(BOOT, DATA)])
    (vm,) = vnf.vms
    snapshot = backed_up(vnf, backup)
    admin.edit(undeploy(name))
    came = vnf.until("SERVICE_UNDEPLOYED")
    assert [event.short[:2] for event in came] == [("VM_UNDEPLOYED", "FAILURE"), ("SERVICE_UNDEPLOYED", "FAILURE")]
    assert all(f"volume {volume}: " in str(came[0].status_message) for volume in ("boot", "data"))
    rows = kept(vnf)
    assert sorted(row["name"] for row in rows) == outside.named(name)["volumes"] == [f"{vm}_boot", f"{vm}_data"]
    deleted(vnf, snapshot)
    until(lambda: not volume_snapshots(outside, backup), "the volume snapshots are gone", SECONDS)
    results = house.told("leftover.clean", ids=[row["id"] for row in rows])
    assert [result["result"] for result in results] == ["removed", "removed"]
    assert kept(vnf) == [] and outside.is_empty(name)
