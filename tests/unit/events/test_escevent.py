"""escEvents as XML, as stored fields and as the log block."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from openesc.events import types
from openesc.events.block import block
from openesc.events.escevent import EscEvent, VmInfo, xml_safe
from openesc.events.log import Logged
from openesc.store import position_of
from openesc.yang import Schema, validate_notification

ROOT = Path(__file__).parents[3]
GOLDEN = ROOT / "tests" / "golden"
CODE = "{http://www.cisco.com/esc/esc}"

VM = VmInfo(
    vmid="3b24cef1-5cf4-4e9c-b98e-682bfbdf8240",
    vmname="Cirros-VNF_SolTes_0_357b379e-bac5-4c6a-a214-0c0b1343ad4d",
    generated_vmname="Cirros-VNF_SolTes_0_357b379e-bac5-4c6a-a214-0c0b1343ad4d",
    vim_id="default_openstack_vim",
    vim_project="admin",
    vim_project_id="31fb89f6647b4c109efda76479c07332",
    hostid="549a38c4fd21432060486a69bf9f82839f126adbe7f02e9cd2f4f3b6",
    hostname="esc-soltest-116",
    interfaces=(
        {
            "nicid": "0",
            "type": "virtual",
            "port_id": "66ba846f-c02a-4c2b-964b-4572d938b5e4",
            "network": "a39af676-5004-4f2d-8b7b-d4c804645dc3",
            "subnet": "de4625ad-5465-4812-ab9c-de4a0ed21063",
            "ip_address": "192.168.0.58",
            "mac_address": "fa:16:3e:c0:fd:49",
            "netmask": "255.255.255.0",
            "gateway": "192.168.0.1",
        },
    ),
)
DEPLOYED = EscEvent(
    types.VM_DEPLOYED,
    "SUCCESS",
    200,
    types.TEXTS[types.VM_DEPLOYED].format(name=VM.vmname),
    depname="Cirros-VNF",
    tenant="admin",
    tenant_id="31fb89f6647b4c109efda76479c07332",
    depid="84779a3b-01e0-4eeb-9b1c-fe30317b6bb5",
    vm_group="SolTest-Cirros-VM-Group",
    vm_source=VM,
)

texts = st.text(min_size=1, max_size=30)
optional = st.none() | texts
vms = st.builds(
    VmInfo,
    **dict.fromkeys(("vmid", "vmname", "generated_vmname", "vim_id", "vim_project", "hostid", "hostname"), optional),
    interfaces=st.lists(st.dictionaries(st.sampled_from(["nicid", "ip_address", "gateway"]), texts, min_size=1)).map(
        tuple
    ),
)
events = st.builds(
    EscEvent,
    st.sampled_from(sorted(types.TEXTS)),
    st.sampled_from(["SUCCESS", "FAILURE"]),
    st.sampled_from([200, 202, 500]),
    texts,
    **dict.fromkeys(("image", "flavor", "network", "subnet", "depname", "tenant", "depid", "vm_state"), optional),
    vm_source=st.none() | vms,
    vm_target=st.none() | vms,
)


@pytest.fixture(scope="module")
def schema() -> Schema:
    return Schema.load([ROOT / "yang"], ["esc"])


def test_the_sample_of_a_deployed_vm_element_by_element() -> None:
    sample = etree.parse(GOLDEN / "clients" / "notification_vm_deployed.xml").getroot()
    expected = [(el.tag, (el.text or "").strip()) for el in sample.find(f"{CODE}escEvent").iter()]  # type: ignore[union-attr]
    made = [(el.tag, (el.text or "").strip()) for el in etree.fromstring(DEPLOYED.to_xml()).iter()]
    assert made == expected


def test_details_and_vm_state_are_not_sent() -> None:
    event = EscEvent(types.VM_ALIVE, "SUCCESS", 200, "text", vm_state="VERIFY_RESIZE")
    assert b"VERIFY_RESIZE" not in event.to_xml()
    assert b"details" not in event.to_xml()


@pytest.mark.parametrize("event_type", sorted(types.TEXTS.keys() - types.CALLBACK_ONLY))
def test_every_type_is_valid_by_the_model(schema: Schema, event_type: str) -> None:
    event = EscEvent(event_type, "FAILURE", 500, "why", tenant="t", depname="d", depid="i", vm_source=VM, vm_target=VM)
    sent = etree.fromstring(event.to_xml())
    canonical = validate_notification(schema, sent)
    assert [element.tag for element in sent.iter()] == [element.tag for element in canonical.iter()]  # schema order


def test_an_empty_vm_target_is_valid(schema: Schema) -> None:
    event = EscEvent(types.SERVICE_ALIVE, "SUCCESS", 200, "ok", vm_source=VmInfo(), vm_target=VmInfo())
    assert validate_notification(schema, etree.fromstring(event.to_xml())).tag == f"{CODE}escEvent"


@settings(max_examples=40, deadline=None)
@given(events)
def test_stored_fields_bring_the_event_back(event: EscEvent) -> None:
    stored = json.loads(json.dumps(event.to_fields()))
    again = EscEvent.from_fields(stored)
    assert again.to_xml() == event.to_xml()
    assert again.to_fields() == event.to_fields()


@settings(max_examples=40, deadline=None)
@given(events)
def test_any_words_of_the_cloud_make_well_formed_xml(event: EscEvent) -> None:
    root = etree.fromstring(event.to_xml())
    expected = xml_safe(event.status_message).replace("\r\n", "\n").replace("\r", "\n")
    found = root.findtext(f"{CODE}status_message") or ""
    assert found.replace("\r\n", "\n").replace("\r", "\n") == expected


def test_what_xml_cannot_carry_is_shown_as_such() -> None:
    assert xml_safe("a\x00b\x1b\ud800c\ufffe\t\n") == "a\ufffdb\ufffd\ufffdc\ufffd\t\n"


# the log block


def _sample(name: str) -> str:
    """The block between its marks, the page's line wraps joined, every line with the stamp of the first."""
    lines: list[str] = []
    for line in (GOLDEN / "src" / name).read_text().splitlines():
        if re.match(r"\d{4}-\d\d-\d\d ", line):
            lines.append(line.rstrip())
        else:
            lines[-1] += f" {line}"
    last = next(number for number, line in enumerate(lines) if "NOTIFICATION ENDS" in line)
    stamp = len("2022-04-11 05:45:47.232")
    first = next(line for line in lines if "NOTIFICATION STARTS" in line)[:stamp]
    return "".join(f"{first}{line[stamp:]}\n" for line in lines[: last + 1])


