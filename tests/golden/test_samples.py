"""Every sample of the user guide, and every payload shape of the known clients, is taken as it stands."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from lxml import etree
from tests.golden.files import CLIENTS, CONNECTOR, DOCUMENTS, FULL, SRC

from openesc.northbound.canonical import canonical_config, canonical_rpc, misplaced_action
from openesc.yang import (
    MalformedXml,
    Schema,
    apply_edit,
    parse_xml,
    validate,
    validate_notification,
    validate_rpc_input,
)

ESC = "http://www.cisco.com/esc/esc"
BASE = "urn:ietf:params:xml:ns:netconf:base:1.0"
Oracle = Callable[[etree._Element, str], str | None]

OPERATIONS = [
    SRC / "vmMigrate_cold.xml",
    SRC / "vmMigrate_live.xml",
    *sorted(CLIENTS.glob("*Action_*.xml")),
    *(CLIENTS / f"{name}.xml" for name in ("recoveryVmAction", "vmMigrate_block", "vmBackupAction")),
]
OPERATIONS.remove(CLIENTS / "serviceAction_in_edit_config.xml")
NOTIFICATIONS = [
    SRC / "notification_vm_backup_created.xml",
    SRC / "notification_vm_snapshot_deleted.xml",
    CLIENTS / "notification_vm_deployed.xml",
    CLIENTS / "notification_create_network.xml",
]
NOT_WELL_FORMED = [
    SRC / "vmMigrate_live_unquoted.xml",
    SRC / "snapshots_list_misprinted.xml",
    SRC / "notification_vm_snapshot_deleted_misprinted.xml",
]


def read(file: Path) -> etree._Element:
    return canonical_config(parse_xml(file.read_bytes()))


def merged(schema: Schema, target: etree._Element | None, file: Path) -> etree._Element:
    """`target` after the edit in `file`, found valid."""
    result = apply_edit(schema, target, read(file))
    assert result is not None
    assert [str(error) for error in validate(schema, result)] == []
    return result


@pytest.mark.parametrize("file", [*DOCUMENTS, FULL, CONNECTOR], ids=lambda file: file.stem)
def test_document_is_taken(file: Path, schema: Schema, oracle: Oracle) -> None:
    tree = merged(schema, None, file)
    assert oracle(read(file), "config") is None
    assert oracle(tree, "config") is None


def test_all_documents_fit_into_one_datastore(schema: Schema) -> None:
    running = None
    for file in (*DOCUMENTS, FULL):
        running = merged(schema, running, file)
    assert running is not None
    names = [str(node.text) for node in running.iterfind(f".//{{{ESC}}}deployment/{{{ESC}}}name")]
    assert sorted(names) == ["Cirros-VNF", "blue-access-1", "everything", "ngfw-site-1", "vnf-dep"]


def test_the_same_document_sent_again_changes_nothing(schema: Schema) -> None:
    once = merged(schema, None, FULL)
    assert etree.tostring(merged(schema, once, FULL)) == etree.tostring(once)


@pytest.mark.parametrize("removal", ["undeploy", "undeploy_unqualified"])
def test_removal_leaves_the_tenant_without_the_deployment(removal: str, schema: Schema) -> None:
    before = merged(schema, None, SRC / "sample_deployment_update.xml")
    after = merged(schema, before, CLIENTS / f"{removal}.xml")
    assert before.find(f".//{{{ESC}}}deployment") is not None
    assert after.find(f".//{{{ESC}}}deployment") is None
    assert after.findtext(f".//{{{ESC}}}tenant/{{{ESC}}}name") == "admin"


def test_a_boot_volume_is_swapped_in_one_update(schema: Schema) -> None:
    before = merged(schema, None, FULL)
    after = merged(schema, before, CLIENTS / "restore_boot_volume.xml")
    volumes = after.findall(f".//{{{ESC}}}vm_group/{{{ESC}}}volumes/{{{ESC}}}volume")
    assert {volume.findtext(f"{{{ESC}}}name"): volume.findtext(f"{{{ESC}}}volid") for volume in volumes} == {
        "red-volume": "1",
        "my-bootable-volume-from-snapshot-volume": "0",
    }


@pytest.mark.parametrize("file", OPERATIONS, ids=lambda file: file.stem)
def test_operation_is_taken(file: Path, schema: Schema) -> None:
    operation = canonical_rpc(parse_xml(file.read_bytes()))
    taken = validate_rpc_input(schema, operation)
    values = {str(child.tag): child.text for child in operation.iterchildren(etree.Element)}
    assert {str(child.tag): child.text for child in taken} | values == values


def test_what_an_operation_means_without_its_optional_parts(schema: Schema) -> None:
    old = canonical_rpc(parse_xml((CLIENTS / "serviceAction_five_children.xml").read_bytes()))
    taken = validate_rpc_input(schema, old)
    assert [etree.QName(child).localname for child in taken] == ["actionType", "tenantName", "depName"]
    spaced = canonical_rpc(parse_xml((CLIENTS / "vmAction_reboot.xml").read_bytes()))
    name = validate_rpc_input(schema, spaced).findtext(f"{{{ESC}}}vmName")
    assert name == "test-dep_g1_0_6be93ee9-f7fb-473e-a3f6-eca281802008"


@pytest.mark.parametrize("file", NOTIFICATIONS, ids=lambda file: file.stem)
def test_notification_is_valid_and_in_the_order_of_the_schema(file: Path, schema: Schema) -> None:
    event = parse_xml(file.read_bytes()).find(f"{{{ESC}}}escEvent")
    assert event is not None
    taken = validate_notification(schema, event)
    printed = [str(child.tag) for child in event if len(child) or child.text]
    assert [str(child.tag) for child in taken if str(child.tag) in printed] == printed


def test_operational_data_is_valid(schema: Schema, oracle: Oracle) -> None:
    tree = parse_xml((CLIENTS / "opdata.xml").read_bytes())
    assert [str(error) for error in validate(schema, tree, content="all")] == []
    assert oracle(tree, "all") is None


@pytest.mark.parametrize("file", NOT_WELL_FORMED, ids=lambda file: file.stem)
def test_what_is_not_well_formed_is_told_so(file: Path) -> None:
    with pytest.raises(MalformedXml):
        parse_xml(file.read_bytes())


def test_action_in_edit_config_of_the_old_manuals_is_found() -> None:
    edit = parse_xml((CLIENTS / "serviceAction_in_edit_config.xml").read_bytes())
    config = edit.find(f"{{{BASE}}}config")
    assert config is not None
    text = misplaced_action(config)
    assert text is not None
    assert "child of <rpc>" in text


def test_edit_config_with_source_becomes_one_with_target() -> None:
    edit = canonical_rpc(parse_xml((CLIENTS / "edit_config_source.xml").read_bytes()))
    assert edit.find(f"{{{BASE}}}target/{{{BASE}}}running") is not None
    assert edit.find(f"{{{BASE}}}source") is None


def test_every_file_is_listed_in_the_readme() -> None:
    readme = (SRC.parent / "README.md").read_text()
    assert [file.name for file in SRC.iterdir() if f"`{file.name}`" not in readme] == []
