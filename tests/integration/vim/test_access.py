"""The way to a cloud: TLS, one address with a path for each service, regions, kinds of credentials, new credentials."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from tests.contract.boot import Boot
from tests.integration.vim.simulator import Simulator
from tests.reverse_proxy import Authority, ReverseProxy, running

from openesc.vim.errors import VimAuthError, VimBadRequest, VimUnreachable
from openesc.vim.openstack import OpenStackCloud, OpenStackVim
from openesc.vim.port import SHARED_PROJECT

IMAGE, FLAVOR = "SolTest-Cirros-Image", "SolTest-Cirros-Flavor"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.create(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def proxy(simulator_process: Simulator, authority: Authority) -> Iterator[ReverseProxy]:
    """TLS before the simulated cloud, which it has below ``/cloud``."""
    with running({"cloud": simulator_process.process.url}, authority) as started:
        yield started


@asynccontextmanager
async def connected(simulator: Simulator, auth: Mapping[str, str], **more: Any) -> AsyncIterator[OpenStackVim]:
    """A connector with changed words; an empty one is left out."""
    words = {**simulator.settings().auth, **auth}
    vim = OpenStackVim(simulator.settings(auth={word: value for word, value in words.items() if value}, **more))
    try:
        yield vim
    finally:
        await vim.close()


def behind(proxy: ReverseProxy) -> dict[str, str]:
    return {"auth_url": f"{proxy.url}/cloud/identity/v3"}


async def refused(simulator: Simulator, auth: Mapping[str, str], **more: Any) -> str:
    """What a connector says that can get no TLS connection."""
    async with connected(simulator, auth, **more) as vim:
        with pytest.raises(VimUnreachable) as caught:
            await vim.authenticate()
        return str(caught.value)


class TestTls:
    async def test_a_ca_of_ones_own(self, simulator: Simulator, proxy: ReverseProxy, authority: Authority) -> None:
        """Log-in, catalogue and every service go by the proxy's paths."""
        async with connected(simulator, behind(proxy), cacert=str(authority.ca)) as vim:
            proxy.requests.clear()
            cloud = await vim.cloud(SHARED_PROJECT)
            assert await cloud.find_flavor(FLAVOR)
            assert await cloud.find_image(IMAGE)
            assert await cloud.find_network("SolTest-Network")
            assert await cloud.volume_types()
        came = {request.split("/cloud/")[1].split("/")[0] for request in proxy.requests}
        assert came == {"identity", "compute", "image", "network", "volume"}

    async def test_another_ca(self, simulator: Simulator, proxy: ReverseProxy, tmp_path: Path) -> None:
        """Said with the server, the file and the reason."""
        other = Authority.create(tmp_path)
        said = await refused(simulator, behind(proxy), cacert=str(other.ca))
        assert said == (
            f"the certificate of {proxy.url} is not accepted by the CA file {other.ca}: "
            "unable to get local issuer certificate"
        )

    async def test_the_systems_cas(self, simulator: Simulator, proxy: ReverseProxy) -> None:
        """Or whichever REQUESTS_CA_BUNDLE names."""
        said = await refused(simulator, behind(proxy))
        assert re.match(f"the certificate of {proxy.url} is not accepted by the (system's CAs|CA file /.*): ", said)

    async def test_a_ca_file_that_is_not_there(self, simulator: Simulator, proxy: ReverseProxy) -> None:
        assert "/no/such/ca.pem" in await refused(simulator, behind(proxy), cacert="/no/such/ca.pem")

    async def test_insecure(self, simulator: Simulator, proxy: ReverseProxy) -> None:
        """Only where it is asked for."""
        async with connected(simulator, behind(proxy), verify=False) as vim:
            assert await (await vim.cloud(SHARED_PROJECT)).find_flavor(FLAVOR)

    async def test_the_certificate_of_another(self, simulator: Simulator, tmp_path: Path) -> None:
        elsewhere = Authority.create(tmp_path, "cloud.example")
        with running({"cloud": simulator.process.url}, elsewhere) as other:
            said = await refused(simulator, behind(other), cacert=str(elsewhere.ca))
        assert "IP address mismatch, certificate is not valid for '127.0.0.1'" in said

    async def test_no_tls_there(self, simulator: Simulator) -> None:
        with running({"cloud": simulator.process.url}, None) as plain:
            url = plain.url.replace("http:", "https:")
            said = await refused(simulator, {"auth_url": f"{url}/cloud/identity/v3"})
        assert said.startswith(f"no TLS connection to {url}: ")


