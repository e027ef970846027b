"""vmBackupAction SNAPSHOT: what is told, what is made, what is refused (user guide, create VM snapshot)."""

from __future__ import annotations

import uuid

from tests.integration.main_job.house import House, Session
from tests.integration.main_job.payloads import ESC, deployment, group, undeploy
from tests.integration.main_job.subscriber import Subscriber
from tests.integration.snapshots.actions import (
    BOOT_VOLUME,
    backup,
    call,
    deployed,
    images,
    refused,
    snapshot_id,
    vm_action,
    volume_quota,
    volume_snapshots,
)

TOLD = ["VM_BACKUP_INIT", "VM_BACKUP_CREATED", "VM_BACKUP_COMPLETE"]


def test_a_snapshot_of_an_image_booted_vm(house: House, admin: Session, subscriber: Subscriber) -> None:
    vm = deployed(admin, subscriber, "snap-image")
    assert "<ok/>" in call(admin, backup(vm, "my-snapshot-name", "SNAPSHOT"))
    told = subscriber.until("VM_BACKUP_COMPLETE")
    assert [(event.type, event.status, event.status_code) for event in told] == [
        ("VM_BACKUP_INIT", "SUCCESS", "200"),
        ("VM_BACKUP_CREATED", "SUCCESS", "202"),
        ("VM_BACKUP_COMPLETE", "SUCCESS", "200"),
    ]
    identifier = snapshot_id(told[0].status_message)
    assert uuid.UUID(identifier)
    assert told[0].status_message == (
        f"Snapshot [my-snapshot-name] of VM [{vm}] requested, snapshot ID: [{identifier}]."
    )
    assert told[1].status_message == "Snapshot is now active."
    assert told[2].status_message == f"Snapshot image for VM [{vm}] is active."
    assert images(house).count("my-snapshot-name") == 1
    assert "snapshot for my-snapshot-name" not in volume_snapshots(house)


def test_the_events_name_the_vm_as_the_sample_does(admin: Session, subscriber: Subscriber) -> None:
    vm = deployed(admin, subscriber, "snap-fields")
    call(admin, backup(vm, "fields"))
    for event in subscriber.until("VM_BACKUP_COMPLETE"):
        assert event.names == [
            *("status", "status_code", "status_message", "depname", "tenant", "tenant_id", "depid", "vm_group"),
            *("vm_source", "event"),
        ]
        source = event.element.find(f"{{{ESC}}}vm_source")
        assert source is not None
        assert [child.tag.rpartition("}")[2] for child in source] == [
            *("vmid", "vmname", "generated_vmname", "vim_id", "vim_project", "vim_project_id", "hostid", "hostname"),
        ]
        assert (event.depname, event.tenant, event.vm_group) == ("snap-fields", "admin", "g1")
        assert event.vm_source_vmname == event.vm_source_generated_vmname == vm
        assert event.vm_source_vim_id == "default_openstack_vim"


def test_a_boot_volume_gives_image_and_volume_snapshots(house: House, admin: Session, subscriber: Subscriber) -> None:
    vm = deployed(admin, subscriber, "snap-volume", BOOT_VOLUME)
    call(admin, backup(vm, "with-volumes"))
    assert [event.type for event in subscriber.until("VM_BACKUP_COMPLETE", status="SUCCESS")] == TOLD
    assert images(house).count("with-volumes") == 1
    # one for each volume, made by the cloud; none of them twice
    assert volume_snapshots(house).count("snapshot for with-volumes") == 2
    assert house.requests("snapshot.create") == []


def test_names_need_not_be_unique(house: House, admin: Session, subscriber: Subscriber) -> None:
    vm = deployed(admin, subscriber, "snap-twice")
    ids = set()
    for _ in range(2):
        call(admin, backup(vm, "twice"))
        ids.add(snapshot_id(subscriber.until("VM_BACKUP_COMPLETE", status="SUCCESS")[0].status_message))
    assert len(ids) == 2
    assert images(house).count("twice") == 2


def test_a_stopped_vm_and_an_unmonitored_one(admin: Session, subscriber: Subscriber) -> None:
    vm = deployed(admin, subscriber, "snap-no-kpi", kpi=False)
    call(admin, backup(vm, "inert"))
    subscriber.until("VM_BACKUP_COMPLETE", status="SUCCESS")
    call(admin, vm_action("STOP", vm))
    subscriber.until("VM_STOPPED", status="SUCCESS")
    call(admin, backup(vm, "stopped"))
    assert [event.type for event in subscriber.until("VM_BACKUP_COMPLETE", status="SUCCESS")] == TOLD


