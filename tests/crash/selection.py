"""Which crashes are tried: a fixed sample, or all of them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

import pytest
from tests.crash.scenarios import MOMENTS, Scenario

ALL = os.environ.get("CRASH_TESTS") == "all"
"""Set by `make crash`."""


def crashes(*scenarios: Scenario, every: int = 1) -> list[object]:
    """One crash each, at every boundary, or in the sample at each `every`-th."""
    chosen = ((scenario, failpoint) for scenario in scenarios for failpoint in _sample(scenario, every))
    return [pytest.param(scenario, failpoint, id=f"{scenario.name}: {failpoint}") for scenario, failpoint in chosen]


def twice(*scenarios: Scenario, every: int = 1) -> list[object]:
    """Two crashes each: at a boundary, and at the first one that the second life gets to."""
    chosen = ((scenario, pair) for scenario in scenarios for pair in _pairs(scenario, every))
    return [pytest.param(scenario, pair, id=f"{scenario.name}: {' '.join(pair)}") for scenario, pair in chosen]


def _sample(scenario: Scenario, every: int) -> Sequence[str]:
    return list(scenario.boundaries())[:: 1 if ALL else every]


def _pairs(scenario: Scenario, every: int) -> Iterator[tuple[str, str]]:
    """Without the last boundary: nothing comes after it."""
    for number, first in enumerate(_sample(scenario, every)):
        if first != f"{scenario.flow}/close:after":
            yield first, f"{scenario.flow}/*:{MOMENTS[number % 2]}"
