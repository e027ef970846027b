"""What the user guide says of REST beside its curl lines: callbacks, lists, refusals, the cloud's view."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from tests.callback_receiver import ReceiverThread
from tests.integration.main_job.house import House, Session
from tests.integration.main_job.payloads import group
from tests.integration.main_job.subscriber import Subscriber, types
from tests.integration.operations.vnf import Vnf, deployed
from tests.integration.rest.client import V0, Rest, operation
from tests.integration.rest.conftest import SETTINGS
from tests.integration.rest.test_rest_operations import depid
from tests.integration.rest.volumes import POLLS, told
from tests.integration.snapshots.actions import fault

ROOT_VOLUME = (
    "<volumes><volume><name>root</name><volid>0</volid><bus>virtio</bus><size>2</size><sizeunit>GiB</sizeunit>"
    "<boot_index>0</boot_index><image>SolTest-Cirros-Image</image></volume></volumes>"
)
NAME = "my-snapshot-name"
UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


@pytest.fixture(scope="module")
def server_settings() -> Mapping[str, str]:
    return {**SETTINGS, **POLLS}


@pytest.fixture
def receiver() -> Iterator[ReceiverThread]:
    with ReceiverThread() as started:
        yield started


def test_a_service_is_rebooted_and_no_other_word_is_taken(
    house: House, admin: Session, rest: Rest, subscriber: Subscriber
) -> None:
    vnf = deployed("again", house, admin, subscriber)
    path = f"{V0}/admin/deployments/service/{depid(vnf)}"
    assert rest.post(path, operation("service_operation", "reboot")).status == 200
    assert types(vnf.until("SERVICE_ALIVE")) == ["VM_REBOOTED", "VM_ALIVE", "SERVICE_ALIVE"]
    for word in ("suspend", "confirm_resize"):
        code, message = rest.post(path, operation("service_operation", word)).error
        assert code == 400
        assert f'"{word}" is not one of start' in message
    monitored = rest.post(path, operation("service_operation", "enable_monitor")).error
    assert monitored == (409, "Service group [again] is already monitored")
    subscriber.quiet()


def test_one_vm_is_migrated_by_its_operation_too(
    house: House, admin: Session, rest: Rest, subscriber: Subscriber
) -> None:
    vnf = deployed("moved", house, admin, subscriber)
    (vm,) = vnf.vms
    path, here = f"{V0}/admin/deployments/vm/{vm}", vnf.leaf(vm, "hostname")
    assert rest.post(path, operation("vm_operation", "migrate", migrationType="live")).status == 200
    assert types(vnf.until("VM_MIGRATE_COMPLETE")) == ["VM_MIGRATE_INIT", "VM_MIGRATED", "VM_MIGRATE_COMPLETE"]
    assert vnf.leaf(vm, "hostname") != here


CALLED = [
    ("migrate-vm", "vm_migrate_operation", {"migrationType": "live"}, "MIGRATE_INIT MIGRATED MIGRATE_COMPLETE"),
    ("snapshot-vm", "snapshot", {"name": "called"}, "BACKUP_INIT BACKUP_CREATED BACKUP_COMPLETE"),
    ("migrate-vm", "vm_migrate_operation", {"migrationType": "cold"}, "MIGRATE_INIT MIGRATED VERIFY_RESIZE"),
]


def test_each_operation_is_told_by_notifications_and_by_callbacks(
    house: House, admin: Session, rest: Rest, subscriber: Subscriber, receiver: ReceiverThread
) -> None:
    """The final result goes to Callback, what comes before it to Callback-ESC-Events."""
    vnf = deployed("called", house, admin, subscriber)
    (vm,) = vnf.vms
    headers = {"Callback": f"{receiver.url}/callback", "Callback_ESC_Events": f"{receiver.url}/event"}
    for path, payload, more, events in CALLED:
        word = "snapshot" if payload == "snapshot" else "migrate"
        body = operation(payload, word, **more)
        assert rest.post(f"{V0}/admin/deployments/{path}/{vm}", body, **headers).status == 200
        check(vnf, receiver, [f"VM_{event}" for event in events.split()])
    body = operation("vm_operation", "confirm_resize")
    assert rest.post(f"{V0}/admin/deployments/vm/{vm}", body, **headers).status == 200
    vnf.until("VM_ALIVE")
    receiver.until(lambda receiver: len(receiver.accepted) >= 3)
    receiver.receiver.accepted.clear()
    assert rest.delete(f"{V0}/snapshots/called", **headers).status == 200
    check(vnf, receiver, ["VM_SNAPSHOT_DELETING", "VM_SNAPSHOT_DELETED"])


def check(vnf: Vnf, receiver: ReceiverThread, events: list[str]) -> None:
    """These are told, the last one as the final result; forget what was received."""
    assert types(vnf.until(events[-1], status="SUCCESS")) == events
    came = told(receiver, len(events))
    assert [event for path, event, _ in came if path == "/callback"] == [f"{events[-1]}_EVENT"]
    assert [event for path, event, _ in came if path == "/event"] == [f"{event}_EVENT" for event in events[:-1]]
    receiver.receiver.accepted.clear()


def test_a_failed_snapshot_is_an_answer_a_notification_and_a_callback(
    house: House, admin: Session, rest: Rest, subscriber: Subscriber, receiver: ReceiverThread
) -> None:
    vnf = deployed("failed", house, admin, subscriber)
    path = f"{V0}/admin/deployments/snapshot-vm/{vnf.vms[0]}"
    headers = {"Callback": f"{receiver.url}/callback", "Callback_ESC_Events": f"{receiver.url}/event"}
    refusal = {"type": "http", "status": 403, "text": "Quota exceeded for images"}
    house.sim("POST", "/sim/faults", fault("server.create_image", refusal))
    code, message = rest.post(path, operation("snapshot", "snapshot", name="none"), **headers).error
    assert code == 500
    assert "Quota exceeded for images" in message
    *_, failed = vnf.until("VM_BACKUP_COMPLETE")
    assert (failed.status, failed.status_code) == ("FAILURE", "500")
    nobody = rest.post(f"{V0}/admin/deployments/snapshot-vm/nobody", operation("snapshot", "snapshot", name="none"))
    assert nobody.error == (404, "VM [nobody] not found: the vm_name of a path is a generated name")
    ((_, event, body),) = [one for one in told(receiver, 2) if one[0] == "/callback"]
    assert (event, body["statusCode"]) == ("VM_BACKUP_COMPLETE_EVENT", "500")
    assert "Quota exceeded for images" in body["message"]


def test_a_failed_deletion_is_an_answer_a_notification_and_a_callback(
    house: House, admin: Session, rest: Rest, subscriber: Subscriber, receiver: ReceiverThread
) -> None:
    vnf = deployed("stays", house, admin, subscriber)
    path = f"{V0}/admin/deployments/snapshot-vm/{vnf.vms[0]}"
    assert rest.post(path, operation("snapshot", "snapshot", name="protected")).status == 200
    vnf.until("VM_BACKUP_COMPLETE", status="SUCCESS")
    headers = {"Callback": f"{receiver.url}/callback", "Callback_ESC_Events": f"{receiver.url}/event"}
    house.sim("POST", "/sim/faults", fault("image.delete", {"type": "http", "status": 403, "text": "is protected"}))
    code, message = rest.delete(f"{V0}/snapshots/protected", **headers).error
    assert code == 500
    assert "is protected" in message
    *_, failed = vnf.until("VM_SNAPSHOT_DELETED")
    assert (failed.status, failed.status_code) == ("FAILURE", "500")
    ((_, event, body),) = [one for one in told(receiver, 2) if one[0] == "/callback"]
    assert (event, body["statusCode"]) == ("VM_SNAPSHOT_DELETED_EVENT", "500")
    assert "is protected" in body["message"]
    assert rest.delete(f"{V0}/snapshots/protected").status == 200
    vnf.until("VM_SNAPSHOT_DELETED", status="SUCCESS")


def test_snapshots_with_a_boot_volume_in_the_list_and_in_the_cloud(
    house: House, admin: Session, rest: Rest, subscriber: Subscriber, receiver: ReceiverThread
) -> None:
    """The user guide's three looks at OpenStack with the `openstack` command are shown here, too."""
    vnf = deployed("booted", house, admin, subscriber, [group(extra=ROOT_VOLUME)])
    (vm,) = vnf.vms
    made = rest.json("POST", f"{V0}/admin/deployments/snapshot-vm/{vm}", {"operation": "snapshot", "name": NAME})
    assert made.status == 200
    vnf.until("VM_BACKUP_COMPLETE", status="SUCCESS")
    listed = rest.get(f"{V0}/snapshots?generatedVMName={vm}")
    assert listed.headers["Content-Type"].startswith("application/xml"), "without Accept"
    (identifier,), (snapshot,) = listed.texts("id"), listed.texts("volume_snapshot_id")
    assert (listed.texts("name"), listed.texts("tenant")) == ([NAME], ["admin"])
    row = rf"\| {snapshot} \| snapshot for {NAME} \| (None)? *\| available \| +2 \|\n"
    assert re.fullmatch(row, openstack(house, f"volume snapshot list | grep {NAME}"))
    row = rf"\| {UUID} \| {NAME} +\| active \|\n"
    assert re.fullmatch(row, openstack(house, f"image list | grep {NAME}"))
    subscriber.quiet(0.3)  # no list is told of
    assert "SolTest-Cirros-Image" not in rest.get(f"{V0}/snapshots").texts("name"), "an image is no snapshot of ours"
    headers = {"Callback": f"{receiver.url}/callback"}
    body = '{"name": "my-bootable-volume-from-snapshot-volume"}'
    path = f"{V0}/snapshots/{identifier}/volumes"
    assert rest.call("POST", path, body, Content_Type="application/json", **headers).status == 202
    assert told(receiver, 1)[0][2]["statusCode"] == "201"
    row = rf"\| {UUID} \| my-bootable-volume-from-snapshot-volume +\| available \| +2 \| +\|\n"
    assert re.fullmatch(row, openstack(house, "volume list | grep my-bootable-volume"))


