"""Projects, credentials and rights."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator

import pytest
from tests.contract.boot import Boot
from tests.contract.target import Target

from openesc.vim import goals
from openesc.vim.errors import VimConflict, VimForbidden, VimNotFound, VimQuotaExceeded
from openesc.vim.openstack import OURS, OpenStackVim
from openesc.vim.port import FlavorSpec, NetworkSpec, PortSpec, Project, VolumeSpec
from openesc.vim.servers import ServerSource
from openesc.vim.services import Services
from openesc.vim.volumes import VolumeSource


@pytest.fixture
async def project(vim: OpenStackVim, name: str) -> AsyncIterator[Project]:
    """A project of this test."""
    made = await vim.create_project(f"project-{name}")
    yield made
    await vim.delete_project(made.id)


@pytest.fixture
async def member(target: Target, vim: OpenStackVim, project: Project, name: str) -> AsyncIterator[OpenStackVim]:
    """A connector whose user has no more than the role of a member in the test's project."""

    def add(services: Services) -> None:
        keystone = services.identity
        user = keystone.create_user(name=f"mel-{name}", password="pw", domain_id="default")
        role = next(iter(keystone.roles(name="member")))
        keystone.assign_project_role_to_user(project.id, user.id, role.id)

    await vim._ask("add_member", add)
    auth = target.auth | {"username": f"mel-{name}", "password": "pw", "project_name": project.name}
    connector = OpenStackVim(target.settings("member", auth=auth))
    yield connector
    await connector.close()


class TestProjects:
    async def test_made_entered_and_deleted(self, vim: OpenStackVim, name: str) -> None:
        tenant = f"tenant-{name}"
        assert await vim.find_project(tenant) is None
        with pytest.raises(VimNotFound, match=f"no project named {tenant}"):
            await vim.cloud(tenant)
        project = await vim.create_project(tenant)
        assert await vim.find_project(tenant) == project
        with pytest.raises(VimConflict):
            await vim.create_project(tenant)
        cloud = await vim.cloud(tenant)
        assert cloud.project == project and await vim.cloud(tenant) is cloud
        made = await cloud.create_network(NetworkSpec(f"own-{name}"))
        assert await (await vim.cloud("admin")).find_network(f"own-{name}") is None
        await cloud.delete_network(made.id)
        await vim.delete_project(project.id)
        await vim.delete_project(project.id)
        assert await vim.find_project(tenant) is None
        with pytest.raises(VimNotFound):
            await vim.cloud(tenant)

    async def test_only_one_made_here_gets_its_role_later(self, vim: OpenStackVim, name: str) -> None:
        """One whose making was interrupted is entered; one that somebody else made is not taken."""
        ids = []

        def make(services: Services) -> None:
            domain = services.identity.get_project(services.session.get_project_id()).domain_id
            for one, words in ((f"half-{name}", OURS), (f"theirs-{name}", "")):
                ids.append(services.identity.create_project(name=one, domain_id=domain, description=words).id)

        await vim._ask("make_projects", make)
        assert (await vim.cloud(f"half-{name}")).project.name == f"half-{name}"
        with pytest.raises(VimForbidden, match=f"no role in project theirs-{name}"):
            await vim.cloud(f"theirs-{name}")
        for project_id in ids:
            await vim.delete_project(project_id)

    async def test_the_connectors_own(self, vim: OpenStackVim) -> None:
        own = await vim.find_project("SystemAdminTenantId")
        assert own is not None and own.name == "admin"
        assert await vim.cloud("SystemAdminTenantId") is await vim.cloud("admin")

    async def test_an_application_credential_sees_its_project_and_no_other(
        self, target: Target, vim: OpenStackVim, project: Project, name: str
    ) -> None:
        def make(services: Services) -> dict[str, str]:
            made = services.identity.create_application_credential(services.session.get_user_id(), f"for-{name}")
            return {"application_credential_id": made.id, "application_credential_secret": made.secret}

        words = await vim._ask("make_credential", make)
        narrow = OpenStackVim(target.settings("narrow", auth={"auth_url": target.auth["auth_url"], **words}))
        await narrow.authenticate()
        cloud = await narrow.cloud("SystemAdminTenantId")
        assert await cloud.find_network("SolTest-Network") is not None
        with pytest.raises(VimForbidden, match=f"credential is bound to another project than {project.name}"):
            await narrow.cloud(project.name)
        await narrow.close()


