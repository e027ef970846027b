"""The built-in types of RFC 7950 section 9: what they accept, refuse and make canonical."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from lxml import etree

from openesc.yang import Schema, YangError, YangErrors, apply_edit, parse_xml, validate

Check = Callable[..., list[YangError]]

#: What yangson judges otherwise: it takes 09 for decimal, rounds decimals, takes a bit twice, refuses no bits
#: at all, and does not see prefixes bound outside of a value's own element.
ORACLE_ERRS = {
    ("int", "09"),
    ("decimal", "1.2345"),
    ("bits", "one one"),
    ("bits", ""),
    ("pet", "more:parrot"),
    ("pet", "nobody:cat"),
}


ACCEPTED = [
    ("string", "ab", "ab"),
    ("string", "abcdefgh", "abcdefgh"),
    ("string", "^$", "^$"),
    ("letters", "žluť", "žluť"),
    ("int", " -128 ", "-128"),
    ("int", "+5", "5"),
    ("int", "0x1F", "31"),
    ("int", "-010", "-8"),
    ("big", "18446744073709551615", "18446744073709551615"),
    ("percent", "100", "100"),
    ("small", "20", "20"),
    ("decimal", "1.50", "1.5"),
    ("decimal", "-0.001", "-0.001"),
    ("decimal", "7", "7.0"),
    ("decimal", "-0", "0.0"),
    ("decimal", "9223372036854775.807", "9223372036854775.807"),
    ("flag", "\n true ", "true"),
    ("nothing", " ", ""),
    ("color", " red", "red"),
    ("bits", "three one", "one three"),
    ("bits", "", ""),
    ("binary", "YW Jj", "YWJj"),
    ("pet", "cat", "cat"),
    ("pet", "lab:siamese", "siamese"),
    ("pet", "more:parrot", "more:parrot"),
    ("union", "200", "200"),
    ("union", " true", "true"),
    ("union", "xpath:/a", "xpath:/a"),
    ("loose", "5", "5"),
]

REFUSED = [
    ("string", "abcde", None, 'the length 5 of "abcde" is not in the length 2..4 | 8'),
    ("string", "AB", None, '"AB" does not match the pattern [a-z^$]*'),
    ("string", "xy", None, '"xy" matches the forbidden pattern x.*'),
    ("letters", "a1", "letters-only", r'"a1" does not match the pattern \p{L}+'),
    ("int", "128", None, '"128" is not in the range of int8, -128..127'),
    ("int", "1.0", None, '"1.0" is not int8'),
    ("int", "", None, '"" is not int8'),
    ("int", "09", None, '"09" is not an integer'),
    ("percent", "101", "not-percent", 'not a percentage: "101"'),
    ("small", "15", None, '"15" is not in the range 0..10 | 20'),
    ("decimal", "1.2345", None, '"1.2345" is not decimal64 with 3 fraction digits'),
    ("decimal", "9223372036854775.808", None, '"9223372036854775.808" is not in the range of decimal64'),
    ("flag", "True", None, '"True" is not a boolean (true or false)'),
    ("nothing", "x", None, '"x" where an empty element is wanted'),
    ("color", "pink", None, '"pink" is not one of red, green, blue'),
    ("bits", "one four", None, '"four" is not one of the bits one, two, three'),
    ("bits", "one one", None, '"one one" names a bit twice'),
    ("binary", "YWI=", None, 'the length 2 of "YWI=" is not in the length 3'),
    ("pet", "animal", None, '"animal" is not an identity derived from animal'),
    ("pet", "stone", None, '"stone" is not an identity derived from animal'),
    ("pet", "nobody:cat", None, '"nobody:cat" is not an identity derived from animal'),
    ("loose", "x", None, '"x" is not int8'),
]


@pytest.mark.parametrize("leaf, text, canonical", ACCEPTED)
def test_accepted_values_become_canonical(lab: Schema, check: Check, leaf: str, text: str, canonical: str) -> None:
    document = f'<types xmlns="urn:lab" xmlns:lab="urn:lab" xmlns:more="urn:lab-more"><{leaf}>{text}</{leaf}></types>'

    result = apply_edit(lab, None, parse_xml(document.encode()))

    assert result is not None
    assert (result[0].text or "") == canonical
    if text == canonical:  # the oracle wants canonical input
        oracle = (leaf, text) not in ORACLE_ERRS
        assert check(f"<types><{leaf}>{text}</{leaf}></types>", oracle=oracle) == []


@pytest.mark.parametrize("leaf, text, app_tag, message", REFUSED)
def test_refused_values_are_named_in_the_error(
    lab: Schema, check: Check, leaf: str, text: str, app_tag: str | None, message: str
) -> None:
    oracle = (leaf, text) not in ORACLE_ERRS
    (error,) = check(f"<types><{leaf}>{text}</{leaf}></types>", oracle=oracle)

    assert (error.error_tag, error.error_app_tag, error.error_message) == ("invalid-value", app_tag, message)
    assert error.error_path == f"/lab:types/lab:{leaf}"
    with pytest.raises(YangErrors) as caught:
        apply_edit(lab, None, parse_xml(f'<types xmlns="urn:lab"><{leaf}>{text}</{leaf}></types>'.encode()))
    assert [str(one) for one in caught.value.errors] == [str(error)]


def test_a_union_tells_why_no_member_takes_the_value(check: Check) -> None:
    (error,) = check("<types><union>300</union></types>")

    assert error.error_message == (
        '"300" is not in the range of uint8, 0..255; "300" is not a boolean (true or false); '
        '"300" does not match the pattern xpath:.+; "300" does not match the pattern [a-z^$]*'
    )


def test_a_union_member_that_refers_needs_its_instance(check: Check) -> None:
    assert check("<types><string>ab</string><union>ab</union></types>") == []

    (error,) = check("<types><string>ab</string><union>cd</union></types>")

    assert (error.error_tag, error.error_app_tag) == ("data-missing", "instance-required")


def test_instance_identifier_needs_its_instance(lab: Schema, check: Check) -> None:
    there = "/lab:types/lab:story[lab:chapter='1']/lab:text"
    assert check(f"<types><instance>{there}</instance><story><chapter>1</chapter><text>t</text></story></types>") == []

    (error,) = check(f"<types><instance>{there}</instance></types>")

    assert (error.error_tag, error.error_app_tag) == ("data-missing", "instance-required")


def test_prefixes_of_values_stay_bound_in_the_result(lab: Schema) -> None:
    edit = parse_xml(b'<l:types xmlns:l="urn:lab" xmlns:m="urn:lab-more"><l:pet>m:parrot</l:pet></l:types>')

    result = apply_edit(lab, None, edit)

    assert result is not None and result.prefix is None
    assert result[0].text == "more:parrot" and result[0].nsmap["more"] == "urn:lab-more"


def test_prefixes_of_values_survive_edits_around_them(lab: Schema) -> None:
    """Where the namespace is an ancestor's default one, lxml would drop the prefix."""
    first = parse_xml(
        b'<network xmlns="urn:lab" xmlns:l="urn:lab"><node><id>n1</id><weight>1</weight>'
        b'<color xmlns="urn:lab-more">red</color></node></network>'
    )
    second = parse_xml(
        b'<network xmlns="urn:lab" xmlns:l="urn:lab"><node><id>n1</id>'
        b'<kind xmlns="urn:lab-more">l:cat</kind></node></network>'
    )
    third = parse_xml(b'<network xmlns="urn:lab"><node><id>n1</id><address>x</address></node></network>')

    result = None
    for edit in (second, first, third):
        result = apply_edit(lab, result, edit)

    assert result is not None and validate(lab, result) == []
    kind = result[0].find("{urn:lab-more}kind")
    assert kind is not None and kind.text == "lab:cat" and kind.nsmap["lab"] == "urn:lab"
    assert [etree.QName(child).localname for child in result[0]] == [
        "id",
        "weight",
        "address",
        "color",
        "kind",
    ]


