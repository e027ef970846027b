"""Which server to judge: any NETCONF server, by address, user and key or password.

    python -m pytest tests/conformance --netconf-port 830 --netconf-user admin --netconf-key ~/.ssh/id_ed25519

(or the environment: NETCONF_HOST, NETCONF_PORT, NETCONF_USER, NETCONF_PASSWORD, NETCONF_KEY). Without any of them the
example server beside this file is started and judged. Tests skip themselves where the server does not advertise what
they are about. They change configuration only in the models of `samples.py`, and undo it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.conformance.peer import Peer
from tests.conformance.samples import SAMPLES, Sample

_OPTIONS = {"host": "127.0.0.1", "port": None, "user": None, "password": None, "key": None}
_ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True)
class Target:
    """The server under judgement."""

    host: str
    port: int
    user: str
    password: str | None
    key: str | None

    async def connect(self, version: str = "1.1") -> Peer:
        """A greeted session."""
        return await Peer.connect(
            self.host, self.port, self.user, password=self.password, key=self.key, version=version
        )

    async def login(self) -> Peer:
        """A connection without a session."""
        return await Peer.login(self.host, self.port, self.user, password=self.password, key=self.key)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Seen only when the folder is named on the command line; the environment always works."""
    for name, default in _OPTIONS.items():
        parser.addoption(f"--netconf-{name}", help=f"{name} of the NETCONF server (default {default})")


def _setting(config: pytest.Config, name: str) -> str | None:
    given = config.getoption(f"--netconf-{name}", default=None)
    value = given or os.environ.get(f"NETCONF_{name.upper()}") or _OPTIONS[name]
    return None if value is None else str(value)


@pytest.fixture(scope="session")
def target(request: pytest.FixtureRequest) -> Iterator[Target]:
    """The server that was named, or the example."""
    settings = {name: _setting(request.config, name) for name in _OPTIONS}
    if settings["port"] is None:
        yield from _example()
    else:
        assert settings["host"]
        assert settings["user"], "a port needs a user: --netconf-user"
        port = int(settings["port"])
        yield Target(settings["host"], port, settings["user"], settings["password"], settings["key"])


def _example() -> Iterator[Target]:
    command = [sys.executable, "-m", "tests.conformance.example_server", "--port", "0"]
    with subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout is not None
        try:
            yield Target("127.0.0.1", int(server.stdout.readline()), "demo", "demo", None)
        finally:
            server.terminate()


@pytest.fixture
async def peer(target: Target) -> AsyncIterator[Peer]:
    """A session in chunked framing."""
    async with await target.connect() as session:
        yield session


@pytest.fixture
async def other(target: Target) -> AsyncIterator[Peer]:
    """A second session, on a connection of its own."""
    async with await target.connect() as session:
        yield session


@pytest.fixture
async def sample(peer: Peer) -> AsyncIterator[Sample]:
    """Configuration to write in a model that the server has; it is not there before and after the test."""
    peer.need(":writable-running")
    for candidate in SAMPLES:
        if any(uri.startswith(f"{candidate.namespace}?") for uri in peer.capabilities):
            await peer.edit(candidate.remove)
            yield candidate
            await peer.edit(candidate.remove)
            return
    pytest.skip("the server has none of the models in samples.py")
