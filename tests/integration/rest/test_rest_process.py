"""REST as a part of the process: it stops with it, whoever waits, and does not take more connections than it may."""

from __future__ import annotations

import http.client
import json
import select
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

import pytest
from tests.integration.main_job.house import House, until
from tests.integration.rest.client import V0, V1, Rest
from tests.integration.rest.conftest import SETTINGS


@pytest.fixture(scope="module")
def server_settings() -> Mapping[str, str]:
    return {
        **SETTINGS,
        "OPENESC_REST__MAX_CONNECTIONS": "10",
        "OPENESC_REST__BODY_TIMEOUT_S": "1",
        "OPENESC_REST__IDLE_TIMEOUT_S": "2",
    }


def test_more_connections_than_the_limit_are_told_so(house: House, rest: Rest) -> None:
    address = house.server.endpoints["rest"]
    kept = [http.client.HTTPConnection(address["host"], address["port"], timeout=5) for _ in range(12)]
    try:
        for connection in kept:
            connection.connect()
        late = kept[-1]
        late.request("GET", f"{V0}/snapshots", headers={"Accept": "application/json"})
        answer = late.getresponse()
        assert (answer.status, answer.headers["Content-Type"]) == (503, "application/json")
        assert json.loads(answer.read())["error"]["error_code"] == 503
    finally:
        for connection in kept:
            connection.close()
    assert until(lambda: rest.get("/healthz").status == 200, "there is room again")


@pytest.mark.parametrize(
    ("asked", "after"),
    [
        (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", b"\r\n"),
        (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n", b"x"),
    ],
    ids=["blank lines", "a body nobody waits for"],
)
def test_who_sends_no_further_request_is_cut_off(rest: Rest, asked: bytes, after: bytes) -> None:
    """Whatever drips in: uvicorn takes each byte for a sign of life."""
    with connected(rest) as peer:
        peer.sendall(asked)
        assert peer.recv(65536).startswith(b"HTTP/1.1 200 ")
        began = time.monotonic()
        while not select.select([peer], [], [], 0.1)[0]:
            assert time.monotonic() - began < 10
            peer.send(after)


def test_who_reads_nothing_is_cut_off(rest: Rest) -> None:
    """Or as many of them as there may be connections keep everybody else out."""
    with ExitStack() as peers:
        for _ in range(10):
            peers.enter_context(connected(rest)).sendall(b"GET /docs HTTP/1.1\r\nHost: localhost\r\n\r\n" * 500)
        assert until(lambda: rest.get("/healthz", Connection="close").status == 503, "there is no room")
        assert until(lambda: rest.get("/healthz", Connection="close").status == 200, "there is room again", 30)


@contextmanager
def connected(rest: Rest) -> Iterator[socket.socket]:
    host, port = rest.url.removeprefix("http://").split(":")
    with socket.socket() as peer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        peer.connect((host, int(port)))
        peer.settimeout(10)
        yield peer


def test_a_stop_does_not_wait_for_those_who_wait_for_events(house: House, rest: Rest) -> None:
    since = rest.get(f"{V1}/events?limit=1000").json["next"]
    ended = threading.Event()

    def wait() -> None:
        try:
            with Rest.of(house) as other:
                other.get(f"{V1}/events?since={since}&wait=60")
        except OSError:  # the server closed the connection
            pass
        ended.set()

    threading.Thread(target=wait, daemon=True).start()
    began = time.monotonic()
    assert house.server.stop() == 0
    assert time.monotonic() - began < 15
    assert ended.wait(5)
    house.server.start()
    log = house.server.log
    assert "Traceback" not in log, log[-3000:]
