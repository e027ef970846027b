"""Each word of the port against a running cloud."""

from __future__ import annotations

import asyncio
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.vim.boot import Boot
from tests.integration.vim.simulator import Simulator

from openesc.vim import goals
from openesc.vim.errors import (
    VimBadRequest,
    VimConflict,
    VimFault,
    VimForbidden,
    VimNotFound,
    VimQuotaExceeded,
    VimUnreachable,
    WaitTimedOut,
)
from openesc.vim.openstack import OURS, OpenStackCloud, OpenStackVim, Registry
from openesc.vim.port import (
    Cloud,
    FlavorSpec,
    ImageSpec,
    Network,
    NetworkSpec,
    PortSpec,
    ServerSpec,
    SubnetSpec,
    Vim,
    VimRegistry,
)
from openesc.vim.services import Services

NOBODY = "00000000-0000-4000-8000-000000000000"


def conforms(vim: OpenStackVim, cloud: OpenStackCloud, registry: Registry) -> tuple[Vim, Cloud, VimRegistry]:
    """For the type checker: the adapter has all the port asks for."""
    return vim, cloud, registry


class TestNetworks:
    async def test_made_found_and_deleted(self, sim_cloud: OpenStackCloud, network: Network) -> None:
        assert await sim_cloud.find_network(network.name) == network
        assert await sim_cloud.find_network(network.id) == network
        (subnet,) = await sim_cloud.subnets(network.id)
        assert (subnet.cidr, subnet.gateway, subnet.netmask) == ("10.9.0.0/16", "10.9.0.1", "255.255.0.0")
        assert await sim_cloud.find_subnet(subnet.name, network.id) == subnet
        assert await sim_cloud.find_subnet(subnet.id) == subnet
        await sim_cloud.delete_subnet(subnet.id)
        await sim_cloud.delete_network(network.id)
        assert await sim_cloud.find_network(network.name) is None
        assert await sim_cloud.find_network(network.id) is None

    async def test_of_another_project_is_not_found(self, sim_vim: OpenStackVim, network: Network) -> None:
        """An admin is shown it; a member of the project could not use it."""
        await sim_vim.create_project("other-networks")
        other = await sim_vim.cloud("other-networks")
        assert await other.find_network(network.name) is None
        shared = await other.find_network("SolTest-Network")
        assert shared is not None and shared.shared

    async def test_two_of_one_name_need_an_id(self, sim_cloud: OpenStackCloud) -> None:
        one, two = [await sim_cloud.create_network(NetworkSpec("twins")) for _ in range(2)]
        with pytest.raises(VimConflict, match=f"({one.id}|{two.id}).*by its id"):
            await sim_cloud.find_network("twins")
        assert await sim_cloud.find_network(one.id) == one

    async def test_deleting_what_is_gone_is_success(self, sim_cloud: OpenStackCloud) -> None:
        await sim_cloud.delete_network(NOBODY)
        await sim_cloud.delete_subnet(NOBODY)
        await sim_cloud.delete_port(NOBODY)

    async def test_subnet_without_gateway_and_dhcp(self, sim_cloud: OpenStackCloud, network: Network) -> None:
        spec = SubnetSpec("bare", network.id, "10.8.0.0/28", no_gateway=True, dhcp=False)
        subnet = await sim_cloud.create_subnet(spec)
        assert (subnet.gateway, subnet.dhcp, subnet.netmask) == (None, False, "255.255.255.240")

    async def test_subnet_of_ipv6(self, sim_cloud: OpenStackCloud, network: Network) -> None:
        subnet = await sim_cloud.create_subnet(SubnetSpec("six", network.id, "2001:db8::/64", ip_version=6))
        assert (subnet.ip_version, subnet.netmask) == (6, "64")

    async def test_refusals(self, sim_cloud: OpenStackCloud, network: Network, boot: Boot) -> None:
        with pytest.raises(VimBadRequest):
            await sim_cloud.create_subnet(SubnetSpec("again", network.id, "10.9.0.0/24"))
        with pytest.raises(VimBadRequest):
            await sim_cloud.create_subnet(SubnetSpec("nonsense", network.id, "nonsense"))
        port = await boot.port()
        with pytest.raises(VimConflict, match="There are one or more ports still in use on the network"):
            await sim_cloud.delete_network(network.id)
        await sim_cloud.delete_port(port.id)


