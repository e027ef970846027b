"""Every curl line of the user guide, unchanged but for address and ids, and what else the operations take."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest
from tests.integration.main_job.house import House, Session
from tests.integration.main_job.subscriber import Subscriber, types
from tests.integration.operations.vnf import Vnf, deployed
from tests.integration.rest.client import V0, Rest, operation

SAMPLES = Path(__file__).parents[2] / "golden" / "src"
GUIDE_VM = "test-dep_g1_0_6be93ee9-f7fb-473e-a3f6-eca281802008"


def curl(line: str, rest: Rest, folder: Path, **names: str) -> tuple[int, str]:
    """Run a curl line of the user guide: another address, other ids; status and body."""
    for old, new in {"http://localhost:8080": rest.url, **names}.items():
        line = line.replace(old, new)
    words = [*shlex.split(line.replace("\\\n", " ")), "-s", "-w", "\n%{http_code}"]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=30, check=True)
    body, _, status = done.stdout.rpartition("\n")
    return int(status), body


def migration(sample: str) -> str:
    """The curl line of the user guide for a migration."""
    return f"""curl -X POST
'http://localhost:8080/ESCManager/v0/test-tenant/deployments/migrate-vm/{GUIDE_VM}'
\\
-H 'Content-Type: application/xml' \\
-H 'Callback: http://localhost:9009/callback' \\
-H 'Callback-ESC-Events: http://localhost:9009/event' \\
--data-raw '{(SAMPLES / sample).read_text()}'""".replace("curl -X POST\n", "curl -X POST ").replace(
        f"{GUIDE_VM}'\n", f"{GUIDE_VM}' "
    )


def test_migration_live_and_cold(
    house: House, admin: Session, rest: Rest, subscriber: Subscriber, tmp_path: Path
) -> None:
    vnf = deployed("move", house, admin, subscriber)
    (vm,) = vnf.vms
    names = {"test-tenant": "admin", GUIDE_VM: vm, "Host-24": other_host(vnf)}
    status, body = curl(migration("vm_migrate_operation_live.xml"), rest, tmp_path, **names)
    assert status == 200, body
    assert body == ""
    assert types(vnf.until("VM_MIGRATE_COMPLETE")) == ["VM_MIGRATE_INIT", "VM_MIGRATED", "VM_MIGRATE_COMPLETE"]
    assert vnf.leaf(vm, "hostname") == names["Host-24"]
    names["Host-24"] = other_host(vnf)
    status, body = curl(migration("vm_migrate_operation_cold.xml"), rest, tmp_path, **names)
    assert status == 200, body
    assert body == ""
    assert types(vnf.until("VM_VERIFY_RESIZE")) == ["VM_MIGRATE_INIT", "VM_MIGRATED", "VM_VERIFY_RESIZE"]
    confirm = rest.post(
        f"{V0}/SystemAdminTenantId/deployments/vm/{vm}", (SAMPLES / "vm_operation_confirm_migration.xml").read_bytes()
    )
    assert (confirm.status, confirm.content) == (200, b"")
    assert types(vnf.until("VM_ALIVE")) == ["VM_CONFIRM_RESIZE_INIT", "VM_CONFIRM_RESIZE_COMPLETE", "VM_ALIVE"]
    again = rest.post(f"{V0}/admin/deployments/vm/{vm}", operation("vm_operation", "confirm_resize"))
    assert again.error == (
        409,
        f"VM [{vm}] is not in VERIFY_RESIZE: there is nothing to confirm or revert",
    )


def other_host(vnf: Vnf) -> str:
    """A host of the cloud that the VM is not on."""
    return next(host for host in ("Host-22", "Host-24") if host != vnf.leaf(vnf.vms[0], "hostname"))


def test_a_resize_by_put_or_in_place_reverted_and_confirmed(
    house: House, admin: Session, rest: Rest, subscriber: Subscriber
) -> None:
    vnf = deployed("Cirros-VNF", house, admin, subscriber, [cirros_group("SolTest-Cirros-Flavor")])
    (vm,) = vnf.vms
    document = (SAMPLES / "sample_deployment_update.xml").read_bytes().strip()
    assert rest.put(f"{V0}/deployments/{depid(vnf)}", document).status == 200
    assert types(vnf.until("VM_VERIFY_RESIZE")) == ["SERVICE_UPDATED", "VM_VERIFY_RESIZE"]
    path = f"{V0}/SystemAdminTenantId/deployments/vm/{vm}"
    assert rest.post(path, (SAMPLES / "vm_operation_revert_resize.xml").read_bytes()).status == 200
    assert types(vnf.until("VM_ALIVE")) == ["VM_REVERT_RESIZE_INIT", "VM_REVERT_RESIZE_COMPLETE", "VM_ALIVE"]
    named = rest.post(path, operation("vm_operation", "resize"))
    assert named.error[0] == 400
    assert f"PUT the deployment with it to /ESCManager/v0/deployments/{depid(vnf)}" in named.error[1]
    assert rest.put(f"{V0}/deployments/{depid(vnf)}", cirros("SolTest-Cirros-Flavor")).status == 200
    assert rest.post(path, operation("vm_operation", "resize", flavor="SolTest-Cirros-Flavor-v2")).status == 200
    vnf.until("VM_VERIFY_RESIZE")
    assert rest.post(path, (SAMPLES / "vm_operation_confirm_resize.xml").read_bytes()).status == 200
    assert types(vnf.until("VM_ALIVE")) == ["VM_CONFIRM_RESIZE_INIT", "VM_CONFIRM_RESIZE_COMPLETE", "VM_ALIVE"]
    assert vnf.leaf(vm, "flavor") == "SolTest-Cirros-Flavor-v2"


def cirros(flavor: str) -> str:
    """The user guide's update with another flavor."""
    text = (SAMPLES / "sample_deployment_update.xml").read_text().strip()
    return re.sub(r"<flavor>.*?</flavor>", f"<flavor>{flavor}</flavor>", text)


