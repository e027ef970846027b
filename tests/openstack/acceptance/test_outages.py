"""Services that stop in the middle of an operation and come back: it goes on by itself."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.integration.main_job.house import House, Session, texts, until
from tests.integration.main_job.payloads import deployment, group, undeploy
from tests.integration.main_job.subscriber import Subscriber, types
from tests.integration.operations.vnf import deployed, rpc
from tests.integration.snapshots.actions import BOOT_VOLUME
from tests.openstack.acceptance.conftest import RUN, PatientSubscriber, settings_of
from tests.openstack.acceptance.outside import SECONDS, Outside
from tests.server_process import ServerProcess

AWAY = 8.0
"""Seconds a service is away: the lack of it is the point."""


@contextmanager
def away(outside: Outside, service: str) -> Iterator[None]:
    """The service is stopped while the block begins, and comes back at its end."""
    outside.lab.stop(service)
    try:
        yield
        time.sleep(AWAY)
    finally:
        outside.lab.start(service)


@contextmanager
def held(outside: Outside, service: str) -> Iterator[None]:
    """The service does not run while the block does: what waits for it waits."""
    outside.lab.stop(service)
    try:
        yield
    finally:
        outside.lab.start(service)


@pytest.mark.parametrize("service", ["keystone", "nova", "neutron", "rabbitmq"])
def test_a_deployment_waits(admin: Session, subscriber: Subscriber, outside: Outside, name: str, service: str) -> None:
    with away(outside, service):
        admin.edit(deployment(name, group()))
    came = subscriber.until("SERVICE_ALIVE", depname=name)
    assert types(came) == ["VM_DEPLOYED", "VM_ALIVE", "SERVICE_ALIVE"]
    assert {event.status for event in came} == {"SUCCESS"}
    assert len(outside.named(name)["servers"]) == 1


@pytest.mark.parametrize("service", ["keystone", "nova", "rabbitmq"])
def test_an_undeployment_waits(
    house: House, admin: Session, subscriber: Subscriber, outside: Outside, name: str, service: str
) -> None:
    deployed(name, house, admin, subscriber)
    with away(outside, service):
        admin.edit(undeploy(name))
    came = subscriber.until("SERVICE_UNDEPLOYED", depname=name)
    assert types(came) == ["VM_UNDEPLOYED", "SERVICE_UNDEPLOYED"]
    assert {event.status for event in came} == {"SUCCESS"}
    assert outside.is_empty(name)


@pytest.mark.parametrize("service", ["keystone"])
def test_away_while_a_server_is_built(
    admin: Session, subscriber: Subscriber, outside: Outside, name: str, service: str
) -> None:
    """Nova has accepted it and its conductor does nothing yet: the wait outlives what it waits by."""
    with held(outside, "nova-conductor"):
        admin.edit(deployment(name, group()))
        until(lambda: outside.named(name).get("servers"), "the server is asked for", SECONDS)
        with away(outside, service):
            pass
    came = subscriber.until("SERVICE_ALIVE", depname=name)
    assert types(came) == ["VM_DEPLOYED", "VM_ALIVE", "SERVICE_ALIVE"]
    assert {event.status for event in came} == {"SUCCESS"}
    assert len(outside.named(name)["servers"]) == 1


@pytest.mark.parametrize("service", ["cinder"])
def test_away_while_a_volume_is_made(
    admin: Session, subscriber: Subscriber, outside: Outside, name: str, service: str
) -> None:
    with held(outside, "cinder-volume"):
        admin.edit(deployment(name, group(kpi=False, extra=BOOT_VOLUME)))
        until(lambda: outside.named(name).get("volumes"), "a volume is asked for", SECONDS)
        with away(outside, service):
            pass
    came = subscriber.until("SERVICE_ALIVE", depname=name)
    assert (types(came), came[-1].status) == (["VM_DEPLOYED", "SERVICE_ALIVE"], "SUCCESS")
    assert len(outside.named(name)["volumes"]) == 2


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory, outside: Outside) -> Iterator[House]:
    """A server that waits for seconds."""
    quick = {"OPENESC_ENGINE__CLOUD_PATIENCE_S": "10", "OPENESC_ENGINE__SERVER_BOOT_TIMEOUT_S": "30"}
    folder = tmp_path_factory.mktemp("hasty")
    house = House(ServerProcess(folder / "data", settings_of(outside.settings, **quick)))
    house.server.start()
    yield house
    house.close()


class TestTooLong:
    """Services that stay away for longer than openesc waits: told, and nothing is left or it is named."""

    @pytest.fixture
    def name(self, outside: Outside) -> Iterator[str]:
        made = f"{RUN}-{uuid.uuid4().hex[:4]}"
        yield made
        assert outside.is_empty(made)

    def test_a_server_is_not_built(self, hasty: House, outside: Outside, name: str) -> None:
        """It is deleted without Nova's conductor."""
        admin, subscriber = hasty.session(), PatientSubscriber(hasty.session())
        with held(outside, "nova-conductor"):
            admin.edit(deployment(name, group()))
            came = subscriber.until("SERVICE_ALIVE", depname=name)
        assert (types(came), {event.status for event in came}) == (["VM_DEPLOYED", "SERVICE_ALIVE"], {"FAILURE"})
        assert "did not come where it should within 30 s: it was BUILD" in str(came[0].status_message)
        assert outside.is_empty(name)
        admin.edit(undeploy(name))
        assert subscriber.until("SERVICE_UNDEPLOYED", depname=name)[-1].status == "SUCCESS"

    def test_an_undeployment_finds_nobody(self, hasty: House, outside: Outside, name: str) -> None:
        """What is left is listed, and goes by `leftover clean` when Nova is back."""
        admin, subscriber = hasty.session(), PatientSubscriber(hasty.session())
        admin.edit(deployment(name, group(kpi=False)))
        assert subscriber.until("SERVICE_ALIVE", depname=name)[-1].status == "SUCCESS"
        (vm,) = texts(admin.deployment(name), "vm_name")
        with held(outside, "nova"):
            admin.edit(undeploy(name))
            came = subscriber.until("SERVICE_UNDEPLOYED", depname=name)
        assert (types(came), {event.status for event in came}) == (["VM_UNDEPLOYED", "SERVICE_UNDEPLOYED"], {"FAILURE"})
        assert "Connection refused" in str(came[-1].status_message)
        rows = [row for row in hasty.told("leftover.list") if row["deployment"] == name]
        assert ("server", vm) in {(row["kind"], row["name"]) for row in rows}
        cleaned = hasty.told("leftover.clean", ids=[row["id"] for row in rows])
        assert {row["result"] for row in cleaned} == {"removed"}


def test_the_conductor_is_away_during_a_stop(
    house: House, admin: Session, subscriber: Subscriber, outside: Outside, name: str
) -> None:
    """Nova has accepted, and does nothing until its conductor is there."""
    deployed(name, house, admin, subscriber, [group(kpi=False)])
    (vm,) = texts(admin.deployment(name), "vm_name")
    with away(outside, "nova-conductor"):
        rpc(admin, "vmAction", actionType="STOP", vmName=vm)
    came = subscriber.until("VM_STOPPED", depname=name)
    assert (types(came), came[-1].status) == (["VM_STOPPED"], "SUCCESS")
    assert outside.server(vm).status == "SHUTOFF"
