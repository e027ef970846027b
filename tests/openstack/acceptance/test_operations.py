"""Operations on what is deployed, asked for by esc_nc_cli: power, resize, migration."""

from __future__ import annotations

from typing import Any

import pytest
from tests.integration.main_job.house import House, Session
from tests.integration.main_job.payloads import deployment, group
from tests.integration.main_job.subscriber import Subscriber, types
from tests.integration.operations.vnf import Vnf, deployed, refused, told
from tests.openstack.acceptance.outside import Outside

V1, V2 = "SolTest-Cirros-Flavor", "SolTest-Cirros-Flavor-v2"
CONFIRMED = ["VM_CONFIRM_RESIZE_INIT", "VM_CONFIRM_RESIZE_COMPLETE", "VM_ALIVE"]
REVERTED = ["VM_REVERT_RESIZE_INIT", "VM_REVERT_RESIZE_COMPLETE", "VM_ALIVE"]


@pytest.fixture
def vnf(house: House, admin: Session, subscriber: Subscriber, name: str) -> Vnf:
    """One VM that is alive."""
    return deployed(name, house, admin, subscriber)


def ok(done: Any) -> None:
    """The command was accepted."""
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


def test_power_of_the_service(house: House, vnf: Vnf, outside: Outside) -> None:
    (vm,) = vnf.vms
    ok(house.esc_nc_cli("svc-action", "STOP", "admin", vnf.name))
    assert told(vnf.until("SERVICE_STOPPED")) == [
        ("VM_STOPPED", "SUCCESS", "VM successfully stopped"),
        ("SERVICE_STOPPED", "SUCCESS", "Service group suspension completed successfully"),
    ]
    assert outside.server(vm).status == "SHUTOFF"
    assert not any(map(outside.answers, outside.addresses(vm)))
    ok(house.esc_nc_cli("svc-action", "START", "admin", vnf.name))
    assert told(vnf.until("SERVICE_ALIVE")) == [
        ("VM_STARTED", "SUCCESS", "VM successfully started"),
        ("VM_ALIVE", "SUCCESS", f"VM_Alive event received after started, VM ID: [{vm}]"),
        ("SERVICE_ALIVE", "SUCCESS", "Service group deployment completed successfully!"),
    ]
    assert outside.server(vm).status == "ACTIVE"
    ok(house.esc_nc_cli("svc-action", "REBOOT", "admin", vnf.name))
    assert types(vnf.until("SERVICE_ALIVE")) == ["VM_REBOOTED", "VM_ALIVE", "SERVICE_ALIVE"]
    assert vnf.states == ["SERVICE_ACTIVE_STATE", "VM_ALIVE_STATE"]


def test_power_of_a_vm(house: House, vnf: Vnf, outside: Outside) -> None:
    (vm,) = vnf.vms
    ok(house.esc_nc_cli("vm-action", "STOP", vm))
    assert types(vnf.until("VM_STOPPED")) == ["VM_STOPPED"]
    assert outside.server(vm).status == "SHUTOFF"
    ok(house.esc_nc_cli("vm-action", "START", vm))
    assert types(vnf.until("VM_ALIVE")) == ["VM_STARTED", "VM_ALIVE"]
    ok(house.esc_nc_cli("vm-action", "REBOOT", vm))
    assert types(vnf.until("VM_ALIVE")) == ["VM_REBOOTED", "VM_ALIVE"]
    assert outside.server(vm).status == "ACTIVE"
    assert outside.metadata(vm)["openesc:last_operation"] == "reboot"


def resized(vnf: Vnf, flavor: str) -> None:
    """Change the flavor and wait for VM_VERIFY_RESIZE."""
    vnf.admin.edit(deployment(vnf.name, group(flavor=flavor)))
    assert told(vnf.until("VM_VERIFY_RESIZE")) == [
        ("SERVICE_UPDATED", "SUCCESS", "Service group update completed successfully"),
        ("VM_VERIFY_RESIZE", "SUCCESS", "VM Resize request processed"),
    ]


def test_a_resize_is_reverted_and_another_confirmed(house: House, vnf: Vnf, outside: Outside) -> None:
    (vm,) = vnf.vms
    resized(vnf, V2)
    assert (outside.server(vm).status, outside.flavor(vm)) == ("VERIFY_RESIZE", V2)
    ok(house.esc_nc_cli("vm-action", "REVERT_RESIZE", vm))
    assert types(vnf.until("VM_ALIVE")) == REVERTED
    assert (outside.server(vm).status, outside.flavor(vm), vnf.leaf(vm, "flavor")) == ("ACTIVE", V1, V1)
    vnf.admin.edit(deployment(vnf.name, group(flavor=V1)))
    vnf.until("SERVICE_UPDATED")
    resized(vnf, V2)
    ok(house.esc_nc_cli("vm-action", "CONFIRM_RESIZE", vm))
    assert types(vnf.until("VM_ALIVE")) == CONFIRMED
    assert (outside.server(vm).status, outside.flavor(vm), vnf.leaf(vm, "flavor")) == ("ACTIVE", V2, V2)
    assert vnf.states == ["SERVICE_ACTIVE_STATE", "VM_ALIVE_STATE"]