class TestPorts:
    async def test_made_found_by_name_and_tag_and_deleted(self, sim_cloud: OpenStackCloud, boot: Boot) -> None:
        port = await boot.port(ip_address="10.9.0.50", tags=("openesc:dep-1", "openesc:x"))
        assert [ip.ip_address for ip in port.fixed_ips] == ["10.9.0.50"]
        assert sorted(port.tags) == ["openesc:dep-1", "openesc:x"]
        assert (await sim_cloud.get_port(port.id)).mac_address == port.mac_address
        found = await sim_cloud.find_port(port.name)
        assert found is not None and found.id == port.id
        assert [one.id for one in await sim_cloud.ports_tagged("openesc:dep-1")] == [port.id]
        await sim_cloud.delete_port(port.id)
        assert await sim_cloud.find_port(port.name) is None
        with pytest.raises(VimNotFound):
            await sim_cloud.get_port(port.id)

    async def test_address_pairs_and_mac(self, boot: Boot) -> None:
        port = await boot.port(mac_address="fa:16:3e:11:22:33", allowed_address_pairs=(("10.9.0.99", None),))
        assert port.mac_address == "fa:16:3e:11:22:33"

    async def test_refusals(self, sim_cloud: OpenStackCloud, boot: Boot) -> None:
        await boot.port(1, ip_address="10.9.0.60")
        with pytest.raises(VimConflict, match=r"IP address 10\.9\.0\.60 already allocated in subnet"):
            await boot.port(2, ip_address="10.9.0.60")
        (subnet,) = await sim_cloud.subnets(boot.network.id)
        with pytest.raises(VimBadRequest, match="is not a valid IP for the specified subnet"):
            await boot.port(3, ip_address="192.0.2.5", subnet_id=subnet.id)
        with pytest.raises(VimNotFound, match=r"Network .* could not be found"):
            await sim_cloud.create_port(PortSpec("p", NOBODY))


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    """A web server with an image, and one without its length."""
    content = b"\0" * (3 << 20)

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0"

        def do_GET(self) -> None:
            self.send_response(200 if self.path.startswith("/image") else 404)
            if self.path == "/image":
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.path.startswith("/image"):
                self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


class TestImages:
    @pytest.mark.parametrize("path", ["/image", "/image-of-unknown-length"])
    async def test_from_the_web(self, sim_cloud: OpenStackCloud, web: str, path: str) -> None:
        spec = ImageSpec(f"web-{path[1:]}", "raw", "bare", properties={"hw_disk_bus": "virtio"}, tag="openesc:t")
        image = await sim_cloud.create_image(spec, web + path)
        assert (image.status, image.public) == ("active", False)
        assert await sim_cloud.find_image(spec.name) == image
        assert await sim_cloud.find_image(image.id) == image
        await sim_cloud.delete_image(image.id)
        assert await sim_cloud.find_image(spec.name) is None
        await sim_cloud.delete_image(image.id)

    async def test_from_an_allowed_folder_only(self, simulator: Simulator, tmp_path: Path) -> None:
        (tmp_path / "images").mkdir()
        (tmp_path / "images" / "one.img").write_bytes(b"\0" * 1000)
        (tmp_path / "secret").write_bytes(b"\0" * 1000)
        vim = OpenStackVim(simulator.settings(image_folders=(str(tmp_path / "images"),)))
        cloud = await vim.cloud("admin")
        spec = ImageSpec("from-file", "raw", "bare")
        assert (await cloud.create_image(spec, f"file://{tmp_path}/images/one.img")).status == "active"
        for refused in (f"file://{tmp_path}/secret", f"file://{tmp_path}/images/../secret"):
            with pytest.raises(VimBadRequest, match="not below an allowed folder"):
                await cloud.create_image(spec, refused)
        with pytest.raises(VimNotFound, match="No such file"):
            await cloud.create_image(spec, f"file://{tmp_path}/images/other.img")
        await vim.close()

    async def test_refused_sources(self, sim_cloud: OpenStackCloud, web: str) -> None:
        spec = ImageSpec("never", "raw", "bare")
        with pytest.raises(VimBadRequest, match="only http://, https:// and file://"):
            await sim_cloud.create_image(spec, "ftp://host/image")
        with pytest.raises(VimNotFound, match="404"):
            await sim_cloud.create_image(spec, f"{web}/nothing")
        with pytest.raises(VimUnreachable):
            await sim_cloud.create_image(spec, "http://127.0.0.1:9/image")
        with pytest.raises(VimBadRequest, match="not below an allowed folder"):
            await sim_cloud.create_image(spec, "file:///etc/passwd")
        assert await sim_cloud.find_image("never") is None

    async def test_bytes_of_another_format_leave_no_record(self, sim_cloud: OpenStackCloud, web: str) -> None:
        with pytest.raises(VimBadRequest) as caught:
            await sim_cloud.create_image(ImageSpec("fake", "qcow2", "bare"), f"{web}/image")
        assert caught.value.status == 415
        assert await sim_cloud.find_image("fake") is None


