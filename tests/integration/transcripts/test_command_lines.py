"""Every esc_nc_cli command line that the user guide prints, run as it is printed: only ids and names are replaced."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping

import pytest
from tests.integration.main_job.house import ROOT, House, Session
from tests.integration.main_job.payloads import deployment, group
from tests.integration.main_job.subscriber import Subscriber, types
from tests.integration.snapshots.actions import vm_name

SRC = ROOT / "tests" / "golden" / "src"
OK = (SRC / "rpc_reply_ok.xml").read_text()
LINES = (SRC / "command_lines.txt").read_text().splitlines()
CIRROS = "cirros-vm_0_357b379e-bac5-4c6a-a214-0c0b1343ad4d"
TEST_DEP = "test-dep_g1_0_6be93ee9-f7fb-473e-a3f6-eca281802008"
NEW_DEP = "new-deployment-n_new-gr_0_af0148e2-e74c-4be7-b8c1-49bd53def6ba"
CONFIRMED = ["VM_CONFIRM_RESIZE_INIT", "VM_CONFIRM_RESIZE_COMPLETE", "VM_ALIVE"]
MIGRATED = ["VM_MIGRATE_INIT", "VM_MIGRATED", "VM_MIGRATE_COMPLETE"]
VERIFY = ["VM_MIGRATE_INIT", "VM_MIGRATED", "VM_VERIFY_RESIZE"]
RESIZE = [line for line in LINES if CIRROS in line or " edit-config " in line]
MIGRATION = [line for line in LINES if TEST_DEP in line]
SNAPSHOT = [line for line in LINES if "my-snapshot-name" in line]


@pytest.fixture(scope="module")
def server_settings() -> Mapping[str, str]:
    return {f"vim.asyncpoller.snapshot.{what}.poll.secs": "0.1" for what in ("create", "delete")}


def run(house: House, line: str, names: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """A printed line, in a shell, with the script on the PATH and the sample documents at hand."""
    for printed, name in names.items():
        line = line.replace(printed, name)
    return shell(house, line)


def shell(house: House, line: str) -> subprocess.CompletedProcess[str]:
    environment = {**house.environment, "PATH": f"{ROOT}:{house.environment['PATH']}"}
    return subprocess.run(line, shell=True, cwd=SRC, env=environment, capture_output=True, text=True, timeout=60)


def accepted(house: House, line: str, names: Mapping[str, str]) -> None:
    """The line's stdout is the reply that the user guide shows, byte for byte."""
    done = run(house, line, names)
    assert (done.returncode, done.stdout) == (0, OK), done


def deployed(admin: Session, subscriber: Subscriber, name: str, group_name: str) -> str:
    """A VM; its generated name."""
    admin.edit(deployment(name, group(group_name)))
    subscriber.until("SERVICE_ALIVE", depname=name, status="SUCCESS")
    return vm_name(admin, name)


def test_change_of_flavor_and_its_confirmation(house: House, admin: Session, subscriber: Subscriber) -> None:
    document = (SRC / "sample_deployment_update.xml").read_text()
    admin.edit(re.sub(r"<\?xml.*?\?>", "", document).replace("Flavor-v2", "Flavor"))
    subscriber.until("SERVICE_ALIVE", depname="Cirros-VNF", status="SUCCESS")
    update, confirm = RESIZE
    accepted(house, update, {})
    assert types(subscriber.until("VM_VERIFY_RESIZE")) == ["SERVICE_UPDATED", "VM_VERIFY_RESIZE"]
    accepted(house, confirm, {CIRROS: vm_name(admin, "Cirros-VNF")})
    assert types(subscriber.until("VM_ALIVE")) == CONFIRMED


