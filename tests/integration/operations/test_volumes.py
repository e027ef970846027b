"""Volumes of running VMs come and go by a service update."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from tests.integration.main_job.house import House, Session, texts, until
from tests.integration.main_job.payloads import deployment, group, undeploy
from tests.integration.main_job.subscriber import Subscriber, types
from tests.integration.main_job.test_main_volumes import cloud
from tests.integration.operations.test_interfaces import replaced
from tests.integration.operations.vnf import Vnf, deployed, rpc

GIVEN = "<volume><name>given</name><volid>1</volid><bus>virtio</bus></volume>"
MADE = ("VM_DEPLOYED", "VM_ALIVE")
OWN = "<volume><name>own</name><volid>2</volid><size>1</size><sizeunit>GiB</sizeunit><bus>virtio</bus></volume>"


def with_volumes(*volumes: str) -> str:
    return group(extra=f"<volumes>{''.join(volumes)}</volumes>" if volumes else "")


def statuses(house: House) -> dict[str, str]:
    """The volumes of the cloud by name, a VM's name cut away from those that were made for it."""
    with cloud(house) as connection:
        return {str(one.name).rpartition("_")[2]: one.status for one in connection.block_storage.volumes()}


def plugged(vnf: Vnf) -> list[str]:
    """The names of the volumes that the server has."""
    [server] = texts(vnf.entry(), "vm_id")
    ids = vnf.house.guest(server)["volumes"]
    with cloud(vnf.house) as connection:
        return sorted(str(connection.block_storage.get_volume(one).name).rpartition("_")[2] for one in ids)


@pytest.fixture
def given(house: House) -> Iterator[Any]:
    """A volume that is not ours."""
    with cloud(house) as connection:
        made = connection.block_storage.create_volume(name="given", size=1)
        connection.block_storage.wait_for_status(made, "available", interval=0.1, wait=20)
        yield made
        assert connection.block_storage.get_volume(made).status == "available", "it is left as it was"
        connection.block_storage.delete_volume(made)


@pytest.fixture
def vnf(given: Any, house: House, admin: Session, subscriber: Subscriber) -> Iterator[Vnf]:
    found = deployed("stored", house, admin, subscriber)
    yield found
    admin.edit(undeploy("stored"))
    found.until("SERVICE_UNDEPLOYED")
    assert [name for name in house.names("volumes") if name.startswith("stored")] == []


def test_volumes_come_and_go(vnf: Vnf) -> None:
    """Ours is deleted, the one that was given stays."""
    vm_id = texts(vnf.entry(), "vm_id")
    vnf.admin.edit(replaced("stored", with_volumes(GIVEN, OWN)))
    came = vnf.until("SERVICE_UPDATED")
    assert types(came) == ["VM_UPDATED", "SERVICE_UPDATED"]
    assert {event.status for event in came} == {"SUCCESS"}
    assert plugged(vnf) == ["given", "own"]
    shown = dict(zip(texts(vnf.entry(), "name")[-2:], texts(vnf.entry(), "out_of_band"), strict=True))
    assert sorted(texts(vnf.entry(), "out_of_band")) == ["false", "true"], shown
    assert texts(vnf.entry(), "vm_id") == vm_id
    assert vnf.states == ["SERVICE_ACTIVE_STATE", "VM_ALIVE_STATE"]
    vnf.admin.edit(replaced("stored", with_volumes()))
    assert types(vnf.until("SERVICE_UPDATED")) == ["VM_UPDATED", "SERVICE_UPDATED"]
    assert plugged(vnf) == []
    assert statuses(vnf.house) == {"given": "available"}
    assert texts(vnf.entry(), "volume_id") == []


def test_an_undeployment_leaves_what_was_given(vnf: Vnf) -> None:
    vnf.admin.edit(replaced("stored", with_volumes(GIVEN, OWN)))
    vnf.until("SERVICE_UPDATED")


