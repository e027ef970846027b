"""Pages that are made from tables say what the tables say."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from openesc.events.types import TEXTS
from openesc.lifecycle.failures import TABLE
from openesc.lifecycle.flows.registry import TABLE as FLOWS

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize(
    "page, generator",
    [
        ("states.md", "tools.states_doc"),
        ("failures.md", "tools.failures_doc"),
        ("what-meets-what.md", "tools.meets_doc"),
    ],
)
def test_the_page_is_what_its_table_says(page: str, generator: str) -> None:
    made = importlib.import_module(generator).render()
    assert (DOCS / page).read_text() == made, f"run python {generator.replace('.', '/')}.py > docs/{page}"


def test_failures_speak_of_what_there_is() -> None:
    assert {row.operation for row in TABLE} == set(FLOWS) - {"sweep"}
    assert {event for row in TABLE for event in row.events} <= set(TEXTS)
    assert len({(row.operation, row.step) for row in TABLE}) == len(TABLE)
