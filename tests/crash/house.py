"""The server under test and its cloud: armed with failpoints, crashed, started again, asked what became of it."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import signal
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import asyncssh
import openstack
from lxml import etree
from tests import cloudsim_process
from tests.cloudsim_process import CloudsimProcess
from tests.crash import requests
from tests.crash.documents import ESC, Names
from tests.crash.requests import BACKUP, Post, Request, Rpc
from tests.rawclient import RawClient
from tests.server_process import ServerProcess

from openesc.cli import control
from openesc.vimmanager import FILE

END_SECONDS = 60.0
OPEN = ("queued", "running")
NOTIFICATION = "urn:ietf:params:xml:ns:netconf:notification:1.0"
QUICK = {
    "OPENESC_CLOUDSIM__LATENCY_FACTOR": "0.02",
    "OPENESC_CLOUDSIM__BOOT_SECONDS": "0",
    "OPENESC_VIM__POLL_INTERVAL_S": "0.1",
    "OPENESC_VIM__HTTP_TIMEOUT_S": "1.5",
    "OPENESC_REST__PORT": "0",
}
POLLS = {f"vim.asyncpoller.{what}.poll.secs": "0.1" for what in ("snapshot.create", "snapshot.delete", "volume.create")}
"""A quick cloud. The HTTP time-out is what a call in doubt is waited for."""


@dataclass
class House:
    """One data directory with its server and its cloud, which outlives every crash."""

    server: ServerProcess
    failpoints: Path
    image: str
    """Where an image can be had from."""
    _numbers: int = field(default=0, init=False)
    _clouds: list[CloudsimProcess] = field(default_factory=list, init=False)

    @classmethod
    def on(cls, folder: Path, **environment: str) -> House:
        """On a new `folder`; not started."""
        failpoints, image = folder / "failpoints", folder / "images" / "image.raw"
        image.parent.mkdir()
        image.write_bytes(bytes(1024))
        folders = {"OPENESC_VIM__FILE_FOLDERS": str(image.parent)}
        data = folder / "data"
        data.mkdir(mode=0o700)
        (data / FILE).write_text("".join(f"{name}={value}\n" for name, value in POLLS.items()))
        settings = {**QUICK, **folders, "OPENESC_FAILPOINT": f"@{failpoints}", **environment}
        return cls(ServerProcess(data, settings), failpoints, image.as_uri())

    def names(self) -> Names:
        """Names nobody had before."""
        self._numbers += 1
        return Names(self._numbers, self.image)

    # failpoints and crashes

    def arm(self, *failpoints: str) -> None:
        """The server dies at the first of them; at the others in its next lives."""
        self.failpoints.write_text("".join(f"{failpoint}\n" for failpoint in failpoints))

    def armed(self) -> list[str]:
        """The failpoints that were not reached."""
        return self.failpoints.read_text().splitlines() if self.failpoints.exists() else []

    async def died(self, seconds: float = END_SECONDS) -> None:
        """Wait until the server has killed itself."""
        process = self.server.process
        assert process is not None
        end = time.monotonic() + seconds
        while process.poll() is None:
            assert time.monotonic() < end, f"{self.armed()} was not reached"
            await asyncio.sleep(0.01)
        assert process.returncode == -signal.SIGKILL, f"ended with {process.returncode}:\n{self.server.log}"

    async def restart(self) -> None:
        await asyncio.to_thread(self.server.start)

    async def crash_through(self) -> None:
        """Restart after every crash until no failpoint is armed."""
        while True:
            await self.died()
            if not self.armed():
                break
            self.server.spawn()
        await self.restart()

    async def ensure_running(self) -> None:
        """Whatever an earlier test left: a server that runs, nothing armed, a cloud without faults."""
        self.arm()
        process = self.server.process
        if process is None or process.poll() is not None:
            await self.restart()
        self.clear_faults()

    # the client's side

    @asynccontextmanager
    async def session(self) -> AsyncIterator[RawClient]:
        """A NETCONF session of the administrator."""
        key = str(self.server.key_file)
        client = await RawClient.connect("127.0.0.1", self.server.netconf_port, "esc-nc-admin", key=key)
        client.timeout = END_SECONDS
        async with client:
            yield client

    async def edit(self, document: str) -> None:
        """Send an edit-config that must be accepted."""
        await self._send(requests.edit(document))

    async def ask_for(self, request: Request, names: Names) -> None:
        """Send what must be accepted. The server may die before it says so."""
        if isinstance(request, Post):
            await asyncio.to_thread(self._post, request, names)
        elif isinstance(request, Rpc):
            await self._send(request.text(names, await self.vm(names) if request.of_vm else ""), may_die=True)
        else:
            await self.edit(request(names))

    async def _send(self, operation: str, *, may_die: bool = False) -> None:
        try:
            async with self.session() as client:
                reply = await client.rpc(operation)
        except (EOFError, OSError, asyncssh.Error):
            if not may_die:
                raise
        else:
            assert b"<ok/>" in reply, reply.decode()

    def _post(self, request: Post, names: Names) -> None:
        try:
            listed = self._rest("GET", "/ESCManager/v0/snapshots")["snapshots"]["snapshot"]
            (snapshot,) = (one["id"] for one in listed if one["name"] == BACKUP.format(suffix=names.suffix))
            self._rest("POST", request.path.format(snapshot=snapshot), request.text(names))
        except (ConnectionError, http.client.HTTPException):
            return  # the server died before it answered

    def _rest(self, method: str, path: str, body: str | None = None) -> Any:
        address = self.server.endpoints["rest"]
        url = f"http://{address['host']}:{address['port']}{path}"
        return _json(method, url, body, {"Accept": "application/json"})

    async def vm(self, names: Names) -> str:
        """The generated name of the deployment's first VM."""
        found = (await self.opdata(names)).findtext(f".//{{{ESC}}}vm_instance/{{{ESC}}}name")
        assert found is not None, f"{names.deployment} has no VM"
        return found

    async def opdata(self, names: Names) -> etree._Element:
        """The operational data of the tenant, and of the shared things of these names."""
        tenant = f"<tenants><tenant><name>{names.tenant}</name></tenant></tenants>"
        inner = f"<opdata>{tenant}<networks/><images/><flavors/></opdata>"
        subtree = f'<filter type="subtree"><esc_datamodel xmlns="{ESC}">{inner}</esc_datamodel></filter>'
        async with self.session() as client:
            found = etree.fromstring(await client.rpc(f"<get>{subtree}</get>"))
        _keep(found, names, "network", "image", "flavor")
        return found

    async def replay(self, since: datetime) -> list[etree._Element]:
        """All escEvents since then, as a subscriber gets them who asks for the past only."""
        start, stop = (_text(moment) for moment in (since, datetime.now(UTC)))
        times = f"<startTime>{start}</startTime><stopTime>{stop}</stopTime>"
        found = []
        async with self.session() as client:
            reply = await client.rpc(
                f'<create-subscription xmlns="{NOTIFICATION}"><stream>escEvent</stream>{times}</create-subscription>'
            )
            assert b"<ok/>" in reply, reply.decode()
            while b"notificationComplete" not in (message := await client.receive()):
                found.append(etree.fromstring(message))
        return [notification for notification in found if notification.find(f"{{{ESC}}}escEvent") is not None]

    # the operator's side

    async def ask(self, command: str, **arguments: Any) -> Any:
        """A command of the control socket."""
        return await control.call(self.server.data_dir, command, arguments)

    async def listed(self, names: Names) -> list[dict[str, Any]]:
        """The operations of the deployment, oldest first, all as they were at one moment."""
        rows = await self.ask("operation.list", limit=10_000)
        return [row for row in reversed(rows) if names.suffix in row["subject"]]

    async def states(self, names: Names, kind: str) -> list[str]:
        """The states of the operations of this kind, oldest first."""
        return [row["state"] for row in await self.listed(names) if row["kind"] == kind]

    async def operations(self, names: Names) -> list[dict[str, Any]]:
        """The operations of the deployment, oldest first, with their steps."""
        return [await self.ask("operation.show", id=row["id"]) for row in await self.listed(names)]

    async def journal(self, names: Names) -> dict[str, set[str]]:
        """The paths in the journal of the deployment's operations, by kind of operation."""
        found: dict[str, set[str]] = {}
        for operation in await self.operations(names):
            found.setdefault(operation["kind"], set()).update(step["step"] for step in operation["steps"])
        return found

    async def ended(self, names: Names, *, sweeps: bool = False, seconds: float = END_SECONDS) -> dict[str, Any]:
        """Wait until nothing runs for the deployment (a sweep may); returns its newest operation, sweeps apart."""
        end = time.monotonic() + seconds
        while True:
            rows = await self.listed(names)
            own = [row for row in rows if row["kind"] != "sweep"]
            if own and not any(row["state"] in OPEN for row in (rows if sweeps else own)):
                return own[-1]
            assert time.monotonic() < end, (
                f"still open: {[row for row in rows if row['state'] in OPEN]}\n{self.server.log[-4000:]}"
            )
            await asyncio.sleep(0.05)

    async def steps_done(self, count: int) -> None:
        """Wait until this many steps of the operation that runs have ended."""
        end = time.monotonic() + END_SECONDS
        while time.monotonic() < end:
            running = await self.ask("operation.list", state="running")
            shown = [await self.ask("operation.show", id=row["id"]) for row in running if row["kind"] != "sweep"]
            if any(sum(step["state"] == "done" for step in row["steps"]) >= count for row in shown):
                return
            await asyncio.sleep(0.005)
        raise AssertionError(f"no operation got as far as {count} steps")

    async def intended(self, names: Names, path: str) -> None:
        """Wait until the intent of this step of the deployment's operation is durable."""
        end = time.monotonic() + END_SECONDS
        while all(path not in steps for steps in (await self.journal(names)).values()):
            assert time.monotonic() < end, f"step {path} was not begun"
            await asyncio.sleep(0.005)

    async def leftovers(self, names: Names) -> list[dict[str, Any]]:
        listed = await self.ask("leftover.list")
        return [row for row in listed if row["tenant"] == names.tenant]

    # the cloud's side

    def cloud(self, method: str, path: str, body: Any = None) -> Any:
        """One of the simulator's own endpoints."""
        return _json(method, self.server.cloud_url + path, None if body is None else json.dumps(body))

    def fault(self, action: dict[str, Any], **match: Any) -> str:
        """Add a rule, and return its id; `match` as of the simulator, `nth`, `after` and `count` apart."""
        more = {key: match.pop(key) for key in ("nth", "after", "count") if key in match}
        return str(self.cloud("POST", "/sim/faults", {"match": match, "action": action, **more})["fault"]["id"])

    def clear_faults(self) -> None:
        self.cloud("DELETE", "/sim/faults")

    def last_request(self) -> int:
        """The number of the newest request in the cloud's log."""
        return int(self.cloud("GET", "/sim/requests")["last"])

    @contextmanager
    def cloud_settings(self, **settings: Any) -> Iterator[None]:
        """Settings of the simulator for as long as the block lasts."""
        before = self.cloud("PUT", "/sim/settings", {})["settings"]
        self.cloud("PUT", "/sim/settings", settings)
        try:
            yield
        finally:
            self.cloud("PUT", "/sim/settings", {name: before[name] for name in settings})

    def requests(self, names: Names, operation: str = "*.create", since: int = 0) -> list[dict[str, Any]]:
        """The requests of this kind for objects of the deployment, after the one of number `since`."""
        wanted = operation.removeprefix("*")
        log = self.cloud("GET", f"/sim/requests?since={since}")["requests"]
        return [row for row in log if row["operation"].endswith(wanted) and _is_for(row, names)]

    async def requested(self, names: Names, operation: str, times: int = 1) -> None:
        """Wait until the cloud has done such a request, so many times."""
        end = time.monotonic() + END_SECONDS
        while len(self.requests(names, operation)) < times:
            assert time.monotonic() < end, f"no {operation} was asked for"
            await asyncio.sleep(0.005)

    async def fired(self, rule: str) -> None:
        """Wait until the call that this rule of the cloud is for has had its effect."""
        end = time.monotonic() + END_SECONDS
        while not any(rule in (row["fault"] or "") for row in self.cloud("GET", "/sim/requests")["requests"]):
            assert time.monotonic() < end, "no such call was made"
            await asyncio.sleep(0.05)

    def objects(self, names: Names) -> dict[str, list[str]]:
        """The names of the cloud's objects that are of the deployment, by kind, and of files in the export folder."""
        found = {kind: of["names"] for kind, of in self.cloud("GET", "/sim/objects")["objects"].items()}
        found["exports"] = [path.name for path in (self.server.data_dir / "exports").glob("*")]
        mine = {kind: [name for name in of if names.suffix in name] for kind, of in found.items()}
        return {kind: listed for kind, listed in mine.items() if listed}

    @contextmanager
    def openstack(self, project: str) -> Iterator[openstack.connection.Connection]:
        """The cloud as an administrator of the project uses it."""
        facts = self.server.cloud_facts
        words = ("auth_url", "username", "password", "user_domain_name", "project_domain_name")
        auth = {name: facts[name] for name in words} | {"project_name": project}
        with openstack.connect(auth=auth, region_name="RegionOne") as cloud:
            yield cloud

    @contextmanager
    def stopped_cloud(self) -> Iterator[None]:
        """The cloud answers nobody: connections are accepted by the kernel and go no further."""
        pid = int(self.server.cloud_facts["pid"])
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def kill_cloud(self) -> None:
        """SIGKILL; the caller starts it again."""
        pid = int(self.server.cloud_facts["pid"])
        os.kill(pid, signal.SIGKILL)
        while _runs(pid):
            time.sleep(0.01)

    async def start_cloud(self) -> None:
        """On the same port, with what it had on disk."""
        folder = self.server.data_dir / "cloudsim"
        start = partial(cloudsim_process.start, folder, latency_factor=0.02, boot_seconds=0)
        self._clouds.append(await asyncio.to_thread(start))

    def close(self) -> None:
        """End the server and the cloud."""
        self.server.close()
        for cloud in self._clouds:
            cloud.kill()


def _json(method: str, url: str, body: str | None, headers: Mapping[str, str] | None = None) -> Any:
    """Ask and read JSON. Raises: HTTPError, and ConnectionError or HTTPException where the answer does not come."""
    data, headers = None if body is None else body.encode(), {"Content-Type": "application/json", **(headers or {})}
    request = urllib.request.Request(url, data, headers, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def _keep(opdata: etree._Element, names: Names, *kinds: str) -> None:
    """Drop the shared things of others, and the lists that have nothing else."""
    for container in [found for kind in kinds for found in opdata.iterfind(f".//{{{ESC}}}opdata/{{{ESC}}}{kind}s")]:
        for entry in list(container):
            if names.suffix not in (entry.findtext(f"{{{ESC}}}name") or ""):
                container.remove(entry)
        if not len(container):
            container.getparent().remove(container)  # type: ignore[union-attr]


def _is_for(request: dict[str, Any], names: Names) -> bool:
    """A request that hangs is not known by its object's name: it got no further than the rule."""
    return names.suffix in request["resource_name"] or str(request["fault"]).startswith("hang")


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
