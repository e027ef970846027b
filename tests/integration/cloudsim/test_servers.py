"""Servers: transitions of birth and death, lists, metadata, power."""

from __future__ import annotations

import base64
import time
from typing import Any

import pytest
from openstack import exceptions
from tests.cloudsim_process import CloudsimProcess
from tests.integration.cloudsim.conftest import HELD


def test_boot_goes_through_novas_states(cloudsim: CloudsimProcess, boot: Any) -> None:
    cloudsim.settings(latency_factor=HELD)
    server = boot.accepted("vm-states")
    seen, server = boot.watched(server.id, "ACTIVE")
    assert seen == ["BUILD/scheduling", "BUILD/-", "BUILD/networking", "BUILD/spawning", "ACTIVE/-"]
    assert server.power_state == 1
    assert server.hypervisor_hostname in ("Host-22", "Host-24")


def test_a_port_is_bound_and_given_back(boot: Any, admin: Any) -> None:
    port = admin.network.create_port(network_id=boot.network.id, name="p1", tags=["mine"])
    assert (port.status, port.binding_vif_type, port.tags) == ("DOWN", "unbound", ["mine"])
    server = boot("vm-port", networks=[{"port": port.id}])
    bound = admin.network.get_port(port.id)
    assert (bound.device_id, bound.status, bound.device_owner) == (server.id, "ACTIVE", "compute:nova")
    assert bound.binding_host_id == server.hypervisor_hostname
    assert [e["addr"] for e in server.addresses["SolTest-Network"]] == [port.fixed_ips[0]["ip_address"]]
    admin.compute.delete_server(server.id)
    admin.compute.wait_for_delete(server, wait=5)
    freed = admin.network.get_port(port.id)
    assert (freed.device_id, freed.status) == ("", "DOWN")
    admin.network.delete_port(port)


def test_a_port_that_nova_made_goes_with_the_server(boot: Any, admin: Any) -> None:
    server = boot("vm-own-port")
    assert len(list(admin.network.ports(device_id=server.id))) == 1
    admin.compute.delete_server(server.id)
    assert list(admin.network.ports(device_id=server.id)) == []


def test_delete_shows_deleted_for_a_moment(cloudsim: CloudsimProcess, boot: Any, admin: Any) -> None:
    server = boot("vm-delete")
    cloudsim.settings(latency_factor=HELD)
    admin.compute.delete_server(server.id)
    seen: list[str] = []

    def look_until_gone() -> None:
        while True:
            now = admin.compute.get_server(server.id)
            seen.append(f"{now.status}/{now.task_state or '-'}")
            assert cloudsim.advance(server.id)

    with pytest.raises(exceptions.NotFoundException) as caught:
        look_until_gone()
    assert seen == ["ACTIVE/deleting", "DELETED/-"]
    assert caught.value.details == f"Instance {server.id} could not be found."


def test_changes_since_tells_of_changed_and_deleted_servers(boot: Any, admin: Any) -> None:
    old, changed, gone = (boot(f"vm-since-{n}") for n in ("old", "changed", "gone"))
    time.sleep(1.01 - time.time() % 1)  # Nova's times have whole seconds
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    admin.compute.set_server_metadata(changed.id, a="b")
    admin.compute.delete_server(gone.id)
    found = {server.id: server.status for server in admin.compute.servers(changes_since=since)}
    assert found == {changed.id: "ACTIVE", gone.id: "DELETED"}
    assert old.id not in found


def test_names_are_regular_expressions(boot: Any, admin: Any) -> None:
    servers = {name: boot(name) for name in ("re-a1", "re-a2", "re-b1")}
    assert [s.name for s in admin.compute.servers(name="^re-a1$")] == ["re-a1"]
    assert sorted(s.name for s in admin.compute.servers(name="re-a.")) == ["re-a1", "re-a2"]
    assert admin.compute.find_server("re-b1").id == servers["re-b1"].id
    assert admin.compute.find_server("re-none") is None


def test_pages_by_limit_and_marker(cloudsim: CloudsimProcess, boot: Any, admin: Any) -> None:
    for number in range(5):
        boot(f"page-{number}")
    names = [server.name for server in admin.compute.servers(name="page-", limit=2)]
    assert names == [f"page-{number}" for number in (4, 3, 2, 1, 0)]
    cloudsim.settings(page_limit=2)
    answer = admin.compute.get("/servers?name=page-").json()
    assert len(answer["servers"]) == 2
    assert answer["servers_links"][0]["rel"] == "next"
    assert admin.compute.get("/servers?marker=none").status_code == 400


def test_members_see_their_own_servers_and_no_hosts(boot: Any, admin: Any, member: Any) -> None:
    other = boot("vm-of-admin")
    own = boot("vm-of-member", member)
    assert [server.id for server in member.compute.servers()] == [own.id]
    with pytest.raises(exceptions.NotFoundException):
        member.compute.get_server(other.id)
    seen = member.compute.get_server(own.id)
    assert (seen.hypervisor_hostname, seen.compute_host) == (None, None)
    assert len(seen.host_id) == 56
    assert {own.id, other.id} <= {server.id for server in admin.compute.servers(all_projects=True)}
    with pytest.raises(exceptions.ForbiddenException):
        list(member.compute.servers(all_projects=True))


