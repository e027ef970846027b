"""XML to JSON and back: the same data, whatever the document."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from lxml import etree

from openesc.errors import InvalidRequest
from openesc.northbound.canonical import canonical_config
from openesc.northbound.model import ESC, load_payloads, load_schema
from openesc.rest.accept import JSON, XML, chosen
from openesc.rest.codec import BASE, adopted, element_of, in_namespace, json_text, json_value, parse_json, xml_text
from openesc.yang import Schema, apply_edit

GOLDEN = Path(__file__).parents[2] / "golden"
DOCUMENTS = [
    GOLDEN / "src" / "sample_deployment_update.xml",
    *(
        GOLDEN / "clients" / f"{name}.xml"
        for name in ("full_deployment", "ftdv_deployment", "nfvo_deployment", "nfvo_catalogue", "shared_subnet")
    ),
]


@pytest.fixture(scope="module")
def schema() -> Schema:
    return load_schema(None)


def canonical(schema: Schema, root: etree._Element) -> etree._Element:
    result = apply_edit(schema, None, canonical_config(root))
    assert result is not None
    return result


def content(root: etree._Element) -> object:
    """What an element says, without prefixes and blanks."""
    return [str(root.tag), (root.text or "").strip(), [content(child) for child in root]]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_a_document_survives_the_way_through_json(schema: Schema, document: Path) -> None:
    root = etree.fromstring(document.read_bytes().strip())
    models = [root] if etree.QName(root).localname == "esc_datamodel" else list(root)
    for model in models:
        before = canonical(schema, model)
        value = json_value(before, schema.data_node(str(before.tag)))
        text = json_text({"esc_datamodel": value})
        back = element_of("esc_datamodel", parse_json(text, 64)["esc_datamodel"], ESC)
        assert content(canonical(schema, back)) == content(before)


def test_types_and_arrays_are_those_of_the_schema(schema: Schema) -> None:
    xml = (
        f'<esc_datamodel xmlns="{ESC}"><flavors><flavor><name>7</name><vcpus>2</vcpus><memory_mb>64</memory_mb>'
        "</flavor></flavors><networks><network><name>n</name><shared>true</shared></network></networks></esc_datamodel>"
    )
    root = canonical(schema, etree.fromstring(xml))
    assert json_value(root, schema.data_node(str(root.tag))) == {
        "flavors": {"flavor": [{"name": "7", "vcpus": 2, "memory_mb": 64}]},
        "networks": {"network": [{"name": "n", "shared": True}]},
    }


def test_operations_are_metadata_in_json() -> None:
    value = {
        "esc:vm_group": [{"@": {"ietf-netconf:operation": "delete"}, "name": "a"}, {"name": "b"}],
        "action": ["x", "y"],
        "@action": [None, {"nc:operation": "remove"}],
        "flavor": None,
    }
    root = element_of("deployment", value, ESC)
    attribute = f"{{{BASE}}}operation"
    assert [(etree.QName(one).localname, one.get(attribute), one.text) for one in root] == [
        ("vm_group", "delete", None),
        ("vm_group", None, None),
        ("action", None, "x"),
        ("action", "remove", "y"),
        ("flavor", None, None),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b'{"a": 1, "a": 2}', "the member a stands twice"),
        (b'{"a": Infinity}', "Infinity is no JSON"),
        (b'\xff{"a": 1}', "not well-formed JSON"),
        (b"{", "not well-formed JSON"),
        (b"[" * 5000, "nested deeper than 8"),
        (b'{"a":' * 9 + b"[1]" + b"}" * 9, "nested deeper than 8"),
    ],
)
def test_json_that_is_none(text: bytes, said: str) -> None:
    with pytest.raises(InvalidRequest, match=said):
        parse_json(text, 8)


@pytest.mark.parametrize(
    "value", [{"a b": 1}, {"a": [[1]]}, {"a": "\x00"}, {"a": "\ud800"}, {"@": {"xml:lang": "en"}}, {"": 1}, {"1": 1}]
)
def test_json_that_no_xml_can_carry(value: object) -> None:
    with pytest.raises(InvalidRequest):
        element_of("x", value, ESC)


def test_namespaces_are_read_as_they_were_meant() -> None:
    for namespace in ("", f' xmlns="{ESC}"', f' xmlns="{BASE}"', f' xmlns="{BASE.replace("ietf", "iETF")}"'):
        root = adopted(etree.fromstring(f"<a{namespace}><b/></a>"), BASE, (ESC,))
        assert [str(root.tag), str(root[0].tag)] == [f"{{{BASE}}}a", f"{{{BASE}}}b"]
    foreign = adopted(etree.fromstring('<a xmlns="urn:x"/>'), BASE, (ESC,))
    assert str(foreign.tag) == "{urn:x}a"


def test_xml_of_fields() -> None:
    text = xml_text("a", {"b": True, "c": None, "d": [1, 2], "e": {"f": "x\x00<"}}, BASE)
    assert text.startswith(b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<a xmlns="urn:ietf:')
    assert content(etree.fromstring(text)) == [
        f"{{{BASE}}}a",
        "",
        [
            [f"{{{BASE}}}b", "true", []],
            [f"{{{BASE}}}d", "1", []],
            [f"{{{BASE}}}d", "2", []],
            [f"{{{BASE}}}e", "", [[f"{{{BASE}}}f", "x\ufffd<", []]]],
        ],
    ]
    moved = in_namespace(etree.fromstring('<x xmlns="urn:y"><z>1</z></x>'), BASE)
    assert etree.tostring(moved) == f'<x xmlns="{BASE}"><z>1</z></x>'.encode()


@pytest.mark.parametrize(
    ("accept", "best"),
    [
        (None, XML),
        ("*/*", XML),
        ("application/json", JSON),
        ("application/json, application/xml;q=0.9", JSON),
        ("application/xml;q=0.1, */*;q=0.5", JSON),
        ("text/html", None),
        ("text/html, */*;q=0", None),
        ("application/xml;q=nan", None),
        ("", XML),
    ],
)
def test_what_a_client_accepts(accept: str | None, best: str | None) -> None:
    assert chosen(accept) == best


def test_the_payloads_are_a_module_of_their_own() -> None:
    assert {name.rpartition("}")[2] for name in load_payloads().rpcs} == {
        "service_operation",
        "vm_operation",
        "vm_migrate_operation",
        "snapshot_operation",
        "volume",
    }


def test_json_text_is_utf8() -> None:
    assert json.loads(json_text({"a": "ü"})) == {"a": "ü"}
