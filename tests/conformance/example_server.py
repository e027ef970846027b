"""The smallest complete application of `openesc.netconf`: a jukebox in memory.

Read it to see what an application has to give; run it to have a NETCONF server to try clients on:

    python -m tests.conformance.example_server --port 2023

The port is printed (0 takes a free one). The user is `demo` with the password `demo`. Nothing is kept when it ends.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Sequence
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path

import asyncssh
from lxml import etree
from lxml.etree import _Element

from openesc import yang
from openesc.netconf import (
    REPLAY_COMPLETE,
    YANG_DIR,
    YANG_FEATURES,
    YANG_MODULES,
    EditRequest,
    Filter,
    NetconfServer,
    RpcError,
    SessionInfo,
    Stream,
    User,
)

NS = "urn:example:jukebox"
_HERE = Path(__file__).parent
_SEARCH = (_HERE / "yang", YANG_DIR, _HERE.parent.parent / "yang")
_WRITING = frozenset({"edit-config", "lock", "unlock", "kill-session"})


def load_schema(cache_dir: Path | None = None) -> yang.Schema:
    """The jukebox and what the server itself serves."""
    return yang.Schema.load(_SEARCH, ["example-jukebox", *YANG_MODULES], cache_dir, features=YANG_FEATURES)


def q(name: str) -> str:
    """The Clark name in the jukebox's namespace."""
    return f"{{{NS}}}{name}"


def _element(name: str) -> _Element:
    """A top-level element of the jukebox's namespace."""
    return etree.Element(q(name), nsmap={None: NS})  # type: ignore[dict-item]


class EventLog:
    """Events in order, kept for ever; every reader follows it at its own pace, so no reader can delay another."""

    def __init__(self) -> None:
        self.created = datetime.now(UTC)
        self._events: list[tuple[datetime, str, bytes]] = []
        self._grown = asyncio.Event()

    def append(self, event: bytes) -> None:
        """An event happens now."""
        moment = datetime.now(UTC)
        self._events.append((moment, moment.isoformat(timespec="milliseconds"), event))
        self._grown.set()
        self._grown = asyncio.Event()

    def follow(self, start: datetime | None, stop: datetime | None) -> AsyncIterator[tuple[str, bytes]]:
        """The events from `start`, or from now, to `stop`. What is live is decided here, not at the first step."""
        return self._follow(len(self._events), start, stop)

    async def _follow(
        self, position: int, start: datetime | None, stop: datetime | None
    ) -> AsyncIterator[tuple[str, bytes]]:
        if start is not None:
            for moment, text, event in self._events[:position]:
                if moment >= start and (stop is None or moment <= stop):
                    yield text, event
            yield REPLAY_COMPLETE
        while stop is None or datetime.now(UTC) < stop:
            while position < len(self._events):
                yield self._events[position][1:]
                position += 1
            await self._growth(stop)

    async def _growth(self, stop: datetime | None) -> None:
        seconds = None if stop is None else max(0.0, (stop - datetime.now(UTC)).total_seconds())
        try:
            async with asyncio.timeout(seconds):
                await self._grown.wait()
        except TimeoutError:
            pass


