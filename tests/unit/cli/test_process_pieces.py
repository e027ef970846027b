"""The pieces of the server process: lock, endpoints, watched tasks, systemd."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from openesc.cli import datadir
from openesc.cli.problems import ConflictProblem, Problem
from openesc.cli.sdnotify import notify
from openesc.cli.supervisor import Supervisor

HOLD = """\
import sys, pathlib
from openesc.cli import datadir
with datadir.locked(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_process_is_refused_and_told_the_firsts_pid(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        with (
            pytest.raises(ConflictProblem, match=f"in use by the process with pid {first.pid}$"),
            datadir.locked(tmp_path),
        ):
            pass
        first.kill()
    with datadir.locked(tmp_path):  # the kernel released it with the killed process
        assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"


def test_the_directory_is_made_private(tmp_path: Path) -> None:
    with datadir.locked(tmp_path / "a" / "b"):
        assert stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == 0o700


def test_a_directory_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Problem, match="cannot be used"), datadir.locked(tmp_path / "file" / "b"):
        pass


def test_endpoints_appear_whole_and_private_and_vanish(tmp_path: Path) -> None:
    assert datadir.read_endpoints(tmp_path) is None
    datadir.write_endpoints(tmp_path, {"pid": 1, "netconf": {"host": "127.0.0.1", "port": 2}})
    assert [entry.name for entry in tmp_path.iterdir()] == ["endpoints.json"]
    assert stat.S_IMODE((tmp_path / "endpoints.json").stat().st_mode) == 0o600
    assert datadir.read_endpoints(tmp_path) == {"pid": 1, "netconf": {"host": "127.0.0.1", "port": 2}}
    datadir.remove_endpoints(tmp_path)
    datadir.remove_endpoints(tmp_path)
    assert datadir.read_endpoints(tmp_path) is None


async def test_an_essential_task_that_dies_stops_the_service_with_its_reason() -> None:
    async def die() -> None:
        raise OSError("disk gone")

    supervisor = Supervisor()
    supervisor.spawn("event log", die())
    await asyncio.wait_for(supervisor.wait(), 5)
    assert supervisor.failure == "event log ended: OSError: disk gone"
    await supervisor.close()


async def test_an_essential_task_that_just_returns_is_a_failure_too() -> None:
    supervisor = Supervisor()
    supervisor.spawn("watcher", asyncio.sleep(0))
    await asyncio.wait_for(supervisor.wait(), 5)
    assert supervisor.failure == "watcher ended: it returned"
    await supervisor.close()


async def test_other_tasks_may_end_and_a_wished_stop_is_no_failure() -> None:
    supervisor = Supervisor()
    helper = supervisor.spawn("helper", asyncio.sleep(0), essential=False)
    forever = supervisor.spawn("forever", asyncio.Event().wait())
    await helper
    assert not supervisor.stopping.is_set()
    supervisor.stop()
    await supervisor.close()
    assert forever.cancelled()
    assert supervisor.failure is None


@pytest.mark.parametrize("abstract", [False, True])
def test_systemd_is_told_if_it_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, abstract: bool) -> None:
    name = f"@openesc-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(name.replace("@", "\0", 1))
        systemd.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        notify("READY=1")
        assert systemd.recv(100) == b"READY=1"


@pytest.mark.parametrize("address", ["", "/no/such/socket", "relative"])
def test_a_systemd_that_is_not_there_harms_nobody(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    notify("READY=1")
    assert os.environ["NOTIFY_SOCKET"] == address
