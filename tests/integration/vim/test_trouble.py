"""What goes wrong between us and a cloud: hanging, cut, refused, expired, gone and back."""

from __future__ import annotations

import asyncio
import socket
import sys
import time
from collections.abc import Callable

import pytest
from tests.integration.vim.conftest import auth
from tests.integration.vim.stub import Answer, Asked, Stub, start

from openesc.vim import goals
from openesc.vim.errors import (
    VimAuthError,
    VimBadRequest,
    VimError,
    VimFault,
    VimForbidden,
    VimNotFound,
    VimServerError,
    VimTimeout,
    VimUnreachable,
    WaitTimedOut,
)
from openesc.vim.openstack import OpenStackCloud, OpenStackVim
from openesc.vim.port import NetworkSpec, PortSpec, ServerSpec, VolumeSpec
from openesc.vim.settings import VimSettings

SERVERS = "/compute/v2.1/servers"
SERVER = ServerSpec("vm", "f1", "i1", ("p1",))


def running(server_id: str) -> Answer:
    """A server that runs."""
    return 200, {"server": {"id": server_id, "name": "vm", "status": "ACTIVE"}}


LEAVING = """
import asyncio, dataclasses
from openesc.vim.openstack import OpenStackVim
from openesc.vim.settings import VimSettings

async def main():
    vim = OpenStackVim(dataclasses.replace({settings!r}, auth={auth!r}))
    cloud = await vim.cloud("vim")
    try:
        await asyncio.wait_for(cloud.find_network("n"), 0.3)
    except TimeoutError:
        pass

asyncio.run(main())
"""
"""A program that leaves a call hanging and ends."""


async def asked(stub: Stub, method: str, path: str, times: int = 1) -> None:
    """Come back when the stub has been asked."""
    async with asyncio.timeout(5):
        while stub.count(method, path) < times:  # noqa: ASYNC110 - the stub lives in a thread
            await asyncio.sleep(0.002)


class TestHanging:
    """A call without an answer."""

    async def test_it_times_out(self, stub: Stub, cloud: OpenStackCloud) -> None:
        stub.hang("POST", SERVERS)
        began = time.monotonic()
        with pytest.raises(VimTimeout):
            await cloud.create_server(SERVER)
        assert 0.9 < time.monotonic() - began < 2.0
        assert stub.count("POST", SERVERS) == 1

    async def test_it_can_be_cancelled_at_once(self, stub: Stub, cloud: OpenStackCloud, vim: OpenStackVim) -> None:
        stub.hang("POST", SERVERS)
        calls = [asyncio.create_task(cloud.create_server(SERVER)) for _ in range(8)]
        await asked(stub, "POST", SERVERS, 8)
        for call in calls:
            call.cancel()
        began = time.monotonic()
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert all(isinstance(result, asyncio.CancelledError) for result in results)
        stub.on("GET", f"{SERVERS}/s1", running("s1"))
        assert (await cloud.get_server("s1")).status == "ACTIVE"  # all eight threads hang, and yet
        assert time.monotonic() - began < 0.5

    async def test_a_cancelled_call_sends_nothing_more(
        self, stub: Stub, cloud: OpenStackCloud, vim: OpenStackVim
    ) -> None:
        """Cancelled in a look-up before the POST, the POST never comes."""
        stub.hang("GET", "/network/v2.0/extensions", then=(200, {"extensions": []}))
        call = asyncio.create_task(cloud.create_port(PortSpec("p", "n1", tags=("t",))))
        await asked(stub, "GET", "/network/v2.0/extensions")
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        stub.released.set()
        async with asyncio.timeout(5):
            while vim._calls.pool.left_behind:  # noqa: ASYNC110
                await asyncio.sleep(0.002)
        assert stub.count("POST", "/network/v2.0/ports") == 0

    async def test_it_holds_up_no_exit(self, stub: Stub) -> None:
        """The interpreter ends while a thread still hangs in a call nobody waits for."""
        stub.hang("GET", "/network/v2.0/networks")
        script = LEAVING.format(settings=VimSettings("exit", http_timeout=30), auth=auth(stub.base))
        began = time.monotonic()
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", script)
        await asked(stub, "GET", "/network/v2.0/networks")
        assert await process.wait() == 0
        assert time.monotonic() - began < 15  # most of it imports, on a busy machine

    async def test_log_in_too(self, stub: Stub, vim: OpenStackVim) -> None:
        silent = socket.create_server(("127.0.0.1", 0))
        settings = VimSettings("silent", auth=auth(f"http://127.0.0.1:{silent.getsockname()[1]}"), http_timeout=0.3)
        other = OpenStackVim(settings)
        try:
            with pytest.raises(VimTimeout):
                await other.authenticate()
        finally:
            await other.close()
            silent.close()