class TestFlavors:
    async def test_made_found_and_deleted(self, sim_cloud: OpenStackCloud) -> None:
        spec = FlavorSpec("custom", 2, 1024, 3, properties={"hw:cpu_policy": "dedicated"})
        flavor = await sim_cloud.create_flavor(spec)
        assert (flavor.vcpus, flavor.memory_mb, flavor.root_disk_gb) == (2, 1024, 3)
        assert await sim_cloud.find_flavor("custom") == flavor
        assert await sim_cloud.find_flavor(flavor.id) == flavor
        with pytest.raises(VimConflict, match="Flavor with name custom already exists"):
            await sim_cloud.create_flavor(spec)
        await sim_cloud.delete_flavor(flavor.id)
        await sim_cloud.delete_flavor(flavor.id)
        assert await sim_cloud.find_flavor("custom") is None


class TestServers:
    async def test_the_life_of_one(self, sim_cloud: OpenStackCloud, boot: Boot) -> None:
        spec = await boot.spec(metadata={"openesc": "yes"})
        made = await sim_cloud.create_server(spec)
        boot.made.append(made)
        assert (made.name, made.status) == (spec.name, "BUILD")
        server = await sim_cloud.wait_server(made.id, goals.active, 10)
        assert (server.flavor, server.metadata) == ("SolTest-Cirros-Flavor", {"openesc": "yes"})
        assert server.hostname in ("Host-22", "Host-24") and server.host_id
        assert (await sim_cloud.get_port(spec.port_ids[0])).device_id == server.id
        assert await sim_cloud.find_server(spec.name) == await sim_cloud.get_server(server.id)
        await sim_cloud.delete_server(server.id)
        await sim_cloud.wait_server_gone(server.id, 10)
        assert await sim_cloud.find_server(spec.name) is None
        with pytest.raises(VimNotFound):
            await sim_cloud.get_server(server.id)
        await sim_cloud.delete_server(server.id)
        await sim_cloud.wait_server_gone(server.id, 10)

    async def test_names_are_exact(self, sim_cloud: OpenStackCloud, boot: Boot) -> None:
        spec = await boot.spec()
        odd = "vm.[1]+(x)"
        for name in (odd, "vm.[1]+(x)y", "vmx1xx"):
            port = await boot.port(1)
            made = ServerSpec(name, spec.flavor_id, spec.image_id, (port.id,))
            boot.made.append(await sim_cloud.create_server(made))
        assert [server.name for server in await sim_cloud.servers_named(odd)] == [odd]
        assert await sim_cloud.servers_named("vm.*") == []

    async def test_two_of_one_name_are_both_seen(self, sim_cloud: OpenStackCloud, boot: Boot) -> None:
        one = await boot.server()
        two = await boot.server()
        assert {server.id for server in await sim_cloud.servers_named(one.name)} == {one.id, two.id}
        with pytest.raises(VimConflict, match="2 servers are named"):
            await sim_cloud.find_server(one.name)

    async def test_day_zero_data_reaches_the_guest(self, simulator: Simulator, boot: Boot) -> None:
        server = await boot.active(
            user_data=b"#cloud-config\n", config_drive=True, files={"/day0/config.txt": b"hostname vm\n"}
        )
        guest = simulator.guest(server.id)
        assert guest["user_data"] == "#cloud-config\n"
        assert guest["personality"] == {"/day0/config.txt": "hostname vm\n"}
        assert guest["config_drive"]["openstack/content/0000"] == "hostname vm\n"

    async def test_on_a_named_host(self, boot: Boot) -> None:
        assert (await boot.active(1, host="Host-24")).hostname == "Host-24"
        assert (await boot.active(2, host="Host-22", files={"/x": b"y"})).hostname == "Host-22"
        assert (await boot.active(3, availability_zone="nova")).status == "ACTIVE"

    async def test_refusals(self, sim_cloud: OpenStackCloud, boot: Boot) -> None:
        spec = await boot.spec()
        good = (spec.name, spec.flavor_id, spec.image_id, spec.port_ids)
        for refused, words in (
            (ServerSpec(good[0], NOBODY, good[2], good[3]), "Flavor .* could not be found"),
            (ServerSpec(good[0], good[1], NOBODY, good[3]), "Can not find requested image"),
            (ServerSpec(good[0], good[1], good[2], (NOBODY,)), "Port id .* could not be found"),
            (
                ServerSpec(*good, availability_zone="nowhere"),
                "The requested availability zone is not available",
            ),
            (ServerSpec("x" * 300, *good[1:]), "Invalid input for field/attribute name"),
        ):
            with pytest.raises(VimBadRequest, match=words):
                await sim_cloud.create_server(refused)
        await boot.active(1)
        taken = await sim_cloud.find_port(f"{boot.prefix}-port-1")
        assert taken is not None
        with pytest.raises(VimConflict, match="is still in use"):
            await sim_cloud.create_server(ServerSpec(*good[:3], (taken.id,)))

    async def test_no_valid_host_is_the_fault(self, simulator: Simulator, boot: Boot) -> None:
        simulator.fault({"type": "no_valid_host"}, {"operation": "server.create"})
        with pytest.raises(VimFault, match=r"^No valid host was found\."):
            await boot.active()

    async def test_wait_times_out(self, sim_cloud: OpenStackCloud, boot: Boot) -> None:
        server = await boot.active()
        with pytest.raises(WaitTimedOut, match="was ACTIVE when last seen"):
            await sim_cloud.wait_server(server.id, goals.shutoff, 0.3)
        with pytest.raises(VimNotFound):
            await sim_cloud.wait_server(NOBODY, goals.active, 5)

    async def test_a_guest_answers_pings_when_it_has_booted(self, sim_vim: OpenStackVim, boot: Boot) -> None:
        server = await boot.active()
        (address,) = (await boot.cloud.find_port(f"{boot.prefix}-port-0")).fixed_ips  # type: ignore[union-attr]
        async with asyncio.timeout(5):
            while not await sim_vim.alive(server, address.ip_address, 1):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        await boot.cloud.delete_server(server.id)
        await boot.cloud.wait_server_gone(server.id, 10)
        assert not await sim_vim.alive(server, address.ip_address, 1)


