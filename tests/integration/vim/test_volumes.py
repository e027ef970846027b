"""Volumes and their snapshots against a running cloud."""

from __future__ import annotations

import asyncio

import pytest
from tests.integration.vim.boot import Boot
from tests.integration.vim.simulator import Simulator

from openesc.vim.errors import VimBadRequest, VimFault, VimNotFound, VimQuotaExceeded, WaitTimedOut
from openesc.vim.openstack import OpenStackCloud
from openesc.vim.port import BlockDevice, ServerSpec, Volume, VolumeSpec

NOBODY = "00000000-0000-4000-8000-000000000000"


async def made(cloud: OpenStackCloud, spec: VolumeSpec) -> Volume:
    """A volume that can be used."""
    return await cloud.wait_volume((await cloud.create_volume(spec)).id, "available", 10)


async def removed(cloud: OpenStackCloud, volume: Volume) -> None:
    """Deleted, and gone."""
    await cloud.delete_volume(volume.id)
    await cloud.wait_volume(volume.id, "deleted", 10)


async def test_made_found_and_deleted(sim_cloud: OpenStackCloud) -> None:
    volume = await made(sim_cloud, VolumeSpec("plain", 2, metadata={"openesc": "yes"}))
    assert (volume.size, volume.bootable, volume.attached_to) == (2, False, ())
    assert volume.metadata["openesc"] == "yes"
    assert await sim_cloud.find_volume("plain") == volume
    assert await sim_cloud.find_volume(volume.id) == volume
    assert await sim_cloud.get_volume(volume.id) == volume
    await removed(sim_cloud, volume)
    assert await sim_cloud.find_volume("plain") is None
    with pytest.raises(VimNotFound):
        await sim_cloud.get_volume(volume.id)
    await sim_cloud.delete_volume(volume.id)
    await sim_cloud.wait_volume(volume.id, "deleted", 10)


async def test_types_and_whether_it_boots(sim_cloud: OpenStackCloud) -> None:
    types = {one.name: one for one in await sim_cloud.volume_types()}
    assert (types["multiattach"].multiattach, types["LVM"].multiattach) == (True, False)
    assert await sim_cloud.default_volume_type() == types["LVM"]
    volume = await made(sim_cloud, VolumeSpec("typed", 1, volume_type="multiattach"))
    assert (volume.volume_type, volume.bootable) == ("multiattach", False)
    for bootable in (True, True, False):
        await sim_cloud.set_volume_bootable(volume.id, bootable)
        assert (await sim_cloud.get_volume(volume.id)).bootable is bootable
    await removed(sim_cloud, volume)
    with pytest.raises(VimNotFound):
        await sim_cloud.set_volume_bootable(NOBODY, True)


async def test_from_an_image_it_boots(sim_cloud: OpenStackCloud, boot: Boot) -> None:
    image = await sim_cloud.find_image("SolTest-Cirros-Image")
    assert image is not None
    root = await made(sim_cloud, VolumeSpec("root", 1, image_id=image.id))
    assert root.bootable
    server = await boot.active(block_devices=(BlockDevice(root.id, boot_index=0),))
    assert (server.image_id, server.volume_ids) == (None, (root.id,))
    assert (await sim_cloud.wait_volume(root.id, "in-use", 10)).attached_to == (server.id,)
    with pytest.raises(VimBadRequest, match="Volume status must be available or error"):
        await sim_cloud.delete_volume(root.id)
    with pytest.raises(VimBadRequest, match="Cannot detach a root device volume"):
        await sim_cloud.detach_volume(server.id, root.id)
    await boot.clean()
    boot.made.clear()
    await removed(sim_cloud, await sim_cloud.wait_volume(root.id, "available", 10))