class Jukebox:
    """A `Backend`: one document in memory, edited and checked by `openesc.yang`."""

    def __init__(self, schema: yang.Schema) -> None:
        self._schema = schema
        self._editing = asyncio.Lock()
        self.configuration: dict[str, _Element] = {}  # top-level elements by Clark name
        self.history: list[str] = []
        self.log = EventLog()

    @property
    def schema(self) -> yang.Schema:
        """The modules served."""
        return self._schema

    @property
    def artists(self) -> list[str]:
        """The names of the configured artists."""
        return [str(name.text) for root in self.configuration.values() for name in root.iter(q("name"))]

    def capabilities(self) -> Sequence[str]:
        """Nothing beyond what the server does."""
        return ()

    async def get(self, session: SessionInfo, filter: Filter | None) -> bytes:
        """Configuration and what is playing."""
        roots = dict(self.configuration)
        if self.history:
            root = deepcopy(roots.get(q("jukebox"), _element("jukebox")))
            etree.SubElement(etree.SubElement(root, q("player")), q("playing")).text = self.history[-1]
            roots[q("jukebox")] = root
        return self._select(list(roots.values()), filter)

    async def get_config(self, session: SessionInfo, datastore: str, filter: Filter | None) -> bytes:
        """Configuration alone."""
        return self._select(list(self.configuration.values()), filter)

    def _select(self, roots: list[_Element], filter: Filter | None) -> bytes:
        if filter is None:
            found = roots
        elif filter.kind == "subtree":
            found = yang.subtree_filter(self._schema, roots, filter.element)
        else:
            found = yang.xpath_filter(self._schema, roots, filter.select, filter.nsmap)
        return b"".join(etree.tostring(element) for element in found)

    async def edit_config(self, session: SessionInfo, edit: EditRequest) -> None:
        """All of the edit or nothing: the result is made beside the configuration, which it then replaces."""
        async with self._editing:
            self.configuration = await asyncio.to_thread(self._edited, edit)

    def _edited(self, edit: EditRequest) -> dict[str, _Element]:
        configuration = dict(self.configuration)
        for part in edit.config:
            after = yang.apply_edit(
                self._schema,
                configuration.pop(str(part.tag), None),
                part,
                default_operation=edit.default_operation,
            )
            if after is not None:
                configuration[str(part.tag)] = after
        if errors := yang.validate(self._schema, list(configuration.values())):
            raise yang.YangErrors(errors)
        return configuration

    async def invoke(self, session: SessionInfo, rpc: _Element) -> bytes | None:
        """The operations of the module."""
        checked = yang.validate_rpc_input(self._schema, rpc)
        if checked.tag == q("history"):
            return b"".join(b'<song xmlns="%b">%b</song>' % (NS.encode(), s.encode()) for s in self.history)
        if checked.tag != q("play"):
            raise RpcError("operation-not-supported", f"{rpc.tag} is not done here")
        song = checked.findtext(q("song"), "")
        self.history.append(song)
        event = _element("song-started")
        etree.SubElement(event, q("song")).text = song
        self.log.append(etree.tostring(event))
        return None

    def streams(self) -> Sequence[Stream]:
        """One stream, with replay."""
        return [Stream("NETCONF", "All events", True, self.log.created)]

    def subscribe(
        self, session: SessionInfo, stream: str, start: datetime | None, stop: datetime | None
    ) -> AsyncIterator[tuple[str, bytes]]:
        """Follow the log."""
        return self.log.follow(start, stop)

    def tidy(self, operation: etree._Element) -> None:
        pass

    def authorize(self, session: SessionInfo, operation_qname: str) -> None:
        """Guests look, members touch."""
        name = operation_qname.rpartition("}")[2]
        if session.user.group == "guest" and name in _WRITING:
            raise RpcError("access-denied", f"{session.user.name} may not use {name}")


class Doorkeeper:
    """An `Authenticator` with a fixed list of users."""

    def __init__(self) -> None:
        self.passwords: dict[str, tuple[str, User]] = {}
        self.keys: dict[str, tuple[asyncssh.SSHKey, User]] = {}

    async def check_password(self, name: str, password: str) -> User | None:
        """A real one compares hashes, in a thread."""
        known = self.passwords.get(name)
        return known[1] if known and known[0] == password else None

    async def check_public_key(self, name: str, key: asyncssh.SSHKey) -> User | None:
        """The user whose key it is."""
        known = self.keys.get(name)
        return known[1] if known and known[0] == key else None


async def serve(port: int) -> None:
    """Serve until cancelled."""
    doorkeeper = Doorkeeper()
    doorkeeper.passwords["demo"] = ("demo", User("demo", "member"))
    host_key = asyncssh.generate_private_key("ssh-ed25519")
    server = NetconfServer(Jukebox(load_schema()), doorkeeper, [host_key], port=port)
    await server.start()
    sys.stdout.write(f"{server.port}\n")
    sys.stdout.flush()
    try:
        await asyncio.Event().wait()
    finally:
        await server.stop(grace=1.0)


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--port", type=int, default=2023)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    try:
        asyncio.run(serve(arguments.port))
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