class TestCut:
    """An answer that gets lost on its way."""

    @pytest.mark.parametrize(
        "path, call",
        [
            (SERVERS, lambda cloud: cloud.create_server(SERVER)),
            ("/network/v2.0/ports", lambda cloud: cloud.create_port(PortSpec("p", "n1"))),
            ("/network/v2.0/networks", lambda cloud: cloud.create_network(NetworkSpec("n"))),
            ("/volume/v3/volumes", lambda cloud: cloud.create_volume(VolumeSpec("v", 1))),
            (f"{SERVERS}/s1/action", lambda cloud: cloud.resize_server("s1", "f2")),
        ],
    )
    async def test_what_changes_the_cloud_is_sent_once(
        self, stub: Stub, cloud: OpenStackCloud, path: str, call: Callable[[OpenStackCloud], object]
    ) -> None:
        stub.cut("POST", path)
        with pytest.raises(VimUnreachable) as caught:
            await call(cloud)  # type: ignore[misc]
        assert not isinstance(caught.value, VimTimeout)
        assert stub.count("POST", path) == 1

    async def test_a_read_is_sent_again(self, stub: Stub, cloud: OpenStackCloud) -> None:
        stub.on("GET", f"{SERVERS}/s1", running("s1"))
        stub.cut("GET", f"{SERVERS}/s1", times=1)
        assert (await cloud.get_server("s1")).id == "s1"
        assert stub.count("GET", f"{SERVERS}/s1") == 2


class TestToken:
    """Log-in that ends."""

    async def test_an_expired_token_is_renewed(self, stub: Stub, cloud: OpenStackCloud) -> None:
        stub.on("GET", f"{SERVERS}/s1", running("s1"))
        await cloud.get_server("s1")
        stub.token = "token-2"  # the old one is refused from now on
        assert (await cloud.get_server("s1")).id == "s1"
        assert stub.count("POST", "/identity/v3/auth/tokens") == 2

    async def test_many_calls_with_an_expired_token_log_in_and_succeed(self, stub: Stub, cloud: OpenStackCloud) -> None:
        stub.on("GET", f"{SERVERS}/s1", running("s1"))
        await cloud.get_server("s1")
        stub.token = "token-2"
        servers = await asyncio.gather(*(cloud.get_server("s1") for _ in range(20)))
        assert len(servers) == 20

    async def test_a_post_with_an_expired_token_is_repeated(self, stub: Stub, cloud: OpenStackCloud) -> None:
        """401 had no effect, so that repetition makes no double."""
        stub.on("POST", SERVERS, (202, {"server": {"id": "s1"}}))
        await cloud.create_server(SERVER)
        stub.token = "token-2"
        assert (await cloud.create_server(SERVER)).id == "s1"

    async def test_a_changed_password_is_said(self, stub: Stub, cloud: OpenStackCloud, vim: OpenStackVim) -> None:
        stub.on("GET", f"{SERVERS}/s1", running("s1"))
        await cloud.get_server("s1")
        stub.password, stub.token = "other", "token-2"
        with pytest.raises(VimAuthError) as caught:
            await cloud.get_server("s1")
        assert caught.value.status == 401
        assert caught.value.message == "The request you have made requires authentication."
        with pytest.raises(VimAuthError):
            await vim.authenticate()
        stub.password = "secret"
        await vim.authenticate()


