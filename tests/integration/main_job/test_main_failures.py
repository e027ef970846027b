"""What the cloud refuses, row by row: which events say so, in whose words, what stays; sending again repairs it."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.integration.main_job.house import House, Session, texts
from tests.integration.main_job.payloads import ESC, deployment, group, network, undeploy
from tests.integration.main_job.subscriber import Event, Subscriber

REQUEST_ID = re.compile(r"\(req-[0-9a-f-]{36}\)")
SILENT: Mapping[str, Any] = {"type": "ping_silent"}
NET = f"<networks>{network('inner', '192.168.11.0')}</networks>"
BOTH = ("SolTest-Network", "inner")


@dataclass(frozen=True)
class Row:
    """One row of the table: the fault, the events with FAILURE (the last closes the deploy), the cloud's words."""

    operation: str
    action: Mapping[str, Any]
    words: str
    failures: tuple[str, ...]
    again: tuple[str, ...] = ("VM_DEPLOYED", "VM_ALIVE", "SERVICE_ALIVE")
    before: tuple[str, ...] = ()
    named: bool = True
    request_id: bool = True
    bootup: int = 60
    networks: str = ""
    vm_state: str | None = "VM_ERROR_STATE"
    more: Mapping[str, Any] = field(default_factory=dict)


VM_FAILS = ("VM_DEPLOYED", "SERVICE_ALIVE")
MADE = ("CREATE_TENANT",)
QUOTA = "Quota exceeded for {0}: Requested 1, but already used 10 of 10 {0}"
ROWS = {
    "tenant refused": Row(
        "project.create",
        {"type": "http", "status": 403, "text": "You are not authorized to perform the requested action."},
        "You are not authorized to perform the requested action.",
        ("CREATE_TENANT", "SERVICE_ALIVE"),
        again=("CREATE_TENANT", "VM_DEPLOYED", "VM_ALIVE", "SERVICE_ALIVE"),
        named=False,
        vm_state="VM_UNDEF_STATE",
    ),
    "network quota": Row(
        "network.create",
        {"type": "quota", "resource": "network"},
        "Quota exceeded for resources: ['network'].",
        ("CREATE_NETWORK", "SERVICE_ALIVE"),
        again=("CREATE_NETWORK", "CREATE_SUBNET", "VM_DEPLOYED", "VM_ALIVE", "SERVICE_ALIVE"),
        before=MADE,
        named=False,
        networks=NET,
        vm_state="VM_UNDEF_STATE",
    ),
    "subnet refused": Row(
        "subnet.create",
        {"type": "http", "status": 400, "text": "Invalid input for operation: no pool.", "kind": "InvalidInput"},
        "Invalid input for operation: no pool.",
        ("CREATE_SUBNET", "SERVICE_ALIVE"),
        again=("CREATE_SUBNET", "VM_DEPLOYED", "VM_ALIVE", "SERVICE_ALIVE"),
        before=(*MADE, "CREATE_NETWORK"),
        named=False,
        networks=NET,
        vm_state="VM_UNDEF_STATE",
    ),
    "port quota": Row(
        "port.create",
        {"type": "quota"},
        "Quota exceeded for resources: ['port'].",
        VM_FAILS,
        before=MADE,
    ),
    "server quota": Row("server.create", {"type": "quota"}, QUOTA.format("instances"), VM_FAILS, before=MADE),
    "server refused": Row(
        "server.create",
        {"type": "http", "status": 400, "text": "Flavor's disk is too small for requested image."},
        "Flavor's disk is too small for requested image.",
        VM_FAILS,
        before=MADE,
    ),
    "no valid host": Row(
        "server.create", {"type": "no_valid_host"}, "No valid host was found", VM_FAILS, before=MADE, request_id=False
    ),
    "server goes to ERROR": Row("server.create", {"type": "error"}, "", VM_FAILS, before=MADE, request_id=False),
    "not alive in time": Row(
        "*",
        SILENT,
        "did not become alive within 1 seconds",
        ("VM_ALIVE", "SERVICE_ALIVE"),
        before=(*MADE, "VM_DEPLOYED"),
        request_id=False,
        bootup=1,
    ),
}


def name_of(case: str) -> str:
    return "f-" + case.replace(" ", "-")[:14]


@contextlib.contextmanager
def failing(house: House, row: Row, name: str) -> Any:
    with house.fault(row.operation, row.action, name=f"{name}*" if row.named else None, **row.more):
        yield


