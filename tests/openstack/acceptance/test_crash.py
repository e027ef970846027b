"""kill -9 at step boundaries: started again, the operation comes to the end it would have come to."""

from __future__ import annotations

import signal
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from tests.integration.main_job.house import House, texts, until
from tests.integration.main_job.payloads import deployment, group, undeploy
from tests.integration.main_job.subscriber import Event, types
from tests.integration.snapshots.actions import call, delete, snapshot_id
from tests.openstack.acceptance.conftest import RUN, SECONDS, PatientSubscriber, settings_of
from tests.openstack.acceptance.outside import Outside
from tests.server_process import ServerProcess

V2 = "SolTest-Cirros-Flavor-v2"
DEPLOYED = ["VM_DEPLOYED", "VM_ALIVE", "SERVICE_ALIVE"]


class Crashing:
    """A server of its own, whose failpoints lie in a file.

    Args:
        house: the server; not started.
        outside: the cloud.
    """

    def __init__(self, house: House, outside: Outside) -> None:
        self.house, self.outside = house, outside
        self.file = house.server.data_dir.parent / "failpoints"
        self.name = f"{RUN}-{uuid.uuid4().hex[:4]}"
        self.since = datetime.now(UTC)

    def arm(self, failpoint: str) -> None:
        """Die there once."""
        self.file.write_text(f"{failpoint}\n")

    def disarm(self) -> None:
        """Live on."""
        self.file.write_text("")

    def survive(self) -> None:
        """Wait for the death, and start the server again."""
        self.die()
        self.house.server.start()

    def die(self) -> None:
        """Wait for the death."""
        process = self.house.server.process
        assert process is not None
        until(lambda: process.poll() is not None, f"{self.file.read_text()} is reached", SECONDS)
        assert process.returncode == -signal.SIGKILL
        self.house.sessions.clear()

    def events(self, last: str) -> list[Event]:
        """All events of the deployment since the test began, up to the last one of this type."""
        subscriber = PatientSubscriber(self.house.session(), self.since)
        return [event for event in subscriber.until(last, depname=self.name) if event.depname == self.name]

    def deploy(self) -> str:
        """The VM of a deployment that is alive."""
        self.house.session().edit(deployment(self.name, group()))
        self.events("SERVICE_ALIVE")
        self.since = datetime.now(UTC)
        return self.vm

    @property
    def vm(self) -> str:
        (name,) = texts(self.house.session().deployment(self.name), "vm_name")
        return name

    def end(self) -> None:
        """Undeploy; nothing is left."""
        session = self.house.session()
        if session.config(self.name) is not None:
            self.since = datetime.now(UTC)
            session.edit(undeploy(self.name))
            self.events("SERVICE_UNDEPLOYED")
        assert self.outside.is_empty(self.name)


@pytest.fixture(scope="module")
def the_crashing_house(tmp_path_factory: pytest.TempPathFactory, outside: Outside) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("crashing")
    environment = settings_of(outside.settings, OPENESC_FAILPOINT=f"@{folder / 'failpoints'}")
    # a call in doubt is waited for that long before its effect is looked for
    environment["OPENESC_VIM__HTTP_TIMEOUT_S"] = "20"
    house = House(ServerProcess(folder / "data", environment))
    house.server.start()
    yield house
    house.close()


@pytest.fixture
def crashing(the_crashing_house: House, outside: Outside) -> Iterator[Crashing]:
    found = Crashing(the_crashing_house, outside)
    found.disarm()
    yield found
    found.disarm()
    found.end()
    the_crashing_house.leave()


@pytest.mark.parametrize(
    "failpoint",
    ["deploy/g1/0/port/0:after", "deploy/g1/0/server:before", "deploy/g1/0/server:after", "deploy/g1/0/up:before"],
)
def test_of_a_deployment(crashing: Crashing, failpoint: str) -> None:
    crashing.arm(failpoint)
    crashing.house.session().edit(deployment(crashing.name, group()))
    crashing.survive()
    came = crashing.events("SERVICE_ALIVE")
    assert (types(came), {event.status for event in came}) == (DEPLOYED, {"SUCCESS"})
    found = crashing.outside.named(crashing.name)
    assert (len(found["servers"]), len(found["ports"])) == (1, 1)