def test_a_stopped_vm_gets_its_volume(vnf: Vnf) -> None:
    rpc(vnf.admin, "vmAction", actionType="STOP", vmName=vnf.vms[0])
    vnf.until("VM_STOPPED")
    vnf.admin.edit(replaced("stored", with_volumes(OWN)))
    assert types(vnf.until("SERVICE_UPDATED")) == ["VM_UPDATED", "SERVICE_UPDATED"]
    assert plugged(vnf) == ["own"]
    assert vnf.states[1] == "VM_SHUTOFF_STATE"


@pytest.mark.parametrize(
    ("operation", "action", "words"),
    [
        ("volume.create", {"type": "quota"}, "VolumeLimitExceeded"),
        ("volume_attachment.create", {"type": "http", "status": 400}, ""),
        ("volume_attachment.create", {"type": "fail", "text": "no path to the disk"}, "no path to the disk"),
    ],
)
def test_a_failed_update_is_sent_again(vnf: Vnf, operation: str, action: dict[str, Any], words: str) -> None:
    document = replaced("stored", with_volumes(OWN))
    with vnf.house.fault(operation, action):
        vnf.admin.edit(document)
        came = vnf.until("SERVICE_UPDATED")
    assert [(event.type, event.status) for event in came] == [("VM_UPDATED", "FAILURE"), ("SERVICE_UPDATED", "FAILURE")]
    assert words in str(came[0].status_message) and words in str(came[1].status_message)
    assert vnf.states == ["SERVICE_ERROR_STATE", "VM_ALIVE_STATE"]
    vnf.admin.edit(document)
    assert {event.status for event in vnf.until("SERVICE_UPDATED")} == {"SUCCESS"}
    assert plugged(vnf) == ["own"]
    assert len([name for name in vnf.house.names("volumes") if name.startswith("stored")]) == 1


def test_a_volume_that_is_not_detached_stays(vnf: Vnf) -> None:
    vnf.admin.edit(replaced("stored", with_volumes(OWN)))
    vnf.until("SERVICE_UPDATED")
    with vnf.house.fault("volume_attachment.delete", {"type": "fail", "text": "the guest holds it"}):
        vnf.admin.edit(replaced("stored", with_volumes()))
        came = vnf.until("SERVICE_UPDATED")
    assert "was not detached: it is in-use: the guest holds it" in str(came[0].status_message)
    vnf.admin.edit(replaced("stored", with_volumes()))
    assert {event.status for event in vnf.until("SERVICE_UPDATED")} == {"SUCCESS"}
    assert statuses(vnf.house) == {"given": "available"}


def in_groups(**volumes: str) -> list[str]:
    """Groups of one VM with one volume each, or with none."""
    return [group(name, extra=f"<volumes>{one}</volumes>" if one else "") for name, one in volumes.items()]


MOVES = {
    "between groups that stay": (in_groups(g1=GIVEN, g2=""), in_groups(g1="", g2=GIVEN), ["VM_UPDATED"] * 2),
    "to a group that comes": (in_groups(g1=GIVEN), in_groups(g1="", g2=GIVEN), ["VM_UPDATED", *MADE]),
    "from a group that goes": (in_groups(g1=GIVEN, g2=""), in_groups(g2=GIVEN), ["VM_UNDEPLOYED", "VM_UPDATED"]),
    "from one group to the next": (in_groups(g1=GIVEN), in_groups(g2=GIVEN), ["VM_UNDEPLOYED", *MADE]),
}


@pytest.mark.parametrize("way", MOVES)
def test_a_volume_that_was_given_moves(
    given: Any, house: House, admin: Session, subscriber: Subscriber, way: str
) -> None:
    """Who has it gives it up before the other takes it, in one request."""
    before, after, told = MOVES[way]
    vnf = deployed("moving", house, admin, subscriber, before)
    admin.edit(replaced("moving", *after))
    came = vnf.until("SERVICE_UPDATED")
    assert types(came) == [*told, "SERVICE_UPDATED"] and {event.status for event in came} == {"SUCCESS"}
    (last,) = [vm for vm in texts(vnf.entry(), "vm_name") if "_g2_" in vm]
    assert given.id in house.guest(last)["volumes"]
    admin.edit(undeploy("moving"))
    vnf.until("SERVICE_UNDEPLOYED")