def test_live_and_cold_migration(house: House, admin: Session, subscriber: Subscriber) -> None:
    vm = deployed(admin, subscriber, "test-dep", "g1")
    assert re.fullmatch(TEST_DEP[: -len("6be93ee9-f7fb-473e-a3f6-eca281802008")] + "[0-9a-f-]{36}", vm)
    *migrations, confirm = MIGRATION
    assert len(migrations) == 6
    for line in migrations:
        if line.endswith("Host-22") and house.guest(vm)["host"] == "Host-22":  # not where it is already
            assert shell(house, f"esc_nc_cli migrate-vm-action {vm} live Host-24").returncode == 0
            subscriber.until("VM_MIGRATE_COMPLETE", status="SUCCESS")
        house.sim("PUT", "/sim/settings", {"shared_storage": " true" not in line})  # else nothing is copied
        accepted(house, line, {TEST_DEP: vm})
        told = subscriber.until("VM_MIGRATE_COMPLETE" if " live" in line else "VM_VERIFY_RESIZE", status="SUCCESS")
        assert types(told) == (MIGRATED if " live" in line else VERIFY)
        assert not line.endswith("Host-22") or house.guest(vm)["host"] == "Host-22"
        if " cold" in line:
            accepted(house, confirm, {TEST_DEP: vm})
            assert types(subscriber.until("VM_ALIVE")) == CONFIRMED
    house.sim("PUT", "/sim/settings", {"shared_storage": True})


def test_a_snapshot_and_its_deletion(house: House, admin: Session, subscriber: Subscriber) -> None:
    vm = deployed(admin, subscriber, "new-deployment-name", "new-group")
    assert vm.startswith("new-deployment-n_new-gr_0_")
    create, delete, unknown = SNAPSHOT
    accepted(house, create, {NEW_DEP: vm})
    told = subscriber.until("VM_BACKUP_COMPLETE", status="SUCCESS")
    assert types(told) == ["VM_BACKUP_INIT", "VM_BACKUP_CREATED", "VM_BACKUP_COMPLETE"]
    accepted(house, delete, {})
    assert types(subscriber.until("VM_SNAPSHOT_DELETED", status="SUCCESS")) == [
        "VM_SNAPSHOT_DELETING",
        "VM_SNAPSHOT_DELETED",
    ]
    done = run(house, unknown, {})
    assert (done.returncode, done.stdout) == (1, (SRC / "snapshot_not_found.xml").read_text())
    subscriber.quiet()


def test_the_transcript_of_a_snapshot(house: House, admin: Session, subscriber: Subscriber) -> None:
    """All of what the user guide shows, in its order, is what --classic prints."""
    vm = deployed(admin, subscriber, "new-deployment-nine", "new-groups")
    text = (SRC / "vm_backup_action.transcript").read_text().removeprefix("[admin@localhost]$ ")
    printed, _, output = text.replace("vm-backup-action\n", "vm-backup-action ").partition("\n")
    title, *console, reply = output.split("\n", 4)
    line = printed.replace("esc_nc_cli", "esc_nc_cli --classic").replace(NEW_DEP, vm)
    done = shell(house, line)
    assert (done.returncode, done.stderr) == (0, "")
    said_title, said_console, said_reply = done.stdout.split("\n", 2)
    assert (said_title, said_reply) == (title, reply)
    words, said_words = " ".join(console).split()[1:], said_console.split()[2:]
    assert [word.split("=")[0] for word in said_words] == [word.split("=")[0] for word in words]
    said, wanted = (dict(word.split("=") for word in some) for some in (said_words, words))
    assert {name: said[name] for name in ("--host", "--user")} == {name: wanted[name] for name in ("--host", "--user")}
    assert re.fullmatch(r".*/tmp_esc_nc_cli\.[A-Za-z0-9]{10}", said["--rpc"])
    subscriber.until("VM_BACKUP_COMPLETE", status="SUCCESS")


def test_every_printed_line_is_run() -> None:
    assert sorted([*RESIZE, *MIGRATION, *SNAPSHOT]) == sorted(LINES)


def test_the_usage_is_printed_as_the_user_guide_does(house: House) -> None:
    lines = shell(house, "esc_nc_cli help").stdout.splitlines()
    usage = (SRC / "usage.txt").read_text().splitlines()
    missing = [line for line in usage if line not in lines and f"{' ' * 20}{line}" not in lines]
    assert missing == []
