from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.unit.lifecycle.toys import World

from openesc.store import Store


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = Store(tmp_path / "openesc.db")
    yield opened
    opened.close()


@pytest.fixture
def world() -> World:
    return World()
