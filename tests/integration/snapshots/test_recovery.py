"""recoveryVmAction DO: reboot, then redeploy, by the policy of the group (developer guide, manual recovery)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lxml import etree
from tests.integration.main_job.house import House, Session, until
from tests.integration.main_job.payloads import ESC, undeploy
from tests.integration.main_job.subscriber import Event, Subscriber
from tests.integration.snapshots.actions import (
    BOOT_VOLUME,
    call,
    deployed,
    recover,
    refused,
    service_state,
    vm_action,
    vm_state,
)

INIT, REBOOT, COMPLETE = "VM_RECOVERY_INIT", "VM_RECOVERY_REBOOT", "VM_RECOVERY_COMPLETE"
UNDEPLOYED, DEPLOYED = "VM_RECOVERY_UNDEPLOYED", "VM_RECOVERY_DEPLOYED"


def policy(action: str, retries: int | None = None, reboot_time: int = 1) -> str:
    """The leaves of a group that say how it is recovered."""
    tries = "" if retries is None else f"<max_retries>{retries}</max_retries>"
    return (
        f"<reboot_time>{reboot_time}</reboot_time><recovery_policy><action_on_recovery>{action}</action_on_recovery>"
        f"{tries}</recovery_policy>"
    )


def target(event: Event, name: str) -> str | None:
    """The text of a leaf of vm_target."""
    return event.element.findtext(f"{{{ESC}}}vm_target/{{{ESC}}}{name}")


def interfaces(element: etree._Element, container: str) -> list[str]:
    """The addresses of the interfaces in vm_source or vm_target."""
    found = element.findall(f"{{{ESC}}}{container}/{{{ESC}}}interfaces/{{{ESC}}}interface/{{{ESC}}}ip_address")
    return [address.text or "" for address in found]


@contextmanager
def silent(house: House, vm: str) -> Iterator[str]:
    """The VM's guest answers no ping for as long as the block lasts."""
    rule = house.sim("POST", "/sim/faults", {"match": {"server": vm}, "action": {"type": "ping_silent"}})
    yield str(rule["fault"]["id"])
    house.sim("DELETE", "/sim/faults")


def test_a_reboot_is_enough(house: House, admin: Session, subscriber: Subscriber) -> None:
    vm = deployed(admin, subscriber, "rec-reboot")
    assert "<ok/>" in call(admin, recover(vm))
    told = subscriber.until(COMPLETE)
    assert [event.short for event in told] == [
        (
            INIT,
            "SUCCESS",
            f"Recovery event for VM [{vm}] triggered. Processing Auto healing. Proceeding with Recovery.",
        ),
        (REBOOT, "SUCCESS", f"VM [{vm}] has been rebooted."),
        (COMPLETE, "SUCCESS", f"Recovery: Successfully recovered VM [{vm}]."),
    ]
    assert {event.status_code for event in told} == {"200"}
    assert told[-1].vm_source_vmid == target(told[-1], "vmid")
    assert vm_state(admin, "rec-reboot") == "VM_ALIVE_STATE"
    metadata = house.guest(vm)["metadata"]
    assert (metadata["openesc:last_operation"], metadata["openesc:recovery"]) == ("recovery", "completed")
    subscriber.quiet()


def test_a_redeployment_replaces_the_server(house: House, admin: Session, subscriber: Subscriber) -> None:
    vm = deployed(admin, subscriber, "rec-redeploy", policy("REDEPLOY_ONLY") + BOOT_VOLUME)
    ports, volumes = house.of_deployment("rec-redeploy")["ports"], sorted(house.names("volumes"))
    call(admin, recover(vm))
    told = subscriber.until(COMPLETE)
    assert [(event.type, event.status) for event in told] == [
        (one, "SUCCESS") for one in (INIT, UNDEPLOYED, DEPLOYED, COMPLETE)
    ]
    assert told[1].status_message == f"VM [{vm}] has been undeployed."
    old, new = told[0].vm_source_vmid, target(told[2], "vmid")
    assert old != new
    assert {event.vm_source_vmid for event in told} == {old}
    assert target(told[-1], "vmid") == new
    assert len(interfaces(told[2].element, "vm_target")) == 1
    # the addresses and the volumes are the ones it had, and there is one server
    after = house.of_deployment("rec-redeploy")
    assert (after["servers"], after["ports"]) == ([vm], ports)
    assert sorted(house.names("volumes")) == volumes
    assert vm_state(admin, "rec-redeploy") == "VM_ALIVE_STATE"


def test_what_a_reboot_does_not_cure_is_redeployed(house: House, admin: Session, subscriber: Subscriber) -> None:
    vm = deployed(admin, subscriber, "rec-both", policy("REBOOT_THEN_REDEPLOY"))

    def heal(event: Event) -> None:
        if event.type == UNDEPLOYED:
            house.sim("DELETE", "/sim/faults")

    with silent(house, vm):
        call(admin, recover(vm))
        told = subscriber.until(COMPLETE, each=heal)
    assert [event.type for event in told] == [INIT, REBOOT, UNDEPLOYED, DEPLOYED, COMPLETE]
    assert told[-1].status == "SUCCESS"
    assert service_state(admin, "rec-both") == "SERVICE_ACTIVE_STATE"


