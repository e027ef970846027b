"""openesc with a member's or a manager's rights: enough for what OpenStack lets them do, and told what it is not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.integration.main_job.house import House, Session, texts
from tests.integration.main_job.payloads import deployment, group, model, network, undeploy
from tests.integration.main_job.subscriber import Event, types
from tests.integration.operations.vnf import refused, rpc
from tests.integration.snapshots.actions import BOOT_VOLUME, call, delete, recover, snapshot_id
from tests.integration.snapshots.test_recovery import policy
from tests.openstack.acceptance.conftest import PatientSubscriber, settings_of
from tests.openstack.acceptance.outside import Outside
from tests.openstack.acceptance.test_deploy import APART, DAY_ZERO
from tests.server_process import ServerProcess

TENANT = "vim"
"""The member's project."""

V2 = "SolTest-Cirros-Flavor-v2"


@contextmanager
def serving(login: str, folder: Path, outside: Outside) -> Iterator[House]:
    """A server whose connector logs in so."""
    house = House(ServerProcess(folder / "data", settings_of(outside.settings, OPENESC_VIM__CLOUD=login)))
    house.server.start()
    try:
        yield house
    finally:
        house.close()


@pytest.fixture(scope="module")
def member(tmp_path_factory: pytest.TempPathFactory, outside: Outside) -> Iterator[House]:
    """A server whose connector is a member."""
    with serving("lab-member", tmp_path_factory.mktemp("member"), outside) as house:
        yield house


@pytest.fixture(scope="module")
def manager(tmp_path_factory: pytest.TempPathFactory, outside: Outside) -> Iterator[House]:
    """A server whose connector is a manager of the same project."""
    with serving("lab-manager", tmp_path_factory.mktemp("manager"), outside) as house:
        yield house


@pytest.fixture
def name(own_name: str) -> str:
    """The name of the test's deployment, of which nothing may be left."""
    return own_name


@contextmanager
def seen(house: House, name: str, tenant: str = TENANT) -> Iterator[tuple[Session, PatientSubscriber]]:
    """A client and what it is told; after the block the deployment is undeployed."""
    admin, subscriber = house.session(), PatientSubscriber(house.session())
    try:
        yield admin, subscriber
    finally:
        if admin.config(name, tenant) is not None:
            admin.edit(undeploy(name, tenant))
            subscriber.until("SERVICE_UNDEPLOYED", depname=name)
        house.leave()


def alive(admin: Session, subscriber: PatientSubscriber, name: str, vm_group: str) -> str:
    """It is deployed and alive; the name of its VM."""
    admin.edit(deployment(name, vm_group, tenant=TENANT))
    came = subscriber.until("SERVICE_ALIVE", depname=name)
    assert {event.status for event in came} == {"SUCCESS"}, came[-1].status_message
    (vm,) = texts(admin.deployment(name, TENANT), "vm_name")
    return vm


def failure(came: list[Event]) -> str:
    """What the last of them says, which is of a failure."""
    assert came[-1].status == "FAILURE", came[-1]
    return str(came[-1].status_message)


def test_a_member_deploys_and_operates(member: House, outside: Outside, name: str) -> None:
    with seen(member, name) as (admin, subscriber):
        vm = alive(admin, subscriber, name, group())
        assert types(subscriber.events)[-3:] == ["VM_DEPLOYED", "VM_ALIVE", "SERVICE_ALIVE"]
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


