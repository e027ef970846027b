"""Credentials that change while a connector is used: what is under way goes on with the new ones."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import openstack
import pytest
from tests.integration.vim.simulator import Simulator, running

from openesc.vim import goals
from openesc.vim.errors import VimAuthError
from openesc.vim.openstack import OpenStackVim
from openesc.vim.port import SHARED_PROJECT, PortSpec, ServerSpec
from openesc.vim.settings import VimSettings

REFUSED = r"The request you have made requires authentication\. \(req-"


@pytest.fixture
def cloud_of_its_own(tmp_path: Path) -> Iterator[Simulator]:
    """A simulated cloud whose password may be changed."""
    with running(tmp_path / "cloud") as simulator:
        yield simulator


@pytest.fixture
def clouds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that clouds are looked up in."""
    file = tmp_path / "clouds.yaml"
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(file))
    return file


def write(clouds: Path, auth: Mapping[str, str]) -> None:
    """JSON is YAML too."""
    clouds.write_text(json.dumps({"clouds": {"ours": {"region_name": "RegionOne", "auth": dict(auth)}}}))


def change_password(auth: Mapping[str, str], password: str) -> dict[str, str]:
    """As an administrator does. The words to log in with from then on."""
    cloud: Any  # the SDK types what its two API versions have in common
    with openstack.connect(auth=dict(auth), region_name="RegionOne") as cloud:
        cloud.identity.update_user(cloud.current_user_id, password=password)
    return {**auth, "password": password}


@pytest.fixture
async def vim(cloud_of_its_own: Simulator, clouds: Path) -> AsyncIterator[OpenStackVim]:
    """A connector by clouds.yaml."""
    auth = cloud_of_its_own.settings().auth
    write(clouds, auth)
    connector = OpenStackVim(VimSettings("ours", cloud="ours", http_timeout=10.0, poll_interval=0.1))
    yield connector
    await connector.close()


async def test_clouds_yaml_is_read_again(vim: OpenStackVim, cloud_of_its_own: Simulator, clouds: Path) -> None:
    """Not before the cloud refuses what it said; then by all who use the connector."""
    cloud = await vim.cloud(SHARED_PROJECT)
    auth = change_password(cloud_of_its_own.settings().auth, "another")
    for _ in range(2):
        with pytest.raises(VimAuthError, match=REFUSED):
            await cloud.find_network("SolTest-Network")
    await asyncio.to_thread(clouds.write_text, "clouds: {")
    with pytest.raises(VimAuthError, match=REFUSED):
        await cloud.find_network("SolTest-Network")
    write(clouds, auth)
    found = await asyncio.gather(*(cloud.find_network("SolTest-Network") for _ in range(4)))
    assert all(found)


async def test_a_wait_goes_on_with_the_new_password(
    vim: OpenStackVim, cloud_of_its_own: Simulator, clouds: Path
) -> None:
    cloud = await vim.cloud(SHARED_PROJECT)
    flavor, image = await cloud.find_flavor("SolTest-Cirros-Flavor"), await cloud.find_image("SolTest-Cirros-Image")
    network = await cloud.find_network("SolTest-Network")
    assert flavor is not None and image is not None and network is not None
    port = await cloud.create_port(PortSpec("waits", network.id))
    made = await cloud.create_server(ServerSpec("waits", flavor.id, image.id, (port.id,)))
    auth = change_password(cloud_of_its_own.settings().auth, "another")
    wait = asyncio.create_task(cloud.wait_server(made.id, goals.active, 30))
    with pytest.raises(VimAuthError):
        await cloud.get_server(made.id)
    assert not wait.done()
    write(clouds, auth)
    assert (await wait).status == "ACTIVE"


async def test_another_cloud_in_the_file_is_not_taken(
    vim: OpenStackVim, cloud_of_its_own: Simulator, clouds: Path
) -> None:
    """What is under way knows the ids of this one."""
    cloud = await vim.cloud(SHARED_PROJECT)
    auth = change_password(cloud_of_its_own.settings().auth, "another")
    write(clouds, {**auth, "auth_url": "http://127.0.0.1:9/v3"})
    with pytest.raises(VimAuthError, match=REFUSED):
        await cloud.find_network("SolTest-Network")


async def test_a_connector_takes_other_credentials(cloud_of_its_own: Simulator) -> None:
    settings = cloud_of_its_own.settings()
    vim = OpenStackVim(settings)
    cloud = await vim.cloud(SHARED_PROJECT)
    auth = change_password(settings.auth, "another")
    with pytest.raises(VimAuthError, match=REFUSED):
        await cloud.find_network("SolTest-Network")
    assert not vim.use(cloud_of_its_own.settings(auth={**auth, "project_name": "another"}))
    assert vim.use(cloud_of_its_own.settings(auth=auth))
    assert await cloud.find_network("SolTest-Network") is not None
    await vim.close()
