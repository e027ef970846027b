"""Every tolerated misprint of docs/compatibility.md, and what is left for validation to refuse."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from openesc.northbound.canonical import ACTIONS, canonical_config, canonical_rpc, misplaced_action

ESC = "http://www.cisco.com/esc/esc"
BASE = "urn:ietf:params:xml:ns:netconf:base:1.0"
DOCS = Path(__file__).parents[3] / "docs" / "compatibility.md"


def group(inner: str) -> str:
    return (
        f'<esc_datamodel xmlns="{ESC}" xmlns:nc="{BASE}"><tenants><tenant><deployments><deployment>'
        f"<vm_group>{inner}</vm_group></deployment></deployments></tenant></tenants></esc_datamodel>"
    )


def collector(inner: str) -> str:
    return group(f"<kpi_data><kpi><metric_collector>{inner}</metric_collector></kpi></kpi_data>")


def rule(*actions: str) -> str:
    inner = "".join(f"<action>{action}</action>" for action in actions)
    return group(f"<rules><admin_rules><rule>{inner}</rule></admin_rules></rules>")


def action(name: str, inner: str) -> str:
    return f'<{name} xmlns="{ESC}">{inner}</{name}>'


CONFIG = {
    "continuous-alarm": (
        collector("<continuous_alarm>>false</continuous_alarm>"),
        collector("<continuous_alarm>false</continuous_alarm>"),
    ),
    "quoted-action": (
        rule('"ALWAYS log"', "'TRUE servicebooted.sh'", "\u201cFALSE recover autohealing\u201d"),
        rule("ALWAYS log", "TRUE servicebooted.sh", "FALSE recover autohealing"),
    ),
    "upper-case-action": (rule("FALSE RECOVER AUTOHEALING"), rule("FALSE recover autohealing")),
    "collector-type": (collector("<type>ICMPPING</type>"), collector("<type>ICMPPing</type>")),
    "repeated-interfaces": (
        group("<interfaces><interface>0</interface></interfaces><interfaces><interface>1</interface></interfaces>"),
        group("<interfaces><interface>0</interface><interface>1</interface></interfaces>"),
    ),
    "volname": (
        group("<volumes><volume><volname>v</volname></volume></volumes>"),
        group("<volumes><volume><name>v</name></volume></volumes>"),
    ),
    "placement-case": (
        group("<placement><type>AFFINITY</type><enforcement>STRICT</enforcement></placement>"),
        group("<placement><type>affinity</type><enforcement>strict</enforcement></placement>"),
    ),
    "recovery-misprint": (
        group("<recovery_policy><action_on_recovery>REBOOT_THEN_REDPLOY</action_on_recovery></recovery_policy>"),
        group("<recovery_policy><action_on_recovery>REBOOT_THEN_REDEPLOY</action_on_recovery></recovery_policy>"),
    ),
    "policy-action-type": (
        group("<policies><policy><actions><action><type>pre-defined</type></action></actions></policy></policies>"),
        group("<policies><policy><actions><action><type>PRE_DEFINED</type></action></actions></policy></policies>"),
    ),
    "unqualified-operation": (
        group('<volumes operation="delete"/>'),
        group('<volumes nc:operation="delete"/>'),
    ),
    "ietf-namespace": (
        group("<volumes xmlns:x='urn:iETF:params:xml:ns:netconf:base:1.0' x:operation='delete'/>"),
        group('<volumes nc:operation="delete"/>'),
    ),
    "missing-namespace": (
        f'<config xmlns="{BASE}"><esc_datamodel><tenants/></esc_datamodel></config>',
        f'<config xmlns="{BASE}"><esc_datamodel xmlns="{ESC}"><tenants/></esc_datamodel></config>',
    ),
}

RPC = {
    "blanks": (
        action("vmAction", "<vmName> vm_0 </vmName><force> true\n</force>"),
        action("vmAction", "<vmName>vm_0</vmName><force>true</force>"),
    ),
    "obsolete-keys": (
        action(
            "serviceAction",
            "<depName>d</depName><serviceName>-</serviceName><serviceVersion>-</serviceVersion>",
        ),
        action("serviceAction", "<depName>d</depName>"),
    ),
    "action-case": (
        action("snapshotAction", "<actionType>delete</actionType>"),
        action("snapshotAction", "<actionType>DELETE</actionType>"),
    ),
    "migration-case": (
        action("vmMigrate", "<migrationType>LIVE</migrationType><blockMigration>True</blockMigration>"),
        action("vmMigrate", "<migrationType>live</migrationType><blockMigration>true</blockMigration>"),
    ),
    "source-for-target": (
        f'<edit-config xmlns="{BASE}"><source><running/></source><config/></edit-config>',
        f'<edit-config xmlns="{BASE}"><target><running/></target><config/></edit-config>',
    ),
    "action-without-namespace": (
        f'<serviceAction xmlns="{BASE}"><depName>d</depName></serviceAction>',
        action("serviceAction", "<depName>d</depName>"),
    ),
}


def normal(element: etree._Element) -> Any:
    """Names, attributes, texts and children, whatever the prefixes."""
    children = [normal(child) for child in element.iterchildren(etree.Element)]
    text = element.text or ""
    attributes = sorted((str(name), str(value)) for name, value in element.attrib.items())
    return str(element.tag), attributes, text.strip() if children else text, children


@pytest.mark.parametrize("name", CONFIG)
def test_misprint_in_configuration_becomes_canonical(name: str) -> None:
    printed, meant = (etree.fromstring(text) for text in CONFIG[name])
    assert normal(printed) != normal(meant)
    assert normal(canonical_config(printed)) == normal(meant)


@pytest.mark.parametrize("name", RPC)
def test_misprint_in_an_operation_becomes_canonical(name: str) -> None:
    printed, meant = (etree.fromstring(text) for text in RPC[name])
    assert normal(printed) != normal(meant)
    assert normal(canonical_rpc(printed)) == normal(meant)


@pytest.mark.parametrize("name", CONFIG)
def test_the_argument_is_not_changed_and_a_second_pass_changes_nothing(name: str) -> None:
    printed = etree.fromstring(CONFIG[name][0])
    before = etree.tostring(printed)
    once = canonical_config(printed)
    assert etree.tostring(printed) == before
    assert etree.tostring(canonical_config(once)) == etree.tostring(once)


@pytest.mark.parametrize(
    "document",
    [
        collector("<continuous_alarm>>maybe</continuous_alarm>"),
        collector("<type>ICMPPong</type>"),
        rule("FALSE RESTART.SH"),
        rule('TRUE my.sh "two words"'),
        group("<volumes><volume><name>a</name><volname>b</volname></volume></volumes>"),
        group('<interfaces nc:operation="delete"/><interfaces><interface>0</interface></interfaces>'),
        group('<volumes operation="erase"/>'),
        group(
            "<extensions><extension><properties><property><name>type</name></property></properties></extension></extensions>"
        ),
        f'<config xmlns="{BASE}"><other><tenants/></other></config>',
    ],
    ids=[
        "alarm",
        "type",
        "script",
        "inner-quotes",
        "two-names",
        "two-operations",
        "operation",
        "opaque",
        "other",
    ],
)
def test_what_may_be_a_real_mistake_stays(document: str) -> None:
    element = etree.fromstring(document)
    assert normal(canonical_config(element)) == normal(element)


def test_one_misprint_beside_another_in_the_sample_of_the_user_guide() -> None:
    sample = etree.parse(Path(__file__).parents[2] / "golden" / "src" / "sample_deployment_update.xml").getroot()
    config = etree.Element(f"{{{BASE}}}config")
    config.append(sample)
    result = canonical_config(config)
    assert result.findtext(f".//{{{ESC}}}continuous_alarm") == "false"
    actions = [node.text for node in result.iter(f"{{{ESC}}}action")]
    assert actions == ["ALWAYS log", "TRUE servicebooted.sh", "FALSE recover autohealing"]


@pytest.mark.parametrize("name", sorted(ACTIONS))
def test_an_action_in_edit_config_is_told_how_to_be_sent(name: str) -> None:
    text = misplaced_action(etree.fromstring(f'<config xmlns="{BASE}">{action(name, "")}</config>'))
    assert text is not None
    assert text.startswith(f"{name} is an operation, not configuration")
    assert f'<{name} xmlns="{ESC}">' in text
    assert "child of <rpc>" in text


def test_an_action_inside_the_data_model_is_found_too_and_configuration_is_not() -> None:
    inside = f'<config xmlns="{BASE}"><esc_datamodel xmlns="{ESC}"><vmAction/></esc_datamodel></config>'
    assert misplaced_action(etree.fromstring(inside)) is not None
    tenants = f'<config xmlns="{BASE}"><esc_datamodel xmlns="{ESC}"><tenants/></esc_datamodel></config>'
    assert misplaced_action(etree.fromstring(tenants)) is None


def test_the_compatibility_page_lists_exactly_these_misprints() -> None:
    misprints = DOCS.read_text().partition("## Command line")[0]
    listed = re.findall(r"^\| `([a-z-]+)` \|", misprints, re.MULTILINE)
    assert sorted(listed) == sorted([*CONFIG, *RPC])
