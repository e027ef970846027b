"""Every cell of the table of what meets what, on a running server: what is rejected, what waits, what runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from ncclient.operations import RPCError
from tests.integration.main_job.house import House, one
from tests.integration.main_job.payloads import deployment, group, model
from tests.integration.meets.requests import REQUESTS
from tests.integration.meets.situations import NEXT, OTHER_FLAVOR, SITUATIONS, document
from tests.integration.operations.vnf import Vnf

from openesc.lifecycle import meets

TAKEN = (meets.RUN, meets.QUEUE)


def cells(*verdicts: str) -> Iterator[tuple[str, str]]:
    """Column and row of the cells with one of these verdicts."""
    for column in meets.COLUMNS:
        for row, found in meets.TABLE.items():
            if found[column] in verdicts:
                yield column, row


def name_of(column: str, row: str) -> str:
    """A deployment's name that no other one begins with."""
    return f"{meets.COLUMNS.index(column)}x{list(meets.TABLE).index(row)}y"


def seen(vnf: Vnf) -> tuple[object, ...]:
    """All that a request can change."""
    return vnf.states, vnf.configured(), [row["id"] for row in vnf.operations()]


def about_vm(vnf: Vnf, closing: str) -> dict[str, Any]:
    """The fields by which an event of one VM is that of the first one."""
    return {"vm_source_vmname": vnf.vms[0]} if closing.startswith("VM_") else {}


def told_nothing(vnf: Vnf) -> bool:
    """No event of the VNF comes; those of others that are on their way may."""
    while (event := vnf.subscriber.next(0.2)) is not None:
        if event.depname == vnf.name:
            return False
    return True


def test_there_is_a_request_for_every_row_and_a_situation_for_every_column() -> None:
    assert list(REQUESTS) == list(meets.TABLE)
    assert list(SITUATIONS) == list(meets.COLUMNS)


@pytest.mark.parametrize("column", meets.COLUMNS)
def test_what_is_rejected_says_why_and_changes_nothing(house: House, column: str) -> None:
    rejected = [row for row, found in meets.TABLE.items() if found[column] not in TAKEN]
    with SITUATIONS[column](house, f"reject{meets.COLUMNS.index(column)}y") as vnf:
        before = seen(vnf)
        for row in rejected:
            with pytest.raises(RPCError) as refused:
                REQUESTS[row].ask(vnf)
            what = f"VM [{vnf.vms[0]}]" if REQUESTS[row].on_vm else f"Service group [{vnf.name}]"
            assert refused.value.message == f"{what} {meets.TABLE[row][column]}", row
        assert seen(vnf) == before
        assert told_nothing(vnf)


@pytest.mark.parametrize(("column", "row"), list(cells(meets.QUEUE)), ids=lambda cell: re.sub(r"\W", "-", cell))
def test_what_waits_has_its_turn(house: House, column: str, row: str) -> None:
    request = REQUESTS[row]
    with SITUATIONS[column](house, name_of(column, row)) as vnf:
        states, known = vnf.states, len(vnf.operations())
        request.ask(vnf)
        newest, *others = vnf.operations()
        assert (newest["state"], len(others)) == ("queued", known)
        assert vnf.states == states
    verdict = meets.TABLE[row].get(NEXT.get(column, ""), meets.RUN)
    closing = "SERVICE_ALIVE" if column == meets.UNDEPLOYING else request.closing  # made anew under its name
    about = about_vm(vnf, closing)
    # where the VNF's own way to its next state ends with the same event, that one comes first
    ends = _own_end(column, closing)
    for _ in range(ends):
        vnf.until(closing, status="SUCCESS")
    if verdict == meets.RUN:
        vnf.until(closing, status="SUCCESS", **about)
    else:
        failed = vnf.until(closing, status="FAILURE", **about)[-1]
        assert (failed.status_message or "").endswith(f"] {verdict}"), failed