class TestProjects:
    async def test_made_entered_and_deleted(self, sim_vim: OpenStackVim) -> None:
        assert await sim_vim.find_project("tenant-1") is None
        with pytest.raises(VimNotFound, match="no project named tenant-1"):
            await sim_vim.cloud("tenant-1")
        project = await sim_vim.create_project("tenant-1")
        assert await sim_vim.find_project("tenant-1") == project
        with pytest.raises(VimConflict):
            await sim_vim.create_project("tenant-1")
        cloud = await sim_vim.cloud("tenant-1")
        assert cloud.project == project and await sim_vim.cloud("tenant-1") is cloud
        made = await cloud.create_network(NetworkSpec("tenants-own"))
        assert await (await sim_vim.cloud("admin")).find_network("tenants-own") is None
        await cloud.delete_network(made.id)
        await sim_vim.delete_project(project.id)
        await sim_vim.delete_project(project.id)
        assert await sim_vim.find_project("tenant-1") is None
        with pytest.raises(VimNotFound):
            await sim_vim.cloud("tenant-1")

    async def test_only_one_made_here_gets_its_role_later(self, sim_vim: OpenStackVim) -> None:
        """One whose making was interrupted is entered; one that somebody else made is not taken."""

        def make(services: Services) -> None:
            domain = services.identity.get_project(services.session.get_project_id()).domain_id
            for name, words in (("half-made", OURS), ("theirs", "")):
                services.identity.create_project(name=name, domain_id=domain, description=words)

        await sim_vim._ask("make_projects", make)
        assert (await sim_vim.cloud("half-made")).project.name == "half-made"
        with pytest.raises(VimForbidden, match="no role in project theirs"):
            await sim_vim.cloud("theirs")

    async def test_the_connectors_own(self, sim_vim: OpenStackVim) -> None:
        own = await sim_vim.find_project("SystemAdminTenantId")
        assert own is not None and own.name == "admin"
        assert await sim_vim.cloud("SystemAdminTenantId") is await sim_vim.cloud("admin")