def _logged(event: EscEvent, moment: str) -> Logged:
    position = position_of(datetime.fromisoformat(moment))
    return Logged(position, event, None, (moment, event.to_xml()))


def test_the_block_of_the_updated_service() -> None:
    event = EscEvent(
        types.SERVICE_UPDATED,
        "SUCCESS",
        200,
        types.TEXTS[types.SERVICE_UPDATED],
        tenant="admin",
        tenant_id="31fb89f6647b4c109efda76479c07332",
        depid="84779a3b-01e0-4eeb-9b1c-fe30317b6bb5",
        depname="Cirros-VNF",
    )
    assert block(_logged(event, "2022-04-11T05:45:47.232")) == _sample("notification_service_updated.log")


def test_the_block_of_a_resized_vm() -> None:
    name = "cirros-vm_0_357b379e-bac5-4c6a-a214-0c0b1343ad4d"
    event = EscEvent(
        "VM_VERIFY_RESIZE",
        "SUCCESS",
        200,
        "VM Resize request processed",
        vm_state="VERIFY_RESIZE",
        tenant="admin",
        tenant_id="31fb89f6647b4c109efda76479c07332",
        depid="84779a3b-01e0-4eeb-9b1c-fe30317b6bb5",
        depname="Cirros-VNF",
        vm_group="SolTest-Cirros-VM-Group",
        vm_source=VmInfo(
            vmid="3b24cef1-5cf4-4e9c-b98e-682bfbdf8240",
            vmname=name,
            generated_vmname=name,
            vim_id="default_openstack_vim",
            vim_project="admin",
            vim_project_id="31fb89f6647b4c109efda76479c07332",
            hostid="549a38c4fd21432060486a69bf9f82839f126adbe7f02e9cd2f4f3b6",
            hostname="esc-soltest-116",
        ),
    )
    assert block(_logged(event, "2022-04-11T05:46:09.425")) == _sample("notification_vm_verify_resize.log")


@settings(max_examples=40, deadline=None)
@given(events)
def test_a_block_is_whole_whatever_it_says(event: EscEvent) -> None:
    """Whoever greps for the marks finds one block an event: the cloud's words cannot forge a second one."""
    lines = block(_logged(event, "2022-04-11T05:46:09.425")).splitlines()
    assert all(line.startswith("2022-04-11 05:46:09.425 INFO") for line in lines)
    assert sum("NOTIFICATION STARTS" in line for line in lines) == 1