def test_a_volume_that_is_not_given_up_is_not_waited_for(
    given: Any, house: House, admin: Session, subscriber: Subscriber
) -> None:
    """The VM that keeps it is named, and the document sent again moves it."""
    vnf = deployed("keeping", house, admin, subscriber, in_groups(g1=GIVEN, g2=""))
    document = replaced("keeping", *in_groups(g1="", g2=GIVEN))
    with house.fault("volume_attachment.delete", {"type": "fail", "text": "the guest holds it"}):
        admin.edit(document)
        came = vnf.until("SERVICE_UPDATED")
    assert [(event.type, event.vm_group, event.status) for event in came] == [
        ("VM_UPDATED", "g1", "FAILURE"),
        ("VM_UPDATED", "g2", "FAILURE"),
        ("SERVICE_UPDATED", None, "FAILURE"),
    ]
    assert came[1].status_message == f"volume given [{given.id}] is attached to VM [{vnf.vms[0]}]"
    assert vnf.states == ["SERVICE_ERROR_STATE", "VM_ALIVE_STATE", "VM_ALIVE_STATE"]
    admin.edit(document)
    assert {event.status for event in vnf.until("SERVICE_UPDATED")} == {"SUCCESS"}
    assert house.guest(vnf.vms[1])["volumes"] == [given.id]
    admin.edit(undeploy("keeping"))
    vnf.until("SERVICE_UNDEPLOYED")


def test_leaves_that_cannot_change_are_named(vnf: Vnf) -> None:
    vnf.admin.edit(replaced("stored", with_volumes(OWN)))
    vnf.until("SERVICE_UPDATED")
    refused = vnf.admin.refused(replaced("stored", with_volumes(OWN.replace("<size>1<", "<size>2<"))))
    assert refused.message == "size of volume own in vm_group g1 cannot change: give it another name"
    assert refused.path.endswith("/vm_group[name='g1']/volumes/volume[name='own']/size")
    boots = GIVEN.replace("</volume>", "<boot_index>0</boot_index></volume>")
    refused = vnf.admin.refused(replaced("stored", with_volumes(OWN, boots)))
    assert refused.message.startswith("volume given cannot become the boot volume of vm_group g1")


def test_the_volumes_of_a_vm_that_is_made_again_are_the_same(vnf: Vnf) -> None:
    """Its data outlives a recovery, and a document that is sent again."""
    vnf.admin.edit(replaced("stored", with_volumes(OWN)))
    vnf.until("SERVICE_UPDATED")
    before = texts(vnf.entry(), "volume_id")
    vnf.house.sim("POST", "/sim/faults", {"match": {"server": vnf.vms[0]}, "action": {"type": "ping_silent"}})
    hurried = with_volumes(OWN).replace("<bootup_time>60<", "<bootup_time>1<").replace(">1</poll_", ">2</poll_")
    vnf.admin.edit(replaced("stored", hurried))
    assert types(vnf.until("SERVICE_UPDATED", status="FAILURE")) == ["VM_ALIVE", "SERVICE_UPDATED"]
    vnf.house.sim("DELETE", "/sim/faults")
    with cloud(vnf.house) as connection:
        [vm_id] = texts(vnf.entry(), "vm_id")
        server = connection.compute.get_server(vm_id)
        connection.compute.delete_server(server)
        connection.compute.wait_for_delete(server)
    vnf.admin.edit(deployment("stored", hurried))
    assert types(vnf.until("SERVICE_UPDATED")) == ["VM_DEPLOYED", "VM_ALIVE", "SERVICE_UPDATED"]
    assert texts(vnf.entry(), "volume_id") == before
    assert plugged(vnf) == ["own"]


