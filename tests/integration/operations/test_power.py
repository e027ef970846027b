"""Stop, start, reboot and monitors, of services and of single VMs."""

from __future__ import annotations

import pytest
from tests.integration.main_job.house import House, Session
from tests.integration.main_job.payloads import deployment, group, undeploy
from tests.integration.main_job.subscriber import Subscriber, types
from tests.integration.operations.vnf import deployed, refused, rpc, told


def test_a_service_stops_starts_and_reboots(house: House, admin: Session, subscriber: Subscriber) -> None:
    vnf = deployed("svc", house, admin, subscriber)
    (vm,) = vnf.vms
    done = house.esc_nc_cli("svc-action", "STOP", "admin", "svc")
    assert done.returncode == 0, done.stderr
    assert told(vnf.until("SERVICE_STOPPED")) == [
        ("VM_STOPPED", "SUCCESS", "VM successfully stopped"),
        ("SERVICE_STOPPED", "SUCCESS", "Service group suspension completed successfully"),
    ]
    assert vnf.states == ["SERVICE_STOPPED_STATE", "VM_SHUTOFF_STATE"]
    assert house.guest(vm)["power"] is False
    assert "is already stopped" in refused(admin, "serviceAction", actionType="STOP", tenantName="admin", depName="svc")
    assert house.esc_nc_cli("svc-action", "START", "admin", "svc").returncode == 0
    assert told(vnf.until("SERVICE_ALIVE")) == [
        ("VM_STARTED", "SUCCESS", "VM successfully started"),
        ("VM_ALIVE", "SUCCESS", f"VM_Alive event received after started, VM ID: [{vm}]"),
        ("SERVICE_ALIVE", "SUCCESS", "Service group deployment completed successfully!"),
    ]
    assert vnf.states == ["SERVICE_ACTIVE_STATE", "VM_ALIVE_STATE"]
    rpc(
        admin,
        "serviceAction",
        actionType="REBOOT",
        tenantName="admin",
        depName="svc",
        serviceName="-",
        serviceVersion="-",
    )
    assert vnf.state in ("SERVICE_REBOOTING_STATE", "SERVICE_ACTIVE_STATE")
    assert told(vnf.until("SERVICE_ALIVE")) == [
        ("VM_REBOOTED", "SUCCESS", "VM successfully rebooted"),
        ("VM_ALIVE", "SUCCESS", f"VM_Alive event received after rebooted, VM ID: [{vm}]"),
        ("SERVICE_ALIVE", "SUCCESS", "Service group deployment completed successfully!"),
    ]
    assert vnf.states == ["SERVICE_ACTIVE_STATE", "VM_ALIVE_STATE"]
    metadata = house.guest(vm)["metadata"]
    assert metadata["openesc:last_operation"] == "reboot"
    assert metadata["openesc:monitoring"] == "enabled"
    assert metadata["openesc:updated"].endswith("+00:00")
    subscriber.quiet()


def test_one_vm_stops_starts_and_reboots(house: House, admin: Session, subscriber: Subscriber) -> None:
    vnf = deployed("one", house, admin, subscriber, [group(count=2)])
    first, second = vnf.vms
    assert house.esc_nc_cli("vm-action", "STOP", first).returncode == 0
    assert told(vnf.until("VM_STOPPED")) == [("VM_STOPPED", "SUCCESS", "VM successfully stopped")]
    assert vnf.states == ["SERVICE_ACTIVE_STATE", "VM_SHUTOFF_STATE", "VM_ALIVE_STATE"]
    assert refused(admin, "vmAction", actionType="REBOOT", vmName=first) == f"VM [{first}] is stopped: start it"
    rpc(admin, "vmAction", actionType="START", vmName=f" {first} ", force="false")
    assert told(vnf.until("VM_ALIVE")) == [
        ("VM_STARTED", "SUCCESS", "VM successfully started"),
        ("VM_ALIVE", "SUCCESS", f"VM_Alive event received after started, VM ID: [{first}]"),
    ]
    rpc(admin, "vmAction", actionType="REBOOT", vmName=second)
    assert told(vnf.until("VM_ALIVE")) == [
        ("VM_REBOOTED", "SUCCESS", "VM successfully rebooted"),
        ("VM_ALIVE", "SUCCESS", f"VM_Alive event received after rebooted, VM ID: [{second}]"),
    ]
    assert vnf.states == ["SERVICE_ACTIVE_STATE", "VM_ALIVE_STATE", "VM_ALIVE_STATE"]
    subscriber.quiet()


