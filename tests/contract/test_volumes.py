"""Volumes, their snapshots, and servers that boot from them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from tests.contract.boot import Boot

from openesc.vim import goals
from openesc.vim.errors import VimBadRequest, VimFault, VimNotFound, WaitTimedOut
from openesc.vim.openstack import OpenStackCloud
from openesc.vim.port import BlockDevice, Volume, VolumeSpec
from openesc.vim.port_operations import VolumeSnapshot

NOBODY = "00000000-0000-4000-8000-000000000000"


async def removed(boot: Boot, volume: Volume) -> None:
    """Deleted, and gone."""
    await boot.cloud.delete_volume(volume.id)
    await boot.cloud.delete_volume(volume.id)  # again is without effect, also while it goes
    await boot.cloud.wait_volume(volume.id, "deleted", boot.patience)


async def rooted(boot: Boot, number: int = 0) -> tuple[Volume, BlockDevice]:
    """A volume with the image on it, and how a server boots from it."""
    image = await boot.cloud.find_image("SolTest-Cirros-Image")
    assert image is not None
    root = await boot.volume(f"root-{number}", image_id=image.id)
    return root, BlockDevice(root.id, boot_index=0)


async def test_made_found_and_deleted(cloud: OpenStackCloud, boot: Boot) -> None:
    volume = await boot.volume("plain", size=2, metadata={"openesc": "yes"}, volume_type="LVM")
    assert (volume.size, volume.bootable, volume.attached_to, volume.volume_type) == (2, False, (), "LVM")
    assert volume.metadata["openesc"] == "yes"
    assert await cloud.find_volume(volume.name) == volume
    assert await cloud.find_volume(volume.id) == volume
    assert await cloud.get_volume(volume.id) == volume
    await removed(boot, volume)
    assert await cloud.find_volume(volume.name) is None
    with pytest.raises(VimNotFound, match=f"Volume {volume.id} could not be found"):
        await cloud.get_volume(volume.id)
    await removed(boot, volume)


async def test_types_and_whether_it_boots(cloud: OpenStackCloud, boot: Boot) -> None:
    types = {one.name: one for one in await cloud.volume_types()}
    assert (types["multiattach"].multiattach, types["LVM"].multiattach) == (True, False)
    assert await cloud.default_volume_type() == types["LVM"]
    volume = await boot.volume("typed", volume_type="multiattach")
    assert (volume.volume_type, volume.bootable) == ("multiattach", False)
    for bootable in (True, True, False):
        await cloud.set_volume_bootable(volume.id, bootable)
        assert (await cloud.get_volume(volume.id)).bootable is bootable
    with pytest.raises(VimNotFound):
        await cloud.set_volume_bootable(NOBODY, True)


async def test_from_an_image_it_boots(cloud: OpenStackCloud, boot: Boot) -> None:
    root, device = await rooted(boot)
    assert root.bootable
    server = await boot.active(block_devices=(device,))
    assert (server.image_id, server.volume_ids) == (None, (root.id,))
    assert (await cloud.wait_volume(root.id, "in-use", boot.patience)).attached_to == (server.id,)
    with pytest.raises(VimBadRequest, match="Invalid volume: Volume status must be available or error"):
        await cloud.delete_volume(root.id)
    with pytest.raises(VimBadRequest, match="Cannot detach a root device volume"):
        await cloud.detach_volume(server.id, root.id)
    await boot.gone(server)
    assert (await cloud.wait_volume(root.id, "available", boot.patience)).attached_to == ()


async def test_beside_an_image_and_attached_later(cloud: OpenStackCloud, boot: Boot) -> None:
    first, second = await boot.volume("data-1"), await boot.volume("data-2")
    server = await boot.active(block_devices=(BlockDevice(first.id),))
    assert server.image_id is not None and server.volume_ids == (first.id,)
    await cloud.attach_volume(server.id, second.id)
    await cloud.wait_volume(second.id, "in-use", boot.patience)
    assert set((await cloud.get_server(server.id)).volume_ids) == {first.id, second.id}
    with pytest.raises(VimBadRequest, match="already attached"):
        await cloud.attach_volume(server.id, second.id)
    await cloud.detach_volume(server.id, second.id)
    await cloud.wait_volume(second.id, "available", boot.patience)
    await cloud.detach_volume(server.id, second.id)


async def test_snapshots(cloud: OpenStackCloud, boot: Boot, name: str) -> None:
    volume = await boot.volume("snapped")
    snapshot = await cloud.create_volume_snapshot(volume.id, f"snapshot for {name}")
    assert (snapshot.volume_id, snapshot.size) == (volume.id, 1)
    assert [one.id for one in await cloud.find_volume_snapshots(snapshot.name)] == [snapshot.id]
    await available(boot, snapshot)
    with pytest.raises(VimBadRequest, match="have snapshots"):
        await cloud.delete_volume(volume.id)
    copy = await boot.volume("copy", snapshot_id=snapshot.id)
    await gone(boot, snapshot)
    await cloud.delete_volume_snapshot(snapshot.id)
    await removed(boot, copy)
    await removed(boot, volume)


async def available(boot: Boot, snapshot: VolumeSnapshot) -> None:
    """Wait until it can be used."""

    async def usable() -> bool:
        return (await boot.cloud.get_volume_snapshot(snapshot.id)).status == "available"

    await boot.until(usable, f"snapshot {snapshot.name} is available")


async def gone(boot: Boot, snapshot: VolumeSnapshot) -> None:
    """Delete it and wait for that."""
    await boot.cloud.delete_volume_snapshot(snapshot.id)

    async def absent() -> bool:
        return not await boot.cloud.find_volume_snapshots(snapshot.name)

    await boot.until(absent, f"snapshot {snapshot.name} is gone")
    with pytest.raises(VimNotFound, match=f"Snapshot {snapshot.id} could not be found"):
        await boot.cloud.get_volume_snapshot(snapshot.id)


async def test_snapshot_of_a_server_that_boots_from_a_volume(
    cloud: OpenStackCloud, boot: Boot, name: str, tmp_path: Path
) -> None:
    """The image has no bytes; what matters is a volume snapshot that outlives it."""
    root, device = await rooted(boot)
    server = await boot.active(block_devices=(device,))
    image_id = await cloud.create_server_image(server.id, f"bfv-{name}", {"openesc": "yes"})
    await boot.wait(server, goals.active)
    image = await cloud.get_image(image_id)
    assert (image.status, image.disk_format) == ("active", "raw")
    (snapshot,) = await cloud.find_volume_snapshots(f"snapshot for bfv-{name}")
    assert (snapshot.volume_id, snapshot.size) == (root.id, root.size)
    assert snapshot.id in image.properties["block_device_mapping"]
    await available(boot, snapshot)
    with pytest.raises(VimBadRequest, match="has no"):
        await cloud.download_image(image_id, tmp_path / "disk")
    await cloud.delete_image(image_id)
    assert [one.id for one in await cloud.find_volume_snapshots(snapshot.name)] == [snapshot.id]
    copy = await boot.volume("restored", snapshot_id=snapshot.id)
    assert copy.bootable
    other = await boot.active(1, block_devices=(BlockDevice(copy.id, boot_index=0),))
    assert other.volume_ids == (copy.id,)
    await boot.gone(server, other)
    await gone(boot, snapshot)


async def test_refusals(cloud: OpenStackCloud, boot: Boot) -> None:
    with pytest.raises(VimNotFound) as unknown:
        await cloud.create_volume(VolumeSpec("typed", 1, volume_type="no-such"))
    assert unknown.value.message == "Volume type with name no-such could not be found."
    with pytest.raises(VimBadRequest) as imaged:
        await cloud.create_volume(VolumeSpec("imaged", 1, image_id=NOBODY))
    assert imaged.value.message == "Invalid image identifier or unable to access requested image."
    lost = dataclasses.replace(await boot.spec(), image_id=None, block_devices=(BlockDevice(NOBODY, 0),))
    with pytest.raises(VimBadRequest) as caught:
        await cloud.create_server(lost)
    assert caught.value.message == f"Block Device Mapping is Invalid: failed to get volume {NOBODY}."


async def test_too_large_says_why(cloud: OpenStackCloud, boot: Boot) -> None:
    volume = await cloud.create_volume(VolumeSpec(f"{boot.prefix}-huge", 3000))
    with pytest.raises(VimFault) as caught:
        await cloud.wait_volume(volume.id, "available", boot.patience)
    assert caught.value.message == "schedule allocate volume:Could not find any available weighted backend."
    await removed(boot, volume)


async def test_waiting_ends(cloud: OpenStackCloud, boot: Boot) -> None:
    volume = await boot.volume("patient")
    with pytest.raises(WaitTimedOut, match="was available when last seen"):
        await cloud.wait_volume(volume.id, "in-use", boot.a_while)
