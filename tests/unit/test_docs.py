"""Pages that are made from tables say what the tables say."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from openesc.events.types import TEXTS
from openesc.lifecycle.failures import TABLE
from openesc.lifecycle.flows.registry import TABLE as FLOWS

TESTS = Path(__file__).parents[1]
DOCS = TESTS.parent / "docs"
COVERAGE = DOCS / "user-guide-coverage.md"


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
    assert {row.operation for row in TABLE} == set(FLOWS) - {"sweep", "unchanged"}, (
        "they do nothing that could fail for somebody"
    )
    assert {event for row in TABLE for event in row.events} <= set(TEXTS)
    assert len({(row.operation, row.step) for row in TABLE}) == len(TABLE)


def rows(page: Path) -> Iterator[list[str]]:
    """The cells of every row of the page's tables, without the heads."""
    for line in page.read_text().splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if cells and cells[0] != "the guide" and set(cells[0]) != {"-"}:
            yield cells


@cache
def functions(file: str) -> set[str]:
    """The test functions of the only file whose path ends like this, methods as ``Class::name``."""
    (found,) = [path for path in TESTS.rglob(Path(file).name) if path.as_posix().endswith(f"/{file}")]
    names = set()
    for node in ast.parse(found.read_text()).body:
        inner = node.body if isinstance(node, ast.ClassDef) else []
        names |= {f"{node.name}::{one.name}" for one in inner if isinstance(one, FUNCTION)}  # type: ignore[attr-defined]
        names |= {node.name} if isinstance(node, FUNCTION) else set()
    return {name for name in names if name.rpartition("::")[2].startswith("test_")}


FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)


def test_every_test_that_the_coverage_page_names_exists() -> None:
    named = {name for cells in rows(COVERAGE) for name in re.findall(r"`([^`]+::[^`]+)`", cells[2])}
    missing = [name for name in sorted(named) if name.partition("::")[2] not in functions(name.partition("::")[0])]
    assert len(named) > 100
    assert missing == []


def test_every_claim_of_the_coverage_page_names_a_test() -> None:
    name = r"`\S+\.py::\S+`"
    wrong = [cells for cells in rows(COVERAGE) if len(cells) != 3 or not re.fullmatch(f"{name}(, {name})*", cells[2])]
    assert wrong == []


def test_every_sample_has_a_claim() -> None:
    page = COVERAGE.read_text()
    samples = TESTS / "golden" / "src"
    assert [file.name for file in samples.iterdir() if f"`{file.name}`" not in page] == []
