"""The process: state file, one per directory, kill -9 and restart, SIGTERM, starting anew, the openstack command."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import openstack
import pytest
from tests import cloudsim_process
from tests.cloudsim_process import CloudsimProcess


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


COMMANDS = """
network create n1
subnet create --network n1 --subnet-range 10.5.0.0/24 s1
port create --network n1 p1
volume create --size 1 v1
image create --container-format bare --disk-format raw --file {file} i1
flavor create --ram 512 --vcpus 1 --disk 1 f1
server create --image SolTest-Cirros-Image --flavor f1 --port p1 vm1
server show vm1
server list
image show i1
image list
flavor show f1
flavor list
network show n1
network list
subnet show s1
subnet list
port show p1
port list
volume show v1
volume list
server delete --wait vm1
image delete i1
flavor delete f1
volume delete v1
port delete p1
subnet delete s1
network delete n1
"""

RUN_ALL = """
import contextlib, io, json, sys, warnings
warnings.simplefilter("ignore")
from openstackclient import shell
results = []
for words in json.load(sys.stdin):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        status = shell.main(words)
    results.append([words, status, out.getvalue()])
json.dump(results, sys.stdout)
"""


@pytest.fixture
def command_results(cloudsim: CloudsimProcess, tmp_path: Path) -> dict[str, Any]:
    """What each of `COMMANDS` printed, run by python-openstackclient one after the other."""
    file = tmp_path / "image.raw"
    file.write_bytes(b"\1" * 512)
    lines = COMMANDS.format(file=file).strip().splitlines()
    words = [line.split() + ([] if " delete " in line else ["-f", "json"]) for line in lines]
    run = subprocess.run(
        [sys.executable, "-c", RUN_ALL], input=json.dumps(words), capture_output=True, text=True, timeout=120,
        env={**os.environ, **cloudsim.environment}, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    failed = [(words, run.stderr) for words, status, _ in json.loads(run.stdout) if status]
    assert failed == []
    return {" ".join(w[:3]): json.loads(text) if text.strip() else None for w, _, text in json.loads(run.stdout)}


def test_the_openstack_command(command_results: dict[str, Any], cloudsim: CloudsimProcess) -> None:
    assert command_results["server show vm1"]["status"] == "ACTIVE"
    assert "vm1" in [row["Name"] for row in command_results["server list -f"]]
    assert "i1" in [row["Name"] for row in command_results["image list -f"]]
    assert command_results["image show i1"]["size"] == 512
    assert "f1" in [row["Name"] for row in command_results["flavor list -f"]]
    assert {"n1", "SolTest-Network"} <= {row["Name"] for row in command_results["network list -f"]}
    assert "s1" in [row["Name"] for row in command_results["subnet list -f"]]
    assert "p1" in [row["Name"] for row in command_results["port list -f"]]
    assert "v1" in [row["Name"] for row in command_results["volume list -f"]]
    left = cloudsim.objects()
    assert "vm1" not in left["servers"]["names"]
    assert "n1" not in left["networks"]["names"]
    assert "v1" not in left["volumes"]["names"]