async def test_beside_an_image_and_attached_later(sim_cloud: OpenStackCloud, boot: Boot) -> None:
    first = await made(sim_cloud, VolumeSpec("data-1", 1))
    second = await made(sim_cloud, VolumeSpec("data-2", 1))
    server = await boot.active(block_devices=(BlockDevice(first.id),))
    assert server.image_id is not None and server.volume_ids == (first.id,)
    await sim_cloud.attach_volume(server.id, second.id)
    await sim_cloud.wait_volume(second.id, "in-use", 10)
    with pytest.raises(VimBadRequest, match="already attached"):
        await sim_cloud.attach_volume(server.id, second.id)
    await sim_cloud.detach_volume(server.id, second.id)
    await sim_cloud.wait_volume(second.id, "available", 10)
    await sim_cloud.detach_volume(server.id, second.id)
    await removed(sim_cloud, second)


async def test_snapshots(sim_cloud: OpenStackCloud) -> None:
    volume = await made(sim_cloud, VolumeSpec("snapped", 1))
    snapshot = await sim_cloud.create_volume_snapshot(volume.id, "snapshot for x")
    assert (snapshot.volume_id, snapshot.size) == (volume.id, 1)
    assert [one.id for one in await sim_cloud.find_volume_snapshots("snapshot for x")] == [snapshot.id]
    await available(sim_cloud, snapshot.id)
    with pytest.raises(VimBadRequest, match="have snapshots"):
        await sim_cloud.delete_volume(volume.id)
    copy = await made(sim_cloud, VolumeSpec("copy", 1, snapshot_id=snapshot.id))
    await sim_cloud.delete_volume_snapshot(snapshot.id)
    await removed(sim_cloud, copy)
    await gone(sim_cloud, snapshot.id)
    await sim_cloud.delete_volume_snapshot(snapshot.id)
    await removed(sim_cloud, volume)


async def available(cloud: OpenStackCloud, snapshot_id: str) -> None:
    async with asyncio.timeout(10):
        while (await cloud.get_volume_snapshot(snapshot_id)).status != "available":  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def gone(cloud: OpenStackCloud, snapshot_id: str) -> None:
    async with asyncio.timeout(10):
        while await cloud.find_volume_snapshots("snapshot for x"):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    with pytest.raises(VimNotFound):
        await cloud.get_volume_snapshot(snapshot_id)


async def test_refusals(simulator: Simulator, sim_cloud: OpenStackCloud, boot: Boot) -> None:
    with pytest.raises(VimNotFound, match="Volume type with name no-such could not be found"):
        await sim_cloud.create_volume(VolumeSpec("typed", 1, volume_type="no-such"))
    with pytest.raises(VimBadRequest, match="Invalid image identifier or unable to access requested image"):
        await sim_cloud.create_volume(VolumeSpec("imaged", 1, image_id=NOBODY))
    simulator.fault({"type": "quota", "resource": "volumes"}, {"operation": "volume.create"})
    with pytest.raises(VimQuotaExceeded, match="VolumeLimitExceeded") as caught:
        await sim_cloud.create_volume(VolumeSpec("one-too-many", 1))
    assert caught.value.status == 413
    spec = await boot.spec()
    lost = ServerSpec(spec.name, spec.flavor_id, None, spec.port_ids, block_devices=(BlockDevice(NOBODY, 0),))
    with pytest.raises(VimBadRequest, match="Block Device Mapping is Invalid: failed to get volume"):
        await sim_cloud.create_server(lost)


async def test_too_large_says_why(sim_cloud: OpenStackCloud) -> None:
    volume = await sim_cloud.create_volume(VolumeSpec("huge", 900_000))
    with pytest.raises(VimFault, match="Could not find any available weighted backend"):
        await sim_cloud.wait_volume(volume.id, "available", 10)
    await removed(sim_cloud, volume)


async def test_wait_times_out(sim_cloud: OpenStackCloud) -> None:
    volume = await made(sim_cloud, VolumeSpec("patient", 1))
    with pytest.raises(WaitTimedOut, match="was available when last seen"):
        await sim_cloud.wait_volume(volume.id, "in-use", 0.3)
    await removed(sim_cloud, volume)
