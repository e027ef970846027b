"""Fault rules: what they do to calls, to transitions, to the cloud; how the request log tells of it."""

from __future__ import annotations

import time
import urllib.error
from typing import Any

import pytest
from keystoneauth1 import exceptions as auth_errors
from openstack import exceptions
from tests.cloudsim_process import CloudsimProcess


def test_an_http_error_for_the_nth_call_about_a_name(cloudsim: CloudsimProcess, boot: Any) -> None:
    action = {"type": "http", "status": 409, "text": "not today"}
    rule = cloudsim.fault({"operation": "server.create", "name": "vm-h*"}, action, nth=2)
    boot("vm-other")
    boot("vm-h1")
    with pytest.raises(exceptions.ConflictException) as caught:
        boot("vm-h2")
    assert caught.value.details == "not today"
    boot("vm-h3")
    shown = next(r for r in cloudsim.sim("GET", "/sim/faults")["faults"] if r["id"] == rule)
    assert (shown["seen"], shown["fired"]) == (3, 1)


def test_bursts_of_500(cloudsim: CloudsimProcess, admin: Any) -> None:
    cloudsim.fault({"service": "network", "method": "GET", "path": "*/ports"}, {"type": "http", "status": 500}, count=2)
    for _ in range(2):
        with pytest.raises(exceptions.HttpException) as caught:
            list(admin.network.ports())
        assert caught.value.status_code == 500
    assert list(admin.network.ports(name="none")) == []


@pytest.mark.parametrize(
    "operation, kind, status",
    [
        ("server.create", exceptions.ForbiddenException, 403),
        ("port.create", exceptions.ConflictException, 409),
    ],
)
def test_quota(
    cloudsim: CloudsimProcess,
    boot: Any,
    admin: Any,
    operation: str,
    kind: type[Exception],
    status: int,
) -> None:
    cloudsim.fault({"operation": operation}, {"type": "quota"})
    calls = {
        "server.create": lambda: boot("vm-q"),
        "port.create": lambda: admin.network.create_port(network_id=boot.network.id),
    }
    with pytest.raises(kind, match="Quota exceeded"):
        calls[operation]()
    assert cloudsim.requests(operation)[-1]["status"] == status


def test_error_after_a_while(cloudsim: CloudsimProcess, boot: Any, admin: Any) -> None:
    cloudsim.fault({"operation": "server.create"}, {"type": "error", "after": 0.2, "text": "disk on fire"})
    server = boot.accepted("vm-fire")
    assert admin.compute.get_server(server.id).status == "BUILD"
    now = boot.settled(server.id, "ERROR")
    assert now.fault["message"] == "disk on fire"


def test_error_of_a_server_that_ran(cloudsim: CloudsimProcess, boot: Any) -> None:
    cloudsim.fault({"operation": "server.create"}, {"type": "error", "after": 0.2, "text": "late", "late": True})
    server = boot.accepted("vm-late-error")
    assert boot.settled(server.id, "ACTIVE").fault is None
    assert boot.settled(server.id, "ERROR").fault["message"] == "late"


def test_no_valid_host_and_hosts_that_fail(cloudsim: CloudsimProcess, boot: Any) -> None:
    cloudsim.fault({"operation": "server.create", "name": "vm-n1"}, {"type": "no_valid_host"})
    assert boot("vm-n1").fault["message"] == "No valid host was found. "
    cloudsim.fault({"operation": "server.create", "name": "vm-n2"}, {"type": "fail", "text": "no space"})
    message = boot("vm-n2").fault["message"]
    assert message.startswith("Exceeded maximum number of retries.")
    cloudsim.fault({"operation": "server.create", "name": "vm-n3"}, {"type": "fail", "host": "Host-22"})
    assert boot("vm-n3").hypervisor_hostname == "Host-24"


def test_delay(cloudsim: CloudsimProcess, admin: Any) -> None:
    cloudsim.fault({"operation": "flavor.list"}, {"type": "delay", "seconds": 0.3})
    started = time.monotonic()
    assert list(admin.compute.flavors())
    assert 0.3 <= time.monotonic() - started < 2


def test_hang(cloudsim: CloudsimProcess, admin: Any) -> None:
    cloudsim.fault({"path": "*/os-keypairs", "method": "POST"}, {"type": "hang"})
    with pytest.raises(auth_errors.ConnectTimeout):
        admin.compute.post("/os-keypairs", json={"keypair": {"name": "k"}}, timeout=0.2, connect_retries=0)


@pytest.mark.parametrize("wait", [0.0, 0.3])
def test_a_lost_reply_has_its_effect(cloudsim: CloudsimProcess, boot: Any, admin: Any, wait: float) -> None:
    name = f"vm-lost-{wait}"
    cloudsim.fault({"operation": "server.create", "name": name}, {"type": "lost_reply", "effect_after": wait})
    body = {"name": name, "imageRef": boot.image.id, "flavorRef": boot.flavor.id, "networks": "none"}
    with pytest.raises(auth_errors.ConnectFailure):
        admin.compute.post("/servers", json={"server": body}, microversion="2.60", connect_retries=0)
    assert (admin.compute.find_server(name) is None) == bool(wait)
    time.sleep(wait * 1.3)
    server = admin.compute.find_server(name, ignore_missing=False)
    assert server.status == "ACTIVE"
    logged = [row for row in cloudsim.requests("server.create") if row["resource_name"] == name]
    assert [row["status"] for row in logged] == [202]
    assert logged[0]["fault"].startswith("lost_reply:")
    admin.compute.delete_server(server)