def cirros_group(flavor: str) -> str:
    """The group of that document, without its misprint."""
    found = re.search(r"<vm_group>.*</vm_group>", cirros(flavor), re.DOTALL)
    assert found is not None
    return found[0]


def depid(vnf: Vnf) -> str:
    return vnf.entry().findtext("{http://www.cisco.com/esc/esc}deployment_id") or ""


def test_service_and_vm_stop_start_reboot(house: House, admin: Session, rest: Rest, subscriber: Subscriber) -> None:
    vnf = deployed("power", house, admin, subscriber)
    (vm,) = vnf.vms
    service, one = f"{V0}/admin/deployments/service/{depid(vnf)}", f"{V0}/admin/deployments/vm/{vm}"
    stopped = rest.post(service, (SAMPLES / "service_operation_stop.xml").read_bytes())
    assert (stopped.status, stopped.content) == (200, b"")
    assert types(vnf.until("SERVICE_STOPPED")) == ["VM_STOPPED", "SERVICE_STOPPED"]
    assert rest.json("POST", service, {"operation": "stop"}).json == {
        "error": {"error_code": 409, "error_message": "Service group [power] is already stopped"}
    }
    assert rest.json("POST", service, {"service_operation": {"operation": "START"}}).status == 200
    assert types(vnf.until("SERVICE_ALIVE")) == ["VM_STARTED", "VM_ALIVE", "SERVICE_ALIVE"]
    sample = (SAMPLES / "vm_operation_stop.xml").read_text().replace("true/false", "true")
    assert rest.post(one, sample.encode()).status == 200
    vnf.until("VM_STOPPED")
    assert rest.post(one, operation("vm_operation", "start")).status == 200
    assert types(vnf.until("VM_ALIVE")) == ["VM_STARTED", "VM_ALIVE"]
    assert rest.post(one, operation("vm_operation", "reboot")).status == 200
    assert types(vnf.until("VM_ALIVE")) == ["VM_REBOOTED", "VM_ALIVE"]
    assert rest.post(one, operation("vm_operation", "disable_monitor")).status == 200
    vnf.until("VM_MONITOR_UNSET")
    assert rest.post(one, operation("vm_operation", "recover")).status == 200
    vnf.until("VM_RECOVERY_COMPLETE", status="SUCCESS")


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        ("service/none", operation("service_operation", "stop"), 404, "Deployment or tenant not found"),
        ("vm/none", operation("vm_operation", "stop"), 404, "VM [none] not found"),
        (
            "vm/none",
            operation("service_operation", "stop"),
            400,
            "the body is service_operation; this takes vm_operation",
        ),
        ("vm/none", operation("vm_operation", "fly"), 400, '/vm_operation/operation: "fly" is not one of start'),
        ("vm/none", "<vm_operation/>", 400, "operation is mandatory and missing"),
        ("vm/none", operation("vm_operation", "stop", force="maybe"), 400, "vm_operation/force"),
        ("vm/none", operation("vm_operation", "stop", color="red"), 400, "color is not known in vm_operation"),
        ("migrate-vm/none", operation("vm_migrate_operation", "migrate"), 400, "migrationType is mandatory"),
        ("snapshot-vm/none", operation("snapshot", "snapshot"), 400, "name is mandatory and missing"),
        ("snapshot-vm/none", operation("snapshot", "backup", name="x"), 400, '"backup" is not one of snapshot'),
        ("snapshot-vm/none", operation("snapshot", "snapshot", name="x" * 256), 400, "snapshot_operation/name"),
    ],
)
def test_what_is_wrong_is_named(rest: Rest, path: str, body: str, status: int, said: str) -> None:
    answer = rest.post(f"{V0}/admin/deployments/{path}", body)
    assert answer.error[0] == status
    assert said in answer.error[1].replace("rest:", "")