def test_monitors_go_off_and_on(house: House, admin: Session, subscriber: Subscriber) -> None:
    vnf = deployed("mon", house, admin, subscriber)
    (vm,) = vnf.vms
    assert house.esc_nc_cli("vm-action", "DISABLE_MONITOR", vm).returncode == 0
    assert told(vnf.until("VM_MONITOR_UNSET")) == [("VM_MONITOR_UNSET", "SUCCESS", "Unset Monitoring VM successfully.")]
    assert vnf.vm_state(vm) == "VM_MONITOR_UNSET_STATE"
    assert house.guest(vm)["metadata"]["openesc:monitoring"] == "disabled"
    rpc(admin, "vmAction", actionType="ENABLE_MONITOR", vmName=vm)
    assert types(vnf.until("VM_MONITOR_SET")) == ["VM_MONITOR_SET"]
    assert vnf.vm_state(vm) == "VM_ALIVE_STATE"
    assert house.guest(vm)["metadata"]["openesc:monitoring"] == "enabled"
    assert house.esc_nc_cli("svc-action", "DISABLE_MONITOR", "admin", "mon").returncode == 0
    assert types(vnf.until("SERVICE_MONITOR_UNSET")) == ["VM_MONITOR_UNSET", "SERVICE_MONITOR_UNSET"]
    rpc(admin, "serviceAction", actionType="ENABLE_MONITOR", tenantName="admin", depName="mon")
    assert told(vnf.until("SERVICE_ALIVE")) == [
        ("VM_ALIVE", "SUCCESS", f"VM_Alive event received, VM ID: [{vm}]"),
        ("SERVICE_ALIVE", "SUCCESS", "Service group set monitor successfully"),
    ]
    assert refused(admin, "vmAction", actionType="ENABLE_MONITOR", vmName=vm) == f"VM [{vm}] is already monitored"
    subscriber.quiet()


def test_what_the_cloud_refuses_is_told(house: House, admin: Session, subscriber: Subscriber) -> None:
    vnf = deployed("bad", house, admin, subscriber)
    (vm,) = vnf.vms
    with house.fault("server.stop", {"type": "http", "status": 409}):
        rpc(admin, "serviceAction", actionType="STOP", tenantName="admin", depName="bad")
        stopped, service = vnf.until("SERVICE_STOPPED")
    assert (stopped.type, stopped.status, stopped.status_code) == ("VM_STOPPED", "FAILURE", "500")
    assert (stopped.status_message or "").startswith("Service group suspension failed: Fault rule")
    assert (service.status_message or "").startswith("Service group suspension failed: Fault rule")
    assert vnf.states == ["SERVICE_ERROR_STATE", "VM_ERROR_STATE"]
    rpc(admin, "serviceAction", actionType="REBOOT", tenantName="admin", depName="bad")
    assert types(vnf.until("SERVICE_ALIVE")) == ["VM_REBOOTED", "VM_ALIVE", "SERVICE_ALIVE"]
    assert vnf.states == ["SERVICE_ACTIVE_STATE", "VM_ALIVE_STATE"]
    with (
        house.fault("server.reboot", {"type": "http", "status": 409}),
        house.fault("server.start", {"type": "error"}),
    ):
        rpc(admin, "vmAction", actionType="REBOOT", vmName=vm)
        (failed,) = vnf.until("VM_REBOOTED")
    assert failed.status == "FAILURE"
    assert (failed.status_message or "").startswith("VM reboot failed: ")


def test_undeploy_interrupts_a_reboot(house: House, admin: Session, subscriber: Subscriber) -> None:
    vnf = deployed("interrupted", house, admin, subscriber)
    with house.fault("server.stop", {"type": "freeze"}):
        rpc(admin, "serviceAction", actionType="REBOOT", tenantName="admin", depName="interrupted")
        admin.edit(undeploy("interrupted"))
        came = vnf.until("SERVICE_UNDEPLOYED")
    assert types(came) == ["SERVICE_ALIVE", "VM_UNDEPLOYED", "SERVICE_UNDEPLOYED"]
    assert came[0].status_message == "Service group reboot failed: interrupted by undeploy"
    assert admin.deployment("interrupted") is None


