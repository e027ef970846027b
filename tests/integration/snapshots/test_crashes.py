"""The server dies at a boundary of a backup, a deletion or a recovery: it goes on, and makes nothing twice."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from ncclient.operations import OperationError
from ncclient.transport import TransportError
from tests.integration.main_job.house import House, until
from tests.integration.main_job.subscriber import Event, subscribe
from tests.integration.snapshots.actions import (
    BOOT_VOLUME,
    backup,
    call,
    delete,
    deployed,
    images,
    recover,
    vm_state,
    volume_snapshots,
)
from tests.integration.snapshots.conftest import POLLS

REDEPLOY = "<recovery_policy><action_on_recovery>REDEPLOY_ONLY</action_on_recovery></recovery_policy>"


@pytest.fixture(scope="module")
def failpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("failpoints") / "armed"


@pytest.fixture(scope="module")
def shared_house(make_house: Callable[..., House], failpoints: Path) -> House:
    quick = {"OPENESC_VIM__HTTP_TIMEOUT_S": "1.5", "OPENESC_FAILPOINT": f"@{failpoints}"}
    return make_house(**{**POLLS, **quick})


@pytest.fixture(scope="module")
def vm(shared_house: House) -> str:
    """A VM that boots from a volume and is recovered by redeployment."""
    return deployed(shared_house.session(), subscribe(shared_house), "crash", REDEPLOY + BOOT_VOLUME)


def crashed(house: House, failpoints: Path, failpoint: str, rpc: str, closing: str) -> list[Event]:
    """Ask, let the server die at `failpoint`, start it again; all events of the operation up to the closing one."""
    since, client = datetime.now(UTC), house.session()
    failpoints.write_text(f"{failpoint}\n")
    with suppress(OperationError, TransportError):  # the server may die before it answers
        call(client, rpc)
    process = house.server.process
    assert process is not None
    until(lambda: process.poll() is not None, f"{failpoint} is reached")
    assert failpoints.read_text() == ""
    house.sessions.clear()
    house.server.start()
    return subscribe(house, since).until(closing, status="SUCCESS")


@pytest.mark.parametrize(
    "failpoint",
    [
        "backup/begin:after",
        "backup/image:before",
        "backup/image:after",
        "backup/volumes:after",
        "backup/close:before",
    ],
)
def test_a_backup_goes_on(house: House, failpoints: Path, vm: str, failpoint: str) -> None:
    name = failpoint.replace("/", "-").replace(":", "-")
    told = crashed(house, failpoints, failpoint, backup(vm, name), "VM_BACKUP_COMPLETE")
    assert [event.type for event in told] == ["VM_BACKUP_INIT", "VM_BACKUP_CREATED", "VM_BACKUP_COMPLETE"]
    assert images(house).count(name) == 1
    assert volume_snapshots(house).count(f"snapshot for {name}") == 2


@pytest.mark.parametrize(
    "failpoint",
    [
        "snapshot-delete/image:before",
        "snapshot-delete/image:after",
        "snapshot-delete/volume/*:after",
        "snapshot-delete/close:before",
    ],
)
def test_a_deletion_goes_on(house: House, failpoints: Path, vm: str, failpoint: str) -> None:
    name = failpoint.replace("/", "-").replace(":", "-").replace("*", "x")
    subscriber = subscribe(house)
    call(house.session(), backup(vm, name))
    subscriber.until("VM_BACKUP_COMPLETE", status="SUCCESS")
    told = crashed(house, failpoints, failpoint, delete(name), "VM_SNAPSHOT_DELETED")
    assert [event.type for event in told] == ["VM_SNAPSHOT_DELETING", "VM_SNAPSHOT_DELETED"]
    assert name not in images(house)
    assert f"snapshot for {name}" not in volume_snapshots(house)


@pytest.mark.parametrize(
    "failpoint",
    [
        "recover/begin:after",
        "recover/try/1/server/delete:after",
        "recover/try/1/server:after",
        "recover/try/1/up:after",
        "recover/close:before",
    ],
)
def test_a_redeployment_goes_on(house: House, failpoints: Path, vm: str, failpoint: str) -> None:
    volumes = sorted(house.names("volumes"))
    told = crashed(house, failpoints, failpoint, recover(vm), "VM_RECOVERY_COMPLETE")
    assert [event.type for event in told] == [
        *("VM_RECOVERY_INIT", "VM_RECOVERY_UNDEPLOYED", "VM_RECOVERY_DEPLOYED", "VM_RECOVERY_COMPLETE"),
    ]
    found = house.of_deployment("crash")
    assert (len(found["servers"]), len(found["ports"]), sorted(house.names("volumes"))) == (1, 1, volumes)
    assert vm_state(house.session(), "crash") == "VM_ALIVE_STATE"


@pytest.mark.parametrize("failpoint", ["recover/reboot:after", "recover/rebooted:before"])
def test_a_reboot_is_asked_for_once(house: House, failpoints: Path, failpoint: str) -> None:
    name = f"boot-{'after' if 'after' in failpoint else 'before'}"
    vm = deployed(house.session(), subscribe(house), name)
    told = crashed(house, failpoints, failpoint, recover(vm), "VM_RECOVERY_COMPLETE")
    assert [event.type for event in told] == ["VM_RECOVERY_INIT", "VM_RECOVERY_REBOOT", "VM_RECOVERY_COMPLETE"]
    asked = house.sim("GET", "/sim/requests?operation=server.reboot")["requests"]
    assert len([row for row in asked if row["resource_name"] == vm and row["status"] == 202]) == 1
