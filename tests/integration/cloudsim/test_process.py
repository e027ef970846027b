"""The process: state file, one per directory, kill -9 and restart, SIGTERM, starting anew."""

from __future__ import annotations

import json
import stat
import subprocess
import time
from pathlib import Path

import openstack
from tests import cloudsim_process


def test_kill_and_restart_lose_nothing(tmp_path: Path) -> None:
    cloud = cloudsim_process.start(tmp_path, latency_factor=0, boot_seconds=0)
    connection = openstack.connect(**cloud.connect_args)
    network = connection.network.find_network("SolTest-Network", ignore_missing=False)
    given = {
        "image_id": connection.image.find_image("SolTest-Cirros-Image", ignore_missing=False).id,
        "flavor_id": connection.compute.find_flavor("SolTest-Cirros-Flavor", ignore_missing=False).id,
        "networks": [{"uuid": network.id}],
    }  # fmt: skip
    done = connection.compute.create_server(name="vm-done", **given)
    cloud.settings(latency_factor=1.0)
    pending = connection.compute.create_server(name="vm-pending", **given)
    cloud.fault({"operation": "server.stop"}, {"type": "quota"})
    cloud.kill()
    again = cloudsim_process.start(tmp_path, latency_factor=0)
    assert again.auth["auth_url"] == cloud.auth["auth_url"]
    assert again.auth["password"] == cloud.auth["password"]
    # The same connection and token go on; the build that was under way ends.
    assert connection.compute.get_server(done.id).status == "ACTIVE"
    connection.compute.wait_for_server(connection.compute.get_server(pending.id), wait=10, interval=0.05)
    assert len({p.fixed_ips[0]["ip_address"] for p in connection.network.ports()}) == 2
    assert [rule["action"] for rule in again.sim("GET", "/sim/faults")["faults"]] == [{"type": "quota"}]
    created = [row["resource_name"] for row in again.requests("server.create")]
    assert created == ["vm-done", "vm-pending"]
    connection.close()
    assert again.stop() == 0


def test_kill_in_a_storm_keeps_every_answer(tmp_path: Path) -> None:
    cloud = cloudsim_process.start(tmp_path, latency_factor=0)
    connection = openstack.connect(**cloud.connect_args)
    network = connection.network.find_network("SolTest-Network", ignore_missing=False)
    names = []
    for number in range(50):
        names.append(connection.network.create_port(network_id=network.id, name=f"p{number}").name)
    cloud.kill()
    again = cloudsim_process.start(tmp_path)
    assert sorted(again.objects()["ports"]["names"]) == sorted(names)
    connection.close()
    again.stop()


def test_the_state_file(tmp_path: Path) -> None:
    cloud = cloudsim_process.start(tmp_path, username="boss", password="pw-of-boss")
    path = tmp_path / "cloudsim.json"
    state = json.loads(path.read_text())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert state == cloud.auth
    assert (state["username"], state["password"], state["pid"]) == ("boss", "pw-of-boss", cloud.process.pid)
    second = subprocess.run(cloudsim_process.command(tmp_path), capture_output=True, text=True, timeout=20, check=False)
    assert (second.returncode, json.loads(second.stdout)) == (0, state)
    assert f"already running on {tmp_path} (pid {state['pid']})" in second.stderr
    assert cloud.stop() == 0
    assert not path.exists()


def test_starting_anew_keeps_the_login(tmp_path: Path) -> None:
    cloud = cloudsim_process.start(tmp_path)
    connection = openstack.connect(**cloud.connect_args)
    connection.network.create_network(name="gone-soon")
    cloud.sim("POST", "/sim/reset")
    connection.close()
    fresh = openstack.connect(**cloud.connect_args)
    assert [network.name for network in fresh.network.networks()] == ["SolTest-Network"]
    assert cloud.objects()["projects"]["names"] == ["admin"]
    fresh.close()
    cloud.stop()


def test_it_starts_fast(tmp_path: Path) -> None:
    started = time.monotonic()
    cloudsim_process.start(tmp_path).stop()
    assert time.monotonic() - started < 5  # a loaded machine; under half a second on an idle one
