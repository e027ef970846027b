"""What is asked of a server that exists, against a running cloud."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.integration.vim.boot import Boot
from tests.integration.vim.simulator import Simulator

from openesc.vim import goals
from openesc.vim.errors import VimBadRequest, VimConflict, VimNotFound
from openesc.vim.openstack import OpenStackCloud
from openesc.vim.port import Flavor


@pytest.fixture
async def bigger(sim_cloud: OpenStackCloud) -> Flavor:
    """A flavor with more of everything."""
    flavor = await sim_cloud.find_flavor("SolTest-Cirros-Flavor-v2")
    assert flavor is not None
    return flavor


async def test_power(sim_cloud: OpenStackCloud, boot: Boot) -> None:
    server = await boot.active()
    await sim_cloud.stop_server(server.id)
    await sim_cloud.wait_server(server.id, goals.shutoff, 10)
    with pytest.raises(VimConflict, match=r"Cannot 'stop' instance .* while it is in vm_state stopped"):
        await sim_cloud.stop_server(server.id)
    await sim_cloud.start_server(server.id)
    await sim_cloud.wait_server(server.id, goals.active, 10)
    for hard in (False, True):
        await sim_cloud.reboot_server(server.id, hard=hard)
        await sim_cloud.wait_server(server.id, goals.active, 10)
    with pytest.raises(VimNotFound):
        await sim_cloud.stop_server("00000000-0000-4000-8000-000000000000")


async def test_resize_confirm_and_revert(sim_cloud: OpenStackCloud, boot: Boot, bigger: Flavor) -> None:
    server = await boot.active()
    await sim_cloud.resize_server(server.id, bigger.id)
    waiting = await sim_cloud.wait_server(server.id, goals.resized_to(bigger.name), 10)
    assert (waiting.status, waiting.flavor) == ("VERIFY_RESIZE", bigger.name)
    await sim_cloud.revert_resize(server.id)
    await sim_cloud.wait_server(server.id, goals.all_of(goals.active, goals.flavor_is("SolTest-Cirros-Flavor")), 10)
    await sim_cloud.resize_server(server.id, bigger.id)
    await sim_cloud.wait_server(server.id, goals.verify_resize, 10)
    await sim_cloud.confirm_resize(server.id)
    await sim_cloud.wait_server(server.id, goals.all_of(goals.active, goals.flavor_is(bigger.name)), 10)
    with pytest.raises(VimBadRequest, match="When resizing, instances must change flavor!"):
        await sim_cloud.resize_server(server.id, bigger.id)
    with pytest.raises(VimConflict, match="Cannot 'confirmResize'"):
        await sim_cloud.confirm_resize(server.id)
    with pytest.raises(VimConflict, match="Cannot 'revertResize'"):
        await sim_cloud.revert_resize(server.id)
    assert [one.status for one in await sim_cloud.migrations(server.id)] == ["confirmed", "reverted"]


async def test_a_resize_without_a_host_shows_in_the_action_list_alone(
    simulator: Simulator, sim_cloud: OpenStackCloud, boot: Boot, bigger: Flavor
) -> None:
    server = await boot.active()
    simulator.fault({"type": "no_valid_host"}, {"operation": "server.resize", "name": server.name})
    await sim_cloud.resize_server(server.id, bigger.id)
    after = await sim_cloud.wait_server(server.id, goals.settled, 10)
    assert (after.status, after.flavor, after.fault) == ("ACTIVE", "SolTest-Cirros-Flavor", None)
    action = (await sim_cloud.server_actions(server.id))[0]
    assert (action.action, action.message) == ("resize", "Error")


async def test_migrate_live_and_cold(sim_cloud: OpenStackCloud, boot: Boot) -> None:
    server = await boot.active(host="Host-22")
    await sim_cloud.live_migrate(server.id, "Host-24")
    moved = await sim_cloud.wait_server(server.id, goals.on_host("Host-24"), 10)
    assert moved.host_id != server.host_id
    async with asyncio.timeout(10):
        while (record := (await sim_cloud.migrations(server.id))[0]).status != "completed":  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    assert (record.type, record.source, record.target) == ("live-migration", "Host-22", "Host-24")
    await sim_cloud.cold_migrate(server.id, "Host-22")
    waiting = await sim_cloud.wait_server(server.id, goals.verify_resize, 10)
    assert waiting.hostname == "Host-22"
    await sim_cloud.confirm_resize(server.id)
    await sim_cloud.wait_server(server.id, goals.all_of(goals.active, goals.moved_from(moved)), 10)


async def test_migrate_refusals(sim_cloud: OpenStackCloud, boot: Boot) -> None:
    server = await boot.active(host="Host-22")
    for ask in (sim_cloud.live_migrate, sim_cloud.cold_migrate):
        with pytest.raises(VimBadRequest, match="Compute host nowhere could not be found"):
            await ask(server.id, "nowhere")
    with pytest.raises(VimBadRequest, match="Cannot migrate to the host where the server exists"):
        await sim_cloud.cold_migrate(server.id, "Host-22")
    with pytest.raises(VimBadRequest, match="No valid host was found"):
        await sim_cloud.live_migrate(server.id, "Host-22")
    await sim_cloud.stop_server(server.id)
    await sim_cloud.wait_server(server.id, goals.shutoff, 10)
    with pytest.raises(VimConflict, match="os-migrateLive"):
        await sim_cloud.live_migrate(server.id)


async def test_snapshot_image(sim_cloud: OpenStackCloud, boot: Boot) -> None:
    server = await boot.active()
    image_id = await sim_cloud.create_server_image(server.id, "backup-1", {"openesc": "yes"})
    await sim_cloud.wait_server(server.id, goals.active, 10)
    async with asyncio.timeout(10):
        while (image := await sim_cloud.get_image(image_id)).status != "active":  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    assert image.name == "backup-1"
    await sim_cloud.delete_image(image_id)
    with pytest.raises(VimNotFound):
        await sim_cloud.get_image(image_id)


async def test_snapshots_of_one_name_and_their_bytes(sim_cloud: OpenStackCloud, boot: Boot, tmp_path: Path) -> None:
    server = await boot.active()
    ids = []
    for mark in ("1", "2"):
        ids.append(await sim_cloud.create_server_image(server.id, "same", {"openesc_snapshot": mark}))
        async with asyncio.timeout(10):
            while (await sim_cloud.get_image(ids[-1])).status != "active":  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        await sim_cloud.wait_server(server.id, goals.active, 10)
    named = await sim_cloud.images_named("same")
    assert {image.id: image.properties["openesc_snapshot"] for image in named} == dict(zip(ids, "12", strict=True))
    size = await sim_cloud.download_image(ids[0], tmp_path / "disk")
    assert (tmp_path / "disk").stat().st_size == size > 0
    with pytest.raises(VimBadRequest, match="cannot be written"):
        await sim_cloud.download_image(ids[0], tmp_path / "missing" / "disk")
    for image_id in ids:
        await sim_cloud.delete_image(image_id)
    assert await sim_cloud.images_named("same") == []


async def test_metadata(sim_cloud: OpenStackCloud, boot: Boot) -> None:
    server = await boot.active(metadata={"kept": "1"})
    await sim_cloud.set_server_metadata(server.id, {"openesc:last_operation": "reboot"})
    after = await sim_cloud.get_server(server.id)
    assert after.metadata == {"kept": "1", "openesc:last_operation": "reboot"}


async def test_interfaces(sim_cloud: OpenStackCloud, boot: Boot) -> None:
    server = await boot.active()
    port = await boot.port(7)
    await sim_cloud.attach_interface(server.id, port.id)
    assert (await sim_cloud.get_port(port.id)).device_id == server.id
    with pytest.raises(VimConflict, match="is still in use"):
        await sim_cloud.attach_interface(server.id, port.id)
    await sim_cloud.detach_interface(server.id, port.id)
    async with asyncio.timeout(10):
        while (await sim_cloud.get_port(port.id)).device_id:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    await sim_cloud.detach_interface(server.id, port.id)


async def test_interfaces_of_a_stopped_and_of_a_resized_server(
    sim_cloud: OpenStackCloud, boot: Boot, bigger: Flavor
) -> None:
    server = await boot.active()
    await sim_cloud.stop_server(server.id)
    await sim_cloud.wait_server(server.id, goals.shutoff, 10)
    port = await boot.port(8)
    await sim_cloud.attach_interface(server.id, port.id)
    assert (await sim_cloud.get_port(port.id)).device_id == server.id
    await sim_cloud.resize_server(server.id, bigger.id)
    await sim_cloud.wait_server(server.id, goals.verify_resize, 10)
    with pytest.raises(VimConflict, match=r"Cannot 'attach_interface' instance .* while it is in vm_state resized"):
        await sim_cloud.attach_interface(server.id, (await boot.port(9)).id)


async def test_a_port_is_changed(sim_cloud: OpenStackCloud, boot: Boot) -> None:
    """Security groups by name or id; None is the project's default one."""
    port = await boot.port(10)
    default = port.security_groups
    pairs = (("10.9.1.0/24", None), ("10.9.2.7", None))
    changed = await sim_cloud.update_port(port.id, allowed_address_pairs=pairs, security_groups=default)
    assert changed.allowed_addresses == ("10.9.1.0/24", "10.9.2.7")
    assert changed.security_groups == default and len(default) == 1
    changed = await sim_cloud.update_port(port.id, allowed_address_pairs=(), security_groups=())
    assert (changed.allowed_addresses, changed.security_groups) == ((), ())
    changed = await sim_cloud.update_port(port.id, allowed_address_pairs=(), security_groups=None)
    assert changed.security_groups == default
    named = await boot.port(11, security_groups=("default",))
    assert named.security_groups == default
    with pytest.raises(VimNotFound, match="security group no-such not found"):
        await sim_cloud.update_port(port.id, allowed_address_pairs=(), security_groups=("no-such",))


async def test_server_groups(sim_cloud: OpenStackCloud, boot: Boot) -> None:
    group = await sim_cloud.create_server_group("apart", "anti-affinity")
    assert (group.policy, await sim_cloud.find_server_group("apart")) == ("anti-affinity", group)
    one = await boot.active(1, server_group_id=group.id)
    two = await boot.active(2, server_group_id=group.id)
    assert one.hostname != two.hostname
    await boot.clean()
    boot.made.clear()
    await sim_cloud.delete_server_group(group.id)
    await sim_cloud.delete_server_group(group.id)
    assert await sim_cloud.find_server_group("apart") is None
