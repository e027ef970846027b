"""Live migration where hosts do not share their disks: what is moved is asked for, or left to the cloud."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.integration.main_job.house import House, Session, until
from tests.integration.main_job.payloads import group
from tests.integration.main_job.subscriber import Subscriber, types
from tests.integration.operations.vnf import Vnf, deployed
from tests.integration.snapshots.actions import BOOT_VOLUME
from tests.openstack.acceptance.outside import SECONDS, Outside
from tests.openstack.acceptance.test_operations import ok
from tests.openstack.lab.lab import Lab

MIGRATED = ["VM_MIGRATE_INIT", "VM_MIGRATED", "VM_MIGRATE_COMPLETE"]
NO_HOST = "No valid host was found. There are not enough hosts available."


def _restart(outside: Outside, lab: Lab) -> None:
    """The compute services run with the settings of this lab, and the cloud has heard of them since."""
    names = [f"nova-compute.{host}" for host in outside.settings.host_names]
    for name in names:
        outside.lab.stop(name)
    began = datetime.now(UTC)
    for name in names:
        lab.start(name)
    until(lambda: _heard_since(outside, began), "the compute services report again", SECONDS)


def _heard_since(outside: Outside, began: datetime) -> bool:
    found: list[Any] = list(outside.cloud.compute.services(binary="nova-compute"))
    times = [datetime.fromisoformat(str(one.updated_at)).replace(tzinfo=UTC) for one in found if one.updated_at]
    return len(times) == len(found) and min(times) > began and {one.state for one in found} == {"up"}


@pytest.fixture(scope="module")
def local_disks(outside: Outside) -> Iterator[None]:
    """Each host has its own disks for as long as the tests of this file run."""
    try:
        _restart(outside, Lab(replace(outside.settings, shared_storage=0)))
        yield
    finally:
        _restart(outside, outside.lab)


def moves(house: House, vnf: Vnf, outside: Outside, *words: str) -> None:
    """A live migration asked for with these words changes the host, and the guest answers there."""
    (vm,) = vnf.vms
    here, there = outside.host(vm), outside.elsewhere(vm)
    ok(house.esc_nc_cli("migrate-vm-action", vm, "live", *words))
    came = vnf.until("VM_MIGRATE_COMPLETE")
    assert types(came) == MIGRATED and {event.status for event in came} == {"SUCCESS"}
    assert [event.vm_source_hostname for event in came] == [here, there, there]
    assert (outside.host(vm), vnf.leaf(vm, "hostname")) == (there, there)
    assert all(map(outside.answers, outside.addresses(vm)))
    assert vnf.states == ["SERVICE_ACTIVE_STATE", "VM_ALIVE_STATE"]


def stays(house: House, vnf: Vnf, outside: Outside, *words: str) -> None:
    """A live migration asked for with these words is refused in the reply, and told."""
    (vm,) = vnf.vms
    here = outside.host(vm)
    done = house.esc_nc_cli("migrate-vm-action", vm, "live", *words)
    assert done.returncode != 0 and NO_HOST in done.stdout + done.stderr
    (failed,) = vnf.until("VM_MIGRATE_INIT")
    assert failed.status == "FAILURE" and NO_HOST in str(failed.status_message)
    assert (outside.host(vm), vnf.states) == (here, ["SERVICE_ACTIVE_STATE", "VM_ALIVE_STATE"])


@pytest.mark.usefixtures("local_disks")
def test_a_vm_with_a_disk_of_its_own(
    house: House, admin: Session, subscriber: Subscriber, outside: Outside, name: str
) -> None:
    """Its disk must move: unset lets the cloud find that out, true says so, false is refused; also to a named host."""
    vnf = deployed(name, house, admin, subscriber)
    (vm,) = vnf.vms
    moves(house, vnf, outside)
    moves(house, vnf, outside, outside.elsewhere(vm))
    moves(house, vnf, outside, "true")
    moves(house, vnf, outside, "true", outside.elsewhere(vm))
    stays(house, vnf, outside, "false")
    stays(house, vnf, outside, "false", outside.elsewhere(vm))


@pytest.mark.usefixtures("local_disks")
def test_a_vm_on_volumes_alone(
    house: House, admin: Session, subscriber: Subscriber, outside: Outside, name: str
) -> None:
    """Nothing of it lies on a host: it is as on shared storage."""
    vnf = deployed(name, house, admin, subscriber, [group(extra=BOOT_VOLUME)])
    moves(house, vnf, outside)
    moves(house, vnf, outside, "false")
    stays(house, vnf, outside, "true")
