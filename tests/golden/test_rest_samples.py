"""The REST samples of the user guide: payloads as they stand are taken, answers look like the ones it prints."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from openesc.errors import NotFound
from openesc.inventory.snapshots import Snapshot
from openesc.northbound.model import ESC, load_payloads
from openesc.rest.answers import Listing
from openesc.rest.codec import BASE, adopted, element_of
from openesc.rest.errors import error_answer
from openesc.rest.snapshots import fields_of
from openesc.store import position_of
from openesc.yang import Schema, validate_rpc_input

SAMPLES = Path(__file__).parent / "src"
PAYLOADS: dict[str, tuple[str, dict[str, str]]] = {
    "service_operation_stop.xml": ("service_operation", {"operation": "stop"}),
    "vm_operation_stop.xml": ("vm_operation", {"operation": "stop", "force": "true"}),
    "vm_operation_confirm_resize.xml": ("vm_operation", {"operation": "confirm_resize"}),
    "vm_operation_revert_resize.xml": ("vm_operation", {"operation": "revert_resize"}),
    "vm_operation_confirm_migration.xml": ("vm_operation", {"operation": "confirm_resize"}),
    "vm_migrate_operation_live.xml": (
        "vm_migrate_operation",
        {"operation": "migrate", "migrationType": "live", "host": "Host-24"},
    ),
    "vm_migrate_operation_cold.xml": (
        "vm_migrate_operation",
        {"operation": "migrate", "migrationType": "cold", "host": "Host-24"},
    ),
    "snapshot.json": ("snapshot_operation", {"operation": "snapshot", "name": "my-snapshot-name"}),
    "volume_from_volume_snapshot.json": (
        "volume",
        {"name": "my-bootable-volume-from-snapshot-volume", "multiattach": "true"},
    ),
}


@pytest.fixture(scope="module")
def payloads() -> Schema:
    return load_payloads()


@pytest.mark.parametrize("sample", PAYLOADS)
def test_a_payload_is_taken_as_it_stands(payloads: Schema, sample: str) -> None:
    name, leaves = PAYLOADS[sample]
    text = (SAMPLES / sample).read_text().strip().replace("true/false", "true")  # stands for one of the two
    root = element_of(name, json.loads(text), BASE) if sample.endswith(".json") else etree.fromstring(text.encode())
    checked = validate_rpc_input(payloads, adopted(root, BASE, (ESC,)))
    assert str(checked.tag) == f"{{{BASE}}}{name}"
    assert {etree.QName(leaf).localname: leaf.text for leaf in checked} == leaves


def test_every_payload_among_the_samples_is_looked_at() -> None:
    found = {path.name for pattern in ("*operation*.xml", "*.json") for path in SAMPLES.glob(pattern)}
    assert found == set(PAYLOADS)


@dataclass
class Asking:
    """What an answer wants to know of its request."""

    media: str = "application/xml"


def squeezed(text: str) -> str:
    """Without the blanks a printed page has, and without what time zones and line ends make of a text."""
    text = re.sub(r"\s*\n\s*", " ", text.partition("?>")[2].strip())
    return re.sub(r"\s*(<[^>]*>)\s*", r"\1", text)


def test_the_list_of_snapshots_is_the_one_the_guide_prints() -> None:
    sample = (SAMPLES / "snapshots_list.xml").read_text()
    printed: dict[str, Any] = {
        etree.QName(leaf).localname: " ".join((leaf.text or "").split())
        for leaf in etree.fromstring(sample.encode())[0]
    }
    started, ended = (
        position_of(datetime.fromisoformat(printed[name])) for name in ("creation_start_date", "creation_end_date")
    )
    record = Snapshot(
        id=printed["id"],
        name=printed["name"],
        status=printed["status"],
        status_message=printed["status_message"],
        vm_name=printed["created_from_generated_vm_name"],
        vm_group="",
        deployment="",
        deployment_id="",
        tenant=printed["tenant"],
        vim_id=printed["vim_id"],
        project="",
        server_id="",
        started_at=started,
        ended_at=ended,
        volume_snapshots=[{"id": printed["volume_snapshot_id"], "volume_id": "", "boot": True}],
    )
    answer = Listing("snapshots", "snapshot", [fields_of(record)]).response(Asking())  # type: ignore[arg-type]
    ours = bytes(answer.body).decode()
    for name in ("creation_start_date", "creation_end_date"):  # the same moment, told in UTC
        told = re.search(f"<{name}>(.*?)</{name}>", ours)
        assert told is not None
        assert datetime.fromisoformat(told[1]) == datetime.fromisoformat(printed[name])
        ours = ours.replace(told[1], printed[name])
    assert squeezed(ours) == squeezed(sample)


def test_an_error_is_the_one_the_guide_prints() -> None:
    sample = (SAMPLES / "snapshot_not_found.xml").read_text()
    error = NotFound("Snapshot image [my-snapshot-name-1] not found.")
    answer = error_answer(error, "/ESCManager/v0/snapshots/my-snapshot-name-1", "application/xml")
    assert answer.status_code == 404
    assert squeezed(bytes(answer.body).decode()) == squeezed(sample)
