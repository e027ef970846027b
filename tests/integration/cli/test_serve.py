"""`openesc serve` as a process: what it publishes, how it is asked, how it stops and what outlives it."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.cli.peer import ROOT, environment, openesc
from tests.server_process import ServerProcess

DEPLOY = ROOT / "examples" / "cirros-vnf.xml"
UNDEPLOY = ROOT / "examples" / "cirros-vnf-undeploy.xml"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    running = ServerProcess(tmp_path_factory.mktemp("served")).start()
    yield running
    running.close()


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[ServerProcess]:
    mine = ServerProcess(tmp_path / "data")
    yield mine
    mine.close()


def edit(data_dir: Path, file: Path) -> int:
    return openesc("netconf-console", "--edit-config", file, "--data-dir", data_dir).returncode


def test_it_publishes_where_it_listens(server: ServerProcess) -> None:
    path = server.data_dir / "endpoints.json"
    endpoints = json.loads(path.read_text())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(endpoints) == ["pid", "netconf", "rest", "cloudsim"]
    assert server.process is not None and endpoints["pid"] == server.process.pid
    assert endpoints["netconf"] == {"host": "127.0.0.1", "port": server.netconf_port}
    assert endpoints["rest"] is None
    assert endpoints["cloudsim"] == {key: server.cloud_facts[key] for key in endpoints["cloudsim"]}
    assert set(endpoints["cloudsim"]) == {
        "pid", "auth_url", "username", "password", "project_name", "user_domain_name", "project_domain_name",
    }  # fmt: skip


def test_it_says_where_it_listens_and_what_to_try_next(server: ServerProcess) -> None:
    said = re.sub(r".*openesc is ready", "openesc is ready", server.log, flags=re.DOTALL)
    assert f"NETCONF 127.0.0.1:{server.netconf_port} (SSH)" in said
    for command in ("create-subscription escEvent", "edit-config examples/cirros-vnf.xml", "get esc_datamodel/opdata"):
        assert f"esc_nc_cli {command}\n" in said


def test_a_second_process_on_the_same_data_is_refused_and_told_the_firsts_pid(server: ServerProcess) -> None:
    done = openesc("serve", "--data-dir", server.data_dir, "--netconf-port", 0)
    assert done.returncode == 4
    assert f"in use by the process with pid {server.endpoints['pid']}" in done.stderr
    assert server.endpoints["pid"]


def test_a_port_that_is_taken_is_told_in_three_lines(tmp_path: Path, server: ServerProcess) -> None:
    ours = ["--data-dir", str(tmp_path), "--netconf-port", str(server.netconf_port), "--vim", "openstack"]
    command = [sys.executable, "-m", "openesc.cli", "serve", *ours]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=60)
    assert done.returncode == 1
    told = [line for line in done.stderr.splitlines() if not line.startswith("20")]  # its log apart
    assert told[0].split(" ")[0:4] == ["Error:", "the", "server", "cannot"]
    assert "address already in use" in done.stderr and "--netconf-port" in done.stderr
    assert not (tmp_path / "endpoints.json").exists()


def test_users_are_managed_while_it_runs(server: ServerProcess) -> None:
    data = ["--data-dir", server.data_dir]
    added = openesc(
        "user", "add", "eve", "--group", "operator", "--tenant", "t1", "--password-stdin", *data, stdin="pw\n"
    )
    assert added.returncode == 0, added.stderr
    read = ["netconf-console", "--get", "--user", "eve", *data]
    assert openesc(*read, OPENESC_PASSWORD="pw").returncode == 0
    assert openesc("user", "add", "eve", "--group", "operator", *data).returncode == 4
    assert openesc("user", "delete", "eve", *data).returncode == 0
    assert openesc(*read, OPENESC_PASSWORD="pw").returncode == 5
    missing = openesc("user", "delete", "eve", *data)
    assert (missing.returncode, missing.stdout) == (3, "")
    assert missing.stderr.startswith("Error: there is no user eve")


def test_operations_and_leftovers_are_shown_while_it_runs(server: ServerProcess) -> None:
    data = ["--data-dir", server.data_dir]
    assert edit(server.data_dir, DEPLOY) == 0
    [operation] = json.loads(openesc("operation", "list", "-f", "json", *data).stdout)
    assert (operation["kind"], operation["subject"]) == ("deploy", "admin/Cirros-VNF")
    shown = json.loads(openesc("operation", "show", operation["id"], "-f", "json", *data).stdout)
    assert shown["id"] == operation["id"]
    table = openesc("operation", "show", operation["id"], *data).stdout
    assert "| admin/Cirros-VNF " in table
    assert "| step " in table
    assert openesc("operation", "show", "no-such", *data).returncode == 3
    assert openesc("leftover", "list", "-f", "value", *data).stdout == ""
    assert edit(server.data_dir, UNDEPLOY) == 0


def test_the_first_session_of_the_readme_is_true(server: ServerProcess) -> None:
    page = (ROOT / "README.md").read_text()
    [promised] = re.findall(r"\$ (\./esc_nc_cli edit-config .*?)\n(.*?)```", page, flags=re.DOTALL)
    for command in re.findall(r"^\./esc_nc_cli (edit-config examples/\S+)$", page, flags=re.MULTILINE):
        done = subprocess.run(
            ["./esc_nc_cli", *command.split()], capture_output=True, text=True, cwd=ROOT,
            env=environment(OPENESC_DATA_DIR=str(server.data_dir)),
        )  # fmt: skip
        assert done.returncode == 0, done.stdout
        if command in promised[0]:
            said = (done.stderr + done.stdout).replace(str(server.data_dir), "/home/me/openesc/var")
            assert said.replace(f"={server.netconf_port} ", "=2022 ") == promised[1]


def test_sigterm_ends_it_with_0_and_takes_back_what_it_published_but_not_the_cloud(fresh: ServerProcess) -> None:
    fresh.start()
    cloud = fresh.cloud_facts["pid"]
    assert fresh.stop() == 0
    left = {entry.name for entry in fresh.data_dir.iterdir()}
    assert left.isdisjoint({"endpoints.json", "control.sock"})
    os.kill(cloud, 0)
    fresh.start()
    assert fresh.endpoints["cloudsim"]["pid"] == cloud
    assert openesc("cloudsim", "stop", "--data-dir", fresh.data_dir).returncode == 0
    assert not Path(f"/proc/{cloud}").exists()


def test_a_killed_one_leaves_nothing_in_the_way_of_the_next(fresh: ServerProcess) -> None:
    fresh.start()
    before = fresh.endpoints
    fresh.kill()
    assert fresh.endpoints == before  # stale, as kill -9 leaves it
    fresh.start()
    assert fresh.endpoints["pid"] != before["pid"]
    assert fresh.endpoints["cloudsim"] == before["cloudsim"]
    users = json.loads(openesc("user", "list", "-f", "json", "--data-dir", fresh.data_dir).stdout)
    assert [user["name"] for user in users] == ["esc-nc-admin"]


def test_the_cloud_goes_with_it_where_the_setting_says_so(fresh: ServerProcess) -> None:
    fresh.start(OPENESC_CLOUDSIM__STOP_WITH_SERVER="true")
    cloud = fresh.cloud_facts["pid"]
    assert fresh.stop() == 0
    assert not Path(f"/proc/{cloud}").exists()


def test_a_second_sigterm_leaves_at_once(fresh: ServerProcess) -> None:
    fresh.start(OPENESC_VIM__HTTP_TIMEOUT_S="60", OPENESC_ENGINE__CANCEL_GRACE_S="60")
    data = ["--data-dir", fresh.data_dir]
    assert openesc("cloudsim", "fault", "add", "hang", "--operation", "server.create", *data).returncode == 0
    assert edit(fresh.data_dir, DEPLOY) == 0
    wait_for(lambda: fired(fresh.data_dir))
    assert fresh.process is not None
    fresh.process.send_signal(signal.SIGTERM)
    wait_for(lambda: "stopping" in fresh.log)
    fresh.process.send_signal(signal.SIGTERM)
    assert fresh.wait_end(5) in (0, 128 + signal.SIGTERM)  # 0 when the first one was quick enough by itself


def test_sigterm_does_not_wait_for_a_call_that_hangs(fresh: ServerProcess) -> None:
    """It is left to the next start, which says what it goes on with."""
    fresh.start(OPENESC_VIM__HTTP_TIMEOUT_S="60")
    data = ["--data-dir", fresh.data_dir]
    assert openesc("cloudsim", "fault", "add", "hang", "--operation", "server.create", *data).returncode == 0
    assert edit(fresh.data_dir, DEPLOY) == 0
    wait_for(lambda: fired(fresh.data_dir))
    assert fresh.process is not None
    begun = time.monotonic()
    fresh.process.send_signal(signal.SIGTERM)
    assert fresh.wait_end(30) == 0
    assert time.monotonic() - begun < 30
    assert "operation suspended" in fresh.log
    fresh.start(OPENESC_VIM__HTTP_TIMEOUT_S="60")
    [resumed] = [line for line in fresh.log.splitlines() if "operation resumed" in line]
    assert "admin/Cirros-VNF" in resumed


def test_systemd_is_told_when_it_is_ready_and_when_it_stops(fresh: ServerProcess, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(30)
        fresh.spawn(NOTIFY_SOCKET=str(tmp_path / "notify"))
        assert systemd.recv(100) == b"READY=1"
        assert fresh.endpoints["pid"]
        assert fresh.stop() == 0
        assert systemd.recv(100) == b"STOPPING=1"


def test_commands_work_without_a_server_too(tmp_path: Path) -> None:
    data = ["--data-dir", tmp_path / "data"]
    assert openesc("user", "add", "eve", "--group", "read-only", *data).returncode == 0
    assert openesc("user", "list", "-f", "value", "-c", "name", "-c", "group", *data).stdout == "eve read-only\n"
    assert openesc("operation", "list", "-f", "json", *data).stdout == "[]\n"
    assert openesc("leftover", "list", "-f", "json", *data).stdout == "[]\n"
    assert openesc("operation", "cancel", "no-such", *data).returncode == 3


def test_a_private_key_is_not_taken_for_a_public_one(tmp_path: Path) -> None:
    file = tmp_path / "id"
    file.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n")
    done = openesc("user", "key", "eve", file, "--data-dir", tmp_path)
    assert done.returncode == 2
    assert f"{file}.pub" in done.stderr


def test_faults_are_added_listed_and_cleared(server: ServerProcess) -> None:
    data = ["--data-dir", server.data_dir]
    options = ["--operation", "image.*", "--name", "no-such-*", "--nth", 2, "--count", 0, "--set", "status=503"]
    made = openesc("cloudsim", "fault", "add", "http", *options, *data)
    [rule] = json.loads(openesc("cloudsim", "fault", "list", "-f", "json", *data).stdout)
    assert made.stdout.strip() == rule["id"]
    assert rule["match"] == {"operation": "image.*", "name": "no-such-*"}
    assert rule["action"] == {"type": "http", "status": 503}
    assert (rule["after"], rule["count"]) == (1, None)
    assert openesc("cloudsim", "fault", "clear", "no-such", *data).returncode == 3
    assert openesc("cloudsim", "fault", "add", "earthquake", *data).returncode == 2
    assert openesc("cloudsim", "fault", "clear", rule["id"], *data).returncode == 0
    assert openesc("cloudsim", "fault", "list", "-f", "json", *data).stdout == "[]\n"


def test_the_places_for_failpoints_are_listed() -> None:
    steps = json.loads(openesc("debug", "steps", "-f", "json").stdout)
    assert {"deploy", "undeploy"} <= {step["flow"] for step in steps}


def fired(data_dir: Path) -> bool:
    rules = json.loads(openesc("cloudsim", "fault", "list", "-f", "json", "--data-dir", data_dir).stdout)
    return any(rule["fired"] for rule in rules)


def wait_for(condition: object, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    assert callable(condition)
    while not condition():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.05)