class TestAway:
    """A cloud that is down, and comes back."""

    async def test_nobody_listens(self) -> None:
        vim = OpenStackVim(VimSettings("away", auth=auth("http://127.0.0.1:9"), http_timeout=1))
        with pytest.raises(VimUnreachable, match="Connection refused"):
            await vim.authenticate()
        with pytest.raises(VimUnreachable):
            await vim.cloud("vim")
        await vim.close()

    async def test_a_service_that_was_down_when_first_needed_keeps_its_microversions(
        self, stub: Stub, cloud: OpenStackCloud
    ) -> None:
        """A failed discovery must not be remembered as a service without versions."""
        before = list(stub.rules)
        stub.on("GET", "/compute/v2.1/?", (503, {"error": {"message": "later"}}))
        with pytest.raises(VimError):
            await cloud.get_server("s1")
        stub.rules = before
        stub.on("GET", f"{SERVERS}/s1", running("s1"))
        assert (await cloud.get_server("s1")).id == "s1"
        versions = [one.headers.get("OpenStack-API-Version") for one in stub.asked if one.path == f"{SERVERS}/s1"]
        assert versions == ["compute 2.100"]

    async def test_down_and_up_again_in_the_middle_of_waits(self) -> None:
        stub, stop = start()
        port = int(stub.base.rsplit(":", 1)[1])
        stub.on("GET", f"{SERVERS}/detail", listing("BUILD"))
        vim = OpenStackVim(VimSettings("s", auth=auth(stub.base), http_timeout=1, poll_interval=0.05))
        cloud = await vim.cloud("vim")
        waits = [asyncio.create_task(cloud.wait_server(str(one), goals.active, 10)) for one in range(10)]
        await asked(stub, "GET", f"{SERVERS}/detail")
        stop()
        await asyncio.sleep(0.2)  # some looks that find nobody
        assert not any(wait.done() for wait in waits)
        back, stop = start(port)
        back.on("GET", f"{SERVERS}/detail", listing("ACTIVE"))
        assert [server.id for server in await asyncio.gather(*waits)] == [str(one) for one in range(10)]
        await vim.close()
        stop()

    async def test_the_end_of_a_wait_says_that_the_cloud_was_away(self, stub: Stub, cloud: OpenStackCloud) -> None:
        stub.on("GET", f"{SERVERS}/s1", (503, {"error": {"message": "down for maintenance"}}))
        with pytest.raises(WaitTimedOut, match="was never seen; the cloud: down for maintenance"):
            await cloud.wait_server("s1", goals.active, 0.3)


def listing(status: str) -> Answer:
    """Ten servers in this status."""
    servers = [{"id": str(one), "name": f"vm-{one}", "status": status} for one in range(10)]
    return 200, {"servers": servers}


