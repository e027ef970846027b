"""What waits for confirm or revert, and is ended in the cloud: by the cloud itself or by an operator there."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from tests.integration.main_job.house import House, Session
from tests.integration.main_job.payloads import deployment, group
from tests.integration.main_job.subscriber import Subscriber, types
from tests.integration.main_job.test_main_volumes import cloud
from tests.integration.operations.vnf import Vnf, deployed, rpc

V1, V2 = "SolTest-Cirros-Flavor", "SolTest-Cirros-Flavor-v2"


@pytest.fixture(scope="module")
def server_settings() -> Mapping[str, str]:
    return {"OPENESC_ENGINE__PENDING_RESIZE_POLL_S": "0.2"}


def waiting(vnf: Vnf) -> str:
    """It waits for confirm or revert; its server."""
    vnf.admin.edit(deployment(vnf.name, group(flavor=V2)))
    return vnf.until("VM_VERIFY_RESIZE", status="SUCCESS")[-1].vm_source_vmid or ""


def test_a_late_confirm_of_the_cloud(house: House, admin: Session, subscriber: Subscriber) -> None:
    """Nova's resize_confirm_window: the VM is monitored again without anybody asking."""
    vnf = deployed("late", house, admin, subscriber)
    server = waiting(vnf)
    subscriber.quiet(0.8)  # as long as it waits in the cloud, it waits
    with cloud(house) as connection:
        connection.compute.confirm_server_resize(server)
    told = ["VM_CONFIRM_RESIZE_INIT", "VM_CONFIRM_RESIZE_COMPLETE", "VM_ALIVE"]
    assert types(vnf.until("VM_ALIVE", status="SUCCESS")) == told
    assert (vnf.leaf(vnf.vms[0], "flavor"), vnf.leaf(vnf.vms[0], "vim_status")) == (V2, None)
    assert vnf.states == ["SERVICE_ACTIVE_STATE", "VM_ALIVE_STATE"]
    subscriber.quiet(0.8)


def test_a_revert_in_the_cloud(house: House, admin: Session, subscriber: Subscriber) -> None:
    vnf = deployed("undone", house, admin, subscriber)
    server = waiting(vnf)
    with cloud(house) as connection:
        connection.compute.revert_server_resize(server)
    told = ["VM_REVERT_RESIZE_INIT", "VM_REVERT_RESIZE_COMPLETE", "VM_ALIVE"]
    assert types(vnf.until("VM_ALIVE", status="SUCCESS")) == told
    assert vnf.leaf(vnf.vms[0], "flavor") == V1
    admin.edit(deployment("undone", group(flavor=V2, bootup=61)))  # running is as it was: it is not asked for again
    assert types(vnf.until("SERVICE_UPDATED"))[-1] == "SERVICE_UPDATED"
    subscriber.quiet()


def test_a_cold_migration_that_the_cloud_confirms(house: House, admin: Session, subscriber: Subscriber) -> None:
    vnf = deployed("moved", house, admin, subscriber)
    house.sim("PUT", "/sim/settings", {"auto_confirm": True})
    rpc(admin, "vmMigrate", vmName=vnf.vms[0], migrationType="cold")
    assert types(vnf.until("VM_ALIVE", status="SUCCESS"))[-2:] == ["VM_CONFIRM_RESIZE_COMPLETE", "VM_ALIVE"]
    assert vnf.states == ["SERVICE_ACTIVE_STATE", "VM_ALIVE_STATE"]