def test_a_member_needs_no_more_for_what_is_its_own(member: House, outside: Outside, name: str) -> None:
    """A network, volumes, anti-affinity, a zone, day-0 data; then a reboot, a redeployment and more VMs."""
    before = APART + f"<networks>{network(f'{name}-inner', '192.168.7.0')}</networks>"
    both = ("SolTest-Network", f"{name}-inner")
    zone = "<placement><type>zone_host</type><zone>nova</zone></placement>"
    first = group("g1", networks=both, extra=BOOT_VOLUME + DAY_ZERO)
    second = group("g2", extra=policy("REDEPLOY_ONLY", reboot_time=120))
    with seen(member, name) as (admin, subscriber):
        admin.edit(deployment(name, first, second, group("g3", extra=zone), before=before, tenant=TENANT))
        subscriber.until("SERVICE_ALIVE", depname=name, status="SUCCESS")
        vms = {event.vm_group: str(event.vm_source_vmname) for event in subscriber.events if event.type == "VM_ALIVE"}
        assert outside.host(vms["g1"]) != outside.host(vms["g2"])
        assert outside.server(vms["g3"]).availability_zone == "nova"
        assert outside.drive(vms["g1"])["openstack/latest/user_data"].endswith(" x=7")
        assert outside.named(name)["volumes"] == sorted(f"{vms['g1']}_{volume}" for volume in ("data", "root"))
        rpc(admin, "vmAction", actionType="REBOOT", vmName=vms["g1"])
        subscriber.until("VM_ALIVE", vm_source_vmname=vms["g1"], status="SUCCESS")
        outside.silence(vms["g2"])
        call(admin, recover(vms["g2"]))
        subscriber.until("VM_RECOVERY_COMPLETE", status="SUCCESS")
        admin.edit(deployment(name, group("g3", count=2, extra=zone), tenant=TENANT))
        subscriber.until("SERVICE_UPDATED", depname=name, status="SUCCESS")
        assert {event.status for event in subscriber.events} == {"SUCCESS"}


def test_a_member_makes_images_for_its_project(member: House, outside: Outside, name: str, web: str) -> None:
    """Not for everybody, which Glance refuses."""
    leaves = f"<src>{web}/image</src><disk_format>raw</disk_format><container_format>bare</container_format>"
    with seen(member, name) as (admin, subscriber):
        admin.edit(model(f"<images><image><name>{name}</name>{leaves}</image></images>"))
        assert subscriber.until("CREATE_IMAGE", image=name)[-1].status == "SUCCESS"
        image = outside.cloud.image.find_image(name)
        project = outside.cloud.identity.find_project(TENANT)
        assert (image.visibility, image.owner_id) == ("private", project.id)
        alive(admin, subscriber, name, group(image=name, kpi=False))
        admin.edit(undeploy(name, TENANT))
        subscriber.until("SERVICE_UNDEPLOYED", depname=name, status="SUCCESS")
        admin.edit(model(f'<images><image nc:operation="delete"><name>{name}</name></image></images>'))
        subscriber.until("DELETE_IMAGE", image=name, status="SUCCESS")
    assert "You are not authorized to complete publicize_image action." in member.server.log


def test_a_member_may_not_migrate(member: House, outside: Outside, name: str) -> None:
    with seen(member, name) as (admin, subscriber):
        vm = alive(admin, subscriber, name, group(kpi=False))
        here = outside.host(vm)
        for kind, policy in (("live", "migrate_live"), ("cold", "migrate")):
            error = refused(admin, "vmMigrate", vmName=vm, migrationType=kind)
            words = f"Policy doesn't allow os_compute_api:os-migrate-server:{policy} to be performed."
            assert words in error
            assert words in failure(subscriber.until("VM_MIGRATE_INIT"))
        assert outside.host(vm) == here


def test_a_manager_migrates_without_a_host(manager: House, outside: Outside, name: str) -> None:
    """Live and cold; a named host needs an administrator."""
    with seen(manager, name) as (admin, subscriber):
        vm = alive(admin, subscriber, name, group())
        here, there = outside.host(vm), outside.elsewhere(vm)
        for kind, policy in (("live", "migrate_live:host"), ("cold", "migrate:host")):
            error = refused(admin, "vmMigrate", vmName=vm, migrationType=kind, host=there)
            words = f"Policy doesn't allow os_compute_api:os-migrate-server:{policy} to be performed."
            assert words in error
            assert words in failure(subscriber.until("VM_MIGRATE_INIT"))
        assert outside.host(vm) == here
        rpc(admin, "vmMigrate", vmName=vm, migrationType="live")
        subscriber.until("VM_MIGRATE_COMPLETE", status="SUCCESS")
        assert outside.host(vm) == there
        rpc(admin, "vmMigrate", vmName=vm, migrationType="cold")
        subscriber.until("VM_VERIFY_RESIZE", status="SUCCESS")
        rpc(admin, "vmAction", actionType="CONFIRM_RESIZE", vmName=vm)
        subscriber.until("VM_ALIVE", status="SUCCESS")
        assert outside.host(vm) == here


