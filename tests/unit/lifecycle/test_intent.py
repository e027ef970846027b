"""What documents of clients want, read as values."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from openesc.lifecycle import intent
from openesc.northbound.canonical import canonical_config
from openesc.northbound.model import load_schema
from openesc.yang import Schema, apply_edit, validate

GOLDEN = Path(__file__).parents[2] / "golden"
DOCUMENTS = sorted(
    file
    for file in [*(GOLDEN / "clients").glob("*.xml"), *(GOLDEN / "src").glob("sample_*.xml")]
    if b"<deployment>" in file.read_bytes()
    and b"vm_group" in file.read_bytes()
    and file.name not in ("opdata.xml", "restore_boot_volume.xml")
)
BASE = "{urn:ietf:params:xml:ns:netconf:base:1.0}"


@pytest.fixture(scope="module")
def schema() -> Schema:
    return load_schema(None)


def wanted(schema: Schema, file: Path) -> intent.Deployment:
    """The file as running would hold it, read."""
    root = etree.parse(file).getroot()
    config = next(iter(root.iter(f"{BASE}config")), None)
    if config is None:
        config = etree.Element(f"{BASE}config")
        config.append(root)
    edit = next(child for child in canonical_config(config) if etree.QName(child).localname == "esc_datamodel")
    tree = apply_edit(schema, None, edit)
    assert tree is not None
    assert validate(schema, tree) == []
    return intent.parse(etree.tostring(tree))


@pytest.mark.parametrize("file", DOCUMENTS, ids=lambda file: file.stem)
def test_every_known_deployment_is_read(schema: Schema, file: Path) -> None:
    found = wanted(schema, file)
    assert found.name
    assert found.groups
    for group in found.groups:
        assert [nic.nicid for nic in group.interfaces] == sorted(nic.nicid for nic in group.interfaces)
        assert 0 <= group.min_active <= group.max_active
        assert found.group(group.name) is group
    assert set(found.startup) <= {group.name for group in found.groups}


def test_there_are_documents() -> None:
    assert {file.stem for file in DOCUMENTS} >= {
        "sample_deployment_update",
        "full_deployment",
        "nfvo_deployment",
    }


def test_the_sample_of_the_user_guide(schema: Schema) -> None:
    found = wanted(schema, GOLDEN / "src" / "sample_deployment_update.xml")
    (group,) = found.groups
    assert (found.tenant, found.name, found.project) == ("admin", "Cirros-VNF", "admin")
    assert group.flavor is not None
    assert group.flavor.startswith("SolTest-Cirros-Flavor")
    assert group.image == "SolTest-Cirros-Image"
    assert [nic.network for nic in group.interfaces] == ["SolTest-Network"]
    kpi = group.alive_kpi
    assert kpi is not None
    assert (kpi.event_name, kpi.collector, kpi.nicid) == ("VM_ALIVE", "ICMPPing", 0)
    assert "TRUE servicebooted.sh" in kpi.actions


def test_without_kpis_a_group_is_not_monitored() -> None:
    text = (
        '<esc_datamodel xmlns="http://www.cisco.com/esc/esc"><tenants><tenant><name>t</name><deployments><deployment>'
        "<name>d</name><locator><vim_id>v2</vim_id><vim_project>p2</vim_project></locator><vm_group><name>g</name>"
        "<volumes><volume><name>a</name><size>512</size><sizeunit>MiB</sizeunit></volume></volumes></vm_group>"
        "</deployment></deployments></tenant></tenants></esc_datamodel>"
    )
    found = intent.parse(text.encode())
    group = found.group("g")
    assert group.alive_kpi is None
    assert (found.vim_id, found.project) == ("v2", "p2")
    assert [volume.size for volume in group.volumes] == [1]  # Cinder counts in GiB, at least one


KPI = (
    "<kpi_data>{enabled}<kpi><event_name>{event}</event_name><metric_value>1</metric_value><metric_cond>GT</metric_cond>"
    "<metric_type>UINT32</metric_type><metric_collector><type>ICMPPing</type><nicid>0</nicid><poll_frequency>2"
    "</poll_frequency><polling_unit>{unit}</polling_unit><continuous_alarm>false</continuous_alarm></metric_collector>"
    "</kpi></kpi_data><rules><admin_rules><rule><event_name>{event}</event_name><action>{action}</action></rule>"
    "</admin_rules></rules>"
)


def monitored(
    *, enabled: str = "", event: str = "VM_ALIVE", unit: str = "seconds", action: str = "ALWAYS log"
) -> intent.Group:
    """A group with one KPI."""
    kpi = KPI.format(enabled=enabled, event=event, unit=unit, action=action)
    text = (
        '<esc_datamodel xmlns="http://www.cisco.com/esc/esc"><tenants><tenant><name>t</name><deployments><deployment>'
        f"<name>d</name><vm_group><name>g</name>{kpi}</vm_group></deployment></deployments></tenant></tenants>"
        "</esc_datamodel>"
    )
    return intent.parse(text.encode()).group("g")


@pytest.mark.parametrize(("unit", "seconds"), [("seconds", 2), ("minutes", 120)])
def test_a_poll_frequency_counts_in_its_unit(unit: str, seconds: int) -> None:
    kpi = monitored(unit=unit).alive_kpi
    assert kpi is not None and kpi.poll_seconds == seconds


def test_kpis_that_are_not_enabled_monitor_nothing() -> None:
    assert monitored(enabled="<enabled>true</enabled>").alive_kpi is not None
    assert monitored(enabled="<enabled>false</enabled>").alive_kpi is None


@pytest.mark.parametrize(
    ("event", "action", "tells"),
    [
        ("VM_ALIVE", "ALWAYS log", True),
        ("BOOTED", "TRUE servicebooted.sh", True),
        ("BOOTED", "TRUE esc_vm_alive_notification", True),
        ("BOOTED", "FALSE recover autohealing", False),
        ("VM_OVERLOADED", "TRUE log", False),
    ],
)
def test_a_kpi_tells_that_a_vm_is_alive_by_its_name_or_its_action(event: str, action: str, tells: bool) -> None:
    assert (monitored(event=event, action=action).alive_kpi is not None) == tells


def placed(policies: str, *groups: str) -> tuple[intent.PlacementRule, ...]:
    members = "".join(f"<vm_group>{group}</vm_group>" for group in groups)
    text = (
        '<esc_datamodel xmlns="http://www.cisco.com/esc/esc"><tenants><tenant><name>t</name><deployments><deployment>'
        f"<name>d</name><policies>{policies}</policies>{members}</deployment></deployments></tenant></tenants>"
        "</esc_datamodel>"
    )
    return intent.parse(text.encode()).rules


def between(target: str, kind: str, *others: str) -> str:
    refs = "".join(f"<vm_group_ref>{other}</vm_group_ref>" for other in others)
    return f"<placement><target_vm_group_ref>{target}</target_vm_group_ref><type>{kind}</type>{refs}</placement>"


APART = "<name>a</name><placement><type>anti_affinity</type></placement>"


def test_placement_rules_of_one_type_that_meet_are_one() -> None:
    """A group's own rule and a policy that names it; two policies that share a group."""
    (rule,) = placed(between("b", "anti_affinity", "a") + between("c", "anti_affinity", "b"), APART, "<name>b</name>")
    assert (rule.name, rule.policy, rule.groups) == ("a-anti_affinity", "anti-affinity", frozenset("abc"))


def test_rules_that_do_not_meet_stay_apart() -> None:
    rules = placed(between("c", "anti_affinity", "d") + between("a", "affinity", "b"), APART)
    assert [(rule.name, sorted(rule.groups)) for rule in rules] == [
        ("a-anti_affinity", ["a"]),
        ("c-anti_affinity-policy", ["c", "d"]),
        ("a-affinity-policy", ["a", "b"]),
    ]
