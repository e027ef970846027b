# ruff: noqa: E501 -- the two tables have one case a line
"""Broken variants of good documents: each is refused, with the tag of the RFCs and a text that helps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from lxml import etree

from openesc.northbound.canonical import canonical_config, canonical_rpc
from openesc.yang import Schema, YangError, YangErrors, apply_edit, parse_xml, validate, validate_rpc_input

HERE = Path(__file__).parent
ESC = "http://www.cisco.com/esc/esc"
NS = {"e": ESC}
FULL = HERE / "clients" / "full_deployment.xml"
NFVO = HERE / "clients" / "nfvo_deployment.xml"
SAMPLE = HERE / "src" / "sample_deployment_update.xml"
CATALOGUE = HERE / "clients" / "nfvo_catalogue.xml"
SYSTEM = HERE / "clients" / "vim_connector.xml"

GROUP = "//e:vm_group[e:name='a']"
NICID = GROUP + "/e:interfaces/e:interface[e:nicid='{}']"
KPI = GROUP + "/e:kpi_data/e:kpi[e:event_name='VM_ALIVE']"
DAY0 = GROUP + "/e:config_data/e:configuration[e:dst='day0.txt']"
POOL = "//e:static_ip_address_pool"

Change = Callable[[etree._Element], None]


def _one(root: etree._Element, path: str) -> etree._Element:
    found = root.xpath(path, namespaces=NS)
    assert isinstance(found, list), path
    assert found, path
    assert isinstance(found[0], etree._Element), path
    return found[0]


def drop(*paths: str) -> Change:
    def change(root: etree._Element) -> None:
        for element in [_one(root, path) for path in paths]:
            parent = element.getparent()
            assert parent is not None
            parent.remove(element)

    return change


def put(path: str, text: str) -> Change:
    def change(root: etree._Element) -> None:
        _one(root, path).text = text

    return change


def add(path: str, xml: str) -> Change:
    def change(root: etree._Element) -> None:
        _one(root, path).append(etree.fromstring(f'<x xmlns="{ESC}">{xml}</x>')[0])

    return change


@dataclass(frozen=True)
class Broken:
    """`file` with `change` made is refused with `tag`, an error-message with `text` in it, and `app_tag`.

    `known_to_oracle` is false where the reading of XML by the oracle hides the fault, or the fault makes it stumble.
    """

    name: str
    file: Path
    change: Change
    tag: str
    text: str
    app_tag: str | None = None
    known_to_oracle: bool = True


DOCUMENTS = [
    Broken("no bootup_time", SAMPLE, drop("//e:bootup_time"), "data-missing", "bootup_time"),
    Broken("no recovery_wait_time", SAMPLE, drop("//e:recovery_wait_time"), "data-missing", "recovery_wait_time"),
    Broken("no scaling", SAMPLE, drop("//e:scaling"), "data-missing", "min_active"),
    Broken("no max_active", SAMPLE, drop("//e:max_active"), "data-missing", "max_active"),
    Broken("no network", SAMPLE, drop("//e:interface/e:network"), "data-missing", "network"),
    Broken("no collector", SAMPLE, drop("//e:metric_collector"), "data-missing", "poll_frequency"),
    Broken("no continuous_alarm", SAMPLE, drop("//e:continuous_alarm"), "data-missing", "continuous_alarm"),
    Broken("no metric_value", SAMPLE, drop("//e:metric_value"), "data-missing", "metric_value"),
    Broken("no src of image", CATALOGUE, drop("//e:image/e:src"), "data-missing", "src"),
    Broken("no vcpus of flavor", CATALOGUE, drop("//e:vcpus"), "data-missing", "vcpus"),
    Broken("no netmask of subnet", NFVO, drop("//e:subnet/e:netmask"), "data-missing", "netmask"),
    Broken("no key", SAMPLE, drop("//e:nicid"), "missing-element", "nicid"),
    Broken("no vm_group", SAMPLE, drop("//e:vm_group"), "operation-failed", "vm_group", "too-few-elements"),
    Broken("no content of day-0 file", FULL, drop(DAY0 + "/e:file_locator_name"), "data-missing", "", "missing-choice", known_to_oracle=False),
    Broken("empty placement", NFVO, drop("//e:placement/e:vm_group_ref"), "operation-failed", "", "too-few-elements"),
    Broken("metric_cond", SAMPLE, put("//e:metric_cond", "GTE"), "invalid-value", "GTE"),
    Broken("disk_format", CATALOGUE, put("//e:disk_format", "vhd"), "invalid-value", "vhd"),
    Broken("interface type", FULL, put(NICID.format(0) + "/e:type", "sriov"), "invalid-value", "sriov"),
    Broken("enforcement", FULL, put("//e:placement_group/e:enforcement", "loose"), "invalid-value", "loose"),
    Broken("recovery action", NFVO, put("//e:action_on_recovery", "RESTART"), "invalid-value", "RESTART"),
    Broken("stage", FULL, put("//e:condition/e:name", "LCS::LATER"), "invalid-value", "LCS::LATER"),
    Broken("connector type", SYSTEM, put("//e:type", "VMWARE_VSPHERE"), "invalid-value", "VMWARE_VSPHERE"),
    Broken("boolean", SAMPLE, put("//e:elastic", "yes"), "invalid-value", "yes"),
    Broken("nicid no number", SAMPLE, put("//e:interface/e:nicid", "first"), "invalid-value", "first"),
    Broken("nicid negative", SAMPLE, put("//e:interface/e:nicid", "-1"), "invalid-value", "-1"),
    Broken("nicid too big", SAMPLE, put("//e:interface/e:nicid", "128"), "invalid-value", "128"),
    Broken("vlanid", FULL, put("//e:vlanid", "4095"), "invalid-value", "4095"),
    Broken("max_active zero", SAMPLE, put("//e:max_active", "0"), "invalid-value", "0"),
    Broken("poll_frequency zero", SAMPLE, put("//e:poll_frequency", "0"), "invalid-value", "0"),
    Broken("address", NFVO, put("//e:interface/e:ip_address", "192.0.2.300"), "invalid-value", "192.0.2.300"),
    Broken("MAC address", NFVO, put("//e:mac_address", "fa:16:3e"), "invalid-value", "fa:16:3e"),
    Broken("netmask", NFVO, put("//e:subnet/e:netmask", "255.255.255"), "invalid-value", "255.255.255"),
    Broken("netmask with holes", NFVO, put("//e:subnet/e:netmask", "255.0.255.0"), "invalid-value", "255.0.255.0"),
    Broken("prefix length", NFVO, put("//e:subnet/e:netmask", "129"), "invalid-value", "129"),
    Broken("ratio", FULL, put("//e:standby_ratio", "1/4"), "invalid-value", "1/4"),
    Broken("empty name", SAMPLE, put("//e:deployment/e:name", ""), "invalid-value", "length"),
    Broken("long name", SAMPLE, put("//e:deployment/e:name", "x" * 257), "invalid-value", "length"),
    Broken("action without condition", SAMPLE, put("//e:action", "log"), "invalid-value", "ALWAYS, TRUE or FALSE"),
    Broken("nicid gap", FULL, put(NICID.format(1) + "/e:nicid", "2"), "operation-failed", "NICID Sequence Error !", "must-violation"),
    Broken("nicid starts at one", SAMPLE, put("//e:interface/e:nicid", "1"), "operation-failed", "NICID Sequence Error !", "must-violation"),
    Broken("startup on itself", NFVO, put("//e:depends_on/e:vm_group_ref", "control"), "operation-failed", "Circular group dependency !", "must-violation"),
    Broken("placement on itself", NFVO, put("//e:placement/e:vm_group_ref", "control"), "operation-failed", "Circular group dependency !", "must-violation"),
    Broken("subnet of the other version", NFVO, put("//e:subnet[e:name='blue-wan-v6']/e:ipversion", "ipv4"), "operation-failed", "not of its ipversion", "must-violation"),
    Broken("gateway of the other version", NFVO, put("//e:subnet/e:gateway", "10.20.0.1"), "operation-failed", "gateway of the subnet", "must-violation"),
    Broken("dotted netmask for IPv6", NFVO, put("//e:subnet[e:name='blue-wan-v6']/e:netmask", "255.255.255.0"), "operation-failed", "netmask of the subnet", "must-violation"),
    Broken("prefix too long for IPv4", NFVO, put("//e:subnet/e:netmask", "33"), "operation-failed", "netmask of the subnet", "must-violation"),
    Broken("address pair", NFVO, put("//e:allowed_address_pairs/e:address/e:netmask", "64"), "operation-failed", "netmask", "must-violation"),
    Broken("threshold no number", SAMPLE, put("//e:metric_value", "one"), "operation-failed", "metric_value", "must-violation"),
    Broken("gateway and no_gateway", NFVO, add("//e:subnet[e:no_gateway]", "<gateway>10.20.0.1</gateway>"), "operation-failed", "no_gateway", "must-violation"),
    Broken("nothing to boot from", SAMPLE, drop("//e:vm_group/e:image"), "operation-failed", "needs an image", "must-violation"),
    Broken("zone_host without either", FULL, drop("//e:placement/e:host", "//e:placement/e:zone"), "operation-failed", "zone_host", "must-violation"),
    Broken("rule without kpi", SAMPLE, put("//e:rule/e:event_name", "VM_OVERLOADED"), "data-missing", "VM_OVERLOADED", "instance-required"),
    Broken("collector on no interface", SAMPLE, put("//e:metric_collector/e:nicid", "1"), "data-missing", "1", "instance-required"),
    Broken("shared address on no interface", FULL, put("//e:shared_ip/e:nicid", "7"), "data-missing", "7", "instance-required"),
    Broken("startup after nobody", FULL, put("//e:depends_on/e:vm_group_ref", "c"), "data-missing", "c", "instance-required"),
    Broken("startup of nobody", FULL, put("//e:startup/e:target_vm_group_ref", "c"), "data-missing", "c", "instance-required"),
    Broken("placement group of nobody", FULL, put("//e:placement_group/e:vm_group", "c"), "data-missing", "c", "instance-required"),
    Broken("startup after no event", NFVO, put("//e:kpi_event_ref", "VM_READY"), "data-missing", "VM_READY", "instance-required"),
    Broken("no such file locator", FULL, put("//e:file_locator_name", "day1"), "data-missing", "day1", "instance-required"),
    Broken("no such connector", SYSTEM, put("//e:default_vim_connector", "other"), "data-missing", "other", "instance-required"),
    Broken("two events to wait for", NFVO, add("//e:depends_on", "<kpi_event_ref>VM_LATER</kpi_event_ref>"), "operation-failed", "", "too-many-elements"),
    Broken("file and data", NFVO, add("//e:configuration[e:data]", "<file>http://x/y</file>"), "bad-element", "file", known_to_oracle=False),
    Broken("one group twice", SAMPLE, add("//e:deployment", "<vm_group><name>SolTest-Cirros-VM-Group</name></vm_group>"), "bad-element", "vm_group is given twice"),
    Broken("one leaf twice", SAMPLE, add("//e:vm_group", "<bootup_time>60</bootup_time>"), "bad-element", "bootup_time", known_to_oracle=False),
    Broken("one value twice", NFVO, add("//e:variable", "<val>data-1</val>"), "bad-element", "val is given twice"),
    Broken("one volid twice", FULL, put("//e:volume[e:name='boot']/e:volid", "1"), "operation-failed", "volid", "data-not-unique"),
    Broken("unknown element", SAMPLE, add("//e:vm_group", "<colour>red</colour>"), "unknown-element", "colour"),
    Broken("misspelt element", SAMPLE, add("//e:vm_group", "<boot_time>60</boot_time>"), "unknown-element", "boot_time"),
    Broken("unknown namespace", SAMPLE, add("//e:vm_group", '<colour xmlns="urn:x">red</colour>'), "unknown-namespace", "urn:x"),
    Broken("opdata written", SAMPLE, add("/e:esc_datamodel", "<opdata><status>OPER_UP</status></opdata>"), "unknown-element", "opdata", known_to_oracle=False),
    Broken("text in a container", SAMPLE, put("//e:config_data", "nothing"), "bad-element", "config_data", known_to_oracle=False),
]  # fmt: skip


def _document(case: Broken) -> etree._Element:
    root = parse_xml(case.file.read_bytes())
    case.change(root)
    return canonical_config(root)


def _verdict(schema: Schema, edit: etree._Element) -> list[YangError]:
    try:
        tree = apply_edit(schema, None, edit)
        assert tree is not None
        return validate(schema, tree)
    except YangErrors as found:
        return found.errors


@pytest.mark.parametrize("case", DOCUMENTS, ids=lambda case: case.name)
def test_broken_document_is_refused(case: Broken, schema: Schema) -> None:
    errors = _verdict(schema, _document(case))
    assert errors, "accepted"
    told = [(error.error_tag, error.error_app_tag, error.error_message) for error in errors]
    assert any(tag == case.tag and app_tag == case.app_tag and case.text in text for tag, app_tag, text in told), told
    assert all(error.error_path for error in errors), "an error without a path"


@pytest.mark.parametrize("case", [case for case in DOCUMENTS if case.known_to_oracle], ids=lambda case: case.name)
def test_the_oracle_refuses_it_too(case: Broken, oracle: Callable[[etree._Element, str], str | None]) -> None:
    assert oracle(_document(case), "config") is not None


def _rpc(name: str, inner: str) -> etree._Element:
    return canonical_rpc(etree.fromstring(f'<{name} xmlns="{ESC}">{inner}</{name}>'))


VM = "<vmName>vm_0</vmName>"
OPERATIONS = {
    "service action unknown": ("serviceAction", "<actionType>PAUSE</actionType><tenantName>t</tenantName><depName>d</depName>", "invalid-value", "PAUSE"),
    "service action of a VM": ("serviceAction", "<actionType>CONFIRM_RESIZE</actionType><tenantName>t</tenantName><depName>d</depName>", "invalid-value", "CONFIRM_RESIZE"),
    "service action nowhere": ("serviceAction", "<actionType>STOP</actionType><tenantName>t</tenantName>", "missing-element", "depName"),
    "service action on a VM": ("serviceAction", "<actionType>STOP</actionType><tenantName>t</tenantName><depName>d</depName><vmName>v</vmName>", "unknown-element", "vmName"),
    "VM action unknown": ("vmAction", f"<actionType>RESIZE</actionType>{VM}", "invalid-value", "RESIZE"),
    "VM action on nothing": ("vmAction", "<actionType>STOP</actionType>", "missing-element", "vmName"),
    "VM action with bad force": ("vmAction", f"<actionType>STOP</actionType>{VM}<force>maybe</force>", "invalid-value", "maybe"),
    "VM action on blanks": ("vmAction", "<actionType>STOP</actionType><vmName>  </vmName>", "invalid-value", "length"),
    "recovery unknown": ("recoveryVmAction", f"<actionType>TRY</actionType>{VM}", "invalid-value", "TRY"),
    "recovery without action": ("recoveryVmAction", VM, "missing-element", "actionType"),
    "migration type": ("vmMigrate", f"{VM}<migrationType>warm</migrationType>", "invalid-value", "warm"),
    "migration without type": ("vmMigrate", VM, "missing-element", "migrationType"),
    "block migration cold": ("vmMigrate", f"{VM}<migrationType>cold</migrationType><blockMigration>true</blockMigration>", "operation-failed", "live migration only"),
    "long VM name": ("vmMigrate", f"<vmName>{'v' * 256}</vmName><migrationType>live</migrationType>", "invalid-value", "length"),
    "long backup name": ("vmBackupAction", f"{VM}<backupName>{'b' * 256}</backupName>", "invalid-value", "length"),
    "backup without name": ("vmBackupAction", VM, "missing-element", "backupName"),
    "backup type": ("vmBackupAction", f"{VM}<backupName>b</backupName><actionType>COPY</actionType>", "invalid-value", "COPY"),
    "snapshot action": ("snapshotAction", "<actionType>restore</actionType><snapshot>s</snapshot>", "invalid-value", "RESTORE"),
    "snapshot of none": ("snapshotAction", "<actionType>delete</actionType>", "missing-element", "snapshot"),
}  # fmt: skip


@pytest.mark.parametrize("name", OPERATIONS)
def test_broken_operation_is_refused(name: str, schema: Schema) -> None:
    operation, inner, tag, text = OPERATIONS[name]
    with pytest.raises(YangErrors) as found:
        validate_rpc_input(schema, _rpc(operation, inner))
    told = [(error.error_tag, error.error_message) for error in found.value.errors]
    assert any(found == tag and text in message for found, message in told), told


def test_a_name_of_255_characters_is_taken(schema: Schema) -> None:
    name = "b" * 255
    taken = validate_rpc_input(schema, _rpc("vmBackupAction", f"{VM}<backupName>{name}</backupName>"))
    assert taken.findtext(f"{{{ESC}}}backupName") == name


def test_all_faults_of_a_document_come_at_once(schema: Schema) -> None:
    root = parse_xml(SAMPLE.read_bytes())
    changes = (drop("//e:bootup_time"), put("//e:metric_cond", "GTE"), put("//e:interface/e:nicid", "1"))
    for change in changes:
        change(root)
    found = validate(schema, canonical_config(root))
    assert sorted(error.error_tag for error in found) == ["data-missing"] * 2 + ["invalid-value", "operation-failed"]