def test_the_flavor_is_inlined_from_2_47(boot: Any, admin: Any) -> None:
    server = boot("vm-flavor")
    old = admin.compute.get(f"/servers/{server.id}", microversion="2.46").json()["server"]["flavor"]
    new = admin.compute.get(f"/servers/{server.id}", microversion="2.47").json()["server"]["flavor"]
    assert set(old) == {"id", "links"}
    assert (new["original_name"], new["vcpus"], "id" in new) == ("SolTest-Cirros-Flavor", 1, False)


def test_metadata_tags_and_rename(boot: Any, admin: Any) -> None:
    server = boot("vm-meta", metadata={"k": "v"})
    admin.compute.set_server_metadata(server.id, a="1")
    admin.compute.delete_server_metadata(server.id, ["k"])
    admin.compute.update_server(server.id, name="vm-renamed")
    admin.compute.put(f"/servers/{server.id}/tags/t1", microversion="2.100")
    now = admin.compute.get_server(server.id)
    assert (now.name, now.metadata, now.tags) == ("vm-renamed", {"a": "1"}, ["t1"])


def test_stop_start_reboot(cloudsim: CloudsimProcess, boot: Any, admin: Any) -> None:
    server = boot("vm-power")
    cloudsim.settings(latency_factor=HELD)
    admin.compute.stop_server(server.id)
    assert boot.watched(server.id, "SHUTOFF")[0] == ["ACTIVE/powering-off", "SHUTOFF/-"]
    with pytest.raises(exceptions.ConflictException) as caught:
        admin.compute.stop_server(server.id)
    assert caught.value.details == f"Cannot 'stop' instance {server.id} while it is in vm_state stopped"
    admin.compute.start_server(server.id)
    assert boot.watched(server.id, "ACTIVE")[0] == ["SHUTOFF/powering-on", "ACTIVE/-"]
    admin.compute.reboot_server(server.id, "SOFT")
    assert boot.watched(server.id, "ACTIVE")[0] == [
        "REBOOT/rebooting", "REBOOT/reboot_pending", "REBOOT/reboot_started", "ACTIVE/-",
    ]  # fmt: skip
    assert [action.action for action in admin.compute.server_actions(server.id)] == [
        "reboot",
        "start",
        "stop",
        "create",
    ]


def test_a_hard_reboot_starts_a_stopped_server(cloudsim: CloudsimProcess, boot: Any, admin: Any) -> None:
    server = boot("vm-hard")
    admin.compute.stop_server(server.id)
    cloudsim.settings(latency_factor=HELD)
    admin.compute.reboot_server(server.id, "HARD")
    seen = boot.watched(server.id, "ACTIVE")[0]
    assert seen[0] == "SHUTOFF/rebooting_hard"
    assert seen[-1] == "ACTIVE/-"


def test_the_guest_finds_its_configuration(cloudsim: CloudsimProcess, boot: Any) -> None:
    user_data = base64.b64encode(b"#cloud-config\nhostname: x\n").decode()
    server = boot("vm-guest", user_data=user_data, config_drive=True, metadata={"m": "1"})
    guest = cloudsim.sim("GET", f"/sim/servers/{server.id}/guest")
    assert guest["user_data"] == "#cloud-config\nhostname: x\n"
    assert guest["config_drive"]["openstack/latest/user_data"] == guest["user_data"]
    assert '"m": "1"' in guest["config_drive"]["openstack/latest/meta_data.json"]
    assert guest["power"] is True


def test_ping_follows_the_guest(cloudsim: CloudsimProcess, boot: Any, admin: Any) -> None:
    cloudsim.settings(boot_seconds=0.3)
    server = boot("vm-ping")
    address = server.addresses["SolTest-Network"][0]["addr"]
    assert cloudsim.sim("GET", f"/sim/ping?ip={address}")["alive"] is False
    time.sleep(0.35)
    assert cloudsim.sim("GET", f"/sim/ping?ip={address}") == {"alive": True, "server": server.id}
    rule = cloudsim.fault({"server": "vm-p*"}, {"type": "ping_silent"})
    assert cloudsim.sim("GET", f"/sim/ping?server={server.id}")["alive"] is False
    cloudsim.sim("DELETE", f"/sim/faults/{rule}")
    admin.compute.stop_server(server.id)
    assert cloudsim.sim("GET", f"/sim/ping?server={server.id}")["alive"] is False


def test_server_groups_place_apart(boot: Any, admin: Any) -> None:
    group = admin.compute.create_server_group(name="apart", policy="anti-affinity")
    hints = {"group": group.id}
    first, second = (boot(f"vm-apart-{n}", scheduler_hints=hints) for n in (1, 2))
    assert {first.hypervisor_hostname, second.hypervisor_hostname} == {"Host-22", "Host-24"}
    third = boot("vm-apart-3", scheduler_hints=hints)
    assert (third.status, third.fault["message"]) == ("ERROR", "No valid host was found. ")
    admin.compute.delete_server_group(group)


def test_a_named_host_and_zone(boot: Any) -> None:
    assert boot("vm-host", host="Host-24").hypervisor_hostname == "Host-24"
    assert boot("vm-zone", availability_zone="nova:Host-22").hypervisor_hostname == "Host-22"
