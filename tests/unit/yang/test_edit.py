"""The edit algebra of RFC 6241 section 7.2."""

from __future__ import annotations

from typing import Literal

import pytest
from lxml import etree
from lxml.etree import _Element

from openesc.yang import Schema, YangError, YangErrors, apply_edit, parse_xml, validate

NC = 'xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0" xmlns:yang="urn:ietf:params:xml:ns:yang:1"'

Operation = Literal["merge", "replace", "none"]


def tree(inner: str, top: str = "network") -> _Element:
    return parse_xml(f'<{top} xmlns="urn:lab" {NC}>{inner}</{top}>'.encode())


def inner(result: _Element | None) -> str:
    """What stands in the result, without the top element and its namespace declaration."""
    assert result is not None
    text = etree.tostring(result, encoding="unicode")
    return text[text.index(">") + 1 : text.rindex("<")] if len(result) else ""


def target(text: str, top: str = "network") -> _Element | None:
    """A canonical tree, as apply_edit makes them."""
    lab = _LAB[0]
    return apply_edit(lab, None, tree(text, top)) if text else None


_LAB: list[Schema] = []


@pytest.fixture(autouse=True)
def _remember(lab: Schema) -> None:
    _LAB[:] = [lab]


def edited(before: str, edit: str, operation: Operation = "merge", top: str = "network") -> str | None:
    result = apply_edit(_LAB[0], target(before, top), tree(edit, top), default_operation=operation)
    return None if result is None else inner(result)


def refused(before: str, edit: str, operation: Operation = "merge", top: str = "network") -> list[YangError]:
    with pytest.raises(YangErrors) as caught:
        edited(before, edit, operation, top)
    return caught.value.errors


N1 = "<node><id>n1</id><weight>1</weight></node>"
N2 = "<node><id>n2</id></node>"

MERGES = {
    "new leaf": ("", "<limit> 7 </limit>", "<limit>7</limit>"),
    "changed leaf": ("<limit>7</limit>", "<limit>8</limit>", "<limit>8</limit>"),
    "keys first, schema order": (
        "",
        "<node><tag>t</tag><weight>1</weight><id>n1</id></node><mode>fast</mode>",
        "<mode>fast</mode><node><id>n1</id><weight>1</weight><tag>t</tag></node>",
    ),
    "second entry": (N1, N2, N1 + N2),
    "into an entry": (
        N1 + N2,
        "<node><id>n1</id><address>x</address></node>",
        N1[:-7] + "<address>x</address></node>" + N2,
    ),
    "leaf-list": (
        "<node><id>n1</id><tag>b</tag></node>",
        "<node><id>n1</id><tag>a</tag><tag>b</tag></node>",
        "<node><id>n1</id><tag>b</tag><tag>a</tag></node>",
    ),
    "other case": (
        "<node><id>n1</id><tcp-port>1</tcp-port></node>",
        "<node><id>n1</id><udp-port>2</udp-port></node>",
        "<node><id>n1</id><udp-port>2</udp-port></node>",
    ),
    "same case": (
        "<node><id>n1</id><checksum>true</checksum></node>",
        "<node><id>n1</id><udp-port>2</udp-port></node>",
        "<node><id>n1</id><checksum>true</checksum><udp-port>2</udp-port></node>",
    ),
    "delete": (N1 + N2, '<node nc:operation="delete"><id>n1</id></node>', N2),
    "delete does not look at the rest": (
        N1 + N2,
        '<node nc:operation="delete"><id>n1</id><weight>x</weight></node>',
        N2,
    ),
    "remove what is not there": (N2, '<node nc:operation="remove"><id>n1</id></node>', N2),
    "delete a leaf": (
        N1,
        '<node><id>n1</id><weight nc:operation="delete"/></node>',
        "<node><id>n1</id></node>",
    ),
    "delete a leaf-list entry": (
        "<node><id>n1</id><tag>a</tag><tag>b</tag></node>",
        '<node><id>n1</id><tag nc:operation="delete">a</tag></node>',
        "<node><id>n1</id><tag>b</tag></node>",
    ),
    "empty containers vanish": (
        "<limit>1</limit><node><id>n1</id><qos><class>2</class></qos></node>",
        '<node><id>n1</id><qos><class nc:operation="delete"/></qos></node>',
        "<limit>1</limit><node><id>n1</id></node>",
    ),
    "presence containers stay": (
        "<total><count>1</count></total>",
        '<total><count nc:operation="delete"/></total>',
        "<total/>",
    ),
    "create": (N1, N2.replace("<node", '<node nc:operation="create"'), N1 + N2),
    "replace an entry in its place": (
        N1 + N2,
        '<node nc:operation="replace"><id>n1</id><address>x</address></node>',
        "<node><id>n1</id><address>x</address></node>" + N2,
    ),
    "replace a leaf": ("<limit>1</limit>", '<limit nc:operation="replace">2</limit>', "<limit>2</limit>"),
    "delete and create again": (
        N1,
        '<node nc:operation="create"><id>n1</id></node><node nc:operation="delete"><id>n1</id></node>',
        "<node><id>n1</id></node>",
    ),
    "delete one case and create the other": (
        "<node><id>n1</id><tcp-port>1</tcp-port></node>",
        '<node><id>n1</id><udp-port>2</udp-port><tcp-port nc:operation="delete"/></node>',
        "<node><id>n1</id><udp-port>2</udp-port></node>",
    ),
    "operation in other case and place": (N1, '<node nc:operation=" remove "><id> n1</id></node>', N1),
}


