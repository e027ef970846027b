from __future__ import annotations

import pytest

from openesc.datastore.units import UnitTree
from openesc.northbound.model import load_schema, unit_tree


@pytest.fixture(scope="session")
def tree() -> UnitTree:
    """The units of ESC's model."""
    return unit_tree(load_schema(None))