def test_a_reboot_that_fails_is_told_with_its_trail(house: House, admin: Session, subscriber: Subscriber) -> None:
    vm = deployed(admin, subscriber, "rec-refused", policy("REBOOT_ONLY"))
    with house.fault("server.reboot", {"type": "http", "status": 409, "text": "it is locked"}):
        call(admin, recover(vm))
        told = subscriber.until(COMPLETE)
    assert [(event.type, event.status, event.status_code) for event in told] == [
        (INIT, "SUCCESS", "200"),
        (REBOOT, "FAILURE", "500"),
        (COMPLETE, "FAILURE", "500"),
    ]
    text = str(told[1].status_message)
    assert text.startswith(f"Error Messages: VM [{vm}] failed to be rebooted.; VIM Driver: ")
    assert "it is locked" in text
    assert f"VM [{vm}] failed to be rebooted.; VIM Driver: " in str(told[2].status_message)
    assert (vm_state(admin, "rec-refused"), service_state(admin, "rec-refused")) == (
        "VM_ERROR_STATE",
        "SERVICE_ERROR_STATE",
    )
    # a failed recovery can be tried again, and makes good what it had failed
    call(admin, recover(vm))
    subscriber.until(COMPLETE, status="SUCCESS")
    assert vm_state(admin, "rec-refused") == "VM_ALIVE_STATE"
    assert service_state(admin, "rec-refused") == "SERVICE_ACTIVE_STATE"


def test_no_more_pairs_than_max_retries(house: House, admin: Session, subscriber: Subscriber) -> None:
    vm = deployed(admin, subscriber, "rec-retries", policy("REDEPLOY_ONLY", 2), bootup=2)
    with silent(house, vm):
        call(admin, recover(vm))
        told = subscriber.until(COMPLETE)
    assert [event.type for event in told] == [INIT, UNDEPLOYED, DEPLOYED, UNDEPLOYED, DEPLOYED, COMPLETE]
    assert told[-1].status == "FAILURE"
    assert str(told[-1].status_message).count("did not become alive within 2 seconds") == 2
    assert told[3].vm_source_vmid == target(told[2], "vmid")
    assert told[-1].vm_source_vmid == told[0].vm_source_vmid
    assert house.of_deployment("rec-retries")["servers"] == [vm]
    call(admin, recover(vm))
    subscriber.until(COMPLETE, status="SUCCESS")


def test_a_server_that_cannot_be_made_is_told(house: House, admin: Session, subscriber: Subscriber) -> None:
    vm = deployed(admin, subscriber, "rec-quota", policy("REDEPLOY_ONLY", 2))
    with house.fault("server.create", {"type": "quota"}):
        call(admin, recover(vm))
        told = subscriber.until(COMPLETE)
    assert [(event.type, event.status) for event in told] == [
        (INIT, "SUCCESS"),
        (UNDEPLOYED, "SUCCESS"),
        (DEPLOYED, "FAILURE"),
        (UNDEPLOYED, "SUCCESS"),
        (DEPLOYED, "SUCCESS"),
        (COMPLETE, "SUCCESS"),
    ]
    assert "Quota exceeded" in str(told[2].status_message)


def test_a_server_that_is_gone_is_redeployed(house: House, admin: Session, subscriber: Subscriber) -> None:
    vm = deployed(admin, subscriber, "rec-gone", policy("REBOOT_THEN_REDEPLOY"))
    with house.fault("server.reboot", {"type": "http", "status": 404, "text": "Instance could not be found."}):
        call(admin, recover(vm))
        told = subscriber.until(COMPLETE)
    assert [(event.type, event.status) for event in told] == [
        (INIT, "SUCCESS"),
        (REBOOT, "FAILURE"),
        (UNDEPLOYED, "SUCCESS"),
        (DEPLOYED, "SUCCESS"),
        (COMPLETE, "SUCCESS"),
    ]


def test_a_vm_without_a_monitor(admin: Session, subscriber: Subscriber) -> None:
    vm = deployed(admin, subscriber, "rec-no-kpi", kpi=False)
    call(admin, recover(vm))
    assert [event.type for event in subscriber.until(COMPLETE, status="SUCCESS")] == [INIT, REBOOT, COMPLETE]
    assert vm_state(admin, "rec-no-kpi") == "VM_INERT_STATE"


def test_a_stopped_vm_takes_no_recovery(admin: Session, subscriber: Subscriber) -> None:
    vm = deployed(admin, subscriber, "rec-stopped")
    call(admin, vm_action("STOP", vm))
    subscriber.until("VM_STOPPED")
    assert "takes no recovery" in str(refused(admin, recover(vm)).message)
    assert "VM [nobody] not found" in str(refused(admin, recover("nobody")).message)
    subscriber.quiet()


def test_an_undeployment_cancels_it(house: House, admin: Session, subscriber: Subscriber) -> None:
    vm = deployed(admin, subscriber, "rec-cancel", policy("REBOOT_ONLY", reboot_time=60))
    with silent(house, vm):
        call(admin, recover(vm))
        subscriber.until(REBOOT)
        admin.edit(undeploy("rec-cancel"))
        told = subscriber.until("SERVICE_UNDEPLOYED", status="SUCCESS")
    assert [event.type for event in told] == ["VM_RECOVERY_CANCELLED", "VM_UNDEPLOYED", "SERVICE_UNDEPLOYED"]
    assert "interrupted by undeploy" in str(told[0].status_message)
    until(lambda: house.of_deployment("rec-cancel") == {"servers": [], "ports": []}, "the cloud is clean")


def test_the_command_line_of_the_user_guide(house: House, admin: Session, subscriber: Subscriber) -> None:
    vm = deployed(admin, subscriber, "rec-cli")
    done = house.esc_nc_cli("recovery-vm-action", "DO", vm)
    assert done.returncode == 0, done.stderr
    assert "<ok/>" in done.stdout
    subscriber.until(COMPLETE, status="SUCCESS")
