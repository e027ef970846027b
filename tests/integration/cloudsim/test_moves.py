"""Resize, cold and live migration, evacuation: states, hosts, records, refusals."""

from __future__ import annotations

from typing import Any

import pytest
from openstack import exceptions
from tests.cloudsim_process import CloudsimProcess
from tests.integration.cloudsim.conftest import HELD


def other(host: str) -> str:
    """The other of the two hosts."""
    return {"Host-22": "Host-24", "Host-24": "Host-22"}[host]


def migration(admin: Any, server_id: str) -> Any:
    """The newest migration record."""
    return next(iter(admin.compute.migrations(instance_uuid=server_id)))


def test_resize_and_confirm(cloudsim: CloudsimProcess, boot: Any, admin: Any) -> None:
    server = boot("vm-resize")
    cloudsim.settings(latency_factor=HELD)
    admin.compute.resize_server(server.id, boot.bigger.id)
    seen, now = boot.watched(server.id, "VERIFY_RESIZE")
    assert seen == [
        "RESIZE/resize_prep", "RESIZE/resize_migrating", "RESIZE/resize_migrated", "RESIZE/resize_finish",
        "VERIFY_RESIZE/-",
    ]  # fmt: skip
    assert (now.hypervisor_hostname, now.flavor.name) == (
        other(server.hypervisor_hostname),
        "SolTest-Cirros-Flavor-v2",
    )
    assert migration(admin, server.id).status == "finished"
    admin.compute.confirm_server_resize(server.id)
    assert boot.watched(server.id, "ACTIVE")[0] == ["VERIFY_RESIZE/-", "ACTIVE/-"]
    assert migration(admin, server.id).status == "confirmed"


def test_resize_and_revert(boot: Any, admin: Any) -> None:
    server = boot("vm-revert")
    admin.compute.resize_server(server.id, boot.bigger.id)
    boot.settled(server.id, "VERIFY_RESIZE")
    admin.compute.revert_server_resize(server.id)
    now = boot.settled(server.id, "ACTIVE")
    assert (now.hypervisor_hostname, now.flavor.name) == (server.hypervisor_hostname, "SolTest-Cirros-Flavor")
    assert migration(admin, server.id).status == "reverted"


def test_a_stopped_server_stays_off(boot: Any, admin: Any) -> None:
    server = boot("vm-off")
    admin.compute.stop_server(server.id)
    admin.compute.migrate_server(server.id)
    boot.settled(server.id, "VERIFY_RESIZE")
    admin.compute.confirm_server_resize(server.id)
    assert boot.settled(server.id, "SHUTOFF").power_state == 4


def test_a_cloud_that_confirms_by_itself(cloudsim: CloudsimProcess, boot: Any, admin: Any) -> None:
    server = boot("vm-auto")
    cloudsim.settings(auto_confirm=True)
    admin.compute.resize_server(server.id, boot.bigger.id)
    assert boot.settled(server.id, "ACTIVE").flavor.name == "SolTest-Cirros-Flavor-v2"


@pytest.mark.parametrize("cold", [False, True])
def test_without_a_host_nothing_seems_to_have_happened(
    cloudsim: CloudsimProcess, boot: Any, admin: Any, cold: bool
) -> None:
    server = boot("vm-nohost")
    cloudsim.fault({"operation": "server.migrate" if cold else "server.resize"}, {"type": "no_valid_host"})
    if cold:
        admin.compute.migrate_server(server.id)
    else:
        admin.compute.resize_server(server.id, boot.bigger.id)
    now = boot.settled(server.id, "ACTIVE")
    assert (now.hypervisor_hostname, now.fault) == (server.hypervisor_hostname, None)
    assert next(iter(admin.compute.server_actions(server.id))).message == "Error"
    assert migration(admin, server.id).status == "error"


def test_live_migration_and_its_record(cloudsim: CloudsimProcess, boot: Any, admin: Any) -> None:
    server = boot("vm-live")
    cloudsim.settings(latency_factor=HELD)
    target = other(server.hypervisor_hostname)
    admin.compute.live_migrate_server(server.id, host=target, block_migration="auto")
    seen, now = boot.watched(server.id, "ACTIVE")
    assert seen == ["MIGRATING/migrating", "ACTIVE/-"]
    assert now.hypervisor_hostname == target
    cloudsim.advance(server.id)
    record = migration(admin, server.id)
    assert (record.status, record.source_compute, record.dest_compute) == ("completed", other(target), target)
    assert next(iter(admin.network.ports(device_id=server.id))).binding_host_id == target