@pytest.mark.parametrize("before, edit, after", MERGES.values(), ids=MERGES.keys())
def test_merge_is_the_default(before: str, edit: str, after: str) -> None:
    assert edited(before, edit) == after


def test_nothing_left_is_none() -> None:
    whole = parse_xml(f'<network xmlns="urn:lab" {NC} nc:operation="delete"/>'.encode())

    assert apply_edit(_LAB[0], target(N1), whole) is None
    assert edited(N1, '<node nc:operation="delete"><id>n1</id></node>') is None
    assert edited("", "") is None


def test_default_operation_replace_replaces_the_whole_tree() -> None:
    assert edited(N1 + "<limit>1</limit>", N2, "replace") == N2


def test_default_operation_none_changes_only_what_is_marked() -> None:
    edit = (
        '<limit>9</limit><node><id>n1</id><weight nc:operation="delete"/>'
        '<address nc:operation="merge">x</address></node>'
    )

    assert (
        edited("<limit>1</limit>" + N1, edit, "none") == "<limit>1</limit><node><id>n1</id><address>x</address></node>"
    )


def test_operation_is_inherited_below() -> None:
    edit = '<node nc:operation="merge"><id>n3</id><weight>2</weight></node>'

    assert edited(N1, edit, "none") == N1 + "<node><id>n3</id><weight>2</weight></node>"


REFUSED = {
    "create what exists": (
        N1,
        '<node nc:operation="create"><id>n1</id></node>',
        "data-exists",
        "/lab:node[lab:id='n1']",
    ),
    "create a leaf that exists": (
        "<limit>1</limit>",
        '<limit nc:operation="create">2</limit>',
        "data-exists",
        "/lab:limit",
    ),
    "delete what is not there": (
        N1,
        '<node nc:operation="delete"><id>n2</id></node>',
        "data-missing",
        "/lab:node[lab:id='n2']",
    ),
    "delete a leaf that is not there": ("", '<limit nc:operation="delete"/>', "data-missing", "/lab:limit"),
    "unknown": ("", "<limits/>", "unknown-element", ""),
    "missing key": ("", "<node><weight>1</weight></node>", "missing-element", "/lab:node"),
    "one of two keys": ("", "<link><a>x</a></link>", "missing-element", "/lab:link[lab:a='x']"),
    "wrong value": ("", "<limit>many</limit>", "invalid-value", "/lab:limit"),
    "wrong key": (
        "",
        "<node><id>123456789</id></node>",
        "invalid-value",
        "/lab:node[lab:id='123456789']/lab:id",
    ),
    "twice": ("", N1 + "<node><id>n1</id></node>", "bad-element", "/lab:node[lab:id='n1']"),
    "leaf twice": ("", "<limit>1</limit><limit>2</limit>", "bad-element", "/lab:limit"),
    "two cases": (
        "",
        "<node><id>n1</id><tcp-port>1</tcp-port><udp-port>2</udp-port></node>",
        "bad-element",
        "/lab:node[lab:id='n1']/lab:udp-port",
    ),
    "wrong operation": ("", '<limit nc:operation="destroy">1</limit>', "bad-attribute", "/lab:limit"),
    "operation without namespace": (
        "",
        '<limit operation="delete">1</limit>',
        "unknown-attribute",
        "/lab:limit",
    ),
    "operation of another namespace": (
        "",
        '<limit x:operation="delete" xmlns:x="urn:x">1</limit>',
        "unknown-attribute",
        "/lab:limit",
    ),
    "text in a container": ("", "hello<limit>1</limit>", "bad-element", ""),
    "element in a leaf": ("", "<limit><limit>1</limit></limit>", "bad-element", "/lab:limit"),
    "delete a key alone": (
        N1,
        '<node><id nc:operation="delete">n1</id></node>',
        "bad-attribute",
        "/lab:node[lab:id='n1']/lab:id",
    ),
    "key twice": ("", "<node><id>n1</id><id>n1</id></node>", "bad-element", "/lab:node[lab:id='n1']"),
    "insert in a list of the system": (
        "",
        '<node yang:insert="first"><id>n1</id></node>',
        "bad-attribute",
        "/lab:node[lab:id='n1']",
    ),
}


@pytest.mark.parametrize("before, edit, tag, path", REFUSED.values(), ids=REFUSED.keys())
def test_refused_edits(before: str, edit: str, tag: str, path: str) -> None:
    (error,) = refused(before, edit)

    assert (error.error_tag, error.error_path) == (tag, f"/lab:network{path}")


def test_the_attribute_at_fault_is_named() -> None:
    (error,) = refused("", '<limit operation="delete">1</limit>')

    assert error.error_info == {"bad-attribute": "operation", "bad-element": "limit"}
    assert "urn:ietf:params:xml:ns:netconf:base:1.0" in error.error_message


