"""What is asked of a server that exists: power, resize, migration; states, records and refusals."""

from __future__ import annotations

import pytest
from tests.contract.boot import Boot
from tests.contract.target import Target

from openesc.vim import goals
from openesc.vim.errors import VimBadRequest, VimConflict, VimFault, VimNotFound
from openesc.vim.openstack import OpenStackCloud
from openesc.vim.port import Flavor, Server
from openesc.vim.port_operations import Migration

NOBODY = "00000000-0000-4000-8000-000000000000"


class TestPower:
    async def test_stop_start_and_reboot(self, cloud: OpenStackCloud, boot: Boot) -> None:
        server = await boot.active()
        await cloud.stop_server(server.id)
        stopped = await boot.wait(server, goals.shutoff)
        assert stopped.power_state == 4
        with pytest.raises(VimConflict) as caught:
            await cloud.stop_server(server.id)
        assert caught.value.message == f"Cannot 'stop' instance {server.id} while it is in vm_state stopped"
        await cloud.start_server(server.id)
        await boot.wait(server, goals.active)
        with pytest.raises(VimConflict, match=f"Cannot 'start' instance {server.id} while it is in vm_state active"):
            await cloud.start_server(server.id)
        for hard in (False, True):
            await cloud.reboot_server(server.id, hard=hard)
            await boot.wait(server, goals.active)
        with pytest.raises(VimNotFound):
            await cloud.stop_server(NOBODY)

    async def test_a_stopped_server_is_only_rebooted_hard(self, cloud: OpenStackCloud, boot: Boot) -> None:
        server = await boot.active()
        await cloud.stop_server(server.id)
        await boot.wait(server, goals.shutoff)
        with pytest.raises(VimConflict, match=r"Cannot 'reboot' instance .* while it is in vm_state stopped"):
            await cloud.reboot_server(server.id)
        await cloud.reboot_server(server.id, hard=True)
        assert (await boot.wait(server, goals.active)).power_state == 1

    async def test_the_action_list(self, cloud: OpenStackCloud, boot: Boot) -> None:
        server = await boot.active()
        await cloud.stop_server(server.id)
        await boot.wait(server, goals.shutoff)
        stop, create = await cloud.server_actions(server.id)
        assert (stop.action, stop.message, create.action, create.message) == ("stop", None, "create", None)
        assert stop.request_id.startswith("req-") and stop.started_at >= create.started_at
        events = await cloud.action_events(server.id, stop.request_id)
        assert [(event.event, event.result) for event in events] == [("compute_stop_instance", "Success")]


class TestResize:
    async def test_reverted_and_confirmed(
        self, cloud: OpenStackCloud, boot: Boot, small: Flavor, bigger: Flavor
    ) -> None:
        server = await boot.active()
        await cloud.resize_server(server.id, bigger.id)
        waiting = await boot.wait(server, goals.resized_to(bigger.name))
        assert (waiting.status, waiting.flavor, waiting.task_state) == ("VERIFY_RESIZE", bigger.name, None)
        assert waiting.host_id != server.host_id
        await cloud.revert_resize(server.id)
        await boot.wait(server, goals.all_of(goals.active, goals.flavor_is(small.name)))
        await cloud.resize_server(server.id, bigger.id)
        await boot.wait(server, goals.verify_resize)
        await cloud.confirm_resize(server.id)
        await boot.wait(server, goals.all_of(goals.active, goals.flavor_is(bigger.name)))
        records = await cloud.migrations(server.id)
        assert [(one.type, one.status) for one in records] == [("resize", "confirmed"), ("resize", "reverted")]

    async def test_refusals(self, cloud: OpenStackCloud, boot: Boot, small: Flavor) -> None:
        server = await boot.active()
        with pytest.raises(VimBadRequest) as caught:
            await cloud.resize_server(server.id, small.id)
        assert caught.value.message == "When resizing, instances must change flavor!"
        with pytest.raises(VimBadRequest, match=r"Flavor no-such could not be found\."):
            await cloud.resize_server(server.id, "no-such")
        with pytest.raises(VimConflict, match=r"Cannot 'confirmResize' instance .* while it is in vm_state active"):
            await cloud.confirm_resize(server.id)
        with pytest.raises(VimConflict, match=r"Cannot 'revertResize' instance .* while it is in vm_state active"):
            await cloud.revert_resize(server.id)

    async def test_what_waits_for_confirm_takes_nothing_else(
        self, cloud: OpenStackCloud, boot: Boot, bigger: Flavor
    ) -> None:
        server = await boot.active()
        await cloud.resize_server(server.id, bigger.id)
        await boot.wait(server, goals.verify_resize)
        with pytest.raises(VimConflict, match="while it is in vm_state resized"):
            await cloud.create_server_image(server.id, "too-early")
        with pytest.raises(VimConflict, match="while it is in vm_state resized"):
            await cloud.resize_server(server.id, bigger.id)
        await boot.gone(server)

    async def test_without_a_host_shows_in_the_action_list_alone(
        self, cloud: OpenStackCloud, boot: Boot, small: Flavor, too_big: Flavor
    ) -> None:
        server = await boot.active()
        await cloud.resize_server(server.id, too_big.id)
        after = await boot.wait(server, goals.settled)
        assert (after.status, after.flavor, after.fault) == ("ACTIVE", small.name, None)

        async def told() -> bool:
            newest = (await cloud.server_actions(server.id))[0]
            return newest.message is not None

        await boot.until(told, "the action list tells")
        action = (await cloud.server_actions(server.id))[0]
        assert (action.action, action.message) == ("resize", "Error")
        events = await cloud.action_events(server.id, action.request_id)
        words = "No valid host was found. No valid host found for resize"
        assert [(event.event, event.result, event.details) for event in events] == [
            ("cold_migrate", "Error", words),
            ("conductor_migrate_server", "Error", words),
        ]
        assert (await cloud.migrations(server.id))[0].status == "error"

    async def test_of_a_stopped_server(self, cloud: OpenStackCloud, boot: Boot, bigger: Flavor) -> None:
        server = await boot.active()
        await cloud.stop_server(server.id)
        await boot.wait(server, goals.shutoff)
        await cloud.resize_server(server.id, bigger.id)
        await boot.wait(server, goals.verify_resize)
        await cloud.confirm_resize(server.id)
        await boot.wait(server, goals.all_of(goals.shutoff, goals.flavor_is(bigger.name)))


