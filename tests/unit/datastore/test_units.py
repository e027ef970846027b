"""Units are not to be seen: whatever is edited and read is as if running were one tree."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree
from tests.unit.datastore.edits import ESC, config, edit, fresh, sequences

from openesc.datastore.running import DefaultOperation, Running
from openesc.datastore.units import UnitTree
from openesc.yang import YangErrors, apply_edit, parse_xml, validate

relaxed = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


class Whole:
    """The oracle: one tree, edited as RFC 6241 says."""

    def __init__(self, tree: UnitTree) -> None:
        self._schema = tree.schema
        self.root: etree._Element | None = None

    def edit(self, document: etree._Element, default: DefaultOperation) -> None:
        before = None if default == "replace" else self.root
        after = apply_edit(self._schema, before, document[0], default_operation=default)
        if after is not None and (errors := validate(self._schema, after)):
            raise YangErrors(errors)
        self.root = after


def canonical(root: etree._Element | None) -> bytes:
    """Top-level XML with list entries in a fixed order: the order of system-ordered entries says nothing."""
    if root is None:
        return b""
    copied = parse_xml(etree.tostring(root))
    for element in copied.iter():
        if element.find(f"{{{ESC}}}name") is None and len(element):
            element[:] = sorted(element, key=lambda child: (str(child.tag), child.findtext(f"{{{ESC}}}name") or ""))
    return etree.tostring(copied, method="c14n")


def assembled(running: Running) -> etree._Element | None:
    text = running.tree_of(running.select(None))
    return parse_xml(text) if text else None


async def _both(tree: UnitTree, steps: list[tuple[str, DefaultOperation]]) -> None:
    whole = Whole(tree)
    with fresh(tree) as (store, running):
        for text, default in steps:
            verdicts: list[bool] = []
            for apply in (_sync(whole), lambda d, o: edit(store, running, d, o)):
                try:
                    await apply(config(text), default)
                    verdicts.append(True)
                except YangErrors:
                    verdicts.append(False)
            assert verdicts[0] == verdicts[1], f"{text} ({default}): one tree says {verdicts[0]}"
            assert canonical(assembled(running)) == canonical(whole.root), text


def _sync(whole: Whole) -> Any:
    async def apply(document: etree._Element, default: DefaultOperation) -> None:
        whole.edit(document, default)

    return apply


@relaxed
@given(sequences)
def test_edits_over_units_are_edits_of_one_tree(tree: UnitTree, steps: list[tuple[str, str]]) -> None:
    asyncio.run(_both(tree, cast("list[tuple[str, DefaultOperation]]", steps)))


keys = st.sampled_from(["t1", "d1", "i1", "n1", "x"])
NAME = f"{{{ESC}}}name"
PATHS = (
    ("esc_datamodel", "tenants", "tenant*", "deployments", "deployment*", "vm_group"),
    ("esc_datamodel", "tenants", "tenant*", "networks", "network*"),
    ("esc_datamodel", "images", "image*"),
    ("esc_datamodel", "opdata", "status"),
    ("esc_system_config", "vim_connectors"),
    ("other",),
)
bounds = st.tuples(st.sampled_from(PATHS), st.integers(0, 6), st.lists(st.none() | keys, min_size=2, max_size=2)).map(
    lambda t: _bound(t[0][: t[1]], t[2])
)


def _bound(path: tuple[str, ...], given_keys: list[str | None]) -> tuple[tuple[str, dict[str, str]], ...]:
    found, left = [], list(given_keys)
    for name in path:
        key = left.pop(0) if name.endswith("*") else None
        found.append((f"{{{ESC}}}{name.rstrip('*')}", {NAME: key} if key is not None else {}))
    return tuple(found)


@relaxed
@given(sequences, st.lists(bounds, max_size=3))
def test_look_up_finds_what_a_scan_finds(tree: UnitTree, steps: list[tuple[str, str]], wanted: list[Any]) -> None:
    async def run() -> None:
        with fresh(tree) as (store, running):
            for text, default in steps:
                try:
                    await edit(store, running, config(text), cast(DefaultOperation, default))
                except YangErrors:
                    continue
            scanned = [
                unit for unit in running.select(None) if any(running._may_match(unit, bound) for bound in wanted)
            ]
            found = running.select(wanted)
            assert {unit.id.text for unit in found} == {unit.id.text for unit in scanned}
            assert len(found) == len(scanned)

    asyncio.run(run())
