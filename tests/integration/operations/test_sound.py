"""A VM in error whose server the cloud has in order is not made anew when its document is sent again."""

from __future__ import annotations

import pytest
from tests.integration.main_job.house import House, Session, texts
from tests.integration.main_job.payloads import deployment, group, undeploy
from tests.integration.main_job.subscriber import Subscriber, types
from tests.integration.main_job.test_main_volumes import cloud
from tests.integration.operations.vnf import Vnf, deployed, rpc

REFUSED = {"type": "http", "status": 403}


@pytest.fixture
def vnf(request: pytest.FixtureRequest, house: House, admin: Session, subscriber: Subscriber) -> Vnf:
    """One VM, monitored unless the test says otherwise."""
    kpi = getattr(request, "param", True)
    return deployed(f"sound-{kpi}", house, admin, subscriber, [group(kpi=kpi)])


def again(vnf: Vnf) -> list[str]:
    """Send the document again; the types of the events."""
    vnf.admin.edit(deployment(vnf.name, group(kpi=vnf.name.endswith("True"))))
    return types(vnf.until("SERVICE_UPDATED", status="SUCCESS"))


def leave(vnf: Vnf) -> None:
    vnf.admin.edit(undeploy(vnf.name))
    vnf.until("SERVICE_UNDEPLOYED", status="SUCCESS")


@pytest.mark.parametrize(("vnf", "told"), [(True, ["VM_ALIVE"]), (False, [])], indirect=["vnf"])
def test_a_stop_that_failed(vnf: Vnf, told: list[str]) -> None:
    """The server is up: its monitor is set again, where it has one."""
    [vm], ids, before = vnf.vms, texts(vnf.entry(), "vm_id"), vnf.states
    with vnf.house.fault("server.stop", REFUSED):
        rpc(vnf.admin, "vmAction", actionType="STOP", vmName=vm)
        vnf.until("VM_STOPPED", status="FAILURE")
    assert vnf.vm_state(vm) == "VM_ERROR_STATE"
    assert again(vnf) == [*told, "SERVICE_UPDATED"]
    assert (texts(vnf.entry(), "vm_id"), vnf.states) == (ids, before)
    leave(vnf)


def test_a_start_that_failed(vnf: Vnf) -> None:
    """The server is off: so is its VM, which can be started."""
    [vm], ids = vnf.vms, texts(vnf.entry(), "vm_id")
    rpc(vnf.admin, "vmAction", actionType="STOP", vmName=vm)
    vnf.until("VM_STOPPED", status="SUCCESS")
    with vnf.house.fault("server.start", REFUSED):
        rpc(vnf.admin, "vmAction", actionType="START", vmName=vm)
        vnf.until("VM_STARTED", status="FAILURE")
    assert vnf.vm_state(vm) == "VM_ERROR_STATE"
    assert again(vnf) == ["SERVICE_UPDATED"]
    assert (texts(vnf.entry(), "vm_id"), vnf.vm_state(vm)) == (ids, "VM_SHUTOFF_STATE")
    rpc(vnf.admin, "vmAction", actionType="START", vmName=vm)
    vnf.until("VM_ALIVE", status="SUCCESS")
    leave(vnf)


def test_a_server_that_is_gone_is_made_anew(vnf: Vnf) -> None:
    [vm], [old] = vnf.vms, texts(vnf.entry(), "vm_id")
    with vnf.house.fault("server.stop", REFUSED):
        rpc(vnf.admin, "vmAction", actionType="STOP", vmName=vm)
        vnf.until("VM_STOPPED", status="FAILURE")
    with cloud(vnf.house) as connection:
        connection.compute.delete_server(old)
        connection.compute.wait_for_delete(connection.compute.get_server(old))
    assert again(vnf) == ["VM_DEPLOYED", "VM_ALIVE", "SERVICE_UPDATED"]
    assert texts(vnf.entry(), "vm_id") != [old]
    leave(vnf)
