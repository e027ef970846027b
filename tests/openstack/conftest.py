"""What is here wants the lab (docs/openstack.md): it runs by ``make openstack-test`` alone."""

from __future__ import annotations

from pathlib import Path

from tests.contract.target import CLOUD


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Nothing is collected where the real services are not asked for."""
    return True if CLOUD != "openstack" else None
