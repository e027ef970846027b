"""vmBackupAction EXPORT: the image's bytes in a file, checked, and nothing left in the cloud."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tests.integration.main_job.house import House, Session
from tests.integration.main_job.subscriber import Subscriber
from tests.integration.snapshots.actions import (
    BOOT_VOLUME,
    backup,
    call,
    delete,
    deployed,
    images,
    refused,
    snapshot_id,
    volume_snapshots,
)


def exports(house: House) -> list[Path]:
    """The files in the export folder, sorted."""
    folder = house.server.data_dir / "exports"
    return sorted(folder.iterdir()) if folder.exists() else []


def test_the_bytes_of_the_image_with_their_document(house: House, admin: Session, subscriber: Subscriber) -> None:
    vm = deployed(admin, subscriber, "exp-image")
    xml = '<xml><note xmlns="">before the upgrade</note></xml>'
    call(admin, backup(vm, "my export", "EXPORT", xml))
    told = subscriber.until("VM_BACKUP_COMPLETE")
    assert [(event.type, event.status_code) for event in told] == [
        ("VM_BACKUP_INIT", "200"),
        ("VM_BACKUP_CREATED", "202"),
        ("VM_BACKUP_COMPLETE", "200"),
    ]
    stem = f"my_export-{snapshot_id(told[0].status_message)}"
    file, document = exports(house)
    assert (file.name, document.name) == (f"{stem}.qcow2", f"{stem}.xml")
    assert told[-1].status_message == f"Snapshot image for VM [{vm}] has been exported to {file}."
    assert "before the upgrade" in document.read_text()
    # the simulated guest's disk is that of its image
    original = next(iter(house.server.data_dir.glob("cloudsim/images/*")))
    assert hashlib.sha512(file.read_bytes()).digest() == hashlib.sha512(original.read_bytes()).digest()
    assert "my export" not in images(house)
    assert "not found" in str(refused(admin, delete("my export")).message)


def test_a_broken_transfer_leaves_no_image_and_no_file(house: House, admin: Session, subscriber: Subscriber) -> None:
    vm = deployed(admin, subscriber, "exp-broken")
    before = exports(house)
    with house.fault("image.download", {"type": "http", "status": 403, "text": "no reading"}):
        call(admin, backup(vm, "broken", "EXPORT"))
        told = subscriber.until("VM_BACKUP_COMPLETE")
    assert (told[-1].status, told[-1].status_code) == ("FAILURE", "500")
    assert "no reading" in str(told[-1].status_message)
    assert "broken" not in images(house)
    assert exports(house) == before


def test_a_vm_that_boots_from_a_volume_has_no_bytes(house: House, admin: Session, subscriber: Subscriber) -> None:
    vm = deployed(admin, subscriber, "exp-volume", BOOT_VOLUME)
    assert "boots from a volume" in str(refused(admin, backup(vm, "no-bytes", "EXPORT")).message)
    assert subscriber.until("VM_BACKUP_COMPLETE")[-1].status == "FAILURE"
    assert "no-bytes" not in images(house)
    assert "snapshot for no-bytes" not in volume_snapshots(house)


def test_the_command_line(house: House, admin: Session, subscriber: Subscriber, tmp_path: Path) -> None:
    vm = deployed(admin, subscriber, "exp-cli")
    good, bad = tmp_path / "good.xml", tmp_path / "bad.xml"
    good.write_text("<?xml version='1.0'?>\n<a>1</a>")
    bad.write_text("<a><b></a>")
    done = house.esc_nc_cli("vm-backup-action", vm, "cli-export", "EXPORT", str(bad))
    assert done.returncode != 0
    assert "<ok/>" not in done.stdout
    subscriber.quiet()  # nothing was sent
    done = house.esc_nc_cli("vm-backup-action", vm, "cli-export", "EXPORT", str(good))
    assert "<ok/>" in done.stdout, done.stderr
    subscriber.until("VM_BACKUP_COMPLETE", status="SUCCESS")
