"""min_active and force, where the setting asks for the check."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.integration.main_job.house import House, Session
from tests.integration.main_job.payloads import group
from tests.integration.main_job.subscriber import Subscriber, types
from tests.integration.operations.vnf import deployed, refused, rpc


@pytest.fixture(scope="module")
def shared_house(make_house: Callable[..., House]) -> House:
    return make_house(OPENESC_ENGINE__MIN_ACTIVE_CHECK="true")


def test_a_group_is_kept_above_min_active_unless_forced(house: House, admin: Session, subscriber: Subscriber) -> None:
    vnf = deployed("min", house, admin, subscriber, [group(count=2)])
    first, _ = vnf.vms
    assert refused(admin, "vmAction", actionType="STOP", vmName=first) == (
        f"VM [{first}]: vm_group g1 would have 1 active VMs, fewer than its min_active 2; "
        "use force to do it nevertheless"
    )
    rpc(admin, "vmAction", actionType="STOP", vmName=first, force="true")
    assert types(vnf.until("VM_STOPPED")) == ["VM_STOPPED"]
    rpc(admin, "vmAction", actionType="START", vmName=first)
    vnf.until("VM_ALIVE")
    rpc(admin, "vmAction", actionType="DISABLE_MONITOR", vmName=first)
    assert types(vnf.until("VM_MONITOR_UNSET")) == ["VM_MONITOR_UNSET"]
    subscriber.quiet()


def test_what_is_not_there_is_named(admin: Session) -> None:
    assert refused(admin, "vmAction", actionType="STOP", vmName="nobody") == (
        "VM [nobody] not found: opdata lists the generated names of VMs"
    )
    assert refused(admin, "serviceAction", actionType="STOP", tenantName="admin", depName="none") == (
        "there is no deployment none in tenant admin"
    )


def test_a_user_acts_in_its_own_tenants_only(house: House, admin: Session, subscriber: Subscriber) -> None:
    vnf = deployed("foreign", house, admin, subscriber)
    made = house.openesc(
        "user", "add", "guest", "--group", "operator", "--tenant", "other", "--password-stdin", stdin="pw\n"
    )
    assert made.returncode == 0, made.stderr
    guest = house.session("guest", "pw")
    (vm,) = vnf.vms
    text = "user guest (group operator) may not use tenant admin"
    assert refused(guest, "vmAction", actionType="STOP", vmName=vm) == text
    assert refused(guest, "serviceAction", actionType="STOP", tenantName="admin", depName="foreign") == text
    assert refused(guest, "vmMigrate", vmName=vm, migrationType="live") == text
    subscriber.quiet()