def test_refuse_has_no_effect(cloudsim: CloudsimProcess, boot: Any, admin: Any) -> None:
    cloudsim.fault({"operation": "port.create"}, {"type": "refuse"}, count=None)
    with pytest.raises(auth_errors.ConnectFailure):
        admin.network.post(
            "/ports", json={"port": {"network_id": boot.network.id, "name": "refused"}}, connect_retries=0
        )
    cloudsim.clear_faults()
    assert list(admin.network.ports(name="refused")) == []


def test_freeze_holds_a_transition(cloudsim: CloudsimProcess, boot: Any, admin: Any) -> None:
    server = boot("vm-freeze")
    rule = cloudsim.fault({"operation": "server.stop"}, {"type": "freeze"})
    admin.compute.stop_server(server.id)
    time.sleep(0.1)
    assert admin.compute.get_server(server.id).task_state == "powering-off"
    cloudsim.sim("DELETE", f"/sim/faults/{rule}")
    boot.settled(server.id, "SHUTOFF")


def test_freeze_at_a_named_step(cloudsim: CloudsimProcess, boot: Any) -> None:
    cloudsim.fault({"operation": "server.create"}, {"type": "freeze", "step": "boot.finish", "seconds": 0.3})
    server = boot.accepted("vm-freeze-late")
    assert boot.watched(server.id, "ACTIVE")[0] == ["BUILD/spawning", "ACTIVE/-"]


def test_a_delete_that_fails(cloudsim: CloudsimProcess, boot: Any, admin: Any) -> None:
    server = boot("vm-stuck")
    cloudsim.fault({"operation": "server.delete"}, {"type": "fail", "text": "device busy"})
    admin.compute.delete_server(server.id)
    assert boot.settled(server.id, "ERROR").fault["message"] == "device busy"


def test_a_stop_that_fails_leaves_the_server_active(cloudsim: CloudsimProcess, boot: Any, admin: Any) -> None:
    server = boot("vm-stop-fails")
    cloudsim.fault({"operation": "server.stop"}, {"type": "fail", "text": "qemu says no"})
    admin.compute.stop_server(server.id)
    assert boot.settled(server.id, "ACTIVE").fault is None
    action = next(iter(admin.compute.server_actions(server.id)))
    assert action.message == "Error"
    events = admin.compute.get_server_action(action.request_id, server.id).events
    assert [event["details"] for event in events] == ["qemu says no"]


@pytest.mark.parametrize("stage", ["migrate", "finish"])
def test_a_resize_that_breaks(cloudsim: CloudsimProcess, boot: Any, admin: Any, stage: str) -> None:
    server = boot("vm-breaks")
    cloudsim.fault({"operation": "server.resize"}, {"type": "fail", "stage": stage, "text": "broken"})
    admin.compute.resize_server(server.id, boot.bigger.id)
    now = boot.settled(server.id, "ERROR")
    assert now.fault["message"] == "broken"
    assert (now.hypervisor_hostname == server.hypervisor_hostname) == (stage == "migrate")
    admin.compute.reboot_server(server.id, "HARD")
    boot.settled(server.id, "ACTIVE")


def test_a_service_that_is_down(cloudsim: CloudsimProcess, boot: Any, admin: Any) -> None:
    server = boot("vm-outage")
    cloudsim.fault({}, {"type": "service_down", "service": "network"})
    with pytest.raises(auth_errors.ConnectFailure):
        admin.network.get("/ports", connect_retries=0)
    with pytest.raises(exceptions.HttpException) as caught:
        admin.compute.get_server(server.id)
    assert caught.value.status_code == 500
    assert str(caught.value.details).startswith(
        "Unexpected API Error. Please report this at http://bugs.launchpad.net/nova/"
    )


BAD_RULES: dict[str, Any] = {
    "unknown action": {"action": {"type": "explode"}},
    "unknown match": {"match": {"color": "red"}, "action": {"type": "quota"}},
    "missing part": {"action": {"type": "http"}},
    "unknown operation": {"match": {"operation": "compute.create_server"}, "action": {"type": "quota"}},
    "unknown key": {"action": {"type": "quota"}, "often": True},
}


@pytest.mark.parametrize("case", BAD_RULES)
def test_a_wrong_rule_is_refused(cloudsim: CloudsimProcess, case: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        cloudsim.sim("POST", "/sim/faults", BAD_RULES[case])
    caught.value.close()
    assert caught.value.code == 400


def test_the_request_log_is_in_order(cloudsim: CloudsimProcess, boot: Any, admin: Any) -> None:
    before = cloudsim.sim("GET", "/sim/requests?since=0")["last"]
    server = boot("vm-logged")
    admin.compute.stop_server(server.id)
    rows = cloudsim.requests(since=before)
    writes = [(row["operation"], row["resource_id"], row["status"]) for row in rows if row["method"] == "POST"]
    assert writes == [("server.create", server.id, 202), ("server.stop", server.id, 202)]
    assert [row["seq"] for row in rows] == sorted(row["seq"] for row in rows)
    assert "vm-logged" in cloudsim.objects()["servers"]["names"]


def test_wrong_settings_are_refused(cloudsim: CloudsimProcess) -> None:
    for values in ({"latency": 1}, {"boot_seconds": "soon"}, {"latency_factor": -1}):
        with pytest.raises(urllib.error.HTTPError) as caught:
            cloudsim.settings(**values)
        caught.value.close()
        assert caught.value.code == 400
