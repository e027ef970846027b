"""Actions on a service of several VMs: all of them, and what a stopped one takes (user guide, VNF operations)."""

from __future__ import annotations

from typing import Any

from tests.integration.main_job.house import House, Session
from tests.integration.main_job.payloads import deployment, group, undeploy
from tests.integration.main_job.subscriber import Subscriber, types
from tests.integration.operations.vnf import Vnf, deployed, refused, rpc, told


def act(vnf: Vnf, action: str) -> None:
    """Ask for an action on the whole service."""
    rpc(vnf.admin, "serviceAction", actionType=action, tenantName="admin", depName=vnf.name)


def asked(house: House, since: int, server: str) -> list[str]:
    """What was asked of the cloud about the server's power since then."""
    rows: list[dict[str, Any]] = house.sim("GET", f"/sim/requests?since={since}")["requests"]
    power = ("server.stop", "server.start", "server.reboot")
    return [row["operation"] for row in rows if row["operation"] in power and row["resource_name"] == server]


def test_every_vm_stops_starts_and_reboots(house: House, admin: Session, subscriber: Subscriber) -> None:
    vnf = deployed("whole", house, admin, subscriber, [group("g1", count=2), group("g2", kpi=False)])
    act(vnf, "STOP")
    came = types(vnf.until("SERVICE_STOPPED"))
    assert came == [*["VM_STOPPED"] * 3, "SERVICE_STOPPED"]
    assert vnf.states == ["SERVICE_STOPPED_STATE", *["VM_SHUTOFF_STATE"] * 3]
    assert [(house.guest(vm)["power"], house.guest(vm)["alive"]) for vm in vnf.vms] == [(False, False)] * 3
    subscriber.quiet()  # no monitor misses them
    act(vnf, "START")
    came = types(vnf.until("SERVICE_ALIVE"))
    assert sorted(came) == ["SERVICE_ALIVE", *["VM_ALIVE"] * 2, *["VM_STARTED"] * 3]
    up = ["SERVICE_ACTIVE_STATE", "VM_ALIVE_STATE", "VM_ALIVE_STATE", "VM_INERT_STATE"]
    assert vnf.states == up
    since = house.sim("GET", "/sim/requests")["last"]
    with house.fault("server.stop", {"type": "freeze"}, count=3):
        act(vnf, "REBOOT")
        assert vnf.states == ["SERVICE_REBOOTING_STATE", *["VM_REBOOTING_STATE"] * 3]
    came = types(vnf.until("SERVICE_ALIVE"))
    assert sorted(came) == ["SERVICE_ALIVE", *["VM_ALIVE"] * 2, *["VM_REBOOTED"] * 3]
    assert vnf.states == up
    assert [asked(house, since, vm) for vm in vnf.vms] == [["server.stop", "server.start"]] * 3


def test_a_stopped_service_takes_no_recovery_and_no_scaling_and_can_be_undeployed(
    house: House, admin: Session, subscriber: Subscriber
) -> None:
    vnf = deployed("halted", house, admin, subscriber)
    (vm,) = vnf.vms
    act(vnf, "STOP")
    vnf.until("SERVICE_STOPPED")
    assert "it takes no recovery" in refused(admin, "recoveryVmAction", actionType="DO", vmName=vm)
    error = admin.refused(deployment("halted", group(count=2)))
    assert error.message == "Service group [halted] is stopped: it takes no scaling"
    assert vnf.states == ["SERVICE_STOPPED_STATE", "VM_SHUTOFF_STATE"]
    admin.edit(undeploy("halted"))
    assert types(vnf.until("SERVICE_UNDEPLOYED")) == ["VM_UNDEPLOYED", "SERVICE_UNDEPLOYED"]


def test_a_group_of_an_update_waits_for_the_one_it_depends_on(
    house: House, admin: Session, subscriber: Subscriber
) -> None:
    vnf = deployed("ordered", house, admin, subscriber)
    order = (
        "<policies><startup><target_vm_group_ref>g2</target_vm_group_ref><depends_on><vm_group_ref>g3</vm_group_ref>"
        "</depends_on></startup></policies>"
    )
    admin.edit(deployment("ordered", group("g2"), group("g3"), before=order))
    came = [(event.type, event.vm_group) for event in vnf.until("SERVICE_UPDATED", status="SUCCESS")]
    assert came == [
        ("VM_DEPLOYED", "g3"),
        ("VM_ALIVE", "g3"),
        ("VM_DEPLOYED", "g2"),
        ("VM_ALIVE", "g2"),
        ("SERVICE_UPDATED", None),
    ]


def test_undeploy_interrupts_a_start(house: House, admin: Session, subscriber: Subscriber) -> None:
    vnf = deployed("begun", house, admin, subscriber)
    act(vnf, "STOP")
    vnf.until("SERVICE_STOPPED")
    with house.fault("server.start", {"type": "freeze"}):
        act(vnf, "START")
        admin.edit(undeploy("begun"))
        came = vnf.until("SERVICE_UNDEPLOYED")
    assert types(came) == ["SERVICE_ALIVE", "VM_UNDEPLOYED", "SERVICE_UNDEPLOYED"]
    assert told(came)[0] == ("SERVICE_ALIVE", "FAILURE", "Service group start failed: interrupted by undeploy")


def test_a_stop_waits_until_the_start_is_through(house: House, admin: Session, subscriber: Subscriber) -> None:
    vnf = deployed("patient", house, admin, subscriber)
    act(vnf, "STOP")
    vnf.until("SERVICE_STOPPED")
    with house.fault("server.start", {"type": "freeze", "seconds": 0.5}):
        act(vnf, "START")
        act(vnf, "STOP")
        came = vnf.until("SERVICE_STOPPED")
    assert types(came) == ["VM_STARTED", "VM_ALIVE", "SERVICE_ALIVE", "VM_STOPPED", "SERVICE_STOPPED"]
