"""docs/failures.md, the rows about actions on what is deployed: the events with FAILURE, and the states afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack

import pytest
from tests.integration.main_job.house import House, Session, until
from tests.integration.main_job.payloads import group
from tests.integration.main_job.subscriber import Event, Subscriber
from tests.integration.operations.failing import (
    HELD,
    REFUSED,
    ROWS,
    WORDS,
    Scenario,
    backup,
    remove,
    scenario,
    serve,
    taken,
)
from tests.integration.operations.vnf import Vnf, deployed

from openesc.lifecycle.failures import INTERRUPTED, TURN, Failure

BEGINNINGS = {
    "VM_STOPPED": "Service group suspension failed: ",
    "VM_STARTED": "VM start failed: ",
    "VM_REBOOTED": "VM reboot failed: ",
    "SERVICE_STOPPED": "Service group suspension failed: ",
}
"""As ESC's documents print them."""


@pytest.fixture(scope="module")
def server_settings() -> Mapping[str, str]:
    """A cloud that is quick, and a server that does not wait long for it."""
    return {
        "OPENESC_CLOUDSIM__BOOT_SECONDS": "0",
        "OPENESC_ENGINE__ACCEPT_WAIT_S": "0.5",
        "OPENESC_ENGINE__CLOUD_PATIENCE_S": "2",
        "vim.asyncpoller.snapshot.create.poll.secs": "0.1",
        "vim.asyncpoller.snapshot.delete.poll.secs": "0.1",
    }


@pytest.mark.parametrize("row", ROWS, ids=[f"{row.operation}: {row.step}" for row in ROWS])
def test_row(house: House, admin: Session, subscriber: Subscriber, row: Failure) -> None:
    plan = scenario(row.operation, row.step)
    name = f"failing{ROWS.index(row):02d}"
    vnf = deployed(name, house, admin, subscriber, [group(extra=plan.extra, bootup=plan.bootup)])
    for ask, closing in plan.before:
        ask(vnf)
        vnf.until(closing, status="SUCCESS")
    until(lambda: not vnf.open_operations(), "what comes before is over")
    before = vnf.states
    failed = [event for event in _brought_about(vnf, plan, row) if event.status == "FAILURE"]
    if row.step.startswith(TURN):
        failed = failed[-len(row.events) :]  # what it waited for may have failed too
    assert [event.type for event in failed] == list(row.events)
    assert {event.status_code for event in failed} == {"500"}
    for event in failed:
        _check_text(event, plan)
    until(lambda: not vnf.open_operations(), "it is over")
    _check(vnf, row, before)


def _brought_about(vnf: Vnf, plan: Scenario, row: Failure) -> list[Event]:
    """The events up to the last one that the row names."""
    with ExitStack() as standing:
        held = ExitStack()
        for call, action in plan.faults.items():
            stack = held if action == HELD else standing
            if plan.silent:
                vnf.house.sim("POST", "/sim/faults", {"match": {"server": f"{vnf.name}_*"}, "action": dict(action)})
            else:
                stack.enter_context(vnf.house.fault(call, action, name=None))
        with held:
            taken(plan.ask, vnf)
            for ask in plan.then:
                taken(ask, vnf)
            if row.step.startswith(INTERRUPTED):
                return vnf.until("SERVICE_UNDEPLOYED", status="SUCCESS")
        return vnf.until(row.events[-1], status="FAILURE")


def _check_text(event: Event, plan: Scenario) -> None:
    """ESC's text, then the cloud's words."""
    text = event.status_message or ""
    assert text.startswith(BEGINNINGS.get(event.type, "")), text
    if REFUSED in plan.faults.values():
        assert WORDS in text


def test_the_image_of_an_interrupted_export_is_listed(house: House, admin: Session, subscriber: Subscriber) -> None:
    vnf = deployed("exporting", house, admin, subscriber)
    with house.fault("server.create_image", HELD):
        backup("EXPORT")(vnf)
        remove(vnf)
        vnf.until("SERVICE_UNDEPLOYED", status="SUCCESS")
    (listed,) = (row for row in house.told("leftover.list") if row["name"] == "exporting")
    assert (listed["kind"], listed["reason"]) == ("image", "interrupted by undeploy")
    (cleaned,) = house.told("leftover.clean", ids=[listed["id"]])
    assert cleaned["result"] == "removed"
    assert "exporting" not in house.names("images")


@pytest.mark.parametrize(("action", "text"), [("START", "start"), ("REBOOT", "reboot")])
def test_the_service_has_its_own_text(
    house: House, admin: Session, subscriber: Subscriber, action: str, text: str
) -> None:
    vnf = deployed(f"texts-{text}", house, admin, subscriber)
    if action == "START":
        serve("STOP")(vnf)
        vnf.until("SERVICE_STOPPED")
    with house.fault("server.start", REFUSED):
        serve(action)(vnf)
        vm, service = (event for event in vnf.until("SERVICE_ALIVE") if event.status == "FAILURE")
    assert (vm.status_message or "").startswith(f"VM {text} failed: {WORDS}")
    assert (service.status_message or "").startswith(f"Service group {text} failed: {WORDS}")


def _check(vnf: Vnf, row: Failure, before: list[str]) -> None:
    if row.step.startswith(INTERRUPTED):
        assert vnf.admin.deployment(vnf.name) is None
        return
    if row.state is not None:
        assert vnf.state == row.state
    if row.vm_state is not None:
        assert vnf.states[1] == row.vm_state