class TestMigration:
    async def test_live_then_cold(self, cloud: OpenStackCloud, boot: Boot, target: Target) -> None:
        here, there = target.hosts
        server = await boot.active(host=here)
        await cloud.live_migrate(server.id, there)
        moved = await boot.wait(server, goals.on_host(there))
        assert moved.host_id != server.host_id
        record = await ended(boot, server)
        assert (record.type, record.status, record.source, record.target) == (
            "live-migration",
            "completed",
            here,
            there,
        )
        await cloud.cold_migrate(server.id, here)
        waiting = await boot.wait(server, goals.verify_resize)
        assert waiting.hostname == here
        record = (await cloud.migrations(server.id))[0]
        assert (record.type, record.status, record.source, record.target) == ("migration", "finished", there, here)
        await cloud.confirm_resize(server.id)
        await boot.wait(server, goals.all_of(goals.active, goals.moved_from(moved)))

    async def test_the_schedulers_choice(self, cloud: OpenStackCloud, boot: Boot, target: Target) -> None:
        server = await boot.active()
        (there,) = set(target.hosts) - {server.hostname}
        await cloud.live_migrate(server.id)
        await boot.wait(server, goals.on_host(there))
        await ended(boot, server)
        await cloud.cold_migrate(server.id)
        assert (await boot.wait(server, goals.verify_resize)).hostname == server.hostname
        await cloud.revert_resize(server.id)
        assert (await boot.wait(server, goals.active)).hostname == there
        assert (await cloud.migrations(server.id))[0].status == "reverted"

    async def test_block_migration_on_shared_storage(self, cloud: OpenStackCloud, boot: Boot, target: Target) -> None:
        here, there = target.hosts
        server = await boot.active(host=here)
        with pytest.raises(VimBadRequest) as caught:
            await cloud.live_migrate(server.id, there, block_migration=True)
        assert caught.value.message == "No valid host was found. There are not enough hosts available."
        assert (await boot.wait(server, goals.settled)).hostname == here
        reason = f"{here} is not on local storage: Block migration can not be used with shared storage."
        assert reason in await why(boot, server)
        await cloud.live_migrate(server.id, there, block_migration=False)
        await boot.wait(server, goals.on_host(there))
        await ended(boot, server)

    async def test_refusals(self, cloud: OpenStackCloud, boot: Boot, target: Target) -> None:
        here, there = target.hosts
        server = await boot.active(host=here)
        for ask in (cloud.live_migrate, cloud.cold_migrate):
            with pytest.raises(VimBadRequest, match="Compute host nowhere could not be found"):
                await ask(server.id, "nowhere")
        with pytest.raises(VimBadRequest, match="Cannot migrate to the host where the server exists"):
            await cloud.cold_migrate(server.id, here)
        with pytest.raises(VimBadRequest, match="No valid host was found"):
            await cloud.live_migrate(server.id, here)
        await boot.wait(server, goals.active)
        await cloud.stop_server(server.id)
        await boot.wait(server, goals.shutoff)
        with pytest.raises(VimConflict, match=r"Cannot 'os-migrateLive' instance .* while it is in vm_state stopped"):
            await cloud.live_migrate(server.id, there)


