"""Documents of the other tests, of the examples and of the benchmarks: yangson comes to our verdict on each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from benchmarks import documents as benchmark
from lxml import etree
from tests.crash import documents as crash
from tests.crash import things
from tests.integration.main_job import payloads
from tests.integration.main_job.failing import ROWS, Names, scenario
from tests.integration.main_job.test_main_access import INVALID

from openesc.northbound.canonical import canonical_config
from openesc.yang import Schema, YangErrors, apply_edit, parse_xml, validate

ROOT = Path(__file__).parents[2]
Oracle = Callable[[etree._Element, str], str | None]


def _crash() -> Iterator[tuple[str, str]]:
    names = crash.Names(7, "http://127.0.0.1/image")
    whole = (crash.single, crash.single_with_other_group, crash.single_elsewhere, crash.multi, crash.apart)
    for make in (*whole, crash.multi_with_other_groups, crash.booting_from_volume, crash.with_existing_volume):
        yield make.__name__, make(names)
    for make in (*things.MAKING, *things.REMOVING):
        yield make.__name__, make(names)


def _failures() -> Iterator[tuple[str, str]]:
    for row in ROWS:
        plan = scenario(Names("differential", "http://127.0.0.1", row))
        for number, document in enumerate([*(before for before, _ in plan.before), plan.edit]):
            yield f"{row.operation}: {row.step} {number}", document


def _others() -> Iterator[tuple[str, str]]:
    for file in sorted((ROOT / "examples").glob("*.xml")):
        yield file.name, file.read_text()
    yield "benchmark", benchmark.deployment(3).decode()
    yield "patient benchmark", benchmark.patient(3).decode()
    everything = payloads.group("g1", count=3, networks=("a", "b"), kpi=False)
    network = f"<networks>{payloads.network('inner', '10.0.0.0')}</networks>"
    yield "payload", payloads.deployment("d", everything, payloads.group("g2"), before=network)
    yield "tenant", payloads.of_tenant("t", "<managed_resource>false</managed_resource>")


DOCUMENTS = {
    **{f"crash {name}": text for name, text in _crash()},
    **{f"failure {name}": text for name, text in _failures()},
    **dict(_others()),
}


def _merged(schema: Schema, text: str) -> etree._Element | None:
    """What an edit of nothing leaves; None where nothing is left, or the edit itself is refused."""
    try:
        return apply_edit(schema, None, canonical_config(parse_xml(text.encode())))
    except YangErrors:
        return None


@pytest.mark.parametrize("name", DOCUMENTS)
def test_both_take_it(schema: Schema, oracle: Oracle, name: str) -> None:
    tree = _merged(schema, DOCUMENTS[name])
    if tree is not None:
        partial = [error for error in validate(schema, tree) if error.error_tag == "data-missing"]
        told = oracle(tree, "config")
        assert bool(partial) == bool(told), f"ours: {partial}\nyangson: {told}"
        assert validate(schema, tree) == partial


@pytest.mark.parametrize("case", INVALID)
def test_both_refuse_it(schema: Schema, oracle: Oracle, case: str) -> None:
    """What the YANG does not forbid is refused by a check of ESC's own: there neither complains."""
    text = INVALID[case][0]
    tree = _merged(schema, text)
    if tree is not None:
        ours, told = validate(schema, tree), oracle(tree, "config")
        assert bool(ours) == bool(told), f"ours: {ours}\nyangson: {told}"
    elif "nc:operation" not in text:  # else it is no document, but an edit of one
        assert oracle(parse_xml(text.encode()), "config") is not None


def test_most_documents_are_judged(schema: Schema) -> None:
    judged = [name for name, text in DOCUMENTS.items() if _merged(schema, text) is not None]
    assert len(judged) > 0.7 * len(DOCUMENTS)