def test_a_kpi_changed_while_stopped_counts_after_the_start(
    house: House, admin: Session, subscriber: Subscriber
) -> None:
    vnf = deployed("kpi", house, admin, subscriber, [group(kpi=False)])
    assert vnf.states == ["SERVICE_ACTIVE_STATE", "VM_INERT_STATE"]
    rpc(admin, "serviceAction", actionType="STOP", tenantName="admin", depName="kpi")
    vnf.until("SERVICE_STOPPED")
    admin.edit(deployment("kpi", group(kpi=True)))
    assert types(vnf.until("SERVICE_UPDATED")) == ["SERVICE_UPDATED"]
    assert vnf.states == ["SERVICE_STOPPED_STATE", "VM_SHUTOFF_STATE"]
    rpc(admin, "serviceAction", actionType="START", tenantName="admin", depName="kpi")
    assert types(vnf.until("SERVICE_ALIVE")) == ["VM_STARTED", "VM_ALIVE", "SERVICE_ALIVE"]


def test_a_reboot_monitors_by_the_kpi_of_now(house: House, admin: Session, subscriber: Subscriber) -> None:
    """A KPI that is gone tells nothing after a reboot; one that comes while a reboot is under way is set after it."""
    vnf = deployed("kpi-now", house, admin, subscriber)
    (vm,) = vnf.vms
    admin.edit(deployment("kpi-now", group(kpi=False), operation="replace"))
    vnf.until("SERVICE_UPDATED", status="SUCCESS")
    rpc(admin, "serviceAction", actionType="REBOOT", tenantName="admin", depName="kpi-now")
    assert types(vnf.until("SERVICE_ALIVE")) == ["VM_REBOOTED", "SERVICE_ALIVE"]
    assert house.guest(vm)["metadata"]["openesc:monitoring"] == "disabled"
    assert vnf.vm_state(vm) == "VM_INERT_STATE"
    with house.fault("server.stop", {"type": "freeze"}):
        rpc(admin, "vmAction", actionType="REBOOT", vmName=vm)
        admin.edit(deployment("kpi-now", group()))
    assert types(vnf.until("SERVICE_UPDATED", status="SUCCESS"))[0] == "VM_REBOOTED"
    assert vnf.vm_state(vm) == "VM_ALIVE_STATE"


@pytest.mark.parametrize("action", ["START", "REBOOT"])
def test_only_undeploy_interrupts(house: House, admin: Session, subscriber: Subscriber, action: str) -> None:
    """A stop that comes while it is under way waits; an undeploy does not."""
    vnf = deployed(f"only-{action.lower()}", house, admin, subscriber)
    if action == "START":
        rpc(admin, "serviceAction", actionType="STOP", tenantName="admin", depName=vnf.name)
        vnf.until("SERVICE_STOPPED")
    with house.fault("server.start", {"type": "freeze"}):
        rpc(admin, "serviceAction", actionType=action, tenantName="admin", depName=vnf.name)
        rpc(admin, "serviceAction", actionType="STOP", tenantName="admin", depName=vnf.name)
        subscriber.quiet(0.5)
        admin.edit(undeploy(vnf.name))
        came = vnf.until("SERVICE_UNDEPLOYED", status="SUCCESS")
    closed = {event.type: event.status_message for event in came if event.status == "FAILURE"}
    assert closed == {
        "SERVICE_ALIVE": f"Service group {action.lower()} failed: interrupted by undeploy",
        "SERVICE_STOPPED": "Service group suspension failed: interrupted by undeploy",
    }
    assert house.of_deployment(vnf.name) == {"servers": [], "ports": []}


def test_what_comes_meanwhile_waits_for_its_turn(house: House, admin: Session, subscriber: Subscriber) -> None:
    """A reboot is not interrupted by a stop; what the table rejects by then is told with the table's words."""
    vnf = deployed("queue", house, admin, subscriber)
    (vm,) = vnf.vms
    rpc(admin, "vmAction", actionType="REBOOT", vmName=vm)
    rpc(admin, "vmAction", actionType="STOP", vmName=vm)
    rpc(admin, "serviceAction", actionType="REBOOT", tenantName="admin", depName="queue")
    assert told(vnf.until("SERVICE_ALIVE")) == [
        ("VM_REBOOTED", "SUCCESS", "VM successfully rebooted"),
        ("VM_ALIVE", "SUCCESS", f"VM_Alive event received after rebooted, VM ID: [{vm}]"),
        ("VM_STOPPED", "SUCCESS", "VM successfully stopped"),
        ("SERVICE_ALIVE", "FAILURE", "Service group reboot failed: Service group [queue] is stopped: start it"),
    ]
    assert vnf.states == ["SERVICE_ACTIVE_STATE", "VM_SHUTOFF_STATE"]
