"""A running example server in the test's own event loop, and clients for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.conformance.example_server import Doorkeeper, Jukebox, load_schema
from tests.rawclient import RawClient
from tests.unit.netconf.house import HOST_KEY, USER_KEY, House, OpenHouse

from openesc.netconf import Limits, NetconfServer, User
from openesc.yang import Schema


@pytest.fixture(scope="session")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Schema:
    return load_schema(tmp_path_factory.mktemp("schema"))


@pytest.fixture
async def open_house(schema: Schema) -> AsyncIterator[OpenHouse]:
    """Start a server with the given limits; several if need be."""
    started: list[NetconfServer] = []

    async def open_it(backend: Jukebox | None = None, **limits: Any) -> House:
        jukebox = backend or Jukebox(schema)
        doorkeeper = Doorkeeper()
        for user in (User("ann", "member"), User("bob", "member"), User("gus", "guest", frozenset({"t"}))):
            doorkeeper.passwords[user.name] = (f"{user.name}-pw", user)
        doorkeeper.keys["ann"] = (USER_KEY.convert_to_public(), User("ann", "member"))
        server = NetconfServer(jukebox, doorkeeper, [HOST_KEY], port=0, limits=Limits(**limits))
        await server.start()
        started.append(server)
        return House(server, jukebox, doorkeeper)

    yield open_it
    for server in started:
        await server.stop(grace=0.5)


@pytest.fixture
async def house(open_house: OpenHouse) -> House:
    """A server with the usual limits."""
    return await open_house()


@pytest.fixture
async def client(house: House) -> AsyncIterator[RawClient]:
    """A session of ann, in chunked framing."""
    async with await house.client() as session:
        yield session