def test_none_does_not_make_parents() -> None:
    (error,) = refused("", '<node><id>n1</id><weight nc:operation="merge">1</weight></node>', "none")

    assert (error.error_tag, error.error_path) == ("data-missing", "/lab:network/lab:node[lab:id='n1']")


def test_all_errors_of_an_edit_come_together() -> None:
    edit = (
        '<node nc:operation="create"><id>n1</id><weight>x</weight><what/></node>'
        '<node nc:operation="delete"><id>n9</id></node><limit operation="x">-1</limit>'
    )

    errors = refused(N1, edit)

    assert sorted(error.error_tag for error in errors) == sorted(
        [
            "data-exists",
            "invalid-value",
            "unknown-element",
            "data-missing",
            "unknown-attribute",
            "invalid-value",
        ]
    )


def test_state_cannot_be_edited() -> None:
    (error,) = refused("", "<state>up</state>", top="types")

    assert error.error_tag == "unknown-element"
    assert error.error_message == "state is operational state (config false) and cannot be configured"


def test_unknown_top_level_element_and_namespace() -> None:
    for text, tag in (
        ('<nothing xmlns="urn:lab"/>', "unknown-element"),
        ('<network xmlns="urn:x"/>', "unknown-namespace"),
    ):
        with pytest.raises(YangErrors) as caught:
            apply_edit(_LAB[0], None, parse_xml(text.encode()))
        assert [error.error_tag for error in caught.value.errors] == [tag]


NUMBERS = "<numbers>1</numbers><numbers>2</numbers>"
STORY = "<story><chapter>1</chapter></story><story><chapter>2</chapter></story>"
INSERTS = [
    (NUMBERS, '<numbers yang:insert="first">3</numbers>', "312"),
    (NUMBERS, '<numbers yang:insert="last">3</numbers>', "123"),
    (NUMBERS, "<numbers>3</numbers>", "123"),
    (NUMBERS, '<numbers yang:insert="before" yang:value="2">3</numbers>', "132"),
    (NUMBERS, '<numbers yang:insert="after" yang:value="1">3</numbers>', "132"),
    (NUMBERS, '<numbers yang:insert="first">2</numbers>', "21"),
    (NUMBERS, '<numbers yang:insert="last">1</numbers><numbers>4</numbers>', "214"),
    (STORY, '<story yang:insert="first"><chapter>3</chapter></story>', "312"),
    (
        STORY,
        """<story xmlns:l="urn:lab" yang:insert="before" yang:key="[l:chapter='2']"><chapter>3</chapter></story>""",
        "132",
    ),
    (STORY, """<story yang:insert="after" yang:key="[chapter='2']"><chapter>1</chapter></story>""", "21"),
]


@pytest.mark.parametrize("before, edit, order", INSERTS)
def test_insert_orders_lists_of_the_user(before: str, edit: str, order: str) -> None:
    result = apply_edit(_LAB[0], target(before, "types"), tree(edit, "types"))

    assert result is not None
    assert "".join(map(str, result.itertext())) == order


def test_insert_names_the_missing_anchor() -> None:
    (error,) = refused(NUMBERS, '<numbers yang:insert="after" yang:value="9">3</numbers>', top="types")

    assert (error.error_tag, error.error_app_tag) == ("bad-attribute", "missing-instance")


def test_insert_without_anchor_is_refused() -> None:
    (error,) = refused(NUMBERS, '<numbers yang:insert="after">3</numbers>', top="types")

    assert error.error_info["bad-attribute"] == "value"


def test_anydata_is_taken_as_it_stands() -> None:
    edit = '<blob nc:operation="replace"><x xmlns="urn:x" y="1">text<z/></x></blob>'

    result = apply_edit(_LAB[0], target("<blob><old/></blob>", "types"), tree(edit, "types"))

    assert result is not None and result[0][0].tag == "{urn:x}x" and result[0][0].get("y") == "1"
    assert not result[0].attrib and len(result[0]) == 1


def test_the_target_is_untouched_and_the_result_has_one_default_namespace() -> None:
    before = target(N1)
    assert before is not None
    kept = etree.tostring(before)
    edit = parse_xml(f'<l:network xmlns:l="urn:lab" {NC}><l:limit>1</l:limit></l:network>'.encode())

    result = apply_edit(_LAB[0], before, edit)

    assert etree.tostring(before) == kept
    assert result is not None
    assert etree.tostring(result) == b'<network xmlns="urn:lab"><limit>1</limit>' + N1.encode() + b"</network>"


def test_many_entries_are_created_in_time_proportional_to_their_number(lab: Schema) -> None:
    entries = "".join(f"<node><id>{i}</id><weight>1</weight></node>" for i in range(5000))

    result = apply_edit(lab, target("<total><count>1</count></total>"), tree(entries))

    assert result is not None and len(result) == 5001
    assert result[-1].tag == "{urn:lab}total" and result[0][0].text == "0"
    assert {error.error_app_tag for error in validate(lab, result)} == {"too-many-elements", "must-violation"}
