"""Laws of the edit algebra (RFC 6241 section 7.2) and of filters (section 6), on random documents."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree
from lxml.etree import _Element
from tests.unit.yang.test_incremental import edits, ids, leaf, links, merged, nodes, small

from openesc.yang import Schema, YangErrors, apply_edit, parse_xml, subtree_filter, xpath_filter

NC = "urn:ietf:params:xml:ns:netconf:base:1.0"
relaxed = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@st.composite
def documents(draw: st.DrawFn) -> str:
    """The inside of a ``network``, without operations."""
    return draw(edits).replace(' nc:operation="remove"', "").replace(' nc:operation="replace"', "")


def text(root: _Element | None) -> str:
    return "" if root is None else etree.tostring(root, method="c14n").decode()


def tree_of(lab: Schema, document: str) -> _Element | None:
    """The document as a datastore; None where the generator made what no datastore holds."""
    try:
        return merged(lab, None, document)
    except YangErrors:
        return None


def applied(lab: Schema, before: _Element | None, edit: str, operation: str | None = None) -> _Element | None:
    mark = f' nc:operation="{operation}"' if operation else ""
    whole = f'<network xmlns="urn:lab" xmlns:more="urn:lab-more" xmlns:nc="{NC}"{mark}>{edit}</network>'
    return apply_edit(lab, before, parse_xml(whole.encode()))


@relaxed
@given(documents(), edits)
def test_an_edit_made_twice_is_an_edit_made_once(lab: Schema, document: str, edit: str) -> None:
    """Merge, replace and remove say what is to be, not what is to change."""
    before = tree_of(lab, document)
    try:
        once = merged(lab, before, edit)
    except YangErrors:
        return
    assert text(merged(lab, once, edit)) == text(once)


@relaxed
@given(documents(), documents())
def test_replace_forgets_and_create_demands_nothing(lab: Schema, document: str, other: str) -> None:
    before, wanted = tree_of(lab, document), tree_of(lab, other)
    if before is None or wanted is None:
        return
    assert text(applied(lab, before, other, "replace")) == text(wanted)
    assert text(applied(lab, None, other, "create")) == text(wanted)
    with pytest.raises(YangErrors):
        applied(lab, before, other, "create")


@relaxed
@given(documents())
def test_what_is_there_can_be_taken_away_once(lab: Schema, document: str) -> None:
    before = tree_of(lab, document)
    if before is None:
        return
    assert applied(lab, before, "", "delete") is None
    assert applied(lab, before, "", "remove") is None
    assert applied(lab, None, "", "remove") is None
    with pytest.raises(YangErrors):
        applied(lab, None, "", "delete")


@relaxed
@given(documents(), edits)
def test_an_edit_leaves_its_target_and_reads_back_what_it_made(lab: Schema, document: str, edit: str) -> None:
    before = tree_of(lab, document)
    printed = text(before)
    try:
        after = merged(lab, before, edit)
    except YangErrors:
        after = None
    assert text(before) == printed
    if after is not None:
        assert text(apply_edit(lab, None, parse_xml(etree.tostring(after)))) == text(after)


selections = st.one_of(
    leaf("limit", small),
    st.just("<limit/>"),
    st.just("<node/>"),
    st.builds("<node><id>{}</id></node>".format, ids),
    st.builds("<node><id>{}</id><weight/></node>".format, ids),
    st.builds("<node><weight>{}</weight></node>".format, small),
    st.just("<node><qos><class/></qos><tag/></node>"),
    st.builds("<link><a>{}</a></link>".format, ids),
    st.just("<total/>"),
)
filters = st.lists(selections, max_size=3).map("".join).map(lambda t: t.replace(' nc:operation="remove"', ""))


def chosen(lab: Schema, roots: list[_Element], inside: str) -> list[_Element]:
    inside = inside.replace(' nc:operation="replace"', "")
    return subtree_filter(
        lab, roots, parse_xml(f'<filter><network xmlns="urn:lab">{inside}</network></filter>'.encode())
    )


def lines(root: _Element, path: str = "") -> Iterator[str]:
    """Each leaf with its path, entries named by their keys."""
    keys = "".join(f"[{child.text}]" for child in root if etree.QName(child).localname in ("id", "a", "b"))
    here = f"{path}/{etree.QName(root).localname}{keys}"
    if not len(root):
        yield f"{here}={root.text or ''}"
    for child in root:
        yield from lines(child, here)


@relaxed
@given(st.lists(st.one_of(nodes, links, leaf("limit", small)), max_size=5).map("".join), filters)
def test_a_filter_finds_a_part_and_finds_it_again(lab: Schema, document: str, inside: str) -> None:
    """Nothing is made up, nothing selected is lost by selecting again, and the data stay as they were."""
    root = tree_of(lab, document.replace(' nc:operation="remove"', "").replace(' nc:operation="replace"', ""))
    if root is None:
        return
    before = text(root)
    found = chosen(lab, [root], inside)
    assert text(root) == before
    everything = set(lines(root))
    part = {line for one in found for line in lines(one) if not line.endswith("/network=")}
    assert part <= everything
    again = chosen(lab, found, inside)
    assert [text(one) for one in again] == [text(one) for one in found]


@relaxed
@given(documents(), ids, st.sampled_from(["weight", "tag", "address", "qos"]))
def test_both_kinds_of_filter_agree(lab: Schema, document: str, key: str, name: str) -> None:
    """Where both can say it: an entry by its key, and a part of it."""
    root = tree_of(lab, document)
    if root is None:
        return
    for inside, expression in (
        (f"<node><id>{key}</id></node>", f'/network/node[id="{key}"]'),
        (f"<node><id/><{name}/></node>", f"/network/node/id | /network/node/{name}"),
    ):
        by_tree, by_path = chosen(lab, [root], inside), xpath_filter(lab, [root], expression)
        assert [text(one) for one in by_tree] == [text(one) for one in by_path], expression