class TestCredentials:
    @pytest.mark.parametrize("word", ["user_domain", "project_domain"])
    async def test_domains_by_id(self, simulator: Simulator, word: str) -> None:
        async with connected(simulator, {f"{word}_name": "", f"{word}_id": "default"}) as vim:
            assert (await vim.find_project(SHARED_PROJECT)) is not None

    async def test_project_by_id(self, simulator: Simulator, sim_cloud: OpenStackCloud) -> None:
        words = {"project_name": "", "project_domain_name": "", "project_id": sim_cloud.project.id}
        async with connected(simulator, words) as vim:
            assert await vim.find_project(SHARED_PROJECT) == sim_cloud.project

    @pytest.mark.parametrize("named", ["id", "name"])
    async def test_application_credential(self, simulator: Simulator, sim_cloud: OpenStackCloud, named: str) -> None:
        """Though the client says project and password too, which Keystone would refuse beside it."""
        made = application_credential(simulator, f"by-{named}")
        words = {f"application_credential_{named}": made[named], "application_credential_secret": made["secret"]}
        async with connected(simulator, words) as vim:
            assert await vim.find_project(SHARED_PROJECT) == sim_cloud.project

    async def test_something_is_lacking(self, simulator: Simulator) -> None:
        async with connected(simulator, {"project_name": ""}) as vim:
            with pytest.raises(VimAuthError, match="the credentials of VIM sim lack project_name or project_id"):
                await vim.authenticate()


def application_credential(simulator: Simulator, name: str) -> dict[str, str]:
    """One of the first user, made as a dashboard would."""
    auth, root = simulator.process.auth, f"{simulator.process.url}/identity/v3"
    user = {"name": auth["username"], "password": auth["password"], "domain": {"name": "Default"}}
    identity: Any = {"methods": ["password"], "password": {"user": user}}
    scope: Any = {"project": {"name": auth["project_name"], "domain": {"name": "Default"}}}
    login = requests.post(f"{root}/auth/tokens", json={"auth": {"identity": identity, "scope": scope}}, timeout=10)
    made = requests.post(
        f"{root}/users/{login.json()['token']['user']['id']}/application_credentials",
        json={"application_credential": {"name": name}},
        headers={"X-Auth-Token": login.headers["X-Subject-Token"]},
        timeout=10,
    )
    found: dict[str, str] = made.json()["application_credential"]
    return found


class TestRegions:
    async def test_a_wrong_one(self, simulator: Simulator) -> None:
        async with connected(simulator, {}, region="Nowhere") as vim:
            cloud = await vim.cloud(SHARED_PROJECT)
            with pytest.raises(VimBadRequest, match="compute service in Nowhere region not found"):
                await cloud.find_flavor(FLAVOR)

    async def test_a_right_one(self, simulator: Simulator) -> None:
        async with connected(simulator, {}, region="RegionOne", interface="internal") as vim:
            assert await (await vim.cloud(SHARED_PROJECT)).find_flavor(FLAVOR)


class TestNewSettings:
    async def test_another_address(
        self, simulator: Simulator, proxy: ReverseProxy, authority: Authority, boot: Boot
    ) -> None:
        """Who holds a cloud or waits goes on by the new way, though the old one leads nowhere any more."""
        async with connected(simulator, {}) as vim:
            cloud = await vim.cloud(SHARED_PROJECT)
            server = await boot.server()
            auth = simulator.settings().auth
            assert vim.use(simulator.settings(auth={**auth, "auth_url": "http://127.0.0.1:9/v3"}))
            with pytest.raises(VimUnreachable, match=r"127\.0\.0\.1:9"):
                await cloud.find_flavor(FLAVOR)
            waiting = asyncio.create_task(cloud.wait_server(server.id, lambda _: True, 20))
            proxy.requests.clear()
            assert vim.use(simulator.settings(auth={**auth, **behind(proxy)}, cacert=str(authority.ca)))
            assert (await waiting).id == server.id
            assert await cloud.find_flavor(FLAVOR)
            assert proxy.requests