class TestRights:
    async def test_a_member_is_told_what_it_may_not(self, member: OpenStackVim, project: Project) -> None:
        cloud = await member.cloud(project.name)
        assert await cloud.find_network("SolTest-Network") is not None
        with pytest.raises(VimForbidden) as caught:
            await cloud.create_flavor(FlavorSpec("mine", 1, 64))
        assert caught.value.message == ("Policy doesn't allow os_compute_api:os-flavor-manage:create to be performed.")
        with pytest.raises(VimForbidden):
            await member.create_project("more")
        with pytest.raises(VimNotFound, match="that its credentials can see; the cloud: ") as unseen:
            await member.cloud("admin")
        assert unseen.value.message.endswith("requested action: identity:list_projects.")
        assert (unseen.value.request_id or "").startswith("req-")

    async def test_a_member_lists_what_is_in_its_project_and_no_more(
        self, member: OpenStackVim, project: Project
    ) -> None:
        await member.cloud(project.name)
        with pytest.raises(VimForbidden) as caught:
            await ServerSource(member).listing(None, None)
        assert caught.value.message == (
            "Policy doesn't allow os_compute_api:servers:detail:get_all_tenants to be performed."
        )
        with pytest.raises(VimForbidden, match="volumes of all projects are listed for administrators alone"):
            await VolumeSource(member).listing(None, None)
        assert list((await ServerSource(member).listing(project.id, None)).readings) == []
        assert list((await VolumeSource(member).listing(project.id, None)).readings) == []

    async def test_a_member_runs_servers_but_does_not_place_them(
        self, member: OpenStackVim, project: Project, target: Target
    ) -> None:
        cloud = await member.cloud(project.name)
        network = await cloud.find_network("SolTest-Network")
        assert network is not None
        boot = Boot(cloud, network, f"vm-{project.name}", target.patience)
        server = await boot.active()
        assert (server.hostname, bool(server.host_id)) == (None, True)
        for ask, policy in (
            (cloud.live_migrate, "os_compute_api:os-migrate-server:migrate_live"),
            (cloud.cold_migrate, "os_compute_api:os-migrate-server:migrate"),
            (cloud.migrations, "os_compute_api:os-migrations:index"),
        ):
            with pytest.raises(VimForbidden) as caught:
                await ask(server.id)
            assert caught.value.message.startswith(f"Policy doesn't allow {policy}")
        placed = dataclasses.replace(await boot.spec(1), host=target.hosts[0])
        with pytest.raises(VimForbidden) as caught:
            await cloud.create_server(placed)
        assert caught.value.message == (
            "Policy doesn't allow compute:servers:create:requested_destination to be performed."
        )
        await cloud.stop_server(server.id)
        await boot.wait(server, goals.shutoff)
        actions = await cloud.server_actions(server.id)
        assert [one.action for one in actions] == ["stop", "create"]
        await boot.clean()


class TestQuotas:
    """Each service words and numbers its own."""

    async def test_of_servers(self, vim: OpenStackVim, project: Project, target: Target) -> None:
        cloud = await vim.cloud(project.name)
        await self._set(vim, lambda services: services.compute.update_quota_set(project.id, cores=0))
        network = await cloud.find_network("SolTest-Network")
        assert network is not None
        boot = Boot(cloud, network, f"vm-{project.name}", target.patience)
        with pytest.raises(VimQuotaExceeded) as caught:
            await boot.server()
        assert caught.value.message == "Quota exceeded for cores: Requested 1, but already used 0 of 0 cores"
        assert caught.value.status == 403 and (caught.value.request_id or "").startswith("req-")
        await boot.clean()

    async def test_of_ports(self, vim: OpenStackVim, project: Project) -> None:
        cloud = await vim.cloud(project.name)
        await self._set(vim, lambda services: services.network.update_quota(project.id, ports=0))
        network = await cloud.find_network("SolTest-Network")
        assert network is not None
        with pytest.raises(VimQuotaExceeded) as caught:
            await cloud.create_port(PortSpec("one-too-many", network.id))
        assert (caught.value.message, caught.value.status) == ("Quota exceeded for resources: ['port'].", 409)

    async def test_of_volumes(self, vim: OpenStackVim, project: Project) -> None:
        cloud = await vim.cloud(project.name)
        await self._set(vim, lambda services: services.block_storage.update_quota_set(project.id, volumes=0))
        with pytest.raises(VimQuotaExceeded) as caught:
            await cloud.create_volume(VolumeSpec("one-too-many", 1))
        assert caught.value.message == (
            "VolumeLimitExceeded: Maximum number of volumes allowed (0) exceeded for quota 'volumes'."
        )
        assert caught.value.status == 413

    async def _set(self, vim: OpenStackVim, change: object) -> None:
        await vim._ask("set_quota", change)  # type: ignore[arg-type]  # any answer will do
