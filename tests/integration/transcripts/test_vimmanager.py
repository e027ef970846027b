"""`escadm vimmanager`: the user guide's transcripts against a real server, and that what is set holds at once."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.main_job.house import ROOT, House, Session, until
from tests.integration.main_job.payloads import deployment, group
from tests.integration.main_job.subscriber import Subscriber
from tests.integration.snapshots.actions import BOOT_VOLUME, backup, call, delete, deployed

from openesc.vimmanager import FILE

SRC = ROOT / "tests" / "golden" / "src"
CREATE = "vim.asyncpoller.snapshot.create"
DELETE = "vim.asyncpoller.snapshot.delete"
VOLUME = "vim.asyncpoller.volume.create"
PROMPT = "[admin@localhost]$ sudo "


def escadm(house: House, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command."""
    command = [str(ROOT / "escadm"), *words]
    return subprocess.run(command, env=house.environment, capture_output=True, text=True, timeout=60, check=False)


def done(house: House, *words: str) -> str:
    """Run the command, which must succeed; its stdout."""
    ran = escadm(house, "vimmanager", *words)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def transcript(name: str) -> dict[str, str]:
    """Commands and the output that follows them; lines that the page breaks are joined again."""
    text = (SRC / name).read_text()
    text = re.sub(r"(--config)\n(\S+)\n", r"\1 \2 ", text)
    text = text.replace("--noSSLVerify\n--allowExtraConfig", "--noSSLVerify --allowExtraConfig")
    text = text.replace(".create.mins", ".create.timeout.mins")  # misprinted
    parts = [part.partition("\n") for part in text.split(PROMPT) if part]
    return {command: output for command, _, output in parts}


def abridged(output: str) -> re.Pattern[str]:
    """A pattern for output of which the page leaves lines out."""
    lines = [line for line in output.splitlines() if line]
    return re.compile("".join("(.*\n)*" if line.strip() == ". . ." else re.escape(f"{line}\n") for line in lines))


@pytest.fixture(autouse=True)
def properties(house: House) -> Iterator[Path]:
    """The server's file; the defaults are in force again after the test."""
    file = house.server.data_dir / FILE
    yield file
    file.write_text("")
    done(house, "restart")


def test_the_transcript_of_restart_and_show(house: House, properties: Path) -> None:
    volume = (SRC / "application_volume.properties").read_text().partition("\n")[2]
    properties.write_text((SRC / "application.properties").read_text() + volume)
    commands = transcript("escadm_vimmanager.transcript")
    assert list(commands) == ["escadm vimmanager restart", "escadm vimmanager show"]
    for command, output in commands.items():
        shown = done(house, *command.split()[2:])
        assert abridged(output).fullmatch(shown), shown
    assert f'"{VOLUME}.poll.secs": "5",\n  "{VOLUME}.timeout.mins": "10",\n' in shown


def test_all_of_show(house: House) -> None:
    assert done(house, "show") == (
        "VimManager System Configurations.\n{\n"
        '  "ccp.pollRetries": "200",\n  "ccp.pollRetryDelaySecs": "15",\n'
        f'  "{CREATE}.poll.secs": "15",\n  "{CREATE}.timeout.mins": "20",\n'
        f'  "{DELETE}.poll.secs": "15",\n  "{DELETE}.timeout.mins": "20",\n'
        f'  "{VOLUME}.poll.secs": "15",\n  "{VOLUME}.timeout.mins": "20",\n'
        '  "vmware.ovftool.params": "--acceptAllEulas --disableVerification --noSSLVerify --allowExtraConfig",\n'
        '  "vmware.powerOnRetry": "8"\n}\n'
    )


