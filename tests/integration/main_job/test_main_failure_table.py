"""docs/failures.md row by row: events with FAILURE, states, what stays, and that nothing of it stays for ever."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import openstack
import pytest
from tests.integration.main_job.failing import ROWS, SHOWN_ELSEWHERE, Names, Scenario, faults, scenario
from tests.integration.main_job.house import House, Session, texts, until
from tests.integration.main_job.payloads import ESC, undeploy
from tests.integration.main_job.subscriber import Event, Subscriber

from openesc.lifecycle.failures import LISTED, NOTHING, TABLE, Failure

HERE = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def server_settings() -> Mapping[str, str]:
    """A server with little patience."""
    return {"OPENESC_ENGINE__CLOUD_PATIENCE_S": "1.5"}


def test_every_other_row_is_shown_where_it_is_said_to_be() -> None:
    """A new row of an operation here is shown at once, if `failing.py` knows how to bring it about."""
    known = {(row.operation, row.step) for row in TABLE}
    assert known >= SHOWN_ELSEWHERE.keys()
    for place in SHOWN_ELSEWHERE.values():
        file, _, test = place.partition("::")
        assert f"def {test}(" in (HERE / file).read_text(), place


@pytest.mark.parametrize("number", range(len(ROWS)), ids=[f"{row.operation}: {row.step}" for row in ROWS])
def test_row(house: House, admin: Session, subscriber: Subscriber, images: str, number: int) -> None:
    row = ROWS[number]
    names = Names(f"row{number:02d}-{row.operation}", images, row)
    plan = scenario(names)
    came = _bring_about(house, admin, subscriber, names, plan)
    failed = [event for event in came if event.status == "FAILURE" and event.vm_group in (None, "g2")]
    assert [event.type for event in failed] == list(row.events)
    assert {event.status_code for event in failed} == {"500"}
    assert all(event.status_message for event in failed)
    _check_states(admin, names.name, row)
    _check_what_stays(house, names.name, row)
    _clean_up(house, admin, subscriber, names.name)


def _bring_about(house: House, admin: Session, subscriber: Subscriber, names: Names, plan: Scenario) -> list[Event]:
    waiting = [document for document, closing in plan.before if not closing]
    for document, closing in plan.before:
        if closing:
            admin.edit(document)
            subscriber.until(closing, status="SUCCESS")
    if plan.extra:
        _make_extra_port(house, admin, names.name)
    with ExitStack() as stack:
        for operation, action in (*plan.fault, *faults(names.row)):
            once = action["type"] == "delay"
            stack.enter_context(house.fault(operation, action, count=1 if once else None))
        for document in (*waiting, plan.edit):
            admin.edit(document)
        if plan.prelude is not None:
            subscriber.until(plan.prelude, status="FAILURE")
        return subscriber.until(names.row.events[-1], status="FAILURE")


def _cloud(house: House) -> Any:
    facts = house.server.cloud_facts
    words = ("auth_url", "username", "password", "project_name", "user_domain_name", "project_domain_name")
    return openstack.connect(**{word: facts[word] for word in words})


def _make_extra_port(house: House, admin: Session, name: str) -> None:
    """A port that carries the deployment's tag, of which no VM knows."""
    connection = _cloud(house)
    project = connection.get_project(name)
    network = connection.network.find_network("SolTest-Network", ignore_missing=False)
    port = connection.network.create_port(network_id=network.id, project_id=project.id, name=f"{name}-extra")
    (depid,) = texts(admin.deployment(name, name), "deployment_id")
    connection.network.set_tags(port, [f"openesc:{depid}"])
    connection.close()


def _check_states(admin: Session, name: str, row: Failure) -> None:
    entry = admin.deployment(name, name)
    if row.state is None:
        assert entry is None
        return
    assert entry is not None
    assert entry.findtext(f"{{{ESC}}}state_machine/{{{ESC}}}state") == row.state
    assert texts(entry, "failure_reason")
    machines = {
        machine.findtext(f"{{{ESC}}}vm_name") or "": machine.findtext(f"{{{ESC}}}state")
        for machine in entry.iter(f"{{{ESC}}}vm_state_machine")
    }
    concerned = {state for vm, state in machines.items() if "_g2_" in vm}
    assert concerned == (set() if row.vm_state is None else {row.vm_state})


def _check_what_stays(house: House, name: str, row: Failure) -> None:
    listed = _leftovers(house, name)
    if row.stays == LISTED:
        assert listed, "what the cloud keeps is listed"
        assert all(entry["reason"] for entry in listed)
    else:
        assert listed == []
    if row.stays == NOTHING:
        held = house.of_deployment(name[:16])
        assert [one for names in held.values() for one in names if "_g2_" in one] == []


def _leftovers(house: House, name: str) -> list[dict[str, str]]:
    rows = house.told("leftover.list")
    return [row for row in rows if name in (row["tenant"], row["name"], row["deployment"])]


def _clean_up(house: House, admin: Session, subscriber: Subscriber, name: str) -> None:
    """The client takes away what there is, and with it what is listed of it; the operator cleans the rest."""
    if admin.config(name, name) is not None:
        admin.edit(undeploy(name, name))
        assert subscriber.until("SERVICE_UNDEPLOYED", depname=name)[-1].status == "SUCCESS"
        assert [row for row in _leftovers(house, name) if row["deployment"] == name] == []
    ids = [row["id"] for row in _leftovers(house, name)]
    if ids:
        results = house.told("leftover.clean", ids=ids)
        assert {result["result"] for result in results} == {"removed"}, results
    until(lambda: house.of_deployment(name[:16]) == {"servers": [], "ports": []}, "a clean cloud")
    assert not [one for one in house.names("networks") if one.startswith("inner")]
