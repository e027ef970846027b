"""Resize, migration, confirm and revert."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.integration.main_job.house import House, Session, until
from tests.integration.main_job.payloads import deployment, group, undeploy
from tests.integration.main_job.subscriber import Subscriber, subscribe, types
from tests.integration.operations.vnf import Vnf, deployed, refused, rpc, told

V2 = "SolTest-Cirros-Flavor-v2"
V1 = "SolTest-Cirros-Flavor"


def resized(vnf: Vnf, flavor: str = V2) -> None:
    """Change the flavor and wait for VM_VERIFY_RESIZE."""
    vnf.admin.edit(deployment(vnf.name, group(flavor=flavor)))
    assert told(vnf.until("VM_VERIFY_RESIZE")) == [
        ("SERVICE_UPDATED", "SUCCESS", "Service group update completed successfully"),
        ("VM_VERIFY_RESIZE", "SUCCESS", "VM Resize request processed"),
    ]


def test_a_resize_is_confirmed(house: House, admin: Session, subscriber: Subscriber) -> None:
    vnf = deployed("up", house, admin, subscriber)
    (vm,) = vnf.vms
    resized(vnf)
    assert vnf.states == ["SERVICE_ACTIVE_STATE", "VM_MONITOR_DISABLED_STATE"]
    assert (vnf.leaf(vm, "vim_status"), vnf.leaf(vm, "flavor")) == ("VERIFY_RESIZE", V2)
    block = (house.server.data_dir / "escmanager.log").read_text()
    assert "VM State: VERIFY_RESIZE" in block
    assert refused(admin, "vmAction", actionType="STOP", vmName=vm) == (
        f"VM [{vm}] waits for CONFIRM_RESIZE or REVERT_RESIZE"
    )
    done = house.esc_nc_cli("vm-action", "CONFIRM_RESIZE", vm)
    assert done.returncode == 0, done.stderr
    assert told(vnf.until("VM_ALIVE")) == [
        ("VM_CONFIRM_RESIZE_INIT", "SUCCESS", "VM confirm resize request accepted"),
        ("VM_CONFIRM_RESIZE_COMPLETE", "SUCCESS", "VM confirm resize completed successfully"),
        ("VM_ALIVE", "SUCCESS", f"VM_Alive event received, VM ID: [{vm}]"),
    ]
    assert vnf.states == ["SERVICE_ACTIVE_STATE", "VM_ALIVE_STATE"]
    assert (vnf.leaf(vm, "vim_status"), vnf.leaf(vm, "flavor")) == (None, V2)
    assert house.guest(vm)["metadata"]["openesc:last_operation"] == "confirm_resize"
    assert "is not in VERIFY_RESIZE" in refused(admin, "vmAction", actionType="CONFIRM_RESIZE", vmName=vm)
    subscriber.quiet()


def test_a_resize_is_reverted_and_not_repeated(house: House, admin: Session, subscriber: Subscriber) -> None:
    vnf = deployed("down", house, admin, subscriber)
    (vm,) = vnf.vms
    resized(vnf)
    assert house.esc_nc_cli("vm-action", "REVERT_RESIZE", vm).returncode == 0
    assert types(vnf.until("VM_ALIVE")) == ["VM_REVERT_RESIZE_INIT", "VM_REVERT_RESIZE_COMPLETE", "VM_ALIVE"]
    assert vnf.leaf(vm, "flavor") == V1
    assert vnf.states == ["SERVICE_ACTIVE_STATE", "VM_ALIVE_STATE"]
    admin.edit(deployment("down", group(flavor=V2)))  # as it is in running
    subscriber.quiet()
    admin.edit(deployment("down", group(flavor=V2, bootup=61)))
    assert types(vnf.until("SERVICE_UPDATED")) == ["SERVICE_UPDATED"]
    subscriber.quiet()
    admin.edit(deployment("down", group(flavor=V1)))
    assert types(vnf.until("SERVICE_UPDATED")) == ["SERVICE_UPDATED"]
    resized(vnf)


@pytest.mark.parametrize("fewest", [1, 2])
def test_a_group_that_has_or_may_have_several_is_not_resized(
    house: House, admin: Session, subscriber: Subscriber, fewest: int
) -> None:
    name, numbers = f"several-{fewest}", f"<min_active>{fewest}</min_active>"
    several = group(count=2).replace("<min_active>2</min_active>", numbers)
    deployed(name, house, admin, subscriber, [several])
    error = str(admin.refused(deployment(name, several.replace(V1, V2))).message)
    assert error == "vm_group g1 has or may have 2 VMs: the flavor of a group can be changed only where it has one"
    subscriber.quiet()


def test_a_flavor_must_be_in_the_vim_before_the_update_is_accepted(
    house: House, admin: Session, subscriber: Subscriber
) -> None:
    vnf = deployed("unknown", house, admin, subscriber)
    error = str(admin.refused(deployment("unknown", group(flavor="no-such-flavor"))).message)
    assert error == "flavor no-such-flavor of vm_group g1 is not in the VIM default_openstack_vim: make it first"
    assert "no-such-flavor" not in admin.client.get_config("running").xml
    assert vnf.states == ["SERVICE_ACTIVE_STATE", "VM_ALIVE_STATE"]
    subscriber.quiet()


def test_a_cloud_that_does_not_answer_does_not_keep_an_update(make_house: Callable[..., House]) -> None:
    house = make_house(OPENESC_ENGINE__ACCEPT_WAIT_S="0.5", OPENESC_ENGINE__CLOUD_PATIENCE_S="20")
    vnf = deployed("silent", house, house.session(), subscribe(house))
    with house.fault("flavor.*", {"type": "hang"}, count=1):
        vnf.admin.edit(deployment("silent", group(flavor=V2)))
    assert types(vnf.until("VM_VERIFY_RESIZE")) == ["SERVICE_UPDATED", "VM_VERIFY_RESIZE"]
    house.close()


def test_a_resize_without_a_host_is_told(house: House, admin: Session, subscriber: Subscriber) -> None:
    vnf = deployed("nohost", house, admin, subscriber)
    (vm,) = vnf.vms
    with house.fault("server.resize", {"type": "no_valid_host"}):
        admin.edit(deployment("nohost", group(flavor=V2)))
        updated, verify = vnf.until("VM_VERIFY_RESIZE")
    assert (updated.type, updated.status) == ("SERVICE_UPDATED", "SUCCESS")
    assert verify.status == "FAILURE"
    assert f"VM [{vm}] was not resized to {V2}: it still has {V1}: No valid host" in (verify.status_message or "")
    assert vnf.states == ["SERVICE_ACTIVE_STATE", "VM_ALIVE_STATE"]
    admin.edit(deployment("nohost", group(flavor=V2)))  # sent again
    assert types(vnf.until("VM_VERIFY_RESIZE")) == ["SERVICE_UPDATED", "VM_VERIFY_RESIZE"]


def test_a_resize_the_cloud_refuses_fails_the_update(house: House, admin: Session, subscriber: Subscriber) -> None:
    vnf = deployed("quota", house, admin, subscriber)
    with house.fault("server.resize", {"type": "quota"}):
        admin.edit(deployment("quota", group(flavor=V2)))
        (updated,) = vnf.until("SERVICE_UPDATED")
    assert updated.status == "FAILURE"
    assert vnf.states == ["SERVICE_ERROR_STATE", "VM_ALIVE_STATE"]
    resized(vnf)


def test_a_resize_goes_on_where_that_of_another_group_is_refused(
    house: House, admin: Session, subscriber: Subscriber
) -> None:
    """The update fails for the one; the other, which the cloud took, is told and can be confirmed."""
    vnf = deployed("half-resized", house, admin, subscriber, [group("g1"), group("g2")])
    first, second = vnf.vms
    with house.fault("server.resize", {"type": "quota"}, name="*_g1_*"):
        admin.edit(deployment("half-resized", group("g1", flavor=V2), group("g2", flavor=V2)))
        came = vnf.until("VM_VERIFY_RESIZE")
    assert [(event.type, event.status, event.vm_source_vmname) for event in came] == [
        ("SERVICE_UPDATED", "FAILURE", None),
        ("VM_VERIFY_RESIZE", "SUCCESS", second),
    ]
    assert vnf.vm_state(first) == "VM_ALIVE_STATE"
    until(lambda: not vnf.open_operations(), "the update is over")
    rpc(admin, "vmAction", actionType="CONFIRM_RESIZE", vmName=second)
    vnf.until("VM_ALIVE")
    assert (vnf.leaf(first, "flavor"), vnf.leaf(second, "flavor")) == (V1, V2)


def test_a_cloud_that_confirms_by_itself(house: House, admin: Session, subscriber: Subscriber) -> None:
    vnf = deployed("auto", house, admin, subscriber)
    (vm,) = vnf.vms
    house.sim("PUT", "/sim/settings", {"auto_confirm": True})
    admin.edit(deployment("auto", group(flavor=V2)))
    came = vnf.until("VM_VERIFY_RESIZE")
    assert types(came) == ["SERVICE_UPDATED", "VM_VERIFY_RESIZE"]
    if vnf.leaf(vm, "vim_status") == "VERIFY_RESIZE":  # it was seen waiting: confirming it is then no error
        rpc(admin, "vmAction", actionType="CONFIRM_RESIZE", vmName=vm)
    came = vnf.until("VM_ALIVE")
    assert types(came)[-2:] == ["VM_CONFIRM_RESIZE_COMPLETE", "VM_ALIVE"]
    assert vnf.states == ["SERVICE_ACTIVE_STATE", "VM_ALIVE_STATE"]


def test_a_confirm_the_cloud_refuses_is_answered(house: House, admin: Session, subscriber: Subscriber) -> None:
    vnf = deployed("refuse", house, admin, subscriber)
    (vm,) = vnf.vms
    resized(vnf)
    with house.fault("server.confirm_resize", {"type": "http", "status": 409}):
        error = refused(admin, "vmAction", actionType="CONFIRM_RESIZE", vmName=vm)
    assert error.startswith("Fault rule")
    (failed,) = vnf.until("VM_CONFIRM_RESIZE_INIT")
    assert (failed.status, failed.status_message) == ("FAILURE", error)
    assert vnf.leaf(vm, "vim_status") == "VERIFY_RESIZE"
    rpc(admin, "vmAction", actionType="CONFIRM_RESIZE", vmName=vm)
    vnf.until("VM_ALIVE")


def other_host(house: House, vm: str) -> tuple[str, str]:
    """Where the VM is, and a host where it is not."""
    here = house.guest(vm)["host"]
    return here, next(name for name in ("Host-22", "Host-24") if name != here)


def test_a_live_migration(house: House, admin: Session, subscriber: Subscriber) -> None:
    vnf = deployed("live", house, admin, subscriber)
    (vm,) = vnf.vms
    here, there = other_host(house, vm)
    done = house.esc_nc_cli("migrate-vm-action", vm, "live", there)
    assert done.returncode == 0, done.stderr
    came = vnf.until("VM_MIGRATE_COMPLETE")
    assert told(came) == [
        ("VM_MIGRATE_INIT", "SUCCESS", "VM migrate request accepted"),
        ("VM_MIGRATED", "SUCCESS", "VM successfully migrated"),
        ("VM_MIGRATE_COMPLETE", "SUCCESS", "VM migration completed successfully"),
    ]
    assert [event.vm_source_hostname for event in came] == [here, there, there]
    assert (vnf.leaf(vm, "hostname"), house.guest(vm)["host"]) == (there, there)
    assert vnf.states == ["SERVICE_ACTIVE_STATE", "VM_ALIVE_STATE"]
    assert "No valid host" in refused(admin, "vmMigrate", vmName=vm, migrationType="live", host=there)
    assert types(vnf.until("VM_MIGRATE_INIT")) == ["VM_MIGRATE_INIT"]
    assert "could not be found" in refused(admin, "vmMigrate", vmName=vm, migrationType="cold", host="nowhere")
    vnf.until("VM_MIGRATE_INIT")
    assert vnf.states == ["SERVICE_ACTIVE_STATE", "VM_ALIVE_STATE"]
    subscriber.quiet()


HOST_REFUSALS = [
    ({"migrationType": "live", "host": "nowhere"}, "Compute host nowhere could not be found."),
    ({"migrationType": "cold", "host": "nowhere"}, "Compute host nowhere could not be found."),
    ({"migrationType": "live", "host": "{here}"}, "No valid host was found. There are not enough hosts available."),
    ({"migrationType": "cold", "host": "{here}"}, "Cannot migrate to the host where the server exists."),
    # the simulated cloud's storage is shared: its disks cannot be copied
    (
        {"migrationType": "live", "blockMigration": "true"},
        "No valid host was found. There are not enough hosts available.",
    ),
]


def test_migrations_the_cloud_refuses(house: House, admin: Session, subscriber: Subscriber) -> None:
    """The words of the cloud are the answer; nothing is changed."""
    vnf = deployed("hosts", house, admin, subscriber)
    (vm,) = vnf.vms
    here = vnf.leaf(vm, "hostname") or ""
    for leaves, words in HOST_REFUSALS:
        asked = {name: value.format(here=here) for name, value in leaves.items()}
        error = refused(admin, "vmMigrate", vmName=vm, **asked)
        assert error.startswith(words), leaves
        (failed,) = vnf.until("VM_MIGRATE_INIT")
        assert failed.short == ("VM_MIGRATE_INIT", "FAILURE", error)
        assert vnf.states == ["SERVICE_ACTIVE_STATE", "VM_ALIVE_STATE"]
    error = refused(admin, "vmMigrate", vmName=vm, migrationType="cold", blockMigration="true")
    assert error == "blockMigration is for a live migration only: leave it out, or set migrationType to live"
    subscriber.quiet()


def test_a_live_migration_with_its_disks(house: House, admin: Session, subscriber: Subscriber) -> None:
    vnf = deployed("blocks", house, admin, subscriber)
    (vm,) = vnf.vms
    _, there = other_host(house, vm)
    for block, shared in (("false", True), ("true", False)):
        house.sim("PUT", "/sim/settings", {"shared_storage": shared})
        _, there = other_host(house, vm)
        assert house.esc_nc_cli("migrate-vm-action", vm, "live", block, there).returncode == 0
        vnf.until("VM_MIGRATE_COMPLETE", status="SUCCESS")
        assert house.guest(vm)["host"] == there


def test_a_cold_migration_without_a_host(house: House, admin: Session, subscriber: Subscriber) -> None:
    """The cloud takes it, and the server is ACTIVE where it was: only the host and the list of actions tell."""
    vnf = deployed("stuck", house, admin, subscriber)
    (vm,) = vnf.vms
    with house.fault("server.migrate", {"type": "no_valid_host"}):
        rpc(admin, "vmMigrate", vmName=vm, migrationType="cold")
        came = vnf.until("VM_MIGRATED")
    assert types(came) == ["VM_MIGRATE_INIT", "VM_MIGRATED"]
    assert came[-1].status == "FAILURE"
    text = came[-1].status_message or ""
    assert text.startswith(f"VM [{vm}] was not migrated: it is where it was: No valid host was found.")
    assert vnf.states == ["SERVICE_ACTIVE_STATE", "VM_ALIVE_STATE"]


def test_a_stopped_vm_is_resized_and_stays_off(house: House, admin: Session, subscriber: Subscriber) -> None:
    vnf = deployed("cool", house, admin, subscriber)
    (vm,) = vnf.vms
    rpc(admin, "vmAction", actionType="STOP", vmName=vm)
    vnf.until("VM_STOPPED")
    resized(vnf)
    rpc(admin, "vmAction", actionType="CONFIRM_RESIZE", vmName=vm)
    assert types(vnf.until("VM_CONFIRM_RESIZE_COMPLETE")) == ["VM_CONFIRM_RESIZE_INIT", "VM_CONFIRM_RESIZE_COMPLETE"]
    assert (vnf.vm_state(vm), vnf.leaf(vm, "flavor")) == ("VM_SHUTOFF_STATE", V2)
    subscriber.quiet()


def test_a_live_migration_that_fails_on_the_way(house: House, admin: Session, subscriber: Subscriber) -> None:
    vnf = deployed("fails", house, admin, subscriber)
    (vm,) = vnf.vms
    with house.fault("server.live_migrate", {"type": "fail"}):
        rpc(admin, "vmMigrate", vmName=vm, migrationType="live")
        came = vnf.until("VM_MIGRATED")
    assert types(came) == ["VM_MIGRATE_INIT", "VM_MIGRATED"]
    assert came[-1].status == "FAILURE"
    assert f"VM [{vm}] was not migrated: its migration ended as" in (came[-1].status_message or "")
    assert vnf.states == ["SERVICE_ACTIVE_STATE", "VM_ALIVE_STATE"]


def test_a_cold_migration_is_confirmed_and_another_reverted(
    house: House, admin: Session, subscriber: Subscriber
) -> None:
    vnf = deployed("cold", house, admin, subscriber)
    (vm,) = vnf.vms
    here, there = other_host(house, vm)
    assert house.esc_nc_cli("migrate-vm-action", vm, "cold", there).returncode == 0
    assert types(vnf.until("VM_VERIFY_RESIZE")) == ["VM_MIGRATE_INIT", "VM_MIGRATED", "VM_VERIFY_RESIZE"]
    assert vnf.leaf(vm, "hostname") == there
    rpc(admin, "vmAction", actionType="CONFIRM_RESIZE", vmName=vm)
    assert types(vnf.until("VM_ALIVE")) == ["VM_CONFIRM_RESIZE_INIT", "VM_CONFIRM_RESIZE_COMPLETE", "VM_ALIVE"]
    rpc(admin, "vmMigrate", vmName=vm, migrationType="cold", host=here)
    vnf.until("VM_VERIFY_RESIZE")
    rpc(admin, "vmAction", actionType="REVERT_RESIZE", vmName=vm)
    assert types(vnf.until("VM_ALIVE")) == ["VM_REVERT_RESIZE_INIT", "VM_REVERT_RESIZE_COMPLETE", "VM_ALIVE"]
    assert vnf.leaf(vm, "hostname") == there


def test_a_vm_that_is_off_stays_off(house: House, admin: Session, subscriber: Subscriber) -> None:
    vnf = deployed("off", house, admin, subscriber)
    (vm,) = vnf.vms
    rpc(admin, "vmAction", actionType="STOP", vmName=vm)
    vnf.until("VM_STOPPED")
    assert refused(admin, "vmMigrate", vmName=vm, migrationType="live") == (
        f"VM [{vm}] is powered off: use a cold migration"
    )
    rpc(admin, "vmMigrate", vmName=vm, migrationType="cold")
    assert types(vnf.until("VM_VERIFY_RESIZE")) == ["VM_MIGRATE_INIT", "VM_MIGRATED", "VM_VERIFY_RESIZE"]
    rpc(admin, "vmAction", actionType="CONFIRM_RESIZE", vmName=vm)
    assert types(vnf.until("VM_CONFIRM_RESIZE_COMPLETE")) == ["VM_CONFIRM_RESIZE_INIT", "VM_CONFIRM_RESIZE_COMPLETE"]
    assert vnf.vm_state(vm) == "VM_SHUTOFF_STATE"
    assert house.guest(vm)["power"] is False
    subscriber.quiet()


def test_undeploy_interrupts_a_migration(house: House, admin: Session, subscriber: Subscriber) -> None:
    vnf = deployed("moving", house, admin, subscriber)
    with house.fault("server.live_migrate", {"type": "freeze"}):
        rpc(admin, "vmMigrate", vmName=vnf.vms[0], migrationType="live")
        admin.edit(undeploy("moving"))
        came = vnf.until("SERVICE_UNDEPLOYED")
    assert types(came) == ["VM_MIGRATE_INIT", "VM_MIGRATED", "VM_UNDEPLOYED", "SERVICE_UNDEPLOYED"]
    assert (came[1].status, came[1].status_message) == ("FAILURE", "interrupted by undeploy")
    assert admin.deployment("moving") is None


def test_undeploy_takes_what_waits_for_confirm(house: House, admin: Session, subscriber: Subscriber) -> None:
    vnf = deployed("waits", house, admin, subscriber)
    resized(vnf)
    admin.edit(undeploy("waits"))
    assert types(vnf.until("SERVICE_UNDEPLOYED")) == ["VM_UNDEPLOYED", "SERVICE_UNDEPLOYED"]