def test_snapshots_made_listed_and_deleted(
    house: House, admin: Session, rest: Rest, subscriber: Subscriber, tmp_path: Path
) -> None:
    vnf = deployed("backup", house, admin, subscriber)
    (vm,) = vnf.vms
    (tmp_path / "snapshot.json").write_bytes((SAMPLES / "snapshot.json").read_bytes())
    names = {"snapshot-tenant": "admin", "new-deployment-n_new-gr_0_af0148e2-e74c-4be7-b8c1-49bd53def8ca": vm}
    names["new-deployment-n_new-gr_0_af0148e2-e74c-4be7-b8c1-49bd53def6ba"] = vm
    made = curl(
        """curl -X POST -d @snapshot.json -H 'Content-Type: application/json' -H 'callback: http://localhost:9009' \
-H 'Callback-ESC-Events: http://localhost:9009' "http://localhost:8080/ESCManager/v0/snapshot-tenant/deployments/\
snapshot-vm/new-deployment-n_new-gr_0_af0148e2-e74c-4be7-b8c1-49bd53def8ca\"""",
        rest,
        tmp_path,
        **names,
    )
    assert made == (200, "")
    assert types(vnf.until("VM_BACKUP_COMPLETE")) == ["VM_BACKUP_INIT", "VM_BACKUP_CREATED", "VM_BACKUP_COMPLETE"]
    status, body = curl(
        """curl -X GET --header "Accept: application/xml" "http://localhost:8080/ESCManager/v0/snapshots?\
internalTenantId=snapshot-tenant-generatedVMName=new-deployment-n_new-gr_0_af0148e2-e74c-4be7-b8c1-49bd53def6ba\"""",
        rest,
        tmp_path,
        **names,
    )
    assert status == 200
    by_name = f"{V0}/snapshots?internalTenantId=admin&generatedVMName={vm}"
    assert rest.get(by_name).text == body
    listed = rest.get(by_name)
    assert [[one.tag.rpartition("}")[2] for one in entry] for entry in listed.xml] == [
        [
            "id",
            "name",
            "creation_start_date",
            "creation_end_date",
            "status",
            "status_message",
            "created_from_generated_vm_name",
            "vim_id",
            "tenant",
        ]
    ]
    assert (listed.texts("name"), listed.texts("status")) == (["my-snapshot-name"], ["available"])
    (in_json,) = rest.json("GET", by_name).json["snapshots"]["snapshot"]
    assert in_json["created_from_generated_vm_name"] == vm
    for nothing in (f"{V0}/snapshots?generatedVMName=none", f"{V0}/snapshots?internalTenantId=none"):
        empty = rest.get(nothing)
        assert (empty.status, len(empty.xml)) == (200, 0)
    deleted = curl(
        """curl -X DELETE -H 'callback: http://localhost:9009' -H 'Callback-ESC-Events: http://localhost:9009' \
"http://localhost:8080/ESCManager/v0/snapshots/7813c20b-94b6-492b-ae74-0bd36c1168dc\"""",
        rest,
        tmp_path,
        **{"7813c20b-94b6-492b-ae74-0bd36c1168dc": in_json["id"]},
    )
    assert deleted == (200, "")
    assert types(vnf.until("VM_SNAPSHOT_DELETED")) == ["VM_SNAPSHOT_DELETING", "VM_SNAPSHOT_DELETED"]
    missing = rest.delete(f"{V0}/snapshots/my-snapshot-name-1")
    sample = (SAMPLES / "snapshot_not_found.xml").read_text()
    assert missing.error == (404, "Snapshot image [my-snapshot-name-1] not found.")
    assert re.sub(r">\s+<", "><", sample.partition("?>")[2].strip()) == missing.text.partition("?>")[2].strip()


def test_what_the_cloud_refuses_is_a_500_in_its_words(
    house: House, admin: Session, rest: Rest, subscriber: Subscriber
) -> None:
    vnf = deployed("refused", house, admin, subscriber)
    (vm,) = vnf.vms
    answer = rest.post(
        f"{V0}/admin/deployments/migrate-vm/{vm}",
        operation("vm_migrate_operation", "migrate", migrationType="live", host="No-Such-Host"),
    )
    assert answer.error[0] == 500
    assert "No-Such-Host" in answer.error[1]