@pytest.mark.parametrize(
    "function, good, bad, app_tag",
    [
        ("derived-from", "<pet>cat</pet>", None, None),
        (
            "derived-from-or-self",
            "<pet>siamese</pet><cat-food>f</cat-food>",
            "<pet>dog</pet><cat-food>f</cat-food>",
            "no-cat",
        ),
        ("enum-value", "<level>high</level>", "<level>low</level>", "must-violation"),
        ("bit-is-set", "<bits>a b</bits>", "<bits>b</bits>", "must-violation"),
        ("re-match", "<text>abc</text>", "<text>abcd</text>", "must-violation"),
        (
            "deref",
            "<where>t</where><size>4</size><target><name>t</name></target>",
            "<where>t</where><size>5</size><target><name>t</name></target>",
            "must-violation",
        ),
        (
            "count and current",
            "<target><name>t</name></target><many>1</many>",
            "<target><name>t</name></target><many>2</many>",
            "must-violation",
        ),
    ],
)
def test_functions_of_yang_in_must(
    check: Check, function: str, good: str, bad: str | None, app_tag: str | None
) -> None:
    assert check(f"<functions>{good}</functions>") == []
    if bad is not None:
        (error,) = check(f"<functions>{bad}</functions>")
        assert error.error_app_tag == app_tag


def test_a_leafref_path_may_go_through_another_leafref(tmp_path: Path) -> None:
    """pyang takes deref() in a path; yangson does not."""
    (tmp_path / "m.yang").write_text(
        'module m { yang-version 1.1; namespace "urn:m"; prefix m; container top {'
        ' leaf same { type leafref { path "deref(../where)/../size"; } }'
        ' leaf where { type leafref { path "../target/name"; } }'
        " list target { key name; leaf name { type string; } leaf size { type uint8; } } } }"
    )
    schema = Schema.load([tmp_path], ["m"])
    there = "<where>t</where><target><name>t</name><size>3</size></target><target><name>u</name><size>4</size></target>"

    def errors(same: str) -> list[tuple[str | None, str | None]]:
        document = parse_xml(f'<top xmlns="urn:m">{there}<same>{same}</same></top>'.encode())
        return [(error.error_path, error.error_app_tag) for error in validate(schema, document)]

    assert errors("3") == []
    assert errors("4") == [("/m:top/m:same", "instance-required")]
    (constraint,) = (c for c in schema.constraints if c.node.name == "same")
    assert {node.name for node in constraint.reads or ()} >= {"where", "target", "size"}
