"""Over restarts: replay, operations, the log block, a stop and a crash in mid-deploy."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from ncclient.operations import OperationError
from ncclient.transport import TransportError
from tests.integration.main_job.house import House, texts, until
from tests.integration.main_job.payloads import deployment, group, model, of_tenant, undeploy
from tests.integration.main_job.subscriber import Event, subscribe, types

LONG_AGO = "2020-01-01T00:00:00Z"
STAMP = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} INFO"
SERVICE_BLOCK = ("Type", "Status", "Status Code", "Status Msg", "Tenant", "Deployment ID", "Deployment name")
VM_BLOCK = (
    *("Type", "Status", "Status Code", "Status Msg", "Tenant ID", "Deployment ID", "Deployment name", "VM group name"),
    *(
        "VM Source",
        "VM ID",
        "VM Name",
        "VM Name (Generated)",
        "VIM ID",
        "VIM Project",
        "VIM Project ID",
        "Host ID",
        "Host Name",
    ),
)


@pytest.fixture
def house(make_house: Callable[..., House]) -> Iterator[House]:
    """Each test has a server of its own: it is stopped and killed."""
    made = make_house()
    yield made
    made.close()


def restart(house: House) -> None:
    """A clean stop and a new start."""
    house.leave()
    assert house.server.stop() == 0
    house.server.start()


def as_sent(events: list[Event]) -> list[tuple[str, str]]:
    return [(event.time, str(event)) for event in events]


def test_replay(house: House) -> None:
    """The same events in the same order, over a restart and a kill; live ones follow without a gap."""
    admin, live = house.session(), subscribe(house)
    admin.edit(deployment("kept", group("g1", count=2), tenant="history"))
    live.until("SERVICE_ALIVE", depname="kept")
    admin.edit(deployment("kept2", group("g1", kpi=False)))
    live.until("SERVICE_ALIVE", depname="kept2")
    seen = as_sent(live.events)
    assert len(seen) == 8
    restart(house)
    assert as_sent(subscribe(house, LONG_AGO).replay()) == seen
    house.leave()
    house.server.kill()
    house.server.start()
    follower = subscribe(house, LONG_AGO)
    assert as_sent(follower.replay()) == seen
    part = subscribe(house, live.events[3].time).replay()
    assert as_sent(part) == seen[3:], "startTime is inclusive"
    house.session().edit(undeploy("kept2"))
    came = follower.until("SERVICE_UNDEPLOYED", depname="kept2")
    assert types(came) == ["VM_UNDEPLOYED", "SERVICE_UNDEPLOYED"]


def test_a_stop_in_mid_deploy(house: House) -> None:
    """SIGTERM lets steps end; the next start says what it resumed, and a replaying subscriber sees each event once."""
    admin = house.session()
    with house.fault("*", {"type": "ping_silent"}, name="resumed*"):
        admin.edit(deployment("resumed", group("g1", count=2), group("g2")))
        until(lambda: len(house.of_deployment("resumed")["servers"]) == 3, "three servers")
        house.leave()
        assert house.server.stop() == 0
        house.server.start()
    assert "operation resumed" in house.server.log
    events = subscribe(house, LONG_AGO).until("SERVICE_ALIVE")
    assert sorted(types(events)) == ["SERVICE_ALIVE", *["VM_ALIVE"] * 3, *["VM_DEPLOYED"] * 3]
    assert {event.status for event in events} == {"SUCCESS"}
    assert len(house.of_deployment("resumed")["servers"]) == 3
    assert len({event.vm_source_vmid for event in events if event.type == "VM_ALIVE"}) == 3


def test_durable_at_ok(house: House) -> None:
    """kill -9 at once after ``<ok/>``: the configuration is there, and is activated."""
    names = [f"durable-{number}" for number in range(3)]
    admin = house.session()
    for name in names:
        admin.edit(deployment(name, group("g1", kpi=False)))
    house.server.kill()
    house.sessions.clear()
    house.server.start()
    admin = house.session()
    for name in names:
        assert admin.config(name) is not None
        assert admin.deployment(name) is not None
    follower = subscribe(house, LONG_AGO)
    for _ in names:
        follower.until("SERVICE_ALIVE")
    assert sorted(str(event.depname) for event in follower.events if event.type == "SERVICE_ALIVE") == names
    assert len(house.of_deployment("durable")["servers"]) == 3
    assert types(follower.events).count("VM_DEPLOYED") == 3


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_crash_does_not_make_an_adopted_project_ours(house: House, tmp_path: Path, moment: str) -> None:
    """The project ``admin`` was there before us: a life that died while it was adopted does not change that."""
    failpoints = tmp_path / "failpoints"
    failpoints.write_text(f"create-tenant/tenant/admin/found:{moment}\n")
    assert house.server.stop() == 0
    house.server.start(OPENESC_FAILPOINT=f"@{failpoints}")
    with suppress(OperationError, TransportError):  # the server may die before it answers
        house.session().edit(of_tenant("admin"))
    assert house.server.wait_end() == -9
    house.sessions.clear()
    house.server.start()
    follower = subscribe(house, LONG_AGO)
    follower.until("CREATE_TENANT", tenant="admin")
    house.session().edit(model('<tenants><tenant nc:operation="delete"><name>admin</name></tenant></tenants>'))
    assert follower.until("DELETE_TENANT", tenant="admin")[-1].status == "SUCCESS"
    assert "admin" in house.names("projects")


class TestOperations:
    """openesc operation list, show, cancel, retry while the server runs."""

    def test_cancel_and_retry(self, house: House) -> None:
        admin, watching = house.session(), subscribe(house)
        with house.fault("*", {"type": "ping_silent"}, name="cancelled*"):
            admin.edit(deployment("cancelled", group("g1", bootup=300)))
            watching.until("VM_DEPLOYED")
            (row,) = house.ask("operation", "list")
            assert (row["kind"], row["subject"], row["state"]) == ("deploy", "admin/cancelled", "running")
            assert row["requested_by"] == "esc-nc-admin"
            shown = house.ask("operation", "show", row["id"])
            assert {step["state"] for step in shown["steps"]} == {"done"}
            assert any(step["step"].endswith("/server") for step in shown["steps"])
            assert house.openesc("operation", "cancel", row["id"]).returncode == 0
            (closed,) = watching.until("SERVICE_ALIVE")[-1:]
        assert closed.status == "FAILURE" and "cancel" in str(closed.status_message).lower()
        again = house.openesc("operation", "cancel", row["id"])
        assert again.returncode != 0 and "has ended" in again.stderr
        until(lambda: house.told("operation.list")[0]["state"] == "cancelled", "the operation has ended")
        assert "SERVICE_ERROR_STATE" in texts(admin.deployment("cancelled"), "state")
        assert house.openesc("operation", "retry", row["id"]).returncode == 0
        came = watching.until("SERVICE_ALIVE")
        assert [(event.type, event.status) for event in came][-1] == ("SERVICE_ALIVE", "SUCCESS")
        assert "SERVICE_ACTIVE_STATE" in texts(admin.deployment("cancelled"), "state")
        assert len(house.of_deployment("cancelled")["servers"]) == 1

    def test_unknown(self, house: House) -> None:
        for verb in ("show", "cancel", "retry"):
            done = house.openesc("operation", verb, "no-such-operation")
            assert done.returncode != 0
            assert "there is no operation no-such-operation" in done.stderr


def test_the_log_block(house: House) -> None:
    """A file of its own, on by default, with the fields of the user guide's two samples in their order."""
    admin, watching = house.session(), subscribe(house)
    admin.edit(deployment("logged", group("g1")))
    deployed, _, service = watching.until("SERVICE_ALIVE")
    file = house.server.data_dir / "escmanager.log"
    until(lambda: file.exists() and file.read_text().count("NOTIFICATION ENDS") == 3, "three blocks")
    blocks = re.findall(r"STARTS =====\n(.*?)\n[^\n]*===== SEND NOTIFICATION ENDS =====", file.read_text(), re.DOTALL)
    first, last = (dict(_fields(block)) for block in (blocks[0], blocks[2]))
    assert tuple(first) == VM_BLOCK or tuple(first) == (*VM_BLOCK[:4], "VM State", *VM_BLOCK[4:])
    assert tuple(last) == SERVICE_BLOCK
    assert (first["VM ID"], first["VM Name (Generated)"]) == (deployed.vm_source_vmid, deployed.vm_source_vmname)
    assert (first["Host ID"], first["Host Name"]) == (deployed.vm_source_hostid, deployed.vm_source_hostname)
    assert first["Tenant ID"] == deployed.tenant_id and first["VM Source"] == ""
    assert last["Status Msg"] == service.status_message and last["Deployment ID"] == service.depid
    restart(house)
    assert file.read_text().count("NOTIFICATION ENDS") == 3, "nothing is written twice after a clean stop"


def _fields(block: str) -> Iterator[tuple[str, str]]:
    for line in block.splitlines():
        match = re.fullmatch(rf"{STAMP} ([^:]+): ?(.*)", line)
        assert match is not None, line
        yield match[1], match[2]


def test_undeploy_before_a_restart_is_finished_after_it(house: House) -> None:
    """Accepted, then stopped: the VM goes at the next start."""
    admin, watching = house.session(), subscribe(house)
    admin.edit(deployment("leaving", group("g1")))
    vm_id = watching.until("SERVICE_ALIVE")[0].vm_source_vmid
    house.sim(
        "POST",
        "/sim/faults",
        {"id": "slow", "match": {"operation": "server.delete"}, "action": {"type": "delay", "seconds": 20}},
    )
    admin.edit(undeploy("leaving"))
    house.leave()
    house.server.kill()
    house.server.start()
    came = subscribe(house, LONG_AGO).until("SERVICE_UNDEPLOYED")
    assert types(came)[-2:] == ["VM_UNDEPLOYED", "SERVICE_UNDEPLOYED"] and came[-2].vm_source_vmid == vm_id
    assert house.of_deployment("leaving") == {"servers": [], "ports": []}