def test_a_vm_that_is_not_alive_yet_is_refused(house: House, admin: Session, subscriber: Subscriber) -> None:
    house.sim("POST", "/sim/faults", {"match": {"server": "snap-inert*"}, "action": {"type": "ping_silent"}})
    admin.edit(deployment("snap-inert", group(bootup=20)))
    deployed_event = subscriber.until("VM_DEPLOYED")[-1]
    vm = str(deployed_event.vm_source_vmname)
    error = refused(admin, backup(vm, "early"))
    assert error.message == f"VM [{vm}] is not alive: a snapshot takes a VM that is alive or stopped"
    admin.edit(undeploy("snap-inert"))
    subscriber.until("SERVICE_UNDEPLOYED")


def test_what_is_wrong_in_the_request(admin: Session, subscriber: Subscriber) -> None:
    vm = deployed(admin, subscriber, "snap-wrong")
    assert "VM [nobody] not found" in str(refused(admin, backup("nobody", "x")).message)
    assert "length" in str(refused(admin, backup(vm, "n" * 256)).message)
    error = refused(admin, backup(vm, "x", xml="<xml>&lt;a&gt;&lt;b&gt;&lt;/a&gt;</xml>"))
    assert "xml is not a well-formed XML document" in str(error.message)
    subscriber.quiet()
    call(admin, backup(vm, "n" * 255, xml="<xml>&lt;a&gt;&lt;/a&gt;</xml>"))
    subscriber.until("VM_BACKUP_COMPLETE", status="SUCCESS")


def test_the_clouds_refusal_is_the_reply(house: House, admin: Session, subscriber: Subscriber) -> None:
    vm = deployed(admin, subscriber, "snap-refused")
    text = "Quota exceeded for images"
    with house.fault("server.create_image", {"type": "http", "status": 403, "text": text}):
        error = refused(admin, backup(vm, "refused"))
    assert text in str(error.message)
    told = subscriber.until("VM_BACKUP_COMPLETE")
    assert [(event.type, event.status_code) for event in told] == [
        ("VM_BACKUP_INIT", "200"),
        ("VM_BACKUP_COMPLETE", "500"),
    ]
    assert text in str(told[-1].status_message)
    assert "refused" not in images(house)


def test_a_snapshot_that_fails_in_the_cloud(house: House, admin: Session, subscriber: Subscriber) -> None:
    vm = deployed(admin, subscriber, "snap-fails")
    with house.fault("server.create_image", {"type": "fail", "text": "disk gone"}):
        call(admin, backup(vm, "fails"))
        told = subscriber.until("VM_BACKUP_COMPLETE")
    assert (told[-1].status, told[-1].status_code) == ("FAILURE", "500")
    assert "was not made" in str(told[-1].status_message)


def test_a_snapshot_that_takes_too_long_names_the_image(house: House, admin: Session, subscriber: Subscriber) -> None:
    vm = deployed(admin, subscriber, "snap-slow")
    with house.fault("server.create_image", {"type": "freeze"}):
        call(admin, backup(vm, "slow"))
        told = subscriber.until("VM_BACKUP_COMPLETE")
    assert (told[-1].status, told[-1].status_code) == ("FAILURE", "500")
    assert "is queued after 4 seconds" in str(told[-1].status_message)
    assert "image [" in str(told[-1].status_message)


def test_a_lost_answer_makes_no_second_snapshot(house: House, admin: Session, subscriber: Subscriber) -> None:
    vm = deployed(admin, subscriber, "snap-lost")
    with house.fault("server.create_image", {"type": "lost_reply"}):
        call(admin, backup(vm, "lost"))
        subscriber.until("VM_BACKUP_COMPLETE", status="SUCCESS")
    assert images(house).count("lost") == 1


def test_the_command_line_of_the_user_guide(house: House, admin: Session, subscriber: Subscriber) -> None:
    vm = deployed(admin, subscriber, "snap-cli")
    done = house.esc_nc_cli("vm-backup-action", vm, "my-cli-snapshot", "SNAPSHOT")
    assert done.returncode == 0, done.stderr
    assert "<ok/>" in done.stdout
    assert "VM Backup Action" in done.stderr
    assert [event.type for event in subscriber.until("VM_BACKUP_COMPLETE", status="SUCCESS")] == TOLD


def test_volume_snapshots_of_a_refused_backup_are_taken_away(
    house: House, admin: Session, subscriber: Subscriber
) -> None:
    """Nova has snapshotted the first volume when the second one is beyond the quota."""
    vm = deployed(admin, subscriber, "snap-part", BOOT_VOLUME)
    call(admin, backup(vm, "part"))
    subscriber.until("VM_BACKUP_COMPLETE", status="SUCCESS")
    with volume_quota(house, snapshots=len(volume_snapshots(house)) + 1):
        assert "SnapshotLimitExceeded" in str(refused(admin, backup(vm, "part")).message)
    assert subscriber.until("VM_BACKUP_COMPLETE")[-1].status == "FAILURE"
    assert volume_snapshots(house).count("snapshot for part") == 2  # those of the first backup
