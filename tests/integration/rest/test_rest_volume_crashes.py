"""The server dies at a boundary of a volume from a snapshot: it goes on, makes one volume, and tells each event."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
import requests
from tests.callback_receiver import ReceiverThread
from tests.integration.main_job.house import House, until
from tests.integration.rest.client import Rest
from tests.integration.rest.conftest import SETTINGS
from tests.integration.rest.volumes import POLLS, asked, cloud, named, receiver, snapshots, told

__all__ = ["cloud", "receiver", "snapshots"]


@pytest.fixture(scope="module")
def failpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("failpoints") / "armed"


@pytest.fixture(scope="module")
def shared_house(make_house: Callable[..., House], failpoints: Path) -> House:
    return make_house(**{**SETTINGS, **POLLS, "OPENESC_FAILPOINT": f"@{failpoints}"})


@pytest.mark.parametrize(
    "failpoint",
    [
        "look:after",
        "volume:before",
        "volume:after",
        "available/started:before",
        "available:before",
        "bootable:before",
        "bootable:after",
        "close:before",
        "close:after",
    ],
)
def test_it_goes_on(
    house: House, failpoints: Path, snapshots: dict[str, str], receiver: ReceiverThread, cloud: Any, failpoint: str
) -> None:
    name = failpoint.replace("/", "-").replace(":", "-")
    failpoints.write_text(f"volume-from-snapshot/{failpoint}\n")
    with Rest.of(house) as rest, suppress(requests.ConnectionError):  # the server may die before it answers
        asked(rest, snapshots["booted"], {"name": name, "bootable": False}, receiver)
    process = house.server.process
    assert process is not None
    until(lambda: process.poll() is not None, f"{failpoint} is reached")
    assert failpoints.read_text() == ""
    house.sessions.clear()
    house.server.start()
    receiver.until(lambda receiver: any(one.path == "/callback" for one in receiver.accepted))
    events = sorted((event, body["statusCode"]) for _, event, body in told(receiver, 2))
    assert [event for event, _ in groupby(events)] == [
        ("VM_VOLUME_ACCEPTED_EVENT", "202"),
        ("VM_VOLUME_CREATED_EVENT", "201"),
    ]
    (volume,) = named(cloud, name)
    assert (volume.status, volume.is_bootable) == ("available", False)
