"""A server under measurement: its process, its simulated cloud, sessions of a lean client."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.rawclient import RawClient
from tests.server_process import ServerProcess

from benchmarks.measure import cpu_seconds

ADMIN = "esc-nc-admin"
QUICK = {
    "OPENESC_CLOUDSIM__LATENCY_FACTOR": "0",
    "OPENESC_CLOUDSIM__BOOT_SECONDS": "0",
    "OPENESC_VIM__POLL_INTERVAL_S": "1",
    "OPENESC_VIM__HTTP_TIMEOUT_S": "60",
    "OPENESC_ENGINE__CANCEL_GRACE_S": "2",
}
"""A cloud without latencies; the server as it is by default."""
REPLY_SECONDS = 60.0
_EVENT = re.compile(rb"<status>(\w+)</status>.*<type>(\w+)</type>", re.DOTALL)
_DEPLOYMENT = re.compile(rb"<depname>([^<]*)</depname>")


@dataclass
class House:
    """A server that runs."""

    server: ServerProcess

    @property
    def pid(self) -> int:
        return int(self.server.endpoints["pid"])

    @property
    def cpu(self) -> float:
        """CPU seconds of the server so far."""
        return cpu_seconds(self.pid)

    @property
    def cloud_cpu(self) -> float:
        """CPU seconds of its simulated cloud so far."""
        return cpu_seconds(int(self.server.cloud_facts["pid"]))

    async def session(self) -> RawClient:
        """A session of the administrator, NETCONF 1.1."""
        key = str(self.server.key_file)
        client = await RawClient.connect("127.0.0.1", self.server.netconf_port, ADMIN, key=key)
        client.timeout = REPLY_SECONDS
        return client

    async def subscriber(self) -> Subscriber:
        """A session that receives escEvents."""
        client = await self.session()
        reply = await client.rpc(
            '<create-subscription xmlns="urn:ietf:params:xml:ns:netconf:notification:1.0">'
            "<stream>escEvent</stream></create-subscription>"
        )
        check_ok(reply)
        return Subscriber(client)


class Subscriber:
    """Counts what it is told, without parsing XML."""

    def __init__(self, client: RawClient) -> None:
        self.client = client

    async def next(self, event_type: str, *, failures: bool = False) -> str:
        """The name of the deployment that the next event of this type is about.

        Raises: RuntimeError on a FAILURE of any type, unless `failures` are part of it.
        """
        while True:
            message = await self.client.receive()
            found = _EVENT.search(message)
            if found is None:
                continue
            if found[1] != b"SUCCESS" and not failures:
                raise RuntimeError(f"the server reports a failure: {message.decode()}")
            if found[2].decode() == event_type:
                name = _DEPLOYMENT.search(message)
                return name[1].decode() if name else ""


def check_ok(reply: bytes) -> None:
    """Raises: RuntimeError with the reply when it is not <ok/>."""
    if b"<ok/>" not in reply:
        raise RuntimeError(f"the server refused: {reply.decode()}")


class Site:
    """The folder all data directories of a run lie in; the compiled YANG is handed from one to the next."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._cache = folder / "cache"
        self._made = 0

    def warm(self) -> None:
        """Compile the YANG once, by a server that is thrown away."""
        with self.open(self.data_dir()) as house:
            shutil.copytree(house.server.data_dir / "cache", self._cache)

    def data_dir(self) -> Path:
        """A new data directory, empty but for the compiled YANG."""
        self._made += 1
        data_dir = self.folder / f"data-{self._made}"
        data_dir.mkdir(mode=0o700)
        if self._cache.exists():
            shutil.copytree(self._cache, data_dir / "cache")
        return data_dir

    @contextmanager
    def open(self, data_dir: Path, **settings: str) -> Iterator[House]:
        """A server on `data_dir`, with more environment variables; it and its cloud end with the block."""
        server = ServerProcess(data_dir, {**QUICK, **settings})
        try:
            yield House(server.start())
        finally:
            server.close()
