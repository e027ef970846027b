"""snapshotAction DELETE: by id or name, all of it or told what is left (user guide, delete snapshots)."""

from __future__ import annotations

import re

import pytest
from tests.integration.main_job.house import ROOT, House, Session, until
from tests.integration.main_job.payloads import undeploy
from tests.integration.main_job.subscriber import Subscriber, subscribe
from tests.integration.main_job.test_main_volumes import cloud
from tests.integration.snapshots.actions import (
    BOOT_VOLUME,
    backup,
    call,
    delete,
    deployed,
    error_info,
    images,
    refused,
    snapshot_id,
    volume_snapshots,
)


def taken(admin: Session, subscriber: Subscriber, vm: str, name: str) -> str:
    """Make a snapshot; its id."""
    call(admin, backup(vm, name))
    return snapshot_id(subscriber.until("VM_BACKUP_COMPLETE", status="SUCCESS")[0].status_message)


@pytest.fixture(scope="module")
def vm(shared_house: House) -> str:
    """A VM that the tests of this file take snapshots of."""
    name = deployed(shared_house.session(), subscribe(shared_house), "snapdel", BOOT_VOLUME)
    shared_house.leave()
    return name


def test_by_name_image_and_volume_snapshots_go(house: House, admin: Session, subscriber: Subscriber, vm: str) -> None:
    identifier = taken(admin, subscriber, vm, "goes-by-name")
    assert "<ok/>" in call(admin, delete("goes-by-name"))
    told = subscriber.until("VM_SNAPSHOT_DELETED")
    assert [event.short for event in told] == [
        ("VM_SNAPSHOT_DELETING", "SUCCESS", f"Snapshot image [{identifier}] is being deleted."),
        ("VM_SNAPSHOT_DELETED", "SUCCESS", f"Snapshot image [{identifier}] has been deleted."),
    ]
    assert {event.status_code for event in told} == {"200"}
    assert all(event.vm_source_vmname == vm and event.depname == "snapdel" for event in told)
    assert "goes-by-name" not in images(house)
    assert "snapshot for goes-by-name" not in volume_snapshots(house)


def test_by_id_where_the_name_is_ambiguous(house: House, admin: Session, subscriber: Subscriber, vm: str) -> None:
    first, second = (taken(admin, subscriber, vm, "same-name") for _ in range(2))
    message = str(refused(admin, delete("same-name")).message)
    assert first in message
    assert second in message
    call(admin, delete(first))
    subscriber.until("VM_SNAPSHOT_DELETED", status="SUCCESS")
    assert images(house).count("same-name") == 1
    assert volume_snapshots(house).count("snapshot for same-name") == 2
    call(admin, delete("same-name"))  # it is unique now
    subscriber.until("VM_SNAPSHOT_DELETED", status="SUCCESS")
    assert images(house).count("same-name") == 0


def test_what_is_not_ours_is_not_found(house: House, admin: Session, subscriber: Subscriber) -> None:
    for reference in ("my-snapshot-name-1", "SolTest-Cirros-Image"):
        error = refused(admin, delete(reference))
        assert error.message == f"Snapshot image [{reference}] not found."
        assert error_info(error) == {"error_code": "404"}
    subscriber.quiet()
    assert "SolTest-Cirros-Image" in images(house)


def test_only_who_may_use_the_tenant_finds_it(house: House, admin: Session, subscriber: Subscriber, vm: str) -> None:
    taken(admin, subscriber, vm, "not-yours")
    made = house.openesc(
        "user", "add", "stranger", "--group", "operator", "--tenant", "other", "--password-stdin", stdin="pw\n"
    )
    assert made.returncode == 0, made.stderr
    stranger = house.session("stranger", "pw")
    error = refused(stranger, delete("not-yours"))
    assert (error.message, error_info(error)) == ("Snapshot image [not-yours] not found.", {"error_code": "404"})
    text = "user stranger (group operator) may not use tenant admin"
    assert str(refused(stranger, backup(vm, "mine")).message) == text
    assert "not-yours" in images(house)


def test_what_is_gone_from_the_cloud_is_deleted_all_the_same(
    house: House, admin: Session, subscriber: Subscriber, vm: str
) -> None:
    taken(admin, subscriber, vm, "vanished")
    with cloud(house) as connection:
        connection.image.delete_image(connection.image.find_image("vanished"))
    call(admin, delete("vanished"))
    subscriber.until("VM_SNAPSHOT_DELETED", status="SUCCESS")


def test_snapshots_outlive_their_deployment(house: House, admin: Session, subscriber: Subscriber) -> None:
    vm = deployed(admin, subscriber, "snap-outlives")
    taken(admin, subscriber, vm, "outlives")
    admin.edit(undeploy("snap-outlives"))
    subscriber.until("SERVICE_UNDEPLOYED", status="SUCCESS")
    assert "outlives" in images(house)
    call(admin, delete("outlives"))
    told = subscriber.until("VM_SNAPSHOT_DELETED", status="SUCCESS")
    assert (told[-1].depname, told[-1].vm_source_vmname) == ("snap-outlives", vm)
    assert "outlives" not in images(house)


