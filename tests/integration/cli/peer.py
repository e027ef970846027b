"""A real NETCONF server on a real store for the command line to talk to; the application behind it only records."""

from __future__ import annotations

import asyncio
import io
import os
import sys
import threading
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from lxml import etree

from openesc import yang
from openesc.cli.main import run
from openesc.netconf import (
    REPLAY_COMPLETE,
    EditRequest,
    Filter,
    NetconfServer,
    RpcError,
    SessionInfo,
    Stream,
)
from openesc.northbound.first_start import first_start
from openesc.northbound.users import Users
from openesc.store import Store

ROOT = Path(__file__).parents[3]
ESC = "http://www.cisco.com/esc/esc"
T = TypeVar("T")


@dataclass
class Recorder:
    """A `Backend` that keeps what reaches it and answers what the test laid out."""

    schema: yang.Schema
    edits: list[etree._Element] = field(default_factory=list)
    actions: list[etree._Element] = field(default_factory=list)
    filters: list[Filter | None] = field(default_factory=list)
    users: list[str] = field(default_factory=list)
    data: bytes = b""
    refusal: RpcError | None = None
    events: list[tuple[str, bytes]] = field(default_factory=list)
    starts: list[datetime | None] = field(default_factory=list)

    def capabilities(self) -> Sequence[str]:
        return ()

    async def get(self, session: SessionInfo, filter: Filter | None) -> bytes:
        self.users.append(session.user.name)
        self.filters.append(filter)
        return self.data

    async def get_config(self, session: SessionInfo, datastore: str, filter: Filter | None) -> bytes:
        self.filters.append(filter)
        return self.data

    async def edit_config(self, session: SessionInfo, edit: EditRequest) -> None:
        self._refuse()
        self.edits.append(edit.config)

    async def invoke(self, session: SessionInfo, rpc: etree._Element) -> bytes | None:
        self._refuse()
        self.actions.append(rpc)
        return None

    def streams(self) -> Sequence[Stream]:
        return [Stream("NETCONF", "All"), Stream("escEvent", "ESC", True)]

    async def subscribe(
        self, session: SessionInfo, stream: str, start: datetime | None, stop: datetime | None
    ) -> AsyncIterator[tuple[str, bytes]]:
        self.starts.append(start)
        for event in self.events:
            yield event
        if start is not None:
            yield REPLAY_COMPLETE
        if stop is None:
            await asyncio.Event().wait()

    def tidy(self, operation: etree._Element) -> None:
        pass

    def authorize(self, session: SessionInfo, operation_qname: str) -> None:
        pass

    def _refuse(self) -> None:
        if self.refusal is not None:
            raise self.refusal


class Loop:
    """An event loop on a thread of its own, so that the tests may block on a subprocess."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


@dataclass
class Peer:
    """The running server as a test sees it."""

    loop: Loop
    data_dir: Path
    recorder: Recorder
    users: Users
    server: NetconfServer

    def reset(self) -> None:
        fresh = Recorder(self.recorder.schema)
        self.recorder.__dict__.update(fresh.__dict__)


async def start_server(data_dir: Path, recorder: Recorder) -> tuple[Store, Users, NetconfServer]:
    store = Store(data_dir / "openesc.db")
    host_key = await first_start(data_dir, store)
    users = Users(store)
    server = NetconfServer(recorder, users, [str(host_key)], port=0)
    await server.start()
    return store, users, server


def environment(base: Mapping[str, str] = os.environ, **changes: str) -> dict[str, str]:
    """The environment of a command: this one without what a developer may have set."""
    clean = {name: value for name, value in base.items() if not name.startswith("OPENESC_")}
    return clean | {"PATH": f"{Path(sys.executable).parent}:{clean.get('PATH', '')}"} | changes


@dataclass
class Done:
    """How a command ended, and what it said."""

    returncode: int
    stdout: str
    stderr: str


def openesc(*arguments: object, stdin: str = "", **changes: str) -> Done:
    """Run `openesc` with the arguments, in this process: much faster, and nothing is different."""
    before, before_in = dict(os.environ), sys.stdin
    out, err = io.StringIO(), io.StringIO()
    os.environ.clear()
    os.environ.update(environment(before, **changes))
    sys.stdin = io.StringIO(stdin)
    try:
        with redirect_stdout(out), redirect_stderr(err):
            status = run([str(argument) for argument in arguments])
    finally:
        os.environ.clear()
        os.environ.update(before)
        sys.stdin = before_in
    return Done(status, out.getvalue(), err.getvalue())