def test_the_transcript_of_set(house: House, properties: Path) -> None:
    [(command, output)] = transcript("escadm_vimmanager_set.transcript").items()
    ran = escadm(house, *shlex.split(command)[1:])
    assert (ran.returncode, ran.stdout) == (0, output)
    assert "lasts until" in ran.stderr and str(properties) in ran.stderr
    assert f'"{CREATE}.poll.secs": "200"' in done(house, "show")
    listed = {row["setting"]: row for row in house.ask("config", "show", "--origin")}
    assert listed[f"{CREATE}.timeout.mins"]["value"] == "1"
    assert listed[f"{CREATE}.timeout.mins"]["origin"] == "set (until restart)"
    done(house, "restart")
    assert f'"{CREATE}.poll.secs": "15"' in done(house, "show")


def test_what_is_wrong_is_not_set(house: House) -> None:
    before = done(house, "show")
    for words, said in (
        ([f"{CREATE}.poll.secs=5", f"{CREATE}.mins=10"], f"did you mean {CREATE}.timeout.mins?"),
        ([f"{CREATE}.poll.secs=5", f"{DELETE}.poll.secs=soon"], f"{DELETE}.poll.secs=soon: should be a number"),
        ([f"{CREATE}.poll.secs=0"], "more than 0"),
        ([f"{CREATE}.poll.secs"], "is not KEY=VALUE"),
        (["=5"], "is not KEY=VALUE"),
        ([f"{CREATE}.poll.secs=5", f"{CREATE}.poll.secs=6"], "is given twice"),
    ):
        ran = escadm(house, "vimmanager", "set", "--config", *words)
        assert (ran.returncode, ran.stdout) == (2, ""), ran
        assert said in ran.stderr
    assert done(house, "show") == before


def test_a_wrong_file_at_restart_leaves_what_was_set(house: House, properties: Path) -> None:
    done(house, "set", "--config", f"{CREATE}.poll.secs=7")
    before = done(house, "show")
    properties.write_text(f"{CREATE}.poll.secs=5\n{DELETE}.poll.secs=soon\nvim.asyncpoller.volume.create.poll=1\n")
    ran = escadm(house, "vimmanager", "restart")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert f"{properties}:2: {DELETE}.poll.secs = soon: should be a number" in ran.stderr
    assert f"{properties}:3: {VOLUME}.poll = 1: there is no such key; did you mean {VOLUME}.poll.secs?" in ran.stderr
    assert done(house, "show") == before
    properties.write_text(f"{CREATE}.poll.secs=5\n")
    done(house, "restart")
    assert f'"{CREATE}.poll.secs": "5"' in done(house, "show")


def test_a_shorter_interval_holds_for_a_snapshot_under_way(
    house: House, admin: Session, subscriber: Subscriber
) -> None:
    vm = deployed(admin, subscriber, "escadm-snap")
    done(house, "set", "--config", f"{CREATE}.poll.secs=3000")
    looked = len(house.requests("image.show"))
    house.sim("PUT", "/sim/settings", {"latency_factor": 5})
    call(admin, backup(vm, "slow"))
    subscriber.until("VM_BACKUP_CREATED")
    until(lambda: len(house.requests("image.show")) > looked, "it has been looked at")
    house.sim("PUT", "/sim/settings", {"latency_factor": 0.05})
    began = time.monotonic()
    done(house, "set", "--config", f"{CREATE}.poll.secs=0.2", f"{DELETE}.poll.secs=0.2")
    subscriber.until("VM_BACKUP_COMPLETE", status="SUCCESS")
    assert time.monotonic() - began < 60
    call(admin, delete("slow"))
    subscriber.until("VM_SNAPSHOT_DELETED", status="SUCCESS")


def test_a_shorter_time_out_holds_for_a_snapshot_under_way(
    house: House, admin: Session, subscriber: Subscriber
) -> None:
    vm = deployed(admin, subscriber, "escadm-late")
    with house.fault("server.create_image", {"type": "freeze"}):
        call(admin, backup(vm, "frozen"))
        subscriber.until("VM_BACKUP_CREATED")
        done(house, "set", "--config", f"{CREATE}.timeout.mins=0.01")
        told = subscriber.until("VM_BACKUP_COMPLETE", status="FAILURE")[-1]
    assert "is queued after 0.6 seconds" in str(told.status_message)