def openstack(house: House, line: str) -> str:
    """What the shell prints of the `openstack` command as the cloud's admin."""
    facts = house.server.cloud_facts
    login = {f"OS_{name.upper()}": str(value) for name, value in facts.items() if name != "pid"}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        f"openstack {line}",
        shell=True,
        env={**os.environ, **login, "OS_IDENTITY_API_VERSION": "3", "PATH": path},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_snapshot_is_deleted_by_a_name_that_is_unique(
    house: House, admin: Session, rest: Rest, subscriber: Subscriber
) -> None:
    vnf = deployed("twice", house, admin, subscriber)
    path = f"{V0}/admin/deployments/snapshot-vm/{vnf.vms[0]}"
    for _ in range(2):
        assert rest.post(path, operation("snapshot", "snapshot", name="same")).status == 200
        vnf.until("VM_BACKUP_COMPLETE", status="SUCCESS")
    ids = rest.get(f"{V0}/snapshots?generatedVMName={vnf.vms[0]}").texts("id")
    code, message = rest.delete(f"{V0}/snapshots/same").error
    assert code == 409
    assert all(identifier in message for identifier in ids)
    for reference in (ids[0], "same"):
        gone = rest.delete(f"{V0}/snapshots/{reference}")
        assert (gone.status, gone.content) == (200, b"")
        assert types(vnf.until("VM_SNAPSHOT_DELETED")) == ["VM_SNAPSHOT_DELETING", "VM_SNAPSHOT_DELETED"]
    assert rest.get(f"{V0}/snapshots?generatedVMName={vnf.vms[0]}").texts("id") == []
    assert "same" not in house.names("images")