class TestSettings:
    """What a connector is told."""

    async def test_an_unknown_cloud_is_said(self) -> None:
        vim = OpenStackVim(VimSettings("x", cloud="no-such"))
        with pytest.raises(VimAuthError, match="no-such"):
            await vim.authenticate()
        await vim.close()

    async def test_missing_words_are_said(self, stub: Stub) -> None:
        vim = OpenStackVim(VimSettings("x", auth={"auth_url": f"{stub.base}/identity/v3", "username": "vim"}))
        with pytest.raises(VimAuthError):
            await vim.authenticate()
        await vim.close()

    async def test_a_password_with_braces_is_a_password(self, stub: Stub) -> None:
        stub.password = "{a}%s$HOME"
        vim = OpenStackVim(VimSettings("x", auth=auth(stub.base, stub.password)))
        await vim.authenticate()
        await vim.close()

    async def test_a_region_that_is_not_there_is_said(self, stub: Stub) -> None:
        vim = OpenStackVim(VimSettings("x", auth=auth(stub.base), region="Nowhere"))
        with pytest.raises(VimBadRequest, match="region"):
            await (await vim.cloud("vim")).get_server("s1")
        await vim.close()

    async def test_clouds_yaml_and_environment(
        self, stub: Stub, tmp_path: object, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        lines = "\n".join(f"      {key}: {value}" for key, value in auth(stub.base).items())
        path = f"{tmp_path}/clouds.yaml"
        with open(path, "w") as file:  # noqa: ASYNC230
            file.write(f"clouds:\n  lab:\n    auth:\n{lines}\n")
        monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", path)
        vim = OpenStackVim(VimSettings("x", cloud="lab", http_timeout=1))
        assert (await vim.cloud("vim")).project.name == "vim"
        await vim.close()
        for key, value in auth(stub.base).items():
            monkeypatch.setenv(f"OS_{key.upper()}", value)
        vim = OpenStackVim(VimSettings("x"))
        assert (await vim.cloud("SystemAdminTenantId")).project.name == "vim"
        await vim.close()

    def test_secrets_do_not_show(self) -> None:
        assert "secret" not in repr(VimSettings("x", auth=auth("http://cloud")))


class TestProjects:
    """Other projects than one's own."""

    async def test_a_member_sees_only_what_it_has_a_role_in(self, stub: Stub, vim: OpenStackVim) -> None:
        stub.on(
            "GET",
            "/identity/v3/projects",
            (403, {"error": {"code": 403, "message": "You are not authorized"}}),
        )
        stub.on("GET", "/identity/v3/auth/projects", (200, {"projects": []}))
        assert await vim.find_project("other") is None
        with pytest.raises(VimNotFound, match="no project named other"):
            await vim.cloud("other")

    async def test_a_project_without_a_role_is_forbidden_with_the_reason(self, stub: Stub, vim: OpenStackVim) -> None:
        other = {"id": "f" * 32, "name": "other", "domain_id": "default", "description": ""}
        stub.on("GET", "/identity/v3/projects", (200, {"projects": [other]}))
        first = stub.answer

        def only_own(asked: Asked) -> Answer:
            if asked.path.endswith("/auth/tokens") and asked.json["auth"]["scope"]["project"].get("id"):
                return 401, {"error": {"code": 401, "message": "The request you have made requires authentication."}}
            return first(asked)

        stub.answer = only_own  # type: ignore[method-assign]
        with pytest.raises(VimForbidden, match="no role in project other"):
            await vim.cloud("other")


async def test_nonsense_is_a_server_error(stub: Stub, cloud: OpenStackCloud) -> None:
    stub.on("GET", f"{SERVERS}/s1", (200, b"<html>not json</html>"))
    with pytest.raises(VimServerError):
        await cloud.get_server("s1")


async def test_pages_are_read_to_the_end(stub: Stub, cloud: OpenStackCloud) -> None:
    pages = {None: ["a", "b"], "b": ["c"]}

    def page(asked: Asked) -> Answer:
        marker = asked.query.get("marker")
        servers = [{"id": one, "name": "vm.1", "status": "ACTIVE"} for one in pages[marker]]
        links = [{"rel": "next", "href": "next"}] if marker is None else []
        return 200, {"servers": servers, "servers_links": links}

    stub.on("GET", f"{SERVERS}/detail", page)
    assert [one.id for one in await cloud.servers_named("vm.1")] == ["a", "b", "c"]
    assert stub.asked[-1].query["name"] == r"^vm\.1$"


async def test_a_volume_in_error_says_why(stub: Stub, cloud: OpenStackCloud) -> None:
    volume = {"id": "v1", "name": "v", "size": 9999, "status": "error", "bootable": "false"}
    stub.on("GET", "/volume/v3/volumes/v1", (200, {"volume": volume}))
    said = "schedule allocate volume:Could not find any available weighted backend."
    stub.on("GET", "/volume/v3/messages", (200, {"messages": [{"user_message": said, "created_at": "1"}]}))
    with pytest.raises(VimFault, match="Could not find any available weighted backend"):
        await cloud.wait_volume("v1", "available", 5)


@pytest.mark.parametrize("port_tags", [True, False])
async def test_tags_come_with_the_port_where_neutron_takes_them(
    stub: Stub, cloud: OpenStackCloud, port_tags: bool
) -> None:
    alias = "tag-ports-during-bulk-creation" if port_tags else "standard-attr-tag"
    stub.on("GET", "/network/v2.0/extensions", (200, {"extensions": [{"alias": alias, "name": alias}]}))
    port = {
        "id": "p1",
        "name": "p",
        "network_id": "n1",
        "mac_address": "m",
        "tags": ["t"] if port_tags else [],
    }
    stub.on("POST", "/network/v2.0/ports", (201, {"port": port}))
    made = await cloud.create_port(PortSpec("p", "n1", tags=("t",), description="t"))
    assert made.tags == (("t",) if port_tags else ())
    sent = stub.asked[-1].json["port"]
    assert (sent.get("tags"), sent["description"]) == (["t"] if port_tags else None, "t")
    await cloud.create_port(PortSpec("p", "n1", tags=("t",)))
    assert stub.count("GET", "/network/v2.0/extensions") == 1
