"""Every constraint of RFC 7950, accepted and refused, with its error; yangson agrees on each document."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest

from openesc.yang import Schema, YangError, parse_xml, validate

Check = Callable[..., list[YangError]]


class Refused(NamedTuple):
    text: str
    tag: str
    app_tag: str | None
    path: str
    message: str


NODE = "/lab:network/lab:node[lab:id='n1']"

VALID = {
    "minimal": "<network/>",
    "node": "<network><node><id>n1</id><weight>5</weight></node></network>",
    "limit raised": "<network><limit>9</limit><node><id>n1</id><weight>9</weight></node></network>",
    "references": "<network><node><id>n1</id><address>x</address></node><node><id>n2</id><peer>n1</peer></node>"
    "<link><a>n1</a><b>n2</b><via>x</via></link></network>",
    "reference with predicate": "<network><node><id>n1</id></node><node><id>n2</id><address>y</address></node>"
    "<link><a>n1</a><b>n2</b><b-address>y</b-address></link></network>",
    "unique with a part missing": "<network><node><id>n1</id></node><node><id>n2</id></node></network>",
    "when": "<network><mode>fast</mode><node><id>n1</id><boost>1</boost></node></network>",
    "conditional mandatory": "<network><mode>fast</mode><node><id>n1</id><weight>4</weight>"
    "<needed-boost>1</needed-boost></node></network>",
    "default under when": "<network><turbo-twin>1</turbo-twin><mode>fast</mode></network>",
    "default class below turbo": "<network><mode>fast</mode>"
    "<node><id>n1</id><qos><class>3</class></qos></node></network>",
    "case": "<network><node><id>n1</id><tcp-port>1</tcp-port></node></network>",
    "other module": "<network><node><id>n1</id><weight>1</weight><more:color>red</more:color></node></network>",
    "presence": "<network><node><id>n1</id></node><total><count>1</count></total></network>",
    "two roots": '<network><node><id>n1</id></node></network><limit xmlns="urn:lab-more"><of>n1</of></limit>',
    "circle": "<shapes><radius>1</radius><required><must-be>x</must-be></required></shapes>",
    "square": "<shapes><side>1</side><plain/><value>1.25</value><required><must-be>x</must-be></required></shapes>",
    "triangle": "<shapes><more:angle>1</more:angle><required><must-be>x</must-be></required></shapes>",
}

REFUSED = {
    "must": Refused(
        "<network><node><id>n1</id><weight>6</weight></node></network>",
        "operation-failed",
        "too-heavy",
        NODE,
        "node heavier than the limit",
    ),
    "must without own error": Refused(
        "<network><node><id>n1</id><peer>n1</peer></node></network>",
        "operation-failed",
        "must-violation",
        f"{NODE}/lab:peer",
        'peer "n1" violates must . != ../id',
    ),
    "must on a default": Refused(
        "<network><mode>fast</mode><turbo>0</turbo><node><id>n1</id><weight>1</weight></node></network>",
        "operation-failed",
        "must-violation",
        f"{NODE}/lab:qos/lab:class",
        'class "1" violates must . <= ../../../turbo or not(../../../turbo)',
    ),
    "must reading a default under when": Refused(
        "<network><mode>fast</mode><node><id>n1</id><weight>1</weight><qos><class>4</class></qos></node></network>",
        "operation-failed",
        "must-violation",
        f"{NODE}/lab:qos/lab:class",
        'class "4" violates must . <= ../../../turbo or not(../../../turbo)',
    ),
    "must counting": Refused(
        "<network><total><count>1</count></total></network>",
        "operation-failed",
        "must-violation",
        "/lab:network/lab:total/lab:count",
        'count "1" violates must . = count(../../node)',
    ),
    "leafref": Refused(
        "<network><node><id>n1</id><peer>n2</peer></node></network>",
        "data-missing",
        "instance-required",
        f"{NODE}/lab:peer",
        'peer "n2": there is no such ../../node/id',
    ),
    "leafref with predicate": Refused(
        "<network><node><id>n1</id><address>x</address></node><node><id>n2</id><address>y</address></node>"
        "<link><a>n1</a><b>n2</b><b-address>x</b-address></link></network>",
        "data-missing",
        "instance-required",
        "/lab:network/lab:link[lab:a='n1'][lab:b='n2']/lab:b-address",
        'b-address "x": there is no such ../../node[id = current()/../b]/address',
    ),
    "leafref between roots": Refused(
        '<network/><limit xmlns="urn:lab-more"><of>n1</of></limit>',
        "data-missing",
        "instance-required",
        "/more:limit/more:of",
        'of "n1": there is no such /l:network/l:node/l:id',
    ),
    "unique": Refused(
        "<network><node><id>n1</id><address>x</address></node><node><id>n2</id><address>x</address></node></network>",
        "operation-failed",
        "data-not-unique",
        "/lab:network/lab:node[lab:id='n2']",
        f'unique address: "x" is already used by {NODE}',
    ),
    "when": Refused(
        "<network><node><id>n1</id><boost>1</boost></node></network>",
        "unknown-element",
        None,
        f"{NODE}/lab:boost",
        "boost is not allowed here: when ../../mode = 'fast' is false",
    ),
    "when of an augment": Refused(
        "<network><node><id>n1</id><more:color>red</more:color></node></network>",
        "unknown-element",
        None,
        f"{NODE}/more:color",
        "color is not allowed here: when l:weight is false",
    ),
    "when of a uses": Refused(
        "<shapes><radius>1</radius><unit>m</unit><required><must-be>x</must-be></required></shapes>",
        "unknown-element",
        None,
        "/lab:shapes/lab:unit",
        "unit is not allowed here: when side is false",
    ),
    "mandatory under when": Refused(
        "<network><mode>fast</mode><node><id>n1</id><weight>4</weight></node></network>",
        "data-missing",
        None,
        f"{NODE}/lab:needed-boost",
        "needed-boost is mandatory and missing",
    ),
    "mandatory in a container that is not there": Refused(
        "<shapes><radius>1</radius></shapes>",
        "data-missing",
        None,
        "/lab:shapes/lab:required/lab:must-be",
        "must-be is mandatory and missing",
    ),
    "mandatory in a presence container": Refused(
        "<network><total/></network>",
        "data-missing",
        None,
        "/lab:network/lab:total/lab:count",
        "count is mandatory and missing",
    ),
    "mandatory in a case": Refused(
        "<shapes><center>c</center><required><must-be>x</must-be></required></shapes>",
        "data-missing",
        None,
        "/lab:shapes/lab:radius",
        "radius is mandatory and missing",
    ),
    "mandatory choice": Refused(
        "<shapes><required><must-be>x</must-be></required></shapes>",
        "data-missing",
        "missing-choice",
        "/lab:shapes",
        "one of the cases of choice shape is mandatory: circle, square, triangle",
    ),
    "mandatory choice in a case": Refused(
        "<shapes><side>1</side><required><must-be>x</must-be></required></shapes>",
        "data-missing",
        "missing-choice",
        "/lab:shapes",
        "one of the cases of choice fill is mandatory: plain, pattern",
    ),
    "two cases": Refused(
        "<network><node><id>n1</id><tcp-port>1</tcp-port><udp-port>2</udp-port></node></network>",
        "bad-element",
        None,
        f"{NODE}/lab:udp-port",
        "udp-port cannot stand beside tcp-port: both are of choice transport",
    ),
    "too many leaf-list entries": Refused(
        "<network><node><id>n1</id><tag>1</tag><tag>2</tag><tag>3</tag><tag>4</tag></node></network>",
        "operation-failed",
        "too-many-elements",
        f"{NODE}/lab:tag",
        "tag: 4 entries, at most 3 are allowed",
    ),
    "too few leaf-list entries": Refused(
        "<types><pair><number>1</number></pair></types>",
        "operation-failed",
        "too-few-elements",
        "/lab:types/lab:pair/lab:number",
        "number: 1 entries, at least 2 are needed",
    ),
    "duplicate entry": Refused(
        "<network><node><id>n1</id></node><node><id>n1</id></node></network>",
        "bad-element",
        None,
        NODE,
        "node is given twice",
    ),
    "missing key": Refused(
        "<network><node><weight>1</weight></node></network>",
        "missing-element",
        None,
        "/lab:network/lab:node",
        "the key id of node is missing",
    ),
    "unknown element": Refused(
        "<network><nodes/></network>",
        "unknown-element",
        None,
        "/lab:network",
        "nodes is not known in network",
    ),
    "type": Refused(
        "<network><node><id>n1</id><weight>heavy</weight></node></network>",
        "invalid-value",
        None,
        f"{NODE}/lab:weight",
        '"heavy" is not uint8',
    ),
}


@pytest.mark.parametrize("text", VALID.values(), ids=VALID.keys())
def test_valid_documents_are_accepted(check: Check, text: str) -> None:
    assert check(text) == []


@pytest.mark.parametrize("refused", REFUSED.values(), ids=REFUSED.keys())
def test_broken_documents_are_refused_with_the_error_of_the_rfc(check: Check, refused: Refused) -> None:
    (error,) = check(refused.text)

    told = (error.error_tag, error.error_app_tag, error.error_path, error.error_message)
    assert told == (refused.tag, refused.app_tag, refused.path, refused.message)


def test_the_prefixes_of_a_path_are_bound(check: Check) -> None:
    (error,) = check("<network><node><id>n1</id><more:color>red</more:color></node></network>")

    assert error.namespaces == {"lab": "urn:lab", "more": "urn:lab-more"}


def test_all_errors_come_in_one_pass(lab: Schema) -> None:
    document = parse_xml(
        b'<network xmlns="urn:lab"><limit>300</limit><node><id>waytoolong</id><weight>x</weight><boost>1</boost>'
        b"<peer>n9</peer></node><oops/><link><a>n1</a></link></network>"
    )

    errors = validate(lab, [document])

    found = {(error.error_tag, (error.error_path or "").rpartition("/")[2]) for error in errors}
    assert found >= {
        ("invalid-value", "lab:limit"),
        ("invalid-value", "lab:id"),
        ("invalid-value", "lab:weight"),
        ("unknown-element", "lab:boost"),
        ("data-missing", "lab:peer"),
        ("unknown-element", "lab:network"),
        ("missing-element", "lab:link[lab:a='n1']"),
        ("data-missing", "lab:a"),
    }


def test_a_fragment_is_judged_without_what_may_be_missing(lab: Schema) -> None:
    document = parse_xml(b'<shapes xmlns="urn:lab"><side>1</side><value>2</value></shapes>')

    assert validate(lab, document, complete=False) == []


def test_unknown_namespace_is_told_apart(lab: Schema) -> None:
    document = parse_xml(b'<network xmlns="urn:lab"><x xmlns="urn:nobody"/></network>')

    (error,) = validate(lab, document)

    assert error.error_tag == "unknown-namespace"
    assert error.error_info == {"bad-element": "x", "bad-namespace": "urn:nobody"}


def test_state_is_refused_in_configuration_and_accepted_in_all_content(lab: Schema) -> None:
    document = parse_xml(
        b'<types xmlns="urn:lab"><state>up</state>'
        b"<keyless><any>1</any></keyless><keyless><any>1</any></keyless></types>"
    )

    errors = validate(lab, document)

    assert {error.error_path for error in errors} == {"/lab:types/lab:state", "/lab:types/lab:keyless"}
    assert {error.error_tag for error in errors} == {"unknown-element"}
    assert validate(lab, document, content="all") == []


def test_the_document_is_not_changed(lab: Schema) -> None:
    document = parse_xml(b'<network xmlns="urn:lab"><limit> 07 </limit></network>')

    validate(lab, document)

    assert document[0].text == " 07 " and len(document) == 1
