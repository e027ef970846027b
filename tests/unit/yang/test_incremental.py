"""Checking only what an edit can affect gives the verdict, and the errors, of checking everything."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml.etree import _Element

from openesc.yang import Schema, YangErrors, apply_edit, changed_nodes, parse_xml, validate

NC = "urn:ietf:params:xml:ns:netconf:base:1.0"

ids = st.sampled_from(["n1", "n2", "n3"])
small = st.integers(0, 6).map(str)
operations = st.sampled_from(["", "", "", ' nc:operation="remove"', ' nc:operation="replace"'])


def leaf(name: str, values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds(lambda op, value: f"<{name}{op}>{value}</{name}>", operations, values)


def some(*parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """A few of the parts, in any order."""
    return st.lists(st.one_of(*parts), max_size=3, unique_by=lambda text: text[:4]).map("".join)


node_parts = some(
    leaf("weight", small),
    leaf("address", st.sampled_from("xyz")),
    leaf("boost", small),
    leaf("needed-boost", small),
    leaf("peer", ids),
    leaf("tag", st.sampled_from("abcd")),
    leaf("tcp-port", small),
    leaf("udp-port", small),
    leaf("checksum", st.sampled_from(["true", "false"])),
    leaf("qos", leaf("class", small)),
    leaf("more:color", st.just("red")),
)
nodes = st.builds(lambda op, key, parts: f"<node{op}><id>{key}</id>{parts}</node>", operations, ids, node_parts)
links = st.builds(
    lambda op, a, b, parts: f"<link{op}><a>{a}</a><b>{b}</b>{parts}</link>",
    operations,
    ids,
    ids,
    some(leaf("b-address", st.sampled_from("xyz")), leaf("via", st.sampled_from("xyz"))),
)
edits = st.lists(
    st.one_of(
        nodes,
        nodes,
        nodes,
        links,
        leaf("limit", small),
        leaf("mode", st.sampled_from(["slow", "fast"])),
        leaf("turbo", small),
        leaf("turbo-twin", small),
        leaf("total", leaf("count", small)),
    ),
    min_size=1,
    max_size=4,
).map("".join)

_NOTHING: _Element | None = None


def merged(schema: Schema, before: _Element | None, text: str) -> _Element | None:
    edit = f'<network xmlns="urn:lab" xmlns:more="urn:lab-more" xmlns:nc="{NC}">{text}</network>'
    return apply_edit(schema, before, parse_xml(edit.encode()))


@pytest.fixture(scope="module", params=["bounded", "unbounded"])
def schema(request: pytest.FixtureRequest, lab: Schema, tmp_path_factory: pytest.TempPathFactory) -> Schema:
    """The lab, and the lab without the one constraint that may read anything."""
    if request.param == "unbounded":
        return lab
    directory = tmp_path_factory.mktemp("modules")
    for file in (Path(__file__).parent / "modules").glob("lab*.yang"):
        text = file.read_text().replace("leaf instance { type instance-identifier; }", "")
        (directory / file.name).write_text(text)
    bounded = Schema.load([directory], ["lab", "lab-more"])
    assert lab.unbounded_constraints and not bounded.unbounded_constraints
    return bounded


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(sequence=st.lists(edits, min_size=1, max_size=6))
def test_incremental_errors_are_the_full_errors(schema: Schema, sequence: list[str]) -> None:
    """From one valid document to the next, by random edits."""
    lab, state = schema, _NOTHING
    for text in sequence:
        try:
            candidate = merged(lab, state, text)
        except YangErrors:
            continue
        touched = changed_nodes(lab, state, candidate)
        roots = [] if candidate is None else [candidate]

        full = validate(lab, roots)
        incremental = validate(lab, roots, touched=touched)

        assert sorted(map(str, incremental)) == sorted(map(str, full))
        if not full:
            state = candidate


SWITCHES = {
    "a default comes into use with its when": (
        "<mode>fast</mode><turbo>0</turbo>",
        "<node><id>n1</id></node>",
    ),
    "a default goes out of use with its when": (
        "<mode>fast</mode><turbo>6</turbo><node><id>n1</id><qos><class>5</class></qos></node>",
        '<turbo nc:operation="remove"/>',
    ),
    "mandatory comes into force with its when": (
        "<node><id>n1</id><weight>4</weight></node>",
        "<mode>fast</mode>",
    ),
    "a limit falls": (
        "<limit>6</limit><node><id>n1</id><weight>6</weight></node>",
        '<limit nc:operation="remove"/>',
    ),
    "what is referred to goes": (
        "<node><id>n1</id></node><node><id>n2</id><peer>n1</peer></node>",
        '<node nc:operation="delete"><id>n1</id></node>',
    ),
    "a count is wrong after a removal": (
        "<node><id>n1</id></node><total><count>1</count></total>",
        '<node nc:operation="delete"><id>n1</id></node>',
    ),
}


@pytest.mark.parametrize("before, edit", SWITCHES.values(), ids=SWITCHES.keys())
def test_what_an_edit_breaks_elsewhere_is_found(lab: Schema, before: str, edit: str) -> None:
    state = merged(lab, None, before)
    candidate = merged(lab, state, edit)
    assert state is not None and candidate is not None
    assert validate(lab, state) == []

    errors = validate(lab, candidate, touched=changed_nodes(lab, state, candidate))

    assert errors and list(map(str, errors)) == list(map(str, validate(lab, candidate)))


def test_constraints_that_cannot_be_affected_are_not_checked(lab: Schema) -> None:
    """Shown on a document that was not valid before, which incremental validation takes for granted."""
    broken: Any = merged(lab, None, "<limit>1</limit><node><id>n1</id><weight>2</weight></node>")
    tag = lab.find("/lab:network/node/tag")

    assert validate(lab, broken, touched={tag}) == []
    assert len(validate(lab, broken, touched={lab.find("/lab:network/limit")})) == 1


def test_changed_nodes_of_a_removed_subtree_are_all_of_it(lab: Schema) -> None:
    before = merged(lab, None, "<limit>1</limit><node><id>n1</id><qos><class>1</class></qos></node>")
    after = merged(lab, None, "<limit>1</limit>")

    found = {node.path for node in changed_nodes(lab, before, after)}

    node = "/lab:network/node"
    assert found == {node, f"{node}/id", f"{node}/qos", f"{node}/qos/class"}
    assert {n.name for n in changed_nodes(lab, before, None)} == {
        "network",
        "limit",
        "node",
        "id",
        "qos",
        "class",
    }
    assert changed_nodes(lab, before, before) == set()


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(sequence=st.lists(edits, min_size=1, max_size=3))
def test_random_documents_get_the_verdict_of_yangson(
    lab: Schema, oracle: Callable[[Schema, Sequence[_Element]], str | None], sequence: list[str]
) -> None:
    state: _Element | None = None
    for text in sequence:
        try:
            state = merged(lab, state, text)
        except YangErrors:
            continue
    if state is not None:
        assert bool(validate(lab, state)) == bool(oracle(lab, [state]))
