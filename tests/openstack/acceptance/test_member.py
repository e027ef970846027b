"""openesc with no more than a member's rights: enough for what OpenStack lets a member do, and told what it is not."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from tests.integration.main_job.house import House, texts
from tests.integration.main_job.payloads import deployment, group, undeploy
from tests.integration.main_job.subscriber import types
from tests.integration.operations.vnf import refused, rpc
from tests.integration.snapshots.actions import call, delete, snapshot_id
from tests.openstack.acceptance.conftest import RUN, PatientSubscriber, settings_of
from tests.openstack.acceptance.outside import Outside
from tests.server_process import ServerProcess

TENANT = "vim"
"""The member's project."""

V2 = "SolTest-Cirros-Flavor-v2"


@pytest.fixture(scope="module")
def member(tmp_path_factory: pytest.TempPathFactory, outside: Outside) -> Iterator[House]:
    """A server whose connector is a member."""
    folder = tmp_path_factory.mktemp("member")
    environment = settings_of(outside.settings, OPENESC_VIM__CLOUD="lab-member")
    house = House(ServerProcess(folder / "data", environment))
    house.server.start()
    yield house
    house.close()


@pytest.fixture
def name(outside: Outside, member: House) -> Iterator[str]:
    """The name of the test's deployment, which is gone after it."""
    made = f"{RUN}-{uuid.uuid4().hex[:4]}"
    yield made
    session = member.session()
    if session.config(made, TENANT) is not None:
        watching = PatientSubscriber(member.session())
        session.edit(undeploy(made, TENANT))
        watching.until("SERVICE_UNDEPLOYED", depname=made)
    member.leave()
    assert outside.is_empty(made)


def test_a_member_deploys_and_operates(member: House, outside: Outside, name: str) -> None:
    admin, subscriber = member.session(), PatientSubscriber(member.session())
    admin.edit(deployment(name, group(), tenant=TENANT))
    came = subscriber.until("SERVICE_ALIVE", depname=name)
    assert types(came)[-3:] == ["VM_DEPLOYED", "VM_ALIVE", "SERVICE_ALIVE"], came[-1]
    assert {event.status for event in came} == {"SUCCESS"}
    (vm,) = texts(admin.deployment(name, TENANT), "vm_name")
    rpc(admin, "vmAction", actionType="STOP", vmName=vm)
    subscriber.until("VM_STOPPED", status="SUCCESS")
    rpc(admin, "vmAction", actionType="START", vmName=vm)
    subscriber.until("VM_ALIVE", status="SUCCESS")
    assert member.esc_nc_cli("vm-backup-action", vm, f"{name}-backup").returncode == 0
    (begun, *_, done) = subscriber.until("VM_BACKUP_COMPLETE")
    assert done.status == "SUCCESS"
    call(admin, delete(snapshot_id(begun.status_message)))
    subscriber.until("VM_SNAPSHOT_DELETED", status="SUCCESS")
    admin.edit(deployment(name, group(flavor=V2), tenant=TENANT))
    subscriber.until("VM_VERIFY_RESIZE", status="SUCCESS")
    rpc(admin, "vmAction", actionType="CONFIRM_RESIZE", vmName=vm)
    subscriber.until("VM_ALIVE", status="SUCCESS")
    assert outside.flavor(vm) == V2


@pytest.mark.parametrize("kind, policy", [("live", "migrate_live"), ("cold", "migrate")])
def test_a_member_may_not_migrate(member: House, name: str, kind: str, policy: str) -> None:
    admin, subscriber = member.session(), PatientSubscriber(member.session())
    admin.edit(deployment(name, group(kpi=False), tenant=TENANT))
    subscriber.until("SERVICE_ALIVE", depname=name, status="SUCCESS")
    (vm,) = texts(admin.deployment(name, TENANT), "vm_name")
    error = refused(admin, "vmMigrate", vmName=vm, migrationType=kind)
    assert f"Policy doesn't allow os_compute_api:os-migrate-server:{policy} to be performed." in error
    assert subscriber.until("VM_MIGRATE_INIT")[-1].status == "FAILURE"


def test_a_member_may_not_choose_a_host(member: House, outside: Outside, name: str) -> None:
    admin, subscriber = member.session(), PatientSubscriber(member.session())
    placed = group(extra="<placement><type>zone_host</type><host>Host-22</host></placement>")
    admin.edit(deployment(name, placed, tenant=TENANT))
    came = subscriber.until("SERVICE_ALIVE", depname=name)
    words = "Policy doesn't allow compute:servers:create:requested_destination to be performed."
    assert came[-1].status == "FAILURE" and words in str(came[0].status_message)
    assert outside.is_empty(name)


def test_a_member_may_not_make_a_tenant(member: House, name: str) -> None:
    admin, subscriber = member.session(), PatientSubscriber(member.session())
    admin.edit(deployment(name, group(), tenant=name))
    came = subscriber.until("SERVICE_ALIVE", depname=name)
    assert came[-1].status == "FAILURE"
    assert "identity:create_project" in str(came[0].status_message)
    admin.edit(undeploy(name, name))
    subscriber.until("SERVICE_UNDEPLOYED", depname=name)
