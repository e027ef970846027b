"""The server dies at every boundary of an operation's steps: it goes on, and tells and does nothing twice."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from ncclient.operations import OperationError
from ncclient.transport import TransportError
from tests.integration.main_job.house import House, texts, until
from tests.integration.main_job.payloads import deployment, group
from tests.integration.main_job.subscriber import subscribe, types
from tests.integration.main_job.test_main_volumes import cloud
from tests.integration.operations.vnf import Vnf, deployed, rpc

V1, V2 = "SolTest-Cirros-Flavor", "SolTest-Cirros-Flavor-v2"


@pytest.fixture(scope="module")
def failpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("failpoints") / "armed"


@pytest.fixture(scope="module")
def shared_house(make_house: Callable[..., House], failpoints: Path) -> House:
    return make_house(OPENESC_VIM__HTTP_TIMEOUT_S="1.5", OPENESC_FAILPOINT=f"@{failpoints}")


@pytest.fixture(scope="module")
def vnf(shared_house: House) -> Vnf:
    return deployed("crash", shared_house, shared_house.session(), subscribe(shared_house))


def _ended(process: subprocess.Popen[bytes]) -> bool:
    return process.poll() is not None


def through(vnf: Vnf, failpoints: Path, points: str, ask: Callable[[], object], *told: str) -> None:
    """Ask; the server dies at each of `points` and is started again. The events are exactly `told`, each a success."""
    house, since = vnf.house, datetime.now(UTC)
    failpoints.write_text("".join(f"{point}\n" for point in points.split()))
    with suppress(OperationError, TransportError):  # the server may die before it answers
        ask()
    while True:
        process = house.server.process
        assert process is not None
        until(partial(_ended, process), f"{failpoints.read_text()} is reached")
        if not failpoints.read_text():
            break
        house.server.spawn()
    house.sessions.clear()
    house.server.start()
    vnf.admin, vnf.subscriber = house.session(), subscribe(house, since)
    came = vnf.until(told[-1])
    assert types(came) == list(told)
    assert {event.status for event in came} == {"SUCCESS"}
    vnf.subscriber.quiet(0.2)


def act(vnf: Vnf, action: str) -> Callable[[], object]:
    return lambda: rpc(vnf.house.session(), "vmAction", actionType=action, vmName=vnf.vms[0])


def serve(vnf: Vnf, action: str) -> Callable[[], object]:
    return lambda: rpc(vnf.house.session(), "serviceAction", actionType=action, tenantName="admin", depName="crash")


CALLS = frozenset(
    {
        *("*/stop", "*/start", "*/resize", "*/confirm", "*/revert", "*/migrate", "*/change/volume/*/detach"),
        *("*/change/restore/server/delete", "*/change/restore/server", "*/change/restore/stop"),
    }
)
"""Steps that change something in the cloud. Before any other one it is as after the one ahead of it."""


def boundaries(flow: str, *steps: str) -> str:
    """Die after each step, and before each call to the cloud."""
    points = []
    for step in steps:
        points += [f"{flow}/{step}:{moment}" for moment in ("before", "after") if step in CALLS or moment == "after"]
    return " ".join(points)


def test_a_service_is_stopped_and_started(vnf: Vnf, failpoints: Path) -> None:
    points = boundaries("service-action", "begin", "*/stop", "*/off", "close")
    through(vnf, failpoints, points, serve(vnf, "STOP"), "VM_STOPPED", "SERVICE_STOPPED")
    assert vnf.states == ["SERVICE_STOPPED_STATE", "VM_SHUTOFF_STATE"]
    points = boundaries("service-action", "begin", "*/start", "*/metadata", "*/up", "*/alive", "close")
    through(vnf, failpoints, points, serve(vnf, "START"), "VM_STARTED", "VM_ALIVE", "SERVICE_ALIVE")
    assert vnf.states == ["SERVICE_ACTIVE_STATE", "VM_ALIVE_STATE"]


def test_a_vm_is_rebooted(vnf: Vnf, failpoints: Path) -> None:
    points = boundaries("vm-action", "begin", "*/stop", "*/off", "*/start", "*/metadata", "*/up", "*/alive")
    since = vnf.house.sim("GET", "/sim/requests")["last"]
    through(vnf, failpoints, points, act(vnf, "REBOOT"), "VM_REBOOTED", "VM_ALIVE")
    assert vnf.states == ["SERVICE_ACTIVE_STATE", "VM_ALIVE_STATE"]
    rows = vnf.house.sim("GET", f"/sim/requests?since={since}")["requests"]
    asked = [row["operation"] for row in rows if row["operation"] in ("server.stop", "server.start")]
    assert asked == ["server.stop", "server.start"]


def test_monitors_go_off_and_on(vnf: Vnf, failpoints: Path) -> None:
    points = boundaries("vm-action", "begin", "*/metadata", "*/unmonitored")
    through(vnf, failpoints, points, act(vnf, "DISABLE_MONITOR"), "VM_MONITOR_UNSET")
    points = boundaries("vm-action", "begin", "*/metadata", "*/monitored", "*/alive")
    through(vnf, failpoints, points, act(vnf, "ENABLE_MONITOR"), "VM_MONITOR_SET")
    assert vnf.states == ["SERVICE_ACTIVE_STATE", "VM_ALIVE_STATE"]


def change(vnf: Vnf, flavor: str) -> Callable[[], object]:
    return lambda: vnf.house.session().edit(deployment("crash", group(flavor=flavor)))


RESIZE = boundaries("update", "resize/plan", "*/flavor", "*/look", "*/pause", "*/resize", "close", "*/verify")


def test_a_resize_is_confirmed(vnf: Vnf, failpoints: Path) -> None:
    through(vnf, failpoints, RESIZE, change(vnf, V2), "SERVICE_UPDATED", "VM_VERIFY_RESIZE")
    points = boundaries("confirm-resize", "begin", "*/confirm", "*/complete", "*/alive")
    told = ("VM_CONFIRM_RESIZE_INIT", "VM_CONFIRM_RESIZE_COMPLETE", "VM_ALIVE")
    through(vnf, failpoints, points, act(vnf, "CONFIRM_RESIZE"), *told)
    assert vnf.leaf(vnf.vms[0], "flavor") == V2


def test_a_resize_is_reverted(vnf: Vnf, failpoints: Path) -> None:
    vnf.admin.edit(deployment("crash", group(flavor=V1)))
    vnf.until("VM_VERIFY_RESIZE")
    points = boundaries("revert-resize", "begin", "*/revert", "*/complete", "*/alive")
    told = ("VM_REVERT_RESIZE_INIT", "VM_REVERT_RESIZE_COMPLETE", "VM_ALIVE")
    through(vnf, failpoints, points, act(vnf, "REVERT_RESIZE"), *told)
    assert vnf.leaf(vnf.vms[0], "flavor") == V2


def migrate(vnf: Vnf, kind: str) -> Callable[[], object]:
    return lambda: rpc(vnf.house.session(), "vmMigrate", vmName=vnf.vms[0], migrationType=kind)


def test_migrations(vnf: Vnf, failpoints: Path) -> None:
    points = boundaries("migrate", "begin", "*/look", "*/pause", "*/migrate", "*/migrated", "*/resume", "*/alive")
    here = vnf.leaf(vnf.vms[0], "hostname")
    told = ("VM_MIGRATE_INIT", "VM_MIGRATED", "VM_MIGRATE_COMPLETE")
    through(vnf, failpoints, points, migrate(vnf, "live"), *told)
    assert vnf.leaf(vnf.vms[0], "hostname") != here
    points = boundaries("migrate", "begin", "*/look", "*/pause", "*/migrate", "*/migrated", "*/verify")
    told = ("VM_MIGRATE_INIT", "VM_MIGRATED", "VM_VERIFY_RESIZE")
    through(vnf, failpoints, points, migrate(vnf, "cold"), *told)
    assert vnf.leaf(vnf.vms[0], "hostname") == here


def volumes(*names: str) -> str:
    made = "<volume><name>{}</name><size>1</size><image>SolTest-Cirros-Image</image><boot_index>0</boot_index></volume>"
    given = "<volume><name>given</name><boot_index>-1</boot_index></volume>"
    return "".join(given if name == "given" else made.format(name) for name in names)


def rooted(*names: str) -> str:
    """A deployment of one VM that boots from a volume; the whole of it."""
    group_ = group(extra=f"<volumes>{volumes(*names)}</volumes>")
    return deployment("rooted", group_, operation="replace")


def test_a_restore_of_a_stopped_vm(vnf: Vnf, failpoints: Path) -> None:
    """And a volume that was given is given back."""
    house = vnf.house
    with cloud(house) as connection:
        connection.block_storage.create_volume(name="given", size=1)
    house.session().edit(rooted("old", "given"))
    rooted_vnf = Vnf("rooted", house, house.session(), subscribe(house), [])
    rooted_vnf.until("SERVICE_ALIVE")
    rpc(rooted_vnf.admin, "serviceAction", actionType="STOP", tenantName="admin", depName="rooted")
    rooted_vnf.until("SERVICE_STOPPED")
    points = boundaries(
        "update",
        *("*/change/volume/*/detach", "*/change/volume/*/left", "*/change/restore/server/delete"),
        *("*/change/restore/server", "*/change/restore/stop", "*/change/restore/up", "*/change/updated", "close"),
    )
    again = partial(house.session().edit, rooted("new"))
    through(rooted_vnf, failpoints, points, again, "VM_UPDATED", "SERVICE_UPDATED")
    found = rooted_vnf.entry()
    assert [texts(found, "out_of_band"), texts(found, "state")] == [
        ["false"],
        ["SERVICE_STOPPED_STATE", "VM_SHUTOFF_STATE"],
    ]
    [server] = texts(found, "vm_id")
    assert house.guest(server)["power"] is False
    with cloud(house) as connection:
        assert connection.block_storage.find_volume("given").status == "available"
    assert [row["kept"] for row in house.told("leftover.list") if row["deployment"] == "rooted"] == [True]