def test_a_shorter_time_out_holds_for_a_volume_under_way(house: House, admin: Session, subscriber: Subscriber) -> None:
    with house.fault("volume.create", {"type": "freeze"}):
        admin.edit(deployment("escadm-volume", group(extra=BOOT_VOLUME)))
        until(lambda: house.requests("volume.create"), "the volume is asked for")
        done(house, "set", "--config", f"{VOLUME}.timeout.mins=0.01")
        told = subscriber.until("VM_DEPLOYED", status="FAILURE", depname="escadm-volume")[-1]
    assert re.search(r"volume \[\S+\] is creating after 0.6 seconds", str(told.status_message))


def test_a_running_server_is_found_as_sudo_leaves_it(house: House, tmp_path: Path) -> None:
    """No environment but who called: the data directory is that user's."""
    home = tmp_path / "home"
    (home / ".local" / "share").mkdir(parents=True)
    (home / ".local" / "share" / "openesc").symlink_to(house.server.data_dir)
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "getent").write_text(f'#!/bin/sh\n[ "$*" = "passwd eve" ] && echo "eve:x:1000:1000::{home}:/bin/sh"\n')
    (tools / "getent").chmod(0o755)
    installed = tmp_path / "installed"  # script and command side by side, as the wheel puts them
    installed.mkdir()
    (installed / "escadm").write_bytes((ROOT / "escadm").read_bytes())
    (installed / "openesc").symlink_to(house.environment["OPENESC"])
    clean = {"HOME": str(tmp_path / "root"), "PATH": f"{tools}:/usr/bin:/bin", "SUDO_USER": "eve"}
    done(house, "set", "--config", f"{CREATE}.poll.secs=77")
    ran = subprocess.run(
        ["sh", str(installed / "escadm"), "vimmanager", "show"], env=clean, capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == 0, ran.stderr
    assert f'"{CREATE}.poll.secs": "77"' in ran.stdout


def test_without_a_server_show_reads_the_file_and_nothing_can_be_set(tmp_path: Path) -> None:
    settings = {**os.environ, "OPENESC_DATA_DIR": str(tmp_path)}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [str(ROOT / "escadm"), "vimmanager", *words]
        return subprocess.run(command, env=settings, capture_output=True, text=True, timeout=60)

    (tmp_path / FILE).write_text(f"{CREATE}.poll.secs=5\n")
    shown = run("show")
    assert shown.returncode == 0 and f'"{CREATE}.poll.secs": "5"' in shown.stdout
    for words in (["restart"], ["set", "--config", f"{CREATE}.poll.secs=6"]):
        ran = run(*words)
        assert (ran.returncode, ran.stdout) == (5, "")
        assert f"no server runs on {tmp_path}" in ran.stderr
    (tmp_path / FILE).write_text(f"{CREATE}.poll=5\n")
    wrong = run("show")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert f"{tmp_path / FILE}:1: {CREATE}.poll = 5: there is no such key" in wrong.stderr


def test_a_server_does_not_start_on_a_wrong_file(house: House, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(f"{CREATE}.poll.secs=0\n")
    for command in (["serve", "--netconf-port", "0"], ["config", "check"]):
        ran = house.openesc(*command, "--data-dir", str(tmp_path))
        assert (ran.returncode, ran.stdout) == (2, "")
        assert f"{tmp_path / FILE}:1: {CREATE}.poll.secs = 0: should be" in ran.stderr
    assert not (tmp_path / "cloudsim").exists()


WRONG = [
    *([], ["dance"], ["vimmanager"], ["vimmanager", "dance"], ["--colour"], ["--data-dir"]),
    *(["vimmanager", "show", "x"], ["vimmanager", "restart", "x"]),
    *(["vimmanager", "set"], ["vimmanager", "set", "--config"], ["vimmanager", "set", f"{CREATE}.poll.secs=5"]),
]


@pytest.mark.parametrize("words", WRONG, ids=" ".join)
def test_wrong_words_are_refused(house: House, words: list[str]) -> None:
    ran = escadm(house, *words)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr != ""
