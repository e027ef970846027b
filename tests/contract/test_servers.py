"""Servers: made, found, waited for, refused, deleted."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import json

import pytest
from tests.contract.boot import Boot
from tests.contract.target import Target

from openesc.vim import goals
from openesc.vim.errors import VimBadRequest, VimConflict, VimFault, VimNotFound, WaitTimedOut
from openesc.vim.openstack import OpenStackCloud, OpenStackVim
from openesc.vim.port import Flavor, Server

NOBODY = "00000000-0000-4000-8000-000000000000"


async def test_the_life_of_one(cloud: OpenStackCloud, boot: Boot, target: Target) -> None:
    spec = await boot.spec(metadata={"openesc": "yes"})
    made = await boot.asked(spec)
    assert (made.name, made.status) == (spec.name, "BUILD")
    server = await boot.wait(made, goals.active)
    assert (server.flavor, server.metadata) == ("SolTest-Cirros-Flavor", {"openesc": "yes"})
    assert (server.power_state, server.image_id, server.fault) == (1, spec.image_id, None)
    assert server.hostname in target.hosts and server.host_id
    assert (await cloud.get_port(spec.port_ids[0])).device_id == server.id
    assert await cloud.find_server(spec.name) == await cloud.get_server(server.id)
    await boot.gone(server)
    assert await cloud.find_server(spec.name) is None
    await boot.until(lambda: missing(boot, server), "the server is not found")
    await boot.gone(server)


async def missing(boot: Boot, server: Server) -> bool:
    """Whether it is a 404; for a moment before it is DELETED."""
    try:
        return (await boot.cloud.get_server(server.id)).status != "DELETED"
    except VimNotFound as error:
        return error.message == f"Instance {server.id} could not be found."


async def test_names_are_exact(cloud: OpenStackCloud, boot: Boot) -> None:
    spec = await boot.spec()
    odd = f"{boot.prefix}.[1]+(x)"
    for number, one in enumerate((odd, f"{odd}y", f"{boot.prefix}x1xx")):
        port = await boot.port(number + 1)
        await boot.asked(dataclasses.replace(spec, name=one, port_ids=(port.id,)))
    assert [server.name for server in await cloud.servers_named(odd)] == [odd]
    assert await cloud.servers_named(f"{boot.prefix}.*") == []


async def test_two_of_one_name_are_both_seen(cloud: OpenStackCloud, boot: Boot) -> None:
    one, two = await boot.server(), await boot.server()
    assert {server.id for server in await cloud.servers_named(one.name)} == {one.id, two.id}
    with pytest.raises(VimConflict, match="2 servers are named"):
        await cloud.find_server(one.name)


async def test_two_on_one_port_is_refused_or_an_error(cloud: OpenStackCloud, boot: Boot) -> None:
    """A request whose answer was lost, sent again: the port is the witness."""
    spec = await boot.spec()
    asked = await asyncio.gather(boot.asked(spec), boot.asked(spec), return_exceptions=True)
    ends = []
    for one in asked:
        if isinstance(one, Server):
            ends.append(await cloud.wait_server(one.id, goals.settled, boot.patience, fault_on_error=False))
        else:
            assert str(one).startswith(f"Port {spec.port_ids[0]} is still in use.")
    assert [end.status for end in ends].count("ACTIVE") == 1
    words = "Failed to allocate the network(s), not rescheduling."
    assert all(end.fault == f"Build of instance {end.id} aborted: {words}" for end in ends if end.status == "ERROR")


async def test_on_a_named_host_or_in_a_zone(boot: Boot, target: Target) -> None:
    here, there = target.hosts
    assert (await boot.active(1, host=there)).hostname == there
    assert (await boot.active(2, host=here, files={"/x": b"y"})).hostname == here
    assert (await boot.active(3, availability_zone="nova")).status == "ACTIVE"


async def test_refusals(cloud: OpenStackCloud, boot: Boot) -> None:
    spec = await boot.spec()
    for change, words in (
        ({"flavor_id": NOBODY}, f"Flavor {NOBODY} could not be found."),
        ({"image_id": NOBODY}, "Can not find requested image"),
        ({"port_ids": (NOBODY,)}, f"Port id {NOBODY} could not be found."),
        ({"availability_zone": "nowhere"}, "The requested availability zone is not available"),
        ({"host": "nowhere"}, "Compute host nowhere could not be found."),
    ):
        with pytest.raises(VimBadRequest) as caught:
            await cloud.create_server(dataclasses.replace(spec, **change))
        assert (caught.value.message, caught.value.status) == (words, 400)
        assert (caught.value.request_id or "").startswith("req-")
    with pytest.raises(VimBadRequest, match="Invalid input for field/attribute name"):
        await cloud.create_server(dataclasses.replace(spec, name="x" * 300))
    await boot.active(1)
    taken = boot.ports[-1]
    with pytest.raises(VimConflict) as refused:
        await cloud.create_server(dataclasses.replace(spec, port_ids=(taken.id,)))
    assert refused.value.message == f"Port {taken.id} is still in use."


async def test_no_valid_host_is_the_fault(boot: Boot, too_big: Flavor) -> None:
    spec = dataclasses.replace(await boot.spec(), flavor_id=too_big.id)
    server = await boot.asked(spec)
    with pytest.raises(VimFault) as caught:
        await boot.wait(server, goals.active)
    assert caught.value.message == "No valid host was found."
    failed = await boot.cloud.get_server(server.id)
    assert (failed.status, failed.task_state, failed.hostname, failed.host_id) == ("ERROR", None, None, "")


async def test_what_is_refused_to_a_server_in_error(cloud: OpenStackCloud, boot: Boot, too_big: Flavor) -> None:
    server = await boot.asked(dataclasses.replace(await boot.spec(), flavor_id=too_big.id))
    with pytest.raises(VimFault):
        await boot.wait(server, goals.active)
    for ask, words in (
        (cloud.stop_server, "is not ready"),
        (cloud.start_server, "is not ready"),
        (cloud.reboot_server, "while it is in vm_state error"),
        (functools.partial(cloud.reboot_server, hard=True), "is in an invalid state for 'reboot'"),
        (cloud.cold_migrate, "while it is in vm_state error"),
    ):
        with pytest.raises(VimConflict, match=words):
            await ask(server.id)
    with pytest.raises(VimConflict, match="vm_state error"):
        await cloud.set_server_metadata(server.id, {"openesc": "x"})


async def test_day_zero_data_reaches_the_guest(target: Target, boot: Boot) -> None:
    server = await boot.active(
        user_data=b"#cloud-config\n", config_drive=True, files={"/day0/config.txt": b"hostname vm\n"}
    )
    drive = target.drive(server)
    assert drive["openstack/latest/user_data"] == "#cloud-config\n"
    assert drive["openstack/content/0000"] == "hostname vm\n"
    described = json.loads(drive["openstack/latest/meta_data.json"])
    assert described["files"] == [{"content_path": "/content/0000", "path": "/day0/config.txt"}]
    assert described["uuid"] == server.id


async def test_a_guest_answers_pings_when_it_runs(vim: OpenStackVim, boot: Boot) -> None:
    server = await boot.active()
    address = boot.ports[0].fixed_ips[0].ip_address

    async def answers() -> bool:
        return await vim.alive(server, address, 1)

    async def silent() -> bool:
        return not await answers()

    await boot.until(answers, "the guest answers")
    await boot.cloud.stop_server(server.id)
    await boot.wait(server, goals.shutoff)
    await boot.until(silent, "the stopped guest is silent")
    await boot.cloud.start_server(server.id)
    await boot.wait(server, goals.active)
    await boot.until(answers, "the guest answers again")
    await boot.gone(server)
    await boot.until(silent, "the deleted guest is silent")


async def test_waiting_ends(cloud: OpenStackCloud, boot: Boot) -> None:
    server = await boot.active()
    with pytest.raises(WaitTimedOut, match="was ACTIVE when last seen"):
        await cloud.wait_server(server.id, goals.shutoff, boot.a_while)
    with pytest.raises(VimNotFound):
        await cloud.wait_server(NOBODY, goals.active, 10)


async def test_metadata(cloud: OpenStackCloud, boot: Boot) -> None:
    server = await boot.active(metadata={"kept": "1"})
    await cloud.set_server_metadata(server.id, {"openesc:last_operation": "reboot"})
    after = await cloud.get_server(server.id)
    assert after.metadata == {"kept": "1", "openesc:last_operation": "reboot"}


async def test_interfaces(cloud: OpenStackCloud, boot: Boot) -> None:
    server = await boot.active()
    port = await boot.port(7)
    await cloud.attach_interface(server.id, port.id)
    assert (await cloud.get_port(port.id)).device_id == server.id
    with pytest.raises(VimConflict, match="is still in use"):
        await cloud.attach_interface(server.id, port.id)
    await cloud.detach_interface(server.id, port.id)

    async def free() -> bool:
        return not (await cloud.get_port(port.id)).device_id

    await boot.until(free, "the port is free")
    await cloud.detach_interface(server.id, port.id)


async def test_interfaces_of_a_stopped_and_of_a_resized_server(
    cloud: OpenStackCloud, boot: Boot, bigger: Flavor
) -> None:
    server = await boot.active()
    await cloud.stop_server(server.id)
    await boot.wait(server, goals.shutoff)
    port = await boot.port(8)
    await cloud.attach_interface(server.id, port.id)
    assert (await cloud.get_port(port.id)).device_id == server.id
    await cloud.resize_server(server.id, bigger.id)
    await boot.wait(server, goals.verify_resize)
    with pytest.raises(VimConflict, match=r"Cannot 'attach_interface' instance .* while it is in vm_state resized"):
        await cloud.attach_interface(server.id, (await boot.port(9)).id)


async def test_server_groups(cloud: OpenStackCloud, boot: Boot, name: str) -> None:
    group = await cloud.create_server_group(f"apart-{name}", "anti-affinity")
    assert (group.policy, await cloud.find_server_group(group.name)) == ("anti-affinity", group)
    one = await boot.active(1, server_group_id=group.id)
    two = await boot.active(2, server_group_id=group.id)
    assert one.hostname != two.hostname
    third = await boot.server(3, server_group_id=group.id)  # there are two hosts
    with pytest.raises(VimFault, match="No valid host was found"):
        await boot.wait(third, goals.active)
    await cloud.delete_server_group(group.id)
    await cloud.delete_server_group(group.id)
    assert await cloud.find_server_group(group.name) is None
