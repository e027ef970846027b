"""Compiling, caching and asking a schema."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from openesc.yang import Schema, SchemaError, parse_xml, validate

MODULES = Path(__file__).parent / "modules"

UNITS = """module units {
  yang-version 1.1; namespace "urn:units"; prefix u;
  container root {
    leaf shared { type uint8; }
    list tenant {
      key name;
      leaf name { type string; }
      leaf quota { type uint8; must "count(../deployment) <= ."; }
      list deployment {
        key name;
        leaf name { type string; must ". != ../../name"; }
        leaf size { type uint8; must ". < 9 or ../name = 'big'"; }
        leaf other { type leafref { path "../../deployment/name"; } }
        leaf own { type leafref { path "../group/name"; } }
        leaf small { type uint8; must ". <= ../../../shared"; }
        leaf any { type uint8; must "not(//deployment[size = current()])"; }
        list group { key name; unique label; leaf name { type string; } leaf label { type string; } }
        unique size;
      }
    }
  }
}
"""


def module(name: str, body: str) -> str:
    return f'module {name} {{ yang-version 1.1; namespace "urn:{name}"; prefix {name}; {body} }}'


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "modules").mkdir()
    return tmp_path / "modules"


def test_nodes_are_found_by_path_and_name(lab: Schema) -> None:
    node = lab.find("/lab:network/node")

    assert (node.kind, node.keys, node.qname) == ("list", ("{urn:lab}id",), "{urn:lab}node")
    assert node.path == "/lab:network/node"
    assert lab.find("/lab:network/lab:node") is node is lab.data_node("{urn:lab}network").children[node.qname]
    assert lab.find("/lab:network/node/more:color").path == "/lab:network/node/more:color"
    assert lab.find("/lab-more:limit/of").module == "lab-more"
    assert lab.find("/lab:act/action").mandatory
    with pytest.raises(KeyError, match="no schema node 'nodes'"):
        lab.find("/lab:network/nodes")


def test_attributes_of_nodes(lab: Schema) -> None:
    assert next(iter(lab.find("/lab:network/node").children)) == "{urn:lab}id"
    assert lab.find("/lab:network/limit").default == "5"
    assert lab.find("/lab:types/percent").default == "50"
    assert lab.find("/lab:types/small").default == "5"
    assert lab.find("/lab:network/node/more:kind").default == "parrot"
    assert lab.find("/lab:network/total").presence
    assert lab.find("/lab:network/node/tag").max_elements == 3
    assert lab.find("/lab:types/story").ordered_by_user
    assert not lab.find("/lab:types/state").config
    assert lab.find("/lab:network/node/id").is_key
    assert [choice.name for choice in lab.find("/lab:shapes").choices] == ["shape"]
    assert set(lab.rpcs) == {"{urn:lab}act"} and set(lab.notifications) == {"{urn:lab}happened"}


def test_modules_say_what_hello_and_get_schema_need(lab: Schema) -> None:
    info = lab.modules["lab"]

    assert (info.revision, info.namespace, info.prefix) == ("2026-01-01", "urn:lab", "lab")
    assert info.features == ("extra",) and info.conformance == "implement"
    assert info.path.read_text().startswith("module lab {")


def test_faults_of_modules_are_all_listed(directory: Path) -> None:
    (directory / "bad.yang").write_text(
        module("bad", "leaf a { type nothing; } leaf b { } leaf c { type leafref { path '../d'; } }")
    )

    with pytest.raises(SchemaError) as caught:
        Schema.load([directory], ["bad", "absent"])

    text = str(caught.value)
    assert "bad.yang:1" in text and "nothing" in text and "absent" in text
    assert len(caught.value.errors) >= 3


def test_features_prune_the_tree(directory: Path) -> None:
    (directory / "f.yang").write_text(
        module("f", "feature x; leaf a { if-feature x; type string; } leaf b { type string; }")
    )

    choices: list[dict[str, list[str]] | None] = [None, {"f": []}, {"f": ["x"]}]
    names = [list(Schema.load([directory], ["f"], features=f).root.children) for f in choices]

    assert names == [["{urn:f}a", "{urn:f}b"], ["{urn:f}b"], ["{urn:f}a", "{urn:f}b"]]


def test_the_cache_gives_the_same_schema_without_the_compiler(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    first = Schema.load([MODULES], ["lab", "lab-more"], cache)
    assert len(list(cache.iterdir())) == 1

    script = (
        "import sys; from pathlib import Path; from openesc.yang import Schema\n"
        f"schema = Schema.load([Path({str(MODULES)!r})], ['lab', 'lab-more'], Path({str(cache)!r}))\n"
        "print(schema.content_id, 'pyang' in sys.modules, len(schema.constraints))"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout

    assert told.split() == [first.content_id, "False", str(len(first.constraints))]
    again = Schema.load([MODULES], ["lab", "lab-more"], cache)
    document = parse_xml(b'<network xmlns="urn:lab"><node><id>n1</id><weight>6</weight><peer>x</peer></node></network>')
    assert list(map(str, validate(again, document))) == list(map(str, validate(first, document))) != []


def test_the_cache_follows_the_content_of_the_modules(directory: Path, tmp_path: Path) -> None:
    file = directory / "m.yang"
    file.write_text(module("m", "leaf a { type string; }"))
    first = Schema.load([directory], ["m"], tmp_path)
    file.write_text(module("m", "leaf b { type string; }"))

    second = Schema.load([directory], ["m"], tmp_path)

    assert list(second.root.children) == ["{urn:m}b"]
    assert first.content_id != second.content_id


def test_a_damaged_cache_is_made_again(directory: Path, tmp_path: Path) -> None:
    (directory / "m.yang").write_text(module("m", "leaf a { type string; }"))
    Schema.load([directory], ["m"], tmp_path / "cache")
    (file,) = (tmp_path / "cache").iterdir()
    file.write_bytes(file.read_bytes()[:40])

    assert list(Schema.load([directory], ["m"], tmp_path / "cache").root.children) == ["{urn:m}a"]


def test_constraints_reading_a_node(lab: Schema) -> None:
    found = {(c.kind, c.node.path) for c in lab.constraints_reading(lab.find("/lab:network/node/address"))}

    assert found >= {
        ("unique", "/lab:network/node"),
        ("leafref", "/lab:network/link/via"),
        ("leafref", "/lab:network/link/b-address"),
    }
    assert ("leafref", "/lab:network/link/a") not in found


def test_the_default_of_a_leaf_under_when_depends_on_what_when_reads(lab: Schema) -> None:
    mode = lab.find("/lab:network/mode")

    found = {c.node.path for c in lab.constraints_reading(mode) if c.kind == "must"}

    assert "/lab:network/node/qos/class" in found


def test_constraints_that_cross_units(directory: Path) -> None:
    (directory / "units.yang").write_text(UNITS)
    schema = Schema.load([directory], ["units"])
    tenant = "/u:root/tenant"

    def crossing(*units: str) -> set[str]:
        return {c.node.path.removeprefix(tenant) for c in schema.crossing_constraints(units)}

    inside = {"/deployment/other", "/deployment/small", "/deployment/any", "/deployment", "/quota"}
    assert crossing(tenant, f"{tenant}/deployment") == inside
    assert crossing(tenant) == {"/deployment/small", "/deployment/any"}
    assert crossing() == set()


@pytest.mark.parametrize(
    "body, said",
    [
        ("leaf a { type leafref { path '../b'; } }", "b"),
        ("leaf a { type string { pattern '['; } }", "pattern"),
    ],
)
def test_what_cannot_work_is_refused_at_load(directory: Path, body: str, said: str) -> None:
    (directory / "m.yang").write_text(module("m", body))

    with pytest.raises(SchemaError, match=said):
        Schema.load([directory], ["m"])


def test_modules_of_the_ietf_compile(lab: Schema) -> None:
    """Real modules with actions, identities, deep augments and deref-free leafrefs."""
    share = Path(sys.prefix) / "share" / "yang" / "modules"
    names = [
        "ietf-interfaces",
        "ietf-ip",
        "ietf-system",
        "ietf-netconf-acm",
        "ietf-routing",
        "iana-if-type",
        "ietf-hardware",
    ]

    schema = Schema.load([share], names)
    document = parse_xml(
        b'<interfaces xmlns="urn:ietf:params:xml:ns:yang:ietf-interfaces"><interface><name>eth0</name>'
        b'<type xmlns:ia="urn:ietf:params:xml:ns:yang:iana-if-type">ia:ethernetCsmacd</type>'
        b'<ipv4 xmlns="urn:ietf:params:xml:ns:yang:ietf-ip"><address><ip>10.0.0.1</ip>'
        b"<prefix-length>33</prefix-length></address></ipv4></interface></interfaces>"
    )

    (error,) = validate(schema, document)

    assert error.error_path is not None and error.error_path.endswith(
        "/if:interface[if:name='eth0']/ip:ipv4/ip:address[ip:ip='10.0.0.1']/ip:prefix-length"
    )
    assert error.error_message == '"33" is not in the range 0..32'
