"""REST as a part of the process: it stops with it, whoever waits, and does not take more connections than it may."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Mapping

import pytest
from tests.integration.main_job.house import House, until
from tests.integration.rest.client import V1, Rest
from tests.integration.rest.conftest import SETTINGS


@pytest.fixture(scope="module")
def server_settings() -> Mapping[str, str]:
    return {**SETTINGS, "OPENESC_REST__MAX_CONNECTIONS": "10"}


def test_more_connections_than_the_limit_are_told_so(house: House, rest: Rest) -> None:
    address = house.server.endpoints["rest"]
    kept = [http.client.HTTPConnection(address["host"], address["port"], timeout=5) for _ in range(12)]
    try:
        for connection in kept:
            connection.connect()
        late = kept[-1]
        late.request("GET", "/healthz")
        assert late.getresponse().status == 503
    finally:
        for connection in kept:
            connection.close()
    assert until(lambda: rest.get("/healthz").status == 200, "there is room again")


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
