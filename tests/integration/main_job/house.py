"""A running server with its cloud, as a test sees them: sessions, commands, faults, what the cloud holds."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from lxml import etree
from ncclient import manager
from ncclient.operations import RPCError
from ncclient.transport.errors import TransportError
from tests.integration.main_job.payloads import ESC
from tests.server_process import ServerProcess

from openesc.cli import control

ROOT = Path(__file__).resolve().parents[3]
ADMIN = "esc-nc-admin"
T = TypeVar("T")


def until(look: Callable[[], T], what: str, seconds: float = 15.0) -> T:
    """The first true answer of `look`. For what no event tells; asks twenty times a second."""
    end = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(0.05)


class Session:
    """One NETCONF session of ncclient."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def edit(self, document: str) -> str:
        """edit-config to running; the reply. Raises: RPCError."""
        config = f'<config xmlns="urn:ietf:params:xml:ns:netconf:base:1.0">{document}</config>'
        return str(self.client.edit_config(target="running", config=config).xml)

    def refused(self, document: str) -> RPCError:
        """edit-config that must not be taken; its error."""
        try:
            reply = self.edit(document)
        except RPCError as error:
            return error
        raise AssertionError(f"was accepted: {reply}")

    def get(self, select: str) -> etree._Element:
        """get with an XPath; the data element."""
        return self.client.get(filter=("xpath", select)).data  # type: ignore[no-any-return]

    def get_config(self, select: str) -> etree._Element:
        """get-config of running with an XPath; the data element."""
        return self.client.get_config(source="running", filter=("xpath", select)).data  # type: ignore[no-any-return]

    def deployment(self, name: str, tenant: str = "admin") -> etree._Element | None:
        """The opdata entry of a deployment, None when it is not there."""
        path = f'/esc_datamodel/opdata/tenants/tenant[name="{tenant}"]/deployments[deployment_name="{name}"]'
        return next(self.get(path).iter(f"{{{ESC}}}deployments"), None)

    def config(self, name: str, tenant: str = "admin") -> etree._Element | None:
        """The configured deployment, None when it is not there."""
        path = f'/esc_datamodel/tenants/tenant[name="{tenant}"]/deployments/deployment[name="{name}"]'
        return next(self.get_config(path).iter(f"{{{ESC}}}deployment"), None)

    def close(self) -> None:
        self.client.close_session()


@dataclass
class House:
    """The server process and its cloud."""

    server: ServerProcess
    sessions: list[Session] = field(default_factory=list)
    clouds: list[subprocess.Popen[bytes]] = field(default_factory=list)
    """Simulators that a test started in place of the first one."""

    def close(self) -> None:
        """End everything."""
        self.leave()
        self.server.close()
        for cloud in self.clouds:
            cloud.kill()
            cloud.wait(10)

    def session(self, user: str = ADMIN, password: str | None = None) -> Session:
        """Log in: with the key of esc-nc-admin, or with a password. Closed at the end of the test."""
        key = str(self.server.key_file) if password is None else None
        client = manager.connect(
            host="127.0.0.1",
            port=self.server.netconf_port,
            username=user,
            password=password,
            key_filename=key,
            hostkey_verify=False,
            look_for_keys=False,
            allow_agent=False,
            timeout=30,
        )
        session = Session(client)
        self.sessions.append(session)
        return session

    def leave(self) -> None:
        """Close every session that is open."""
        while self.sessions:
            client = self.sessions.pop().client
            if client.connected:
                with suppress(TransportError):  # ncclient takes a prompt close after the reply for an unexpected one
                    client.close_session()

    # commands

    @property
    def environment(self) -> dict[str, str]:
        binaries = str(Path(sys.executable).parent)
        return {
            **os.environ,
            "OPENESC_DATA_DIR": str(self.server.data_dir),
            "OPENESC": f"{binaries}/openesc",
            "PATH": f"{binaries}:{os.environ['PATH']}",
        }

    def esc_nc_cli(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run the shell command ESC's users know."""
        return self._run([str(ROOT / "esc_nc_cli"), *words])

    def openesc(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run an openesc command on this server's data directory."""
        return self._run([sys.executable, "-m", "openesc.cli", *words], stdin)

    def ask(self, *words: str) -> Any:
        """What an openesc command says with ``-f json``."""
        done = self.openesc(*words, "-f", "json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def told(self, command: str, **arguments: Any) -> Any:
        """What the server answers on its control socket: a command without the time a process takes to start."""
        return asyncio.run(control.call(self.server.data_dir, command, arguments))

    def _run(self, command: list[str], stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, input=stdin, env=self.environment, capture_output=True, text=True, timeout=60, check=False
        )

    # the cloud

    def sim(self, method: str, path: str, body: Any = None) -> Any:
        """Call one of the simulator's own endpoints."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self.server.cloud_url + path, data, {"Content-Type": "application/json"}, method=method
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    @contextmanager
    def fault(self, operation: str, action: Mapping[str, Any], name: str | None = None, **more: Any) -> Iterator[str]:
        """A fault rule for as long as the block lasts; the rule's id."""
        match = {"operation": operation} if name is None else {"operation": operation, "name": name}
        rule = self.sim("POST", "/sim/faults", {"match": match, "action": dict(action), **more})["fault"]["id"]
        try:
            yield rule
        finally:
            self.sim("DELETE", f"/sim/faults/{rule}")

    def names(self, kind: str) -> list[str]:
        """The names of all the cloud's objects of a kind (plural)."""
        found = self.sim("GET", "/sim/objects")["objects"][kind]
        return list(found["names"] if isinstance(found, dict) else found)

    def of_deployment(self, name: str) -> dict[str, list[str]]:
        """Servers and ports in the cloud whose names say that they are the deployment's."""
        return {kind: [one for one in self.names(kind) if one.startswith(name)] for kind in ("servers", "ports")}

    def guest(self, server: str) -> Any:
        """What the guest of a server sees; by id or name."""
        return self.sim("GET", f"/sim/servers/{server}/guest")

    def requests(self, operation: str, name: str = "") -> list[dict[str, Any]]:
        """The logged calls of an operation whose resource's name begins with `name`."""
        rows = self.sim("GET", f"/sim/requests?operation={operation}")["requests"]
        return [row for row in rows if str(row.get("name") or "").startswith(name)]


def texts(element: etree._Element | None, name: str) -> list[str]:
    """The texts of all descendants of a name, in order."""
    return [] if element is None else [found.text or "" for found in element.iter(f"{{{ESC}}}{name}")]


def one(element: etree._Element | None, name: str) -> str:
    """The text of the only descendant of a name."""
    found = texts(element, name)
    assert len(found) == 1, f"{name}: {found}"
    return found[0]


GENERATED = re.compile(
    r"^(?P<deployment>.{1,16})_(?P<group>.{1,6})_(?P<index>\d+)_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
)
"""``<deployment>_<group>_<index>_<uuid>``: the form of a generated VM name."""