class TestQuotas:
    async def test_each_service(self, simulator: Simulator, sim_cloud: OpenStackCloud, boot: Boot) -> None:
        spec = await boot.spec()
        simulator.fault({"type": "quota", "resource": "cores"}, {"operation": "server.create"})
        with pytest.raises(VimQuotaExceeded, match="Quota exceeded for cores") as caught:
            await sim_cloud.create_server(spec)
        assert caught.value.status == 403 and (caught.value.request_id or "").startswith("req-")
        simulator.fault({"type": "quota"}, {"operation": "port.create"})
        with pytest.raises(VimQuotaExceeded, match="Quota exceeded for resources") as caught:
            await boot.port(5)
        assert caught.value.status == 409


async def test_a_member_is_told_what_it_may_not(simulator: Simulator, sim_vim: OpenStackVim) -> None:
    project = await sim_vim.create_project("members")
    user = await add_member(sim_vim, project.id, "mel")
    auth = dict(simulator.settings().auth) | {"username": user, "password": "pw", "project_name": "members"}
    member = OpenStackVim(simulator.settings("member", auth=auth))
    cloud = await member.cloud("members")
    assert await cloud.find_network("SolTest-Network") is not None
    with pytest.raises(VimForbidden, match="Policy doesn't allow"):
        await cloud.create_flavor(FlavorSpec("mine", 1, 64))
    with pytest.raises(VimForbidden):
        await member.create_project("more")
    with pytest.raises(VimNotFound, match="that its credentials can see"):
        await member.cloud("admin")
    await member.close()


async def add_member(vim: OpenStackVim, project_id: str, name: str) -> str:
    """A user with no more than the role of a member."""

    def add(services: Services) -> str:
        keystone = services.identity
        user = keystone.create_user(name=name, password="pw", domain_id="default")
        role = next(iter(keystone.roles(name="member")))
        keystone.assign_project_role_to_user(project_id, user.id, role.id)
        return name

    return await vim._ask("add_member", add)


async def test_registry(sim_vim: OpenStackVim) -> None:
    registry = Registry([sim_vim], "sim")
    assert registry.get(None) is registry.get("sim") is sim_vim
    with pytest.raises(KeyError):
        registry.get("other")


async def test_an_application_credential_sees_its_project_and_no_other(
    simulator: Simulator, sim_vim: OpenStackVim
) -> None:
    await sim_vim.create_project("beyond-credential")

    def make(services: Services) -> dict[str, str]:
        made = services.identity.create_application_credential(services.session.get_user_id(), "for-openesc")
        return {"application_credential_id": made.id, "application_credential_secret": made.secret}

    words = await sim_vim._ask("make_credential", make)
    auth = {"auth_url": simulator.process.auth["auth_url"], **words}
    vim = OpenStackVim(simulator.settings("credential", auth=auth))
    await vim.authenticate()
    cloud = await vim.cloud("SystemAdminTenantId")
    assert await cloud.find_network("SolTest-Network") is not None
    with pytest.raises(VimForbidden, match="credential is bound to another project than beyond-credential"):
        await vim.cloud("beyond-credential")
    await vim.close()
