"""Crash tests: the server is killed, frozen, cut off; what it does afterwards must be as if nothing had happened.

A fixed sample runs by default, every boundary with ``CRASH_TESTS=all`` (``make crash``); see docs/crash-tests.md.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.register_assert_rewrite("tests.crash.house", "tests.crash.outcome", "tests.crash.runs")

from tests.crash.house import House  # noqa: E402  # after the line above, or failures would not show their values
from tests.crash.runs import Runs  # noqa: E402


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A server and a cloud for the tests of one file."""
    house = House.on(tmp_path_factory.mktemp("crash"))
    house.server.start()
    yield house
    house.close()


@pytest.fixture(scope="module")
def runs(house: House) -> Runs:
    return Runs(house)
