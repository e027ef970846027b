"""Snapshots of image-backed and of volume-backed VMs, and recovery by reboot and by redeployment."""

from __future__ import annotations

from tests.integration.main_job.house import House, Session, until
from tests.integration.main_job.payloads import group
from tests.integration.main_job.subscriber import Subscriber, types
from tests.integration.operations.vnf import deployed, told
from tests.integration.snapshots.actions import BOOT_VOLUME, call, recover, snapshot_id
from tests.integration.snapshots.test_recovery import policy, target
from tests.openstack.acceptance.outside import SECONDS, Outside
from tests.openstack.acceptance.test_operations import ok

MADE = ["VM_BACKUP_INIT", "VM_BACKUP_CREATED", "VM_BACKUP_COMPLETE"]


def test_a_snapshot_of_an_image_backed_vm(
    house: House, admin: Session, subscriber: Subscriber, outside: Outside, name: str
) -> None:
    vnf = deployed(name, house, admin, subscriber)
    (vm,) = vnf.vms
    ok(house.esc_nc_cli("vm-backup-action", vm, f"{name}-backup"))
    came = vnf.until("VM_BACKUP_COMPLETE")
    assert types(came) == MADE and {event.status for event in came} == {"SUCCESS"}
    image = outside.cloud.image.find_image(f"{name}-backup")
    assert (image.status, image.size > 0, image.instance_uuid) == ("active", True, outside.server(vm).id)
    ok(house.esc_nc_cli("snapshot-action", snapshot_id(came[0].status_message)))
    subscriber.until("VM_SNAPSHOT_DELETED")
    assert outside.cloud.image.find_image(f"{name}-backup") is None


def test_a_snapshot_of_a_volume_backed_vm(
    house: House, admin: Session, subscriber: Subscriber, outside: Outside, name: str
) -> None:
    """A snapshot of each volume; they hold the volumes, so they go before the deployment does."""
    vnf = deployed(name, house, admin, subscriber, [group(extra=BOOT_VOLUME)])
    (vm,) = vnf.vms
    ok(house.esc_nc_cli("vm-backup-action", vm, f"{name}-backup"))
    came = vnf.until("VM_BACKUP_COMPLETE")
    assert types(came) == MADE and {event.status for event in came} == {"SUCCESS"}

    def snapshots() -> list[str]:
        wanted = f"snapshot for {name}-backup"
        return [one.status for one in outside.cloud.block_storage.snapshots() if one.name == wanted]

    assert snapshots() == ["available", "available"]
    ok(house.esc_nc_cli("snapshot-action", snapshot_id(came[0].status_message)))
    subscriber.until("VM_SNAPSHOT_DELETED")
    until(lambda: not snapshots(), "the volume snapshots are gone", SECONDS)
    assert outside.cloud.image.find_image(f"{name}-backup") is None


def test_recovery_by_reboot(house: House, admin: Session, subscriber: Subscriber, outside: Outside, name: str) -> None:
    vnf = deployed(name, house, admin, subscriber, [group(extra="<reboot_time>120</reboot_time>")])
    (vm,) = vnf.vms
    before = outside.server(vm)
    outside.silence(vm)
    call(admin, recover(vm))
    came = vnf.until("VM_RECOVERY_COMPLETE")
    assert told(came) == [
        (
            "VM_RECOVERY_INIT",
            "SUCCESS",
            f"Recovery event for VM [{vm}] triggered. Processing Auto healing. Proceeding with Recovery.",
        ),
        ("VM_RECOVERY_REBOOT", "SUCCESS", f"VM [{vm}] has been rebooted."),
        ("VM_RECOVERY_COMPLETE", "SUCCESS", f"Recovery: Successfully recovered VM [{vm}]."),
    ]
    after = outside.server(vm)
    assert (after.id, after.status) == (before.id, "ACTIVE")
    assert all(map(outside.answers, outside.addresses(vm)))
    assert vnf.states == ["SERVICE_ACTIVE_STATE", "VM_ALIVE_STATE"]


def test_recovery_by_redeployment(
    house: House, admin: Session, subscriber: Subscriber, outside: Outside, name: str
) -> None:
    """A new server of the old name, with the old ports and volumes."""
    extra = policy("REDEPLOY_ONLY", reboot_time=120) + BOOT_VOLUME
    vnf = deployed(name, house, admin, subscriber, [group(extra=extra)])
    (vm,) = vnf.vms
    before, things = outside.server(vm), outside.named(name)
    addresses = outside.addresses(vm)
    call(admin, recover(vm))
    came = vnf.until("VM_RECOVERY_COMPLETE")
    assert types(came) == [
        *("VM_RECOVERY_INIT", "VM_RECOVERY_UNDEPLOYED", "VM_RECOVERY_DEPLOYED", "VM_RECOVERY_COMPLETE")
    ]
    after = outside.server(vm)
    assert after.id != before.id and target(came[-1], "vmid") == after.id
    assert (outside.named(name), outside.addresses(vm)) == (things, addresses)
