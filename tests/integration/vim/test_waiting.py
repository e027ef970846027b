"""Waiting against a running cloud: what it costs, and what it lives through."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from tests.contract.boot import Boot
from tests.integration.vim.simulator import Simulator, running

from openesc.vim import goals
from openesc.vim.errors import VimFault, VimNotFound, VimServerError, VimTimeout, VimUnreachable
from openesc.vim.openstack import OpenStackCloud, OpenStackVim


async def test_two_hundred_waiters_cost_a_handful_of_lists(
    simulator: Simulator, sim_cloud: OpenStackCloud, boot: Boot
) -> None:
    server = await boot.active()
    before = simulator.last_request()
    waits = [asyncio.create_task(sim_cloud.wait_server(server.id, goals.shutoff, 20)) for _ in range(200)]
    await asyncio.sleep(1.2)  # that they wait is the point: at half a second's interval
    await sim_cloud.stop_server(server.id)
    results = await asyncio.gather(*waits)
    assert all(result.status == "SHUTOFF" for result in results)
    lists = simulator.requests_since(before, "server.list")
    assert len(lists) <= 10
    assert len(simulator.requests_since(before, "server.show")) <= 3


async def test_twenty_boots_are_seen_by_lists_alone(
    simulator: Simulator, sim_cloud: OpenStackCloud, boot: Boot
) -> None:
    before = simulator.last_request()
    servers = await asyncio.gather(*(boot.active(number) for number in range(20)))
    assert {server.status for server in servers} == {"ACTIVE"}
    await asyncio.gather(*(sim_cloud.delete_server(server.id) for server in servers))
    await asyncio.gather(*(sim_cloud.wait_server_gone(server.id, 20) for server in servers))
    assert len(simulator.requests_since(before, "server.list")) <= 20
    assert len(simulator.requests_since(before, "server.show")) <= 40


async def test_a_fast_cloud_is_fast(simulator: Simulator, boot: Boot) -> None:
    vim = OpenStackVim(simulator.settings(poll_interval=30.0))
    cloud = await vim.cloud("admin")
    made = await boot.server()
    began = time.monotonic()
    await cloud.wait_server(made.id, goals.active, 20)
    assert time.monotonic() - began < 2
    await vim.close()


async def test_a_server_that_fails_while_many_wait(simulator: Simulator, boot: Boot) -> None:
    simulator.fault({"type": "no_valid_host"}, {"operation": "server.create", "name": f"{boot.prefix}-3"})
    results = await asyncio.gather(*(boot.active(number) for number in range(6)), return_exceptions=True)
    failed = [result for result in results if isinstance(result, BaseException)]
    assert len(failed) == 1 and isinstance(results[3], VimFault)
    assert str(failed[0]) == "No valid host was found."


async def test_gone_behind_our_back(sim_cloud: OpenStackCloud, boot: Boot) -> None:
    servers = await asyncio.gather(*(boot.active(number) for number in range(6)))
    waits = [asyncio.create_task(sim_cloud.wait_server(server.id, goals.shutoff, 20)) for server in servers]
    await asyncio.sleep(0)
    await sim_cloud.delete_server(servers[0].id)
    with pytest.raises(VimNotFound):
        await waits[0]
    assert not any(wait.done() for wait in waits[1:])
    for wait in waits:
        wait.cancel()
    await asyncio.gather(*waits, return_exceptions=True)


async def test_a_burst_of_500_ends_no_wait(simulator: Simulator, sim_cloud: OpenStackCloud, boot: Boot) -> None:
    made = await boot.server()
    simulator.fault({"type": "http", "status": 500}, {"operation": "server.show"}, count=4)
    assert (await sim_cloud.wait_server(made.id, goals.active, 20)).status == "ACTIVE"


async def test_down_and_up_again(tmp_path: Path) -> None:
    with running(tmp_path) as simulator:
        vim = OpenStackVim(simulator.settings(poll_interval=0.1))
        cloud = await vim.cloud("admin")
        network = await cloud.find_network("SolTest-Network")
        assert network is not None
        boot = Boot(cloud, network, "downup")
        servers = await asyncio.gather(*(boot.active(number) for number in range(5)))
        waits = [asyncio.create_task(cloud.wait_server(server.id, goals.shutoff, 30)) for server in servers]
        await asyncio.sleep(0.2)
        await asyncio.to_thread(simulator.process.kill)
        with pytest.raises(VimUnreachable):
            await cloud.get_server(servers[0].id)
        await asyncio.sleep(0.3)
        assert not any(wait.done() for wait in waits)
        await asyncio.to_thread(simulator.start)
        await asyncio.gather(*(cloud.stop_server(server.id) for server in servers))
        assert {server.status for server in await asyncio.gather(*waits)} == {"SHUTOFF"}
        await boot.clean()
        await vim.close()


async def test_tokens_that_live_for_a_second(simulator: Simulator, boot: Boot) -> None:
    """Each call finds its token expired; none says so."""
    vim = OpenStackVim(simulator.settings())
    simulator.process.settings(token_seconds=1.0)
    try:
        cloud = await vim.cloud("admin")
        server = await boot.active()
        wait = asyncio.create_task(cloud.wait_server(server.id, goals.shutoff, 20))
        await asyncio.sleep(1.2)
        await cloud.stop_server(server.id)
        assert (await wait).status == "SHUTOFF"
    finally:
        simulator.process.settings(token_seconds=3600.0)
        await vim.close()


class TestTheCallsOwnTrouble:
    async def test_a_lost_reply_is_found_by_name(
        self, simulator: Simulator, sim_cloud: OpenStackCloud, boot: Boot
    ) -> None:
        spec = await boot.spec()
        before = simulator.last_request()
        simulator.fault({"type": "lost_reply"}, {"operation": "server.create", "name": spec.name})
        with pytest.raises(VimUnreachable):
            await sim_cloud.create_server(spec)
        assert len(simulator.requests_since(before, "server.create")) == 1
        found = await sim_cloud.find_server(spec.name)
        assert found is not None
        boot.made.append(found)
        assert (await sim_cloud.wait_server(found.id, goals.active, 10)).status == "ACTIVE"

    async def test_a_hanging_call_can_be_left(
        self, simulator: Simulator, sim_cloud: OpenStackCloud, boot: Boot
    ) -> None:
        spec = await boot.spec()
        simulator.fault({"type": "hang"}, {"operation": "server.create", "name": spec.name})
        call = asyncio.create_task(sim_cloud.create_server(spec))
        await asyncio.sleep(0.3)
        assert not call.done()
        began = time.monotonic()
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        assert await sim_cloud.find_network("SolTest-Network") is not None
        assert time.monotonic() - began < 1
        simulator.process.clear_faults()
        boot.made += await sim_cloud.servers_named(spec.name)

    async def test_a_hanging_call_times_out(self, simulator: Simulator) -> None:
        vim = OpenStackVim(simulator.settings(http_timeout=0.5))
        cloud = await vim.cloud("admin")
        simulator.fault({"type": "hang"}, {"operation": "network.list"})
        with pytest.raises(VimTimeout):
            await cloud.find_network("SolTest-Network")
        await vim.close()

    @pytest.mark.parametrize("status, kind", [(500, VimServerError), (503, VimUnreachable)])
    async def test_server_errors(
        self, simulator: Simulator, sim_cloud: OpenStackCloud, status: int, kind: type[Exception]
    ) -> None:
        simulator.fault({"type": "http", "status": status, "text": "as told"}, {"operation": "network.list"})
        with pytest.raises(kind, match="as told"):
            await sim_cloud.find_network("SolTest-Network")

    async def test_a_service_that_is_down(self, simulator: Simulator, sim_cloud: OpenStackCloud) -> None:
        rule = simulator.fault({"type": "service_down", "service": "image"})
        with pytest.raises((VimUnreachable, VimServerError)):
            await sim_cloud.find_image("SolTest-Cirros-Image")
        simulator.remove_fault(rule)
        assert await sim_cloud.find_image("SolTest-Cirros-Image") is not None
