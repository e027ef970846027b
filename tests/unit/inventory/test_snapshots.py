"""Snapshots in the inventory: in and out, and what a reference stands for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest_asyncio

from openesc.inventory import snapshots as inventory
from openesc.inventory.snapshots import Snapshot
from openesc.store import Store, Tx

VOLUMES = ({"id": "vs-1", "volume_id": "v-1", "boot": False}, {"id": "vs-0", "volume_id": "v-0", "boot": True})
SNAPSHOT = Snapshot(
    id="s-1",
    name="nightly",
    status=inventory.CREATING,
    status_message="being created",
    vm_name="dep_g_0_x",
    vm_group="g",
    deployment="dep",
    deployment_id="d",
    tenant="t",
    vim_id=None,
    project="t",
    server_id="srv",
    started_at=1,
    source={"vmid": "srv"},
    document="<a/>",
)


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = Store(tmp_path / "openesc.db")
    yield opened
    opened.close()


async def add(store: Store, *records: Snapshot) -> None:
    def write(tx: Tx) -> None:
        for record in records:
            inventory.add_snapshot(tx, record)

    await store.write(write)


async def test_what_goes_in_comes_out(store: Store) -> None:
    await add(store, SNAPSHOT)
    assert await store.read(lambda c: inventory.snapshot(c, "s-1")) == replace(SNAPSHOT, volume_snapshots=[])
    assert await store.read(lambda c: inventory.snapshot(c, "nightly")) is None


async def test_what_is_found_out_later(store: Store) -> None:
    await add(store, SNAPSHOT)
    changes = {"image_id": "img", "volume_snapshots": VOLUMES, "status": inventory.AVAILABLE, "ended_at": 9}
    await store.write(lambda tx: inventory.update_snapshot(tx, "s-1", **changes))
    found = await store.read(lambda c: inventory.snapshot(c, "s-1"))
    assert found is not None
    assert (found.image_id, found.status, found.ended_at) == ("img", "available", 9)
    assert found.boot_volume_snapshot_id == "vs-0"
    assert SNAPSHOT.boot_volume_snapshot_id is None


async def test_a_reference_is_an_id_before_it_is_a_name(store: Store) -> None:
    await add(store, SNAPSHOT, replace(SNAPSHOT, id="s-2", started_at=2), replace(SNAPSHOT, id="s-3", name="s-1"))
    by_name = await store.read(lambda c: inventory.snapshots_meant(c, "nightly"))
    assert [one.id for one in by_name] == ["s-1", "s-2"]
    assert [one.id for one in await store.read(lambda c: inventory.snapshots_meant(c, "s-1"))] == ["s-1"]
    assert await store.read(lambda c: inventory.snapshots_meant(c, "nobody")) == []


async def test_lists_by_tenant_and_vm_oldest_first(store: Store) -> None:
    other = replace(SNAPSHOT, id="s-2", tenant="other", started_at=3)
    await add(store, other, SNAPSHOT, replace(SNAPSHOT, id="s-3", vm_name="dep_g_1_y", started_at=2))
    assert [one.id for one in await store.read(inventory.snapshots)] == ["s-1", "s-3", "s-2"]
    assert [one.id for one in await store.read(lambda c: inventory.snapshots(c, "t"))] == ["s-1", "s-3"]
    assert [one.id for one in await store.read(lambda c: inventory.snapshots(c, "t", "dep_g_1_y"))] == ["s-3"]


async def test_one_that_is_gone(store: Store) -> None:
    await add(store, SNAPSHOT)
    await store.write(lambda tx: inventory.remove_snapshot(tx, "s-1"))
    assert await store.read(inventory.snapshots) == []


def test_it_survives_the_arguments_of_an_operation() -> None:
    assert Snapshot(**asdict(SNAPSHOT)) == SNAPSHOT