def _own_end(column: str, closing: str) -> int:
    """How often what holds the VNF in its column sends this event itself, before anything that waits runs."""
    own = {
        meets.DEPLOYING: {"SERVICE_ALIVE": 1},
        meets.REBOOTING: {"SERVICE_ALIVE": 1, "VM_REBOOTED": 2},
        meets.RECOVERING: {"VM_RECOVERY_COMPLETE": 1},
    }
    return own.get(column, {}).get(closing, 0)


@pytest.mark.parametrize(("column", "row"), list(cells(meets.RUN)), ids=lambda cell: re.sub(r"\W", "-", cell))
def test_what_may_run_runs(house: House, column: str, row: str) -> None:
    request = REQUESTS[row]
    with SITUATIONS[column](house, name_of(column, row)) as vnf:
        request.ask(vnf)
    made_anew = column == meets.ERROR and row == "update of a flavor"  # a VM in error is made again, not resized
    closing = "SERVICE_UPDATED" if made_anew else request.closing
    ends = _own_end(meets.DEPLOYING, closing) if column == meets.INERT and row != "undeploy" else 0
    for _ in range(ends):
        vnf.until(closing, status="SUCCESS")
    vnf.until(closing, status="SUCCESS", **about_vm(vnf, closing))


def test_scaling_of_what_is_stopped_by_then_fails(house: House) -> None:
    with SITUATIONS[meets.REBOOTING](house, "scaled-late") as vnf:
        REQUESTS["service STOP"].ask(vnf)
        REQUESTS["scaling"].ask(vnf)
    vnf.until("SERVICE_STOPPED", status="SUCCESS")
    (updated,) = vnf.until("SERVICE_UPDATED")
    assert updated.short == (
        "SERVICE_UPDATED",
        "FAILURE",
        f"Service group [{vnf.name}] is stopped: it takes no scaling",
    )
    assert len(house.of_deployment("scaled-late")["servers"]) == 2


def test_a_flavor_of_what_waits_for_confirm_by_then_fails(house: House) -> None:
    with SITUATIONS[meets.ACTIVE](house, "resized-late") as vnf:
        with house.fault("server.migrate", {"type": "freeze"}):
            REQUESTS["cold migration"].ask(vnf)
            REQUESTS["update of a flavor"].ask(vnf)
        vnf.until("VM_VERIFY_RESIZE", status="SUCCESS")
        (updated,) = vnf.until("SERVICE_UPDATED")
        words = f"VM [{vnf.vms[0]}] waits for CONFIRM_RESIZE or REVERT_RESIZE"
        assert updated.short == ("SERVICE_UPDATED", "FAILURE", words)
        REQUESTS["vm CONFIRM_RESIZE"].ask(vnf)
        vnf.until("VM_ALIVE", status="SUCCESS")
        vnf.admin.edit(document("resized-late", flavor=OTHER_FLAVOR))  # sent again
        vnf.until("VM_VERIFY_RESIZE", status="SUCCESS")


def test_a_flavor_may_be_named_by_its_id(house: House) -> None:
    """An update that leaves it alone is no resize, which a group of several VMs would not take."""
    with SITUATIONS[meets.ACTIVE](house, "by-id") as vnf:
        leaves = "<name>small</name><vcpus>1</vcpus><memory_mb>64</memory_mb><root_disk_mb>1024</root_disk_mb>"
        vnf.admin.edit(model(f"<flavors><flavor>{leaves}</flavor></flavors>"))
        vnf.subscriber.until("CREATE_FLAVOR", status="SUCCESS")
        flavor = one(vnf.admin.get("/esc_datamodel/opdata/flavors/flavor[name='small']"), "flavor_id")
        vnf.admin.edit(deployment("by-id", group("g3", count=2, flavor=flavor)))
        vnf.until("SERVICE_UPDATED", status="SUCCESS")
        vnf.admin.edit(deployment("by-id", group("g3", count=2, flavor=flavor, bootup=61)))
        vnf.until("SERVICE_UPDATED", status="SUCCESS")
        assert told_nothing(vnf)