class TestDeployFails:
    """Every row: events, reason, configuration, and the document sent again."""

    @pytest.mark.parametrize("case", ROWS)
    def test_row(self, house: House, admin: Session, subscriber: Subscriber, case: str) -> None:
        row, name = ROWS[case], name_of(case)
        document = self._document(row, name)
        with failing(house, row, name):
            admin.edit(document)
            came = self._until_closed(subscriber, name)
        reason = self._check_events(row, came, name)
        self._check_state(admin, row, name, reason)
        self._check_cloud(house, row, name)
        admin.edit(document)
        again = self._until_closed(subscriber, name)
        assert [event.type for event in again] == list(row.again), "only what is missing is made"
        assert {event.status for event in again} == {"SUCCESS"}
        self._check_repaired(house, admin, name)
        admin.edit(undeploy(name, name))
        subscriber.until("SERVICE_UNDEPLOYED", depname=name)
        assert house.of_deployment(name) == {"servers": [], "ports": []}

    def _document(self, row: Row, name: str) -> str:
        networks = BOTH if row.networks else BOTH[:1]
        return deployment(name, group(networks=networks, bootup=row.bootup), before=row.networks, tenant=name)

    def _until_closed(self, subscriber: Subscriber, name: str) -> list[Event]:
        came = subscriber.until("SERVICE_ALIVE", depname=name)
        return [event for event in came if name in (event.depname, event.tenant)]

    def _check_events(self, row: Row, came: list[Event], name: str) -> str:
        succeeded = [event.type for event in came if event.status == "SUCCESS"]
        failed = [event for event in came if event.status == "FAILURE"]
        assert succeeded == list(row.before)
        assert [event.type for event in failed] == list(row.failures)
        assert {event.status_code for event in failed} == {"500"}
        for event in failed:
            assert row.words in str(event.status_message)
            assert event.status_message
            assert bool(REQUEST_ID.search(str(event.status_message))) == row.request_id or not row.request_id
        assert (came[-1].depname, came[-1].tenant) == (name, name) and came[-1].depid
        return str(came[-1].status_message)

    def _check_state(self, admin: Session, row: Row, name: str, reason: str) -> None:
        entry = admin.deployment(name, name)
        assert entry is not None
        machine = entry.find(f"{{{ESC}}}state_machine")
        assert machine is not None
        assert machine.findtext(f"{{{ESC}}}state") == "SERVICE_ERROR_STATE"
        assert machine.findtext(f"{{{ESC}}}failure_reason") == reason
        states = [state for state in texts(entry, "state") if state.startswith("VM_")]
        assert states == [row.vm_state]
        assert admin.config(name, name) is not None, "the configuration stays"

    def _check_cloud(self, house: House, row: Row, name: str) -> None:
        """A VM that failed to boot is taken away; one that is merely silent stays."""
        expected = 1 if row.action is SILENT else 0
        held = house.of_deployment(name)
        assert (len(held["servers"]), len(held["ports"])) == (expected, expected)

    def _check_repaired(self, house: House, admin: Session, name: str) -> None:
        entry = admin.deployment(name, name)
        assert "SERVICE_ACTIVE_STATE" in texts(entry, "state")
        assert texts(entry, "failure_reason") == []
        assert len(house.of_deployment(name)["servers"]) == 1


class TestNotThere:
    """Names that stand for nothing: both failures name them; a corrected document succeeds."""

    @pytest.mark.parametrize(
        "wrong, words",
        [
            ({"image": "no-such-image"}, "image no-such-image not found"),
            ({"flavor": "no-such-flavor"}, "flavor no-such-flavor not found"),
            ({"networks": ("no-such-network",)}, "network no-such-network not found"),
        ],
    )
    def test_it(self, house: House, admin: Session, subscriber: Subscriber, wrong: dict[str, Any], words: str) -> None:
        name = f"no-{next(iter(wrong))}"
        admin.edit(deployment(name, group("g1", **wrong)))
        came = subscriber.until("SERVICE_ALIVE", depname=name)
        assert [event.short for event in came] == [
            ("VM_DEPLOYED", "FAILURE", words),
            ("SERVICE_ALIVE", "FAILURE", words),
        ]
        assert {event.status_code for event in came} == {"500"}
        assert came[0].vm_group == "g1"
        entry = admin.deployment(name)
        assert set(texts(entry, "failure_reason")) == {words}
        admin.edit(deployment(name, group("g1")))
        came = subscriber.until("SERVICE_ALIVE", depname=name)
        assert {event.status for event in came} == {"SUCCESS"}
        assert "SERVICE_ACTIVE_STATE" in texts(admin.deployment(name), "state")
        assert len(house.of_deployment(name)["servers"]) == 1
        admin.edit(undeploy(name))
        subscriber.until("SERVICE_UNDEPLOYED", depname=name)


def test_one_of_several_fails(house: House, admin: Session, subscriber: Subscriber) -> None:
    """The others are finished; sent again, only the missing one is made."""
    with house.fault("server.create", {"type": "quota"}, name="partly_g2*"):
        document = deployment("partly", group("g1"), group("g2"), group("g3", kpi=False))
        admin.edit(document)
        came = subscriber.until("SERVICE_ALIVE", depname="partly")
    assert [(event.type, event.vm_group) for event in came if event.status == "FAILURE"] == [
        ("VM_DEPLOYED", "g2"),
        ("SERVICE_ALIVE", None),
    ]
    up = {event.vm_source_vmid for event in came if event.type == "VM_DEPLOYED" and event.status == "SUCCESS"}
    assert len(up) == 2
    admin.edit(document)
    came = subscriber.until("SERVICE_ALIVE", depname="partly")
    assert [(event.type, event.vm_group) for event in came] == [
        ("VM_DEPLOYED", "g2"),
        ("VM_ALIVE", "g2"),
        ("SERVICE_ALIVE", None),
    ]
    assert up < set(texts(admin.deployment("partly"), "vm_id"))