def test_of_a_port_that_has_no_tags(crashing: Crashing) -> None:
    """Neutron takes tags with the creation only where an extension driver is on that few clouds have."""
    crashing.arm("deploy/g1/0/port/0:after")
    crashing.house.session().edit(deployment(crashing.name, group()))
    crashing.die()
    network = crashing.outside.cloud.network
    (port,) = crashing.outside.ports(crashing.name)
    network.set_tags(port, [])
    crashing.house.server.start()
    crashing.events("SERVICE_ALIVE")
    (found,) = crashing.outside.ports(crashing.name)
    assert found.id == port.id


@pytest.mark.parametrize("failpoint", ["*/*/resize:after", "*/*/verify:before"])
def test_of_a_resize(crashing: Crashing, failpoint: str) -> None:
    vm = crashing.deploy()
    crashing.arm(failpoint)
    crashing.house.session().edit(deployment(crashing.name, group(flavor=V2)))
    crashing.survive()
    came = crashing.events("VM_VERIFY_RESIZE")
    assert (types(came), {event.status for event in came}) == (["SERVICE_UPDATED", "VM_VERIFY_RESIZE"], {"SUCCESS"})
    assert (crashing.outside.server(vm).status, crashing.outside.flavor(vm)) == ("VERIFY_RESIZE", V2)


def test_of_a_migration(crashing: Crashing) -> None:
    vm = crashing.deploy()
    there = crashing.outside.elsewhere(vm)
    crashing.arm("migrate/*/migrate:after")
    crashing.house.esc_nc_cli("migrate-vm-action", vm, "live", there)  # its answer may be lost
    crashing.survive()
    came = crashing.events("VM_MIGRATE_COMPLETE")
    assert types(came) == ["VM_MIGRATE_INIT", "VM_MIGRATED", "VM_MIGRATE_COMPLETE"]
    assert {event.status for event in came} == {"SUCCESS"}
    assert crashing.outside.host(vm) == there
    records = list(crashing.outside.cloud.compute.migrations(server_id=crashing.outside.server(vm).id))
    assert len(records) == 1, "it was asked for once"


def test_of_a_snapshot(crashing: Crashing) -> None:
    vm = crashing.deploy()
    crashing.arm("backup/image:after")
    crashing.house.esc_nc_cli("vm-backup-action", vm, f"{crashing.name}-backup")  # its answer may be lost
    crashing.survive()
    came = crashing.events("VM_BACKUP_COMPLETE")
    assert types(came) == ["VM_BACKUP_INIT", "VM_BACKUP_CREATED", "VM_BACKUP_COMPLETE"]
    assert crashing.outside.named(crashing.name)["images"] == [f"{crashing.name}-backup"]
    snapshot = snapshot_id(came[0].status_message)
    session = crashing.house.session()
    call(session, delete(snapshot))
    until(lambda: "images" not in crashing.outside.named(crashing.name), "the snapshot is deleted", SECONDS)


@pytest.mark.parametrize("failpoint", ["undeploy/vm/*/server/delete:after", "undeploy/vm/*/port/delete:before"])
def test_of_an_undeployment(crashing: Crashing, failpoint: str) -> None:
    crashing.deploy()
    crashing.arm(failpoint)
    crashing.house.session().edit(undeploy(crashing.name))
    crashing.survive()
    came = crashing.events("SERVICE_UNDEPLOYED")
    assert (types(came), {event.status for event in came}) == (["VM_UNDEPLOYED", "SERVICE_UNDEPLOYED"], {"SUCCESS"})
    assert crashing.outside.is_empty(crashing.name)