def test_live_migration_that_is_rolled_back(cloudsim: CloudsimProcess, boot: Any, admin: Any) -> None:
    server = boot("vm-rollback")
    cloudsim.fault({"operation": "server.live_migrate"}, {"type": "fail"})
    admin.compute.live_migrate_server(server.id)
    now = boot.settled(server.id, "ACTIVE")
    assert (now.hypervisor_hostname, now.fault) == (server.hypervisor_hostname, None)
    assert next(iter(admin.compute.server_actions(server.id))).message is None
    assert migration(admin, server.id).status == "failed"


def refused(call: Any) -> exceptions.HttpException:
    """The error a call ends in."""
    with pytest.raises(exceptions.HttpException) as caught:
        call()
    return caught.value


NO_HOSTS = "No valid host was found. There are not enough hosts available."


def test_live_migration_refusals(cloudsim: CloudsimProcess, boot: Any, admin: Any, member: Any) -> None:
    server = boot("vm-refuse")
    here = server.hypervisor_hostname
    live = admin.compute.live_migrate_server
    assert refused(lambda: live(server.id, host=here)).details == NO_HOSTS
    assert refused(lambda: live(server.id, block_migration=True)).details == NO_HOSTS
    assert refused(lambda: live(server.id, host="no-such")).details == "Compute host no-such could not be found."
    cloudsim.settings(shared_storage=False)
    assert refused(lambda: live(server.id, block_migration=False)).status_code == 400
    own = boot("vm-refuse-member", member)
    forbidden = refused(lambda: member.compute.live_migrate_server(own.id))
    assert forbidden.details == "Policy doesn't allow os_compute_api:os-migrate-server:migrate_live to be performed."
    admin.compute.stop_server(server.id)
    stopped = refused(lambda: live(server.id))
    assert stopped.details == f"Cannot 'os-migrateLive' instance {server.id} while it is in vm_state stopped"


def test_from_2_34_the_same_refusal_comes_after_202(boot: Any, admin: Any) -> None:
    server = boot("vm-late")
    body = {"os-migrateLive": {"host": None, "block_migration": True}}
    assert admin.compute.post(f"/servers/{server.id}/action", json=body, microversion="2.68").status_code == 202
    assert boot.settled(server.id, "ACTIVE").hypervisor_hostname == server.hypervisor_hostname
    assert migration(admin, server.id).status == "error"
    assert next(iter(admin.compute.server_actions(server.id))).message == "Error"


def test_resize_and_migration_refusals(boot: Any, admin: Any) -> None:
    server = boot("vm-refuse-2")
    compute, i = admin.compute, server.id
    assert (
        refused(lambda: compute.resize_server(i, boot.flavor.id)).details
        == "When resizing, instances must change flavor!"
    )
    assert refused(lambda: compute.resize_server(i, "no-such")).details == "Flavor no-such could not be found."
    texts = {"confirmResize": compute.confirm_server_resize, "revertResize": compute.revert_server_resize}
    for name, call in texts.items():
        error = refused(lambda call=call: call(i))
        assert error.details == f"Cannot '{name}' instance {i} while it is in vm_state active"
    here = server.hypervisor_hostname
    assert (
        refused(lambda: compute.migrate_server(i, host=here)).details
        == "Cannot migrate to the host where the server exists."
    )
    assert refused(lambda: compute.migrate_server(i, host="x")).details == "Compute host x could not be found."


def test_a_dead_host(cloudsim: CloudsimProcess, boot: Any, admin: Any) -> None:
    server = boot("vm-dead")
    here = server.hypervisor_hostname
    rule = cloudsim.fault({}, {"type": "host_down", "host": here})
    assert [s.state for s in admin.compute.services(host=here)] == ["down"]
    assert admin.compute.get_server(server.id).host_status == "UNKNOWN"
    unreachable = refused(lambda: admin.compute.resize_server(server.id, boot.bigger.id))
    assert (unreachable.status_code, unreachable.details) == (409, "Service is unavailable at this time.")
    off = refused(lambda: admin.compute.live_migrate_server(server.id))
    assert off.details == f"Compute service of {here} is unavailable at this time."
    admin.compute.stop_server(server.id)
    assert admin.compute.get_server(server.id).task_state == "powering-off"
    cloudsim.sim("DELETE", f"/sim/faults/{rule}")
    assert boot.settled(server.id, "SHUTOFF").power_state == 4


def test_evacuate_only_from_a_dead_host(cloudsim: CloudsimProcess, boot: Any, admin: Any) -> None:
    server = boot("vm-evacuate")
    here = server.hypervisor_hostname
    assert (
        refused(lambda: admin.compute.evacuate_server(server.id)).details
        == f"Compute service of {here} is still in use."
    )
    cloudsim.fault({}, {"type": "host_down", "host": here})
    admin.compute.evacuate_server(server.id)
    assert boot.settled(server.id, "SHUTOFF").hypervisor_hostname == other(here)