ADDRESS = "</network><ip_address>198.18.9.91</ip_address></interface>"


@pytest.mark.parametrize(
    "placed, words",
    [
        (
            group(extra="<placement><type>zone_host</type><host>Host-22</host></placement>"),
            "Policy doesn't allow compute:servers:create:requested_destination to be performed.",
        ),
        (group().replace("</network></interface>", ADDRESS), "create_port:fixed_ips:ip_address"),
    ],
    ids=["host", "static address"],
)
def test_a_member_may_not_choose(member: House, outside: Outside, name: str, placed: str, words: str) -> None:
    """A host, or an address on the shared network of another project."""
    with seen(member, name) as (admin, subscriber):
        admin.edit(deployment(name, placed, tenant=TENANT))
        assert words in failure(subscriber.until("SERVICE_ALIVE", depname=name))
        assert outside.is_empty(name)


@pytest.mark.parametrize("other", ["", "other"], ids=["new", "of others"])
def test_a_member_may_not_deploy_elsewhere(member: House, name: str, other: str) -> None:
    """In a tenant that is not there, or that only who lists all projects can see."""
    tenant = other or name
    with seen(member, name, tenant) as (admin, subscriber):
        admin.edit(deployment(name, group(), tenant=tenant))
        words = "You are not authorized to perform the requested action: identity:create_project."
        assert words in failure(subscriber.until("CREATE_TENANT", tenant=tenant))
        assert words in failure(subscriber.until("SERVICE_ALIVE", depname=name))


def test_a_member_does_not_see_tenants_of_others(member: House, name: str) -> None:
    """That one of them is not found says that it was not looked for everywhere."""
    tenant = "<tenant{}><name>other</name>{}</tenant>"
    with seen(member, name) as (admin, subscriber):
        admin.edit(model(f"<tenants>{tenant.format('', '<managed_resource>false</managed_resource>')}</tenants>"))
        said = failure(subscriber.until("CREATE_TENANT", tenant="other"))
        assert "that its credentials can see, and managed_resource is false" in said
        assert "You are not authorized to perform the requested action: identity:list_projects. (req-" in said
        deletion = tenant.format(' nc:operation="delete"', "")
        admin.edit(model(f"<tenants>{deletion}</tenants>"))


FLAVOR = "<flavors><flavor><name>{}</name><vcpus>1</vcpus><memory_mb>512</memory_mb></flavor></flavors>"
NETWORK = "<networks><network><name>{}</name></network></networks>"


@pytest.mark.parametrize(
    "document, type, words",
    [
        (FLAVOR, "CREATE_FLAVOR", "Policy doesn't allow os_compute_api:os-flavor-manage:create to be performed."),
        (NETWORK, "CREATE_NETWORK", "create_network:shared"),
    ],
    ids=["flavor", "shared network"],
)
def test_a_member_may_not_make(
    member: House, outside: Outside, name: str, document: str, type: str, words: str
) -> None:
    """What is for all projects."""
    with seen(member, name) as (admin, subscriber):
        admin.edit(model(document.format(name)))
        said = failure(subscriber.until(type))
        assert words in said and "(req-" in said
        assert outside.cloud.compute.find_flavor(name) is None
        kind = type.removeprefix("CREATE_").lower()
        admin.edit(model(f'<{kind}s><{kind} nc:operation="delete"><name>{name}</name></{kind}></{kind}s>'))