def test_the_clouds_refusal_is_the_reply_and_changes_nothing(
    house: House, admin: Session, subscriber: Subscriber, vm: str
) -> None:
    taken(admin, subscriber, vm, "protected")
    with house.fault("image.delete", {"type": "http", "status": 403, "text": "it is protected"}):
        assert "it is protected" in str(refused(admin, delete("protected")).message)
    told = subscriber.until("VM_SNAPSHOT_DELETED")
    assert (told[-1].status, told[-1].status_code) == ("FAILURE", "500")
    assert "it is protected" in str(told[-1].status_message)
    assert "protected" in images(house)
    call(admin, delete("protected"))
    subscriber.until("VM_SNAPSHOT_DELETED", status="SUCCESS")


def test_a_volume_snapshot_that_stays_can_be_deleted_again(
    house: House, admin: Session, subscriber: Subscriber, vm: str
) -> None:
    taken(admin, subscriber, vm, "half-gone")
    with house.fault("snapshot.delete", {"type": "http", "status": 400, "text": "a volume depends on it"}):
        call(admin, delete("half-gone"))
        told = subscriber.until("VM_SNAPSHOT_DELETED")
    assert (told[-1].status, told[-1].status_code) == ("FAILURE", "500")
    assert "a volume depends on it" in str(told[-1].status_message)
    assert "half-gone" not in images(house)
    call(admin, delete("half-gone"))
    subscriber.until("VM_SNAPSHOT_DELETED", status="SUCCESS")
    assert "snapshot for half-gone" not in volume_snapshots(house)


def test_the_end_is_told_when_the_volume_snapshots_are_gone_too(
    house: House, admin: Session, subscriber: Subscriber, vm: str
) -> None:
    taken(admin, subscriber, vm, "slow-going")
    with house.fault("snapshot.delete", {"type": "freeze"}, count=None):
        call(admin, delete("slow-going"))
        subscriber.until("VM_SNAPSHOT_DELETING")
        until(lambda: "slow-going" not in images(house), "the image is gone")
        subscriber.quiet()
        assert volume_snapshots(house).count("snapshot for slow-going") == 2
    subscriber.until("VM_SNAPSHOT_DELETED", status="SUCCESS")
    assert "snapshot for slow-going" not in volume_snapshots(house)


def test_a_deletion_that_takes_too_long_names_what_is_left(
    house: House, admin: Session, subscriber: Subscriber, vm: str
) -> None:
    taken(admin, subscriber, vm, "too-slow")
    with house.fault("snapshot.delete", {"type": "freeze"}, count=None):
        call(admin, delete("too-slow"))
        told = subscriber.until("VM_SNAPSHOT_DELETED")[-1]
    assert (told.status, told.status_code) == ("FAILURE", "500")
    assert re.match(r"volume snapshot \[[0-9a-f-]{36}\] .* after 3 seconds", str(told.status_message))


def test_not_while_it_is_being_made(house: House, admin: Session, subscriber: Subscriber) -> None:
    vm = deployed(admin, subscriber, "snap-making")
    with house.fault("server.create_image", {"type": "freeze", "seconds": 1}):
        call(admin, backup(vm, "making"))
        assert "is being created" in str(refused(admin, delete("making")).message)
    subscriber.until("VM_BACKUP_COMPLETE", status="SUCCESS")


def test_a_failed_snapshot_can_be_deleted(house: House, admin: Session, subscriber: Subscriber) -> None:
    vm = deployed(admin, subscriber, "snap-half")
    with house.fault("server.create_image", {"type": "freeze"}):
        call(admin, backup(vm, "half-made"))
        subscriber.until("VM_BACKUP_COMPLETE", status="FAILURE")
        call(admin, delete("half-made"))
        subscriber.until("VM_SNAPSHOT_DELETED", status="SUCCESS")
    assert "half-made" not in images(house)


def test_the_command_lines_of_the_user_guide(house: House, admin: Session, subscriber: Subscriber, vm: str) -> None:
    taken(admin, subscriber, vm, "my-snapshot-name")
    done = house.esc_nc_cli("snapshot-action", "delete", "my-snapshot-name")
    assert done.returncode == 0, done.stderr
    assert "<ok/>" in done.stdout
    subscriber.until("VM_SNAPSHOT_DELETED", status="SUCCESS")
    done = house.esc_nc_cli("snapshot-action", "delete", "my-snapshot-name-1")
    assert done.returncode == 1
    assert done.stdout == (ROOT / "tests/golden/src/snapshot_not_found.xml").read_text()
