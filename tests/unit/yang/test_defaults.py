"""The modes of RFC 6243."""

from __future__ import annotations

import pytest
from lxml import etree

from openesc.yang import Schema, apply_edit, parse_xml, validate, with_defaults

NODE = "<node><id>n1</id><tcp-port>1</tcp-port></node>"
MORE = 'xmlns="urn:lab-more"'
TAG = 'xmlns:wd="urn:ietf:params:xml:ns:netconf:default:1.0" wd:default="true"'

MODES = {
    ("explicit", "<limit>5</limit>" + NODE): "<limit>5</limit>" + NODE,
    ("trim", "<limit>5</limit><mode>fast</mode>" + NODE): "<mode>fast</mode>" + NODE,
    ("trim", "<node><id>n1</id><qos><class>1</class></qos></node>"): "<node><id>n1</id></node>",
    ("report-all", "<limit>6</limit>"): "<limit>6</limit><mode>slow</mode>",
    ("report-all", "<mode>fast</mode>"): (
        "<limit>5</limit><mode>fast</mode><turbo>3</turbo><turbo-twin>7</turbo-twin>"
    ),
    ("report-all", "<mode>fast</mode><turbo>4</turbo>"): "<limit>5</limit><mode>fast</mode><turbo>4</turbo>",
    ("report-all", NODE): (
        "<limit>5</limit><mode>slow</mode><node><id>n1</id><qos><class>1</class></qos><tcp-port>1</tcp-port></node>"
    ),
    ("report-all", "<node><id>n1</id><weight>1</weight></node>"): (
        "<limit>5</limit><mode>slow</mode><node><id>n1</id><weight>1</weight><qos><class>1</class></qos>"
        f"<checksum>true</checksum><color {MORE}>grey</color><kind {MORE}>parrot</kind></node>"
    ),
    ("report-all-tagged", "<limit>5</limit><mode>fast</mode><turbo>9</turbo>"): (
        f"<limit {TAG}>5</limit><mode>fast</mode><turbo>9</turbo>"
    ),
    ("report-all-tagged", "<limit>6</limit>"): f"<limit>6</limit><mode {TAG}>slow</mode>",
}


@pytest.mark.parametrize("mode, text", MODES)
def test_modes(lab: Schema, mode: str, text: str) -> None:
    tree = apply_edit(lab, None, parse_xml(f'<network xmlns="urn:lab">{text}</network>'.encode()))
    assert tree is not None
    before = etree.tostring(tree)

    result = with_defaults(lab, tree, mode)  # type: ignore[arg-type]  # a literal in the table

    assert result is not None and etree.tostring(tree) == before
    shown = etree.tostring(result, encoding="unicode")
    assert shown == f'<network xmlns="urn:lab">{MODES[mode, text]}</network>'
    if "tagged" not in mode:
        assert validate(lab, result) == validate(lab, tree)
