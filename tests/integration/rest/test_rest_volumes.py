"""POST snapshots/{id}/volumes: a bootable volume of a snapshot, told by callbacks alone (user guide, create bootable
volume from volume snapshot).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.callback_receiver import ReceiverThread
from tests.integration.main_job.house import House
from tests.integration.main_job.subscriber import Subscriber
from tests.integration.rest.client import Rest
from tests.integration.rest.conftest import SETTINGS
from tests.integration.rest.volumes import POLLS, asked, cloud, named, receiver, snapshots, told
from tests.integration.snapshots.actions import fault

from openesc.lifecycle.flows.steps_table import STEPS

__all__ = ["cloud", "receiver", "snapshots"]

SAMPLE = Path(__file__).parents[2] / "golden" / "src" / "volume_from_volume_snapshot.json"


@pytest.fixture(scope="module")
def server_settings() -> Mapping[str, str]:
    return {**SETTINGS, **POLLS}


def test_the_sample_makes_a_volume_and_is_told_by_callbacks_alone(
    house: House, rest: Rest, subscriber: Subscriber, snapshots: dict[str, str], receiver: ReceiverThread, cloud: Any
) -> None:
    answer = asked(rest, snapshots["booted"], SAMPLE.read_text(), receiver)
    assert (answer.status, answer.content) == (202, b"")
    accepted, created = sorted(told(receiver, 2), key=lambda one: one[1])
    assert accepted[:2] == ("/event", "VM_VOLUME_ACCEPTED_EVENT")
    assert created[:2] == ("/callback", "VM_VOLUME_CREATED_EVENT")
    (volume,) = named(cloud, "my-bootable-volume-from-snapshot-volume")
    assert (volume.status, volume.is_bootable, volume.is_multiattach, volume.size) == ("available", True, True, 1)
    parameter = created[2]["escParameter"]
    assert parameter == accepted[2]["escParameter"]
    assert {name: value for name, value in parameter.items() if value is not None} == {
        "external_volume_id": volume.id,
        "size": "1",
        "bus": "virtio",
        "type": "multiattach",
        "outOfBand": "false",
        "name": "my-bootable-volume-from-snapshot-volume",
    }
    assert (accepted[2]["statusCode"], created[2]["statusCode"]) == ("202", "201")
    assert created[2]["message"] == "Create volume snapshot request completed"
    (final,) = [one for one in receiver.receiver.accepted if one.path == "/callback"]
    assert final.headers["esc-status-code"] == "201"
    assert final.headers["esc-transaction-id"] == created[2]["escTransactionId"]
    subscriber.quiet()
    assert "VM_VOLUME" not in (house.server.data_dir / "escmanager.log").read_text()


def test_the_volume_is_not_ours_afterwards(
    house: House, rest: Rest, snapshots: dict[str, str], receiver: ReceiverThread, cloud: Any
) -> None:
    wanted = {"name": "plain", "bootable": False, "operation": "snapshot", "unknown": {"a": 1}}
    assert asked(rest, snapshots["booted"], wanted, receiver).status == 202
    assert told(receiver, 2)[-1][2]["escParameter"]["type"] == "LVM"
    (volume,) = named(cloud, "plain")
    assert (volume.is_bootable, volume.is_multiattach) == (False, False)
    assert house.told("leftover.list") == []
    assert asked(rest, snapshots["booted"], wanted, receiver).status == 202, "names need not be unique"
    told(receiver, 4)
    assert len(named(cloud, "plain")) == 2


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({}, 400, "name must be specified"),
        ({"name": ""}, 400, "name must be specified"),
        ({"name": "x" * 256}, 400, "name has 256 characters"),
        ({"name": "v", "bootable": "perhaps"}, 400, "bootable"),
        ({"name": "v", "volume_type": "no-such"}, 400, "volume_type [no-such] not found; there are: "),
        ({"name": "v", "volume_type": "LVM", "multiattach": True}, 400, "multiattach: volume_type [LVM] has it not"),
        ("[]", 400, "JSON"),
    ],
)
def test_what_is_wrong_is_named(
    rest: Rest, snapshots: dict[str, str], cloud: Any, body: Any, status: int, said: str
) -> None:
    answer = asked(rest, snapshots["booted"], body)
    code, message = answer.error
    assert code == status
    assert said in message
    assert named(cloud, "v") == []


def test_only_of_our_snapshots_with_a_boot_volume(rest: Rest, snapshots: dict[str, str]) -> None:
    assert asked(rest, "no-such", {"name": "v"}).error == (404, "Snapshot image [no-such] not found.")
    code, message = asked(rest, snapshots["diskless"], {"name": "v"}).error
    assert code == 400
    assert "had no bootable volume" in message


def test_the_clouds_refusal_answers_the_caller_and_the_callback(
    house: House, rest: Rest, snapshots: dict[str, str], receiver: ReceiverThread
) -> None:
    rule = fault("volume.create", {"type": "http", "status": 413, "text": "VolumeLimitExceeded: no more"})
    house.sim("POST", "/sim/faults", rule)
    answer = asked(rest, snapshots["booted"], {"name": "refused"}, receiver)
    assert answer.error[0] == 500
    assert "VolumeLimitExceeded: no more" in answer.error[1]
    ((path, event, body),) = told(receiver, 1)
    assert (path, event, body["statusCode"]) == ("/callback", "VM_VOLUME_CREATED_EVENT", "500")
    assert "VolumeLimitExceeded: no more" in body["message"]
    assert body["escParameter"]["external_volume_id"] is None


def test_a_volume_in_error_is_told_and_stays(
    house: House, rest: Rest, snapshots: dict[str, str], receiver: ReceiverThread, cloud: Any
) -> None:
    house.sim("POST", "/sim/faults", fault("volume.create", {"type": "error"}))
    assert asked(rest, snapshots["booted"], {"name": "broken"}, receiver).status == 202
    *_, (_, event, body) = told(receiver, 2)
    (volume,) = named(cloud, "broken")
    assert (event, body["statusCode"], volume.status) == ("VM_VOLUME_CREATED_EVENT", "500", "error")
    assert f"volume [{volume.id}] is there and not deleted" in body["message"]
    assert house.told("leftover.list") == []


def test_a_volume_that_takes_too_long_is_told(
    house: House, rest: Rest, snapshots: dict[str, str], receiver: ReceiverThread
) -> None:
    house.sim("POST", "/sim/faults", fault("volume.create", {"type": "freeze"}))
    assert asked(rest, snapshots["booted"], {"name": "slow"}, receiver).status == 202
    *_, (_, _event, body) = told(receiver, 2)
    assert body["statusCode"] == "500"
    assert "is creating after 3 seconds" in body["message"]


@pytest.mark.parametrize("wait", [0, 1.0])
def test_a_lost_answer_makes_one_volume(
    house: House, rest: Rest, snapshots: dict[str, str], receiver: ReceiverThread, cloud: Any, wait: float
) -> None:
    """Also where the first call takes effect after it was repeated."""
    name = f"lost-{wait}"
    house.sim("POST", "/sim/faults", fault("volume.create", {"type": "lost_reply", "effect_after": wait}))
    assert asked(rest, snapshots["booted"], {"name": name}, receiver).status == 202
    assert told(receiver, 2)[-1][2]["statusCode"] == "201"
    assert [volume.status for volume in named(cloud, name)] == ["available"]
    (row,) = (one for one in house.told("operation.list", limit=100) if f"volume {name} " in one["subject"])
    met = [step["step"] for step in house.told("operation.show", id=row["id"])["steps"]]
    assert sorted(met) == sorted(STEPS["volume-from-snapshot"]), "the table of steps, all of them"