def test_a_volume_that_has_snapshots_is_left_and_named(house: House, admin: Session, subscriber: Subscriber) -> None:
    """All else goes, the VM's other volume too; once the snapshot is gone the leftover goes as any other."""
    vnf = deployed(
        "holding", house, admin, subscriber, [with_volumes(OWN, OWN.replace("own", "free").replace(">2<", ">3<"))]
    )
    (vm,) = vnf.vms
    with cloud(house) as connection:
        volumes = connection.block_storage
        held = volumes.find_volume(f"{vm}_own").id
        snapshot = volumes.create_snapshot(volume_id=held, name="holds", is_forced=True)
        volumes.wait_for_status(snapshot, "available", interval=0.1, wait=20)
        admin.edit(undeploy("holding"))
        came = vnf.until("SERVICE_UNDEPLOYED")
        assert [event.short[:2] for event in came] == [("VM_UNDEPLOYED", "FAILURE"), ("SERVICE_UNDEPLOYED", "FAILURE")]
        assert all("volume own: " in str(one.status_message) for one in came)
        assert all(re.search(r"have snapshots.*\(req-", str(one.status_message)) for one in came)
        assert house.of_deployment("holding") == {"servers": [], "ports": []}
        assert [name for name in house.names("volumes") if name.startswith(vm)] == [f"{vm}_own"]
        [row] = [row for row in house.told("leftover.list") if row["deployment"] == "holding"]
        assert (row["kind"], row["external_id"], row["name"], row["kept"]) == ("volume", held, f"{vm}_own", False)
        assert "have snapshots" in row["reason"]
        [failed] = house.told("leftover.clean", ids=[])
        assert (failed["result"], "have snapshots" in failed["reason"]) == ("failed", True)
        volumes.delete_snapshot(snapshot)
        until(lambda: volumes.find_snapshot(snapshot.id) is None, "the snapshot is gone")
        [done] = house.told("leftover.clean", ids=[])
        assert (done["id"], done["result"]) == (row["id"], "removed")
        assert house.told("leftover.list") == []


def test_an_undeployment_waits_until_its_volumes_are_gone(house: House, admin: Session, subscriber: Subscriber) -> None:
    """Cinder deletes after it has answered: what is on its way is no leftover, and what it gives up is one."""
    deployed("lasting", house, admin, subscriber, [with_volumes(OWN)])
    with house.fault("volume.delete", {"type": "freeze", "seconds": 1.5}):
        admin.edit(undeploy("lasting"))
        came = subscriber.until("SERVICE_UNDEPLOYED", depname="lasting")
    assert [event.short[:2] for event in came] == [("VM_UNDEPLOYED", "SUCCESS"), ("SERVICE_UNDEPLOYED", "SUCCESS")]
    assert [name for name in house.names("volumes") if name.startswith("lasting")] == []
    deployed("broken", house, admin, subscriber, [with_volumes(OWN)])
    with house.fault("volume.delete", {"type": "fail"}):
        admin.edit(undeploy("broken"))
        came = subscriber.until("SERVICE_UNDEPLOYED", depname="broken")
    assert [event.short[:2] for event in came] == [("VM_UNDEPLOYED", "FAILURE"), ("SERVICE_UNDEPLOYED", "FAILURE")]
    assert "error_deleting" in str(came[0].status_message)
    [row] = [row for row in house.told("leftover.list") if row["deployment"] == "broken"]
    assert (row["kind"], "error_deleting" in row["reason"]) == ("volume", True)
    with cloud(house) as connection:
        connection.block_storage.reset_volume_status(row["external_id"], status="available")
    [done] = house.told("leftover.clean", ids=[row["id"]])
    assert done["result"] == "removed"


def test_an_undeployment_takes_away_a_volume_that_is_still_being_made(
    house: House, admin: Session, subscriber: Subscriber
) -> None:
    with house.fault("volume.create", {"type": "freeze", "seconds": 2}):
        admin.edit(deployment("hasty", with_volumes(OWN)))
        until(lambda: [name for name in house.names("volumes") if name.startswith("hasty")], "it is being made")
        admin.edit(undeploy("hasty"))
        came = subscriber.until("SERVICE_UNDEPLOYED", depname="hasty")
    assert [event.short[:2] for event in came] == [
        ("SERVICE_ALIVE", "FAILURE"),
        ("VM_UNDEPLOYED", "SUCCESS"),
        ("SERVICE_UNDEPLOYED", "SUCCESS"),
    ]
    assert [name for name in house.names("volumes") if name.startswith("hasty")] == []