@pytest.mark.parametrize("words", [["live"], ["live", "false"]], ids=["unset", "false"])
def test_a_live_migration_to_the_schedulers_choice(house: House, vnf: Vnf, outside: Outside, words: list[str]) -> None:
    (vm,) = vnf.vms
    here, there = outside.host(vm), outside.elsewhere(vm)
    ok(house.esc_nc_cli("migrate-vm-action", vm, *words))
    came = vnf.until("VM_MIGRATE_COMPLETE")
    assert types(came) == ["VM_MIGRATE_INIT", "VM_MIGRATED", "VM_MIGRATE_COMPLETE"]
    assert [event.vm_source_hostname for event in came] == [here, there, there]
    assert (outside.host(vm), vnf.leaf(vm, "hostname")) == (there, there)
    assert all(map(outside.answers, outside.addresses(vm)))


def test_a_live_migration_to_a_named_host(house: House, vnf: Vnf, outside: Outside) -> None:
    (vm,) = vnf.vms
    there = outside.elsewhere(vm)
    ok(house.esc_nc_cli("migrate-vm-action", vm, "live", there))
    assert told(vnf.until("VM_MIGRATE_COMPLETE")) == [
        ("VM_MIGRATE_INIT", "SUCCESS", "VM migrate request accepted"),
        ("VM_MIGRATED", "SUCCESS", "VM successfully migrated"),
        ("VM_MIGRATE_COMPLETE", "SUCCESS", "VM migration completed successfully"),
    ]
    assert outside.host(vm) == there
    assert vnf.states == ["SERVICE_ACTIVE_STATE", "VM_ALIVE_STATE"]


def test_live_migrations_the_cloud_refuses(house: House, vnf: Vnf, outside: Outside) -> None:
    """Block migration on shared storage, its own host, one that is not there: the reason is told."""
    (vm,) = vnf.vms
    here, there = outside.host(vm), outside.elsewhere(vm)
    done = house.esc_nc_cli("migrate-vm-action", vm, "live", "true", there)
    assert done.returncode != 0
    assert "No valid host was found. There are not enough hosts available." in done.stdout + done.stderr
    (failed,) = vnf.until("VM_MIGRATE_INIT")
    assert failed.status == "FAILURE" and "req-" in str(failed.status_message)
    for host, words in ((here, "No valid host was found"), ("nowhere", "Compute host nowhere could not be found")):
        error = refused(vnf.admin, "vmMigrate", vmName=vm, migrationType="live", host=host)
        assert words in error
        vnf.until("VM_MIGRATE_INIT")
    assert outside.host(vm) == here
    assert vnf.states == ["SERVICE_ACTIVE_STATE", "VM_ALIVE_STATE"]


def test_a_cold_migration_is_reverted_and_another_confirmed(house: House, vnf: Vnf, outside: Outside) -> None:
    (vm,) = vnf.vms
    here, there = outside.host(vm), outside.elsewhere(vm)
    ok(house.esc_nc_cli("migrate-vm-action", vm, "cold", there))
    assert types(vnf.until("VM_VERIFY_RESIZE")) == ["VM_MIGRATE_INIT", "VM_MIGRATED", "VM_VERIFY_RESIZE"]
    assert (outside.server(vm).status, outside.host(vm)) == ("VERIFY_RESIZE", there)
    ok(house.esc_nc_cli("vm-action", "REVERT_RESIZE", vm))
    assert types(vnf.until("VM_ALIVE")) == REVERTED
    assert outside.host(vm) == here
    ok(house.esc_nc_cli("migrate-vm-action", vm, "cold"))
    vnf.until("VM_VERIFY_RESIZE")
    ok(house.esc_nc_cli("vm-action", "CONFIRM_RESIZE", vm))
    assert types(vnf.until("VM_ALIVE")) == CONFIRMED
    assert (outside.server(vm).status, outside.host(vm), vnf.leaf(vm, "hostname")) == ("ACTIVE", there, there)


def test_a_resize_without_a_host_is_told(house: House, vnf: Vnf, outside: Outside) -> None:
    (vm,) = vnf.vms
    flavor = outside.cloud.compute.create_flavor(name=f"{vnf.name}-huge", vcpus=1, ram=512, disk=5000)
    try:
        vnf.admin.edit(deployment(vnf.name, group(flavor=flavor.name)))
        updated, verify = vnf.until("VM_VERIFY_RESIZE")
    finally:
        outside.cloud.compute.delete_flavor(flavor)
    assert (updated.status, verify.status) == ("SUCCESS", "FAILURE")
    words = f"VM [{vm}] was not resized to {flavor.name}: it still has {V1}: No valid host was found."
    assert words in str(verify.status_message) and "req-" in str(verify.status_message)
    assert vnf.states == ["SERVICE_ACTIVE_STATE", "VM_ALIVE_STATE"]
    assert (outside.server(vm).status, outside.flavor(vm)) == ("ACTIVE", V1)
