"""Which crashes are tried: a fixed sample, or all of them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

import pytest
from tests.crash.scenario import MOMENTS, Scenario

ALL = os.environ.get("CRASH_TESTS") == "all"
"""Set by `make crash`."""


def crashes(*scenarios: Scenario) -> list[object]:
    """One crash at every boundary. In the sample one run of each scenario, through a crash after each call that
    changes something in the cloud.
    """
    if ALL:
        return [_param(scenario, failpoint) for scenario in scenarios for failpoint in scenario.boundaries()]
    return [_param(scenario, *scenario.effects()) for scenario in scenarios]


def some(*scenarios: Scenario, every: int) -> list[object]:
    """One crash at every boundary, or in the sample at each `every`-th: for operations that work in parallel."""
    return [_param(scenario, failpoint) for scenario in scenarios for failpoint in _sample(scenario, every)]


def twice(*scenarios: Scenario, every: int = 1) -> list[object]:
    """Two crashes each: at a boundary, and at the first one that the second life gets to."""
    return [_param(scenario, *pair) for scenario in scenarios for pair in _pairs(scenario, every)]


def _param(scenario: Scenario, *failpoints: str) -> object:
    return pytest.param(scenario, failpoints, id=f"{scenario.name}: {' '.join(failpoints)}")


def _sample(scenario: Scenario, every: int) -> Iterable[str]:
    return list(scenario.boundaries())[:: 1 if ALL else every]


def _pairs(scenario: Scenario, every: int) -> Iterator[tuple[str, str]]:
    """Without the last boundary: nothing comes after it."""
    for number, first in enumerate(_sample(scenario, every)):
        if first != f"{scenario.flow}/close:after":
            yield first, f"{scenario.flow}/*:{MOMENTS[number % 2]}"
