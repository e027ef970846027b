"""A running server for each module of tests, and a clean slate for each test."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from tests.integration.cli.peer import ROOT, Loop, Peer, Recorder, start_server

from openesc import yang
from openesc.cli import datadir
from openesc.netconf import YANG_DIR, YANG_FEATURES, YANG_MODULES


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    data_dir = tmp_path_factory.mktemp("data")
    modules = ["esc", *YANG_MODULES]
    recorder = Recorder(yang.Schema.load((ROOT / "yang", YANG_DIR), modules, features=YANG_FEATURES))
    loop = Loop()
    store, users, server = loop.run(start_server(data_dir, recorder))
    endpoints = {"pid": os.getpid(), "netconf": {"host": "127.0.0.1", "port": server.port}}
    datadir.write_endpoints(data_dir, endpoints)
    yield Peer(loop, data_dir, recorder, users, server)
    loop.run(server.stop(grace=1))
    store.close()
    loop.close()


@pytest.fixture
def peer(running: Peer) -> Peer:
    running.reset()
    return running