class TestFailures:
    """What fails after it was accepted, and where that shows."""

    async def test_a_live_migration_shows_in_its_record_alone(
        self, cloud: OpenStackCloud, boot: Boot, target: Target
    ) -> None:
        server = await boot.active()
        await target.break_next(cloud, server, "live_migration")
        await cloud.live_migrate(server.id)
        after = await boot.wait(server, goals.settled)
        assert (after.status, after.hostname, after.fault) == ("ACTIVE", server.hostname, None)
        assert (await ended(boot, server)).status == "failed"
        action = (await cloud.server_actions(server.id))[0]
        assert (action.action, action.message) == ("live-migration", None)

    async def test_a_stop_shows_in_the_action_list_alone(
        self, cloud: OpenStackCloud, boot: Boot, target: Target
    ) -> None:
        server = await boot.active()
        await target.break_next(cloud, server, "power_off")
        await cloud.stop_server(server.id)
        after = await boot.wait(server, goals.settled)
        assert (after.status, after.fault) == ("ACTIVE", None)
        action = (await cloud.server_actions(server.id))[0]
        assert (action.action, action.message) == ("stop", "Error")
        (event,) = await cloud.action_events(server.id, action.request_id)
        assert (event.event, event.result) == ("compute_stop_instance", "Error") and event.details

    async def test_a_reboot_of_a_guest_that_runs_on_shows_nowhere(
        self, cloud: OpenStackCloud, boot: Boot, target: Target
    ) -> None:
        server = await boot.active()
        await target.break_next(cloud, server, "reboot")
        await cloud.reboot_server(server.id)
        after = await boot.wait(server, goals.settled)
        assert (after.status, after.fault) == ("ACTIVE", None)
        action = (await cloud.server_actions(server.id))[0]
        assert (action.action, action.message) == ("reboot", None)

    async def test_a_snapshot_shows_in_that_its_image_is_gone(
        self, cloud: OpenStackCloud, boot: Boot, target: Target, name: str
    ) -> None:
        server = await boot.active()
        await target.break_next(cloud, server, "snapshot")
        image_id = await cloud.create_server_image(server.id, f"fails-{name}")
        after = await boot.wait(server, goals.active)
        assert after.fault is None

        async def gone() -> bool:
            return not await cloud.images_named(f"fails-{name}")

        await boot.until(gone, "the image is gone")
        with pytest.raises(VimNotFound):
            await cloud.get_image(image_id)
        action = (await cloud.server_actions(server.id))[0]
        assert (action.action, action.message) == ("createImage", None)

    async def test_a_cold_migration_is_a_fault(self, cloud: OpenStackCloud, boot: Boot, target: Target) -> None:
        server = await boot.active()
        await target.break_next(cloud, server, "migrate_disk_and_power_off")
        await cloud.cold_migrate(server.id)
        with pytest.raises(VimFault, match="failed"):
            await boot.wait(server, goals.verify_resize)
        failed = await cloud.get_server(server.id)
        assert (failed.status, failed.hostname) == ("ERROR", server.hostname)
        assert (await cloud.migrations(server.id))[0].status == "error"
        await cloud.reboot_server(server.id, hard=True)
        await boot.wait(server, goals.active)

    async def test_a_boot_is_tried_on_each_host(self, cloud: OpenStackCloud, boot: Boot, target: Target) -> None:
        server = await boot.asked(await boot.spec(**target.broken_boot(f"{boot.prefix}-0")))
        with pytest.raises(VimFault, match=r"^Exceeded maximum number of retries\."):
            await boot.wait(server, goals.active)
        (port,) = boot.ports
        assert (await cloud.get_port(port.id)).device_id == ""


async def ended(boot: Boot, server: Server) -> Migration:
    """The newest migration record when it moves no more: it does so after the server has settled."""

    async def over() -> bool:
        return (await boot.cloud.migrations(server.id))[0].status in ("completed", "failed", "error", "cancelled")

    await boot.until(over, "the migration record is final")
    return (await boot.cloud.migrations(server.id))[0]


async def why(boot: Boot, server: Server) -> str:
    """The details of all events of the newest action."""
    action = (await boot.cloud.server_actions(server.id))[0]
    events = await boot.cloud.action_events(server.id, action.request_id)
    return "\n".join(event.details or "" for event in events)
