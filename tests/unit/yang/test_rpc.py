"""Input and output of rpcs, and notifications."""

from __future__ import annotations

import pytest
from lxml import etree

from openesc.yang import (
    Schema,
    YangErrors,
    parse_xml,
    validate_notification,
    validate_rpc_input,
    validate_rpc_output,
)

DATA = parse_xml(b'<network xmlns="urn:lab"><node><id>n1</id></node></network>')


def act(inner: str) -> etree._Element:
    return parse_xml(f'<l:act xmlns:l="urn:lab" xmlns="urn:lab">{inner}</l:act>'.encode())


@pytest.mark.parametrize(
    "inner, canonical",
    [
        ("<all/><action> START </action>", "<action>START</action><all/>"),
        ("<node>n1</node><action>STOP</action>", "<action>STOP</action><node>n1</node>"),
        (
            "<force>true</force><all/><reason>why</reason><action>STOP</action>",
            "<action>STOP</action><all/><force>true</force><reason>why</reason>",
        ),
        ("<action>STOP</action><all/><options/>", "<action>STOP</action><all/>"),
    ],
)
def test_input_becomes_canonical(lab: Schema, inner: str, canonical: str) -> None:
    # force has a default that its must only allows with STOP: START needs none
    if "START" in inner:
        with pytest.raises(YangErrors, match="force goes with STOP"):
            validate_rpc_input(lab, act(inner), [DATA])
        return
    result = validate_rpc_input(lab, act(inner), [DATA])

    assert etree.tostring(result).decode() == f'<act xmlns="urn:lab">{canonical}</act>'


@pytest.mark.parametrize(
    "inner, tag, app_tag, path",
    [
        ("<all/>", "missing-element", None, "/lab:act/lab:action"),
        ("<action>STOP</action>", "data-missing", "missing-choice", "/lab:act"),
        ("<action>STOP</action><all/><node>n1</node>", "bad-element", None, "/lab:act/lab:all"),
        ("<action>PAUSE</action><all/>", "invalid-value", None, "/lab:act/lab:action"),
        ("<action>STOP</action><all/><reason>x</reason>", "unknown-element", None, "/lab:act/lab:reason"),
        ("<action>STOP</action><all/><what/>", "unknown-element", None, "/lab:act"),
        ("<action>STOP</action><node>n9</node>", "data-missing", "instance-required", "/lab:act/lab:node"),
        (
            '<action xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0" nc:operation="merge">STOP</action><all/>',
            "unknown-attribute",
            None,
            "/lab:act/lab:action",
        ),
    ],
)
def test_wrong_input_is_refused(lab: Schema, inner: str, tag: str, app_tag: str | None, path: str) -> None:
    with pytest.raises(YangErrors) as caught:
        validate_rpc_input(lab, act(inner), [DATA])

    assert [
        (e.error_tag, e.error_app_tag, e.error_path) for e in caught.value.errors if e.error_app_tag != "must-violation"
    ] == [(tag, app_tag, path)]


def test_the_input_is_not_changed(lab: Schema) -> None:
    element = act("<all/><action> STOP </action>")
    before = etree.tostring(element)

    validate_rpc_input(lab, element)

    assert etree.tostring(element) == before


def test_output(lab: Schema) -> None:
    validate_rpc_output(lab, "{urn:lab}act", parse_xml(b'<reply><ticket xmlns="urn:lab">7</ticket></reply>'))

    with pytest.raises(YangErrors, match="ticket is mandatory and missing"):
        validate_rpc_output(lab, "{urn:lab}act", parse_xml(b"<reply/>"))


def test_notification(lab: Schema) -> None:
    good = parse_xml(b'<happened xmlns="urn:lab"><node>n1</node><what>boom</what></happened>')

    assert [child.text for child in validate_notification(lab, good, [DATA])] == ["boom", "n1"]
    with pytest.raises(YangErrors, match="there is no such /network/node/id"):
        validate_notification(lab, good)
    with pytest.raises(YangErrors, match="what is mandatory and missing"):
        validate_notification(lab, parse_xml(b'<happened xmlns="urn:lab"/>'))


def test_an_unknown_rpc_is_a_key_error(lab: Schema) -> None:
    with pytest.raises(KeyError):
        validate_rpc_input(lab, parse_xml(b'<nothing xmlns="urn:lab"/>'))