def test_an_update_fails(house: House, admin: Session, subscriber: Subscriber) -> None:
    """SERVICE_UPDATED FAILURE; what was there stays, and the same document again repairs it."""
    admin.edit(deployment("grown", group("g1")))
    subscriber.until("SERVICE_ALIVE", depname="grown")
    with house.fault("server.create", {"type": "quota"}, name="grown_g2*"):
        admin.edit(deployment("grown", group("g2")))
        came = subscriber.until("SERVICE_UPDATED", depname="grown")
    assert [(event.type, event.status) for event in came] == [
        ("VM_DEPLOYED", "FAILURE"),
        ("SERVICE_UPDATED", "FAILURE"),
    ]
    assert QUOTA.format("instances") in str(came[-1].status_message)
    assert texts(admin.deployment("grown"), "state")[0] == "SERVICE_ERROR_STATE"
    admin.edit(deployment("grown", group("g2")))
    came = subscriber.until("SERVICE_UPDATED", depname="grown")
    assert [(event.type, event.status) for event in came] == [
        ("VM_DEPLOYED", "SUCCESS"),
        ("VM_ALIVE", "SUCCESS"),
        ("SERVICE_UPDATED", "SUCCESS"),
    ]
    assert texts(admin.deployment("grown"), "state")[0] == "SERVICE_ACTIVE_STATE"


class TestUndeployFails:
    """What the cloud will not give up: told, listed, and cleaned once it lets go."""

    def test_a_server_is_not_deleted(self, house: House, admin: Session, subscriber: Subscriber) -> None:
        admin.edit(deployment("stuck", group("g1")))
        came = subscriber.until("SERVICE_ALIVE", depname="stuck")
        vm_id = came[0].vm_source_vmid
        refusal = {"type": "http", "status": 409, "text": "Cannot 'delete' instance while it is locked"}
        with house.fault("server.delete", refusal, name="stuck*", count=None):
            admin.edit(undeploy("stuck"))
            came = subscriber.until("SERVICE_UNDEPLOYED", depname="stuck")
            assert [(event.type, event.status, event.status_code) for event in came] == [
                ("VM_UNDEPLOYED", "FAILURE", "500"),
                ("SERVICE_UNDEPLOYED", "FAILURE", "500"),
            ]
            assert all("while it is locked" in str(event.status_message) for event in came)
            assert all(REQUEST_ID.search(str(event.status_message)) for event in came)
            assert admin.deployment("stuck") is None and admin.config("stuck") is None
            rows = [row for row in house.ask("leftover", "list") if row["deployment"] == "stuck"]
            assert vm_id in [row["external_id"] for row in rows if row["kind"] == "server"]
            assert {"server", "port"} == {row["kind"] for row in rows}
            assert all("while it is locked" in row["reason"] for row in rows if row["kind"] == "server")
            refused = house.openesc("leftover", "clean")
            assert "while it is locked" in refused.stdout + refused.stderr
            assert house.of_deployment("stuck")["servers"]
        cleaned = house.openesc("leftover", "clean")
        assert cleaned.returncode == 0, cleaned.stderr
        assert house.of_deployment("stuck") == {"servers": [], "ports": []}
        assert [row for row in house.told("leftover.list") if row["deployment"] == "stuck"] == []

    def test_a_network_is_not_deleted(self, house: House, admin: Session, subscriber: Subscriber) -> None:
        before = f"<networks>{network('kept', '192.168.12.0')}</networks>"
        admin.edit(deployment("netstuck", group("g1", networks=("kept",)), before=before))
        subscriber.until("SERVICE_ALIVE", depname="netstuck")
        refusal = {
            "type": "http",
            "status": 409,
            "text": "Unable to complete operation on network: in use",
            "kind": "NetworkInUse",
        }
        with house.fault("network.delete", refusal, name="kept*", count=None):
            admin.edit(undeploy("netstuck"))
            came = subscriber.until("SERVICE_UNDEPLOYED", depname="netstuck")
        assert [(event.type, event.status) for event in came] == [
            ("VM_UNDEPLOYED", "SUCCESS"),
            ("DELETE_SUBNET", "SUCCESS"),
            ("DELETE_NETWORK", "FAILURE"),
            ("SERVICE_UNDEPLOYED", "FAILURE"),
        ]
        rows = [row for row in house.told("leftover.list") if row["deployment"] == "netstuck"]
        assert [row["kind"] for row in rows] == ["network"]
        (result,) = house.told("leftover.clean", ids=[rows[0]["id"]])
        assert result["result"] == "removed"
        assert not [name for name in house.names("networks") if name.startswith("kept")]
