"""Only plain XML comes in."""

from __future__ import annotations

import pytest

from openesc.yang import MalformedXml, parse_xml


def test_comments_and_instructions_are_dropped() -> None:
    root = parse_xml(b"<?xml version='1.0'?><a><!-- c --><?p i?><b><![CDATA[x]]></b></a>")

    assert [child.tag for child in root] == ["b"] and root[0].text == "x"


@pytest.mark.parametrize(
    "data, why",
    [
        (b"", "not well-formed"),
        (b"<a>", "not well-formed"),
        (b"<a xmlns=x/>", "not well-formed"),
        (b"<a><nc:b/></a>", "not well-formed"),
        (b"<!DOCTYPE a><a/>", "DOCTYPE"),
        (b'<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a>&e;</a>', "DOCTYPE"),
        (
            '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>'.encode("utf-16"),
            "DOCTYPE",
        ),
        (b"<a>" * 65 + b"</a>" * 65, "deeper than 64"),
        (b"<a>" * 100_000 + b"</a>" * 100_000, "not well-formed|deeper"),
    ],
)
def test_dangerous_or_broken_xml_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(MalformedXml, match=why):
        parse_xml(data)


def test_depth_at_the_limit_is_accepted() -> None:
    assert parse_xml(b"<a>" * 64 + b"</a>" * 64).tag == "a"
    assert parse_xml(b"<a><b/></a>", max_depth=2).tag == "a"
