"""What the tests of volumes from snapshots have in common: the snapshots, the question, the callbacks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import openstack
import pytest
from tests.callback_receiver import ReceiverThread
from tests.integration.main_job.house import House
from tests.integration.main_job.subscriber import subscribe
from tests.integration.rest.client import V0, Answer, Rest
from tests.integration.snapshots.actions import BOOT_VOLUME, backup, call, deployed, snapshot_id

POLLS = {
    "vim.asyncpoller.volume.create.poll.secs": "0.1",
    "vim.asyncpoller.volume.create.timeout.mins": "0.05",
    "OPENESC_ENGINE__CLOUD_PATIENCE_S": "2",
    "OPENESC_VIM__HTTP_TIMEOUT_S": "1.5",
}


@pytest.fixture(scope="module")
def snapshots(shared_house: House) -> dict[str, str]:
    """The ids of a snapshot with a boot volume and of one without."""
    admin, subscriber = shared_house.session(), subscribe(shared_house)
    found = {}
    for name, volumes in (("booted", BOOT_VOLUME), ("diskless", "")):
        vm = deployed(admin, subscriber, f"vol-{name}", volumes)
        call(admin, backup(vm, name))
        found[name] = snapshot_id(subscriber.until("VM_BACKUP_COMPLETE", status="SUCCESS")[0].status_message)
    shared_house.leave()
    return found


@pytest.fixture
def receiver() -> Iterator[ReceiverThread]:
    with ReceiverThread() as receiver:
        yield receiver


@pytest.fixture
def cloud(house: House) -> Iterator[Any]:
    facts = house.server.cloud_facts
    words = ("auth_url", "username", "password", "project_name", "user_domain_name", "project_domain_name")
    with openstack.connect(auth={name: facts[name] for name in words}, region_name="RegionOne") as cloud:
        yield cloud.block_storage


def asked(rest: Rest, snapshot: str, body: Any, receiver: ReceiverThread | None = None) -> Answer:
    headers = {}
    if receiver is not None:
        headers = {"Callback": f"{receiver.url}/callback", "Callback-ESC-Events": f"{receiver.url}/event"}
    text = body if isinstance(body, str) else json.dumps(body)
    return rest.call("POST", f"{V0}/snapshots/{snapshot}/volumes", text, Content_Type="application/json", **headers)


def told(receiver: ReceiverThread, count: int) -> list[tuple[str, str, dict[str, Any]]]:
    """Path, event type and body of so many callbacks."""
    found = receiver.until(lambda receiver: len(receiver.accepted) >= count)
    bodies = [(one.path, json.loads(one.body)) for one in found]
    return [(path, body["eventType"], body) for path, body in bodies]


def named(cloud: Any, name: str) -> list[Any]:
    return [volume for volume in cloud.volumes() if volume.name == name]
