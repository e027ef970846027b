"""kill -9 at step boundaries: started again, the operation comes to the end it would have come to, which is the end it
comes to in the simulated cloud.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from functools import partial

import pytest
from tests.integration.main_job.house import House, until
from tests.integration.main_job.payloads import deployment, group, undeploy
from tests.integration.snapshots.actions import call, delete, snapshot_id
from tests.openstack.acceptance.conftest import SECONDS, settings_of
from tests.openstack.acceptance.ends import End, Place
from tests.openstack.acceptance.outside import Outside
from tests.server_process import ServerProcess

V2 = "SolTest-Cirros-Flavor-v2"

Ask = Callable[[Place], object]
"""Asks for an operation; its answer may be lost."""


class Crashing(Place):
    """A server on the real services, whose failpoints lie in a file.

    Args:
        house: the server.
        outside: the cloud.
    """

    def __init__(self, house: House, outside: Outside) -> None:
        super().__init__(house, outside.named)
        self.outside = outside
        self.file = house.server.data_dir.parent / "failpoints"

    def killed_in(self, ask: Ask, failpoint: str, last: str) -> End:
        """Die there once, start again; the end of the operation that the event `last` closes."""
        self.arm(failpoint)
        ask(self)
        self.die()
        self.house.server.start()
        return self.ended(last)

    def arm(self, failpoint: str) -> None:
        """Die there once."""
        self.file.write_text(f"{failpoint}\n")

    def disarm(self) -> None:
        """Live on."""
        self.file.write_text("")

    def die(self) -> None:
        """Wait for the death."""
        process = self.house.server.process
        assert process is not None
        until(lambda: process.poll() is not None, f"{self.file.read_text()} is reached", SECONDS)
        assert process.returncode == -signal.SIGKILL
        self.house.sessions.clear()


class Simulated(Place):
    """A server on a simulated cloud; nobody kills it."""

    KINDS = ("servers", "ports", "networks", "volumes", "snapshots", "images", "server_groups")

    def __init__(self, house: House) -> None:
        super().__init__(house, self._named)

    def _named(self, start: str) -> dict[str, list[str]]:
        names = {kind: self.house.names(kind) for kind in self.KINDS}
        return {kind: [one for one in many if one.startswith(start)] for kind, many in names.items()}

    def undisturbed(self, ask: Ask, last: str) -> End:
        """The end of the operation."""
        ask(self)
        return self.ended(last)


@pytest.fixture(scope="module")
def the_simulated_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    house = House(ServerProcess(tmp_path_factory.mktemp("simulated") / "data"))
    house.server.start()
    yield house
    house.close()


@pytest.fixture
def simulated(the_simulated_house: House) -> Iterator[Simulated]:
    found = Simulated(the_simulated_house)
    yield found
    found.leave()


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
    found.leave()


def deploy(place: Place) -> None:
    place.house.session().edit(deployment(place.name, group()))


def resize(place: Place) -> None:
    place.house.session().edit(deployment(place.name, group(flavor=V2)))


def migrate(place: Place) -> None:
    place.house.esc_nc_cli("migrate-vm-action", place.vm, "live")


def back_up(place: Place) -> None:
    place.house.esc_nc_cli("vm-backup-action", place.vm, f"{place.name}-backup")


def take_away(place: Place) -> None:
    place.house.session().edit(undeploy(place.name))


@pytest.mark.parametrize(
    "failpoint",
    ["deploy/g1/0/port/0:after", "deploy/g1/0/server:before", "deploy/g1/0/server:after", "deploy/g1/0/up:before"],
)
def test_of_a_deployment(crashing: Crashing, simulated: Simulated, failpoint: str) -> None:
    end = crashing.killed_in(deploy, failpoint, "SERVICE_ALIVE")
    assert end == simulated.undisturbed(deploy, "SERVICE_ALIVE")
    assert (end.types, end.things) == (["VM_DEPLOYED", "VM_ALIVE", "SERVICE_ALIVE"], {"servers": 1, "ports": 1})


def test_of_a_port_that_has_no_tags(crashing: Crashing) -> None:
    """Neutron takes tags with the creation only where an extension driver is on that few clouds have."""
    crashing.arm("deploy/g1/0/port/0:after")
    deploy(crashing)
    crashing.die()
    network = crashing.outside.cloud.network
    (port,) = crashing.outside.ports(crashing.name)
    network.set_tags(port, [])
    crashing.house.server.start()
    crashing.events("SERVICE_ALIVE")
    (found,) = crashing.outside.ports(crashing.name)
    assert found.id == port.id


@pytest.mark.parametrize("failpoint", ["*/*/resize:after", "*/*/verify:before"])
def test_of_a_resize(crashing: Crashing, simulated: Simulated, failpoint: str) -> None:
    for place in (crashing, simulated):
        place.deploy()
    end = crashing.killed_in(resize, failpoint, "VM_VERIFY_RESIZE")
    assert end == simulated.undisturbed(resize, "VM_VERIFY_RESIZE")
    assert end.types == ["SERVICE_UPDATED", "VM_VERIFY_RESIZE"]
    vm = crashing.vm
    assert (crashing.outside.server(vm).status, crashing.outside.flavor(vm)) == ("VERIFY_RESIZE", V2)


def test_of_a_migration(crashing: Crashing, simulated: Simulated) -> None:
    for place in (crashing, simulated):
        place.deploy()
    vm = crashing.vm
    there = crashing.outside.elsewhere(vm)
    end = crashing.killed_in(migrate, "migrate/*/migrate:after", "VM_MIGRATE_COMPLETE")
    assert end == simulated.undisturbed(migrate, "VM_MIGRATE_COMPLETE")
    assert end.types == ["VM_MIGRATE_INIT", "VM_MIGRATED", "VM_MIGRATE_COMPLETE"]
    assert crashing.outside.host(vm) == there
    records = list(crashing.outside.cloud.compute.migrations(server_id=crashing.outside.server(vm).id))
    assert len(records) == 1, "it was asked for once"


def test_of_a_snapshot(crashing: Crashing, simulated: Simulated) -> None:
    for place in (crashing, simulated):
        place.deploy()
    end = crashing.killed_in(back_up, "backup/image:after", "VM_BACKUP_COMPLETE")
    assert end == simulated.undisturbed(back_up, "VM_BACKUP_COMPLETE")
    assert end.types == ["VM_BACKUP_INIT", "VM_BACKUP_CREATED", "VM_BACKUP_COMPLETE"]
    for place in (crashing, simulated):
        snapshot = snapshot_id(place.events("VM_BACKUP_COMPLETE")[0].status_message)
        call(place.house.session(), delete(snapshot))
        until(partial(_has_no_image, place), "it is deleted", SECONDS)


def _has_no_image(place: Place) -> bool:
    return not place.named(place.name).get("images")


@pytest.mark.parametrize("failpoint", ["undeploy/vm/*/server/delete:after", "undeploy/vm/*/port/delete:before"])
def test_of_an_undeployment(crashing: Crashing, simulated: Simulated, failpoint: str) -> None:
    for place in (crashing, simulated):
        place.deploy()
    end = crashing.killed_in(take_away, failpoint, "SERVICE_UNDEPLOYED")
    assert end == simulated.undisturbed(take_away, "SERVICE_UNDEPLOYED")
    assert (end.types, end.states, end.things) == (["VM_UNDEPLOYED", "SERVICE_UNDEPLOYED"], (), {})
