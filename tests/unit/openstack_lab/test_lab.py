"""What of the lab needs no OpenStack: settings, configuration files, processes."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from string import Template

import pytest
from tests.openstack.lab import configure, services
from tests.openstack.lab.__main__ import main
from tests.openstack.lab.process import LabFailure, Processes
from tests.openstack.lab.settings import ADDRESS, HERE, Settings

SLEEP = (sys.executable, "-c", "import time; time.sleep(600)")
STUBBORN = (
    *(sys.executable, "-c"),
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)",
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(folder=str(tmp_path))


@pytest.fixture
def processes(tmp_path: Path) -> Processes:
    for name in ("run", "log"):
        (tmp_path / name).mkdir()
    return Processes(tmp_path / "run", tmp_path / "log")


class TestSettings:
    def test_come_from_the_environment(self) -> None:
        told = {"OPENSTACK_LAB_FOLDER": "/lab", "OPENSTACK_LAB_PORT_OFFSET": "20000", "OPENSTACK_LAB_RPC_POLL": "0.5"}
        found = Settings.from_environment(told)
        assert (found.folder, found.rpc_poll, found.host_names) == ("/lab", 0.5, ["Host-22", "Host-24"])
        assert found.url("keystone", "/v3") == "http://127.0.0.1:25000/v3"

    def test_have_a_folder_without_being_told(self) -> None:
        assert Settings.from_environment({}).folder.endswith("openesc-openstack-lab")

    def test_that_make_no_sense_are_refused(self) -> None:
        with pytest.raises(ValueError, match="many"):
            Settings.from_environment({"OPENSTACK_LAB_PORT_OFFSET": "many"})


class TestConfiguration:
    @pytest.mark.parametrize("template", sorted(file.name for file in (HERE / "templates").iterdir()))
    def test_every_template_can_be_filled(self, settings: Settings, template: str) -> None:
        words = {**configure.words_of(settings), "host": "Host-22"}
        filled = Template((HERE / "templates" / template).read_text()).substitute(words)
        assert "$" not in filled

    def test_every_template_is_used(self) -> None:
        used = {*configure.FILES.values(), "compute.conf"}
        assert used == {file.name for file in (HERE / "templates").iterdir()}

    def test_everything_listens_on_loopback_alone(self, settings: Settings) -> None:
        for service in services.all_services(settings):
            words = " ".join(service.command(settings))
            assert "0.0.0.0" not in words
            if "--http-socket" in words:
                assert f"--http-socket {ADDRESS}:" in words

    def test_no_two_services_share_a_name(self, settings: Settings) -> None:
        names = [service.name for service in services.all_services(settings)]
        assert len(names) == len(set(names)) == 16


class TestProcesses:
    def test_is_known_by_pid_and_start_time(self, processes: Processes) -> None:
        processes.start("one", SLEEP, os.environ)
        pid = processes.pid("one")
        assert pid is not None and processes.names() == ["one"]
        processes.start("one", SLEEP, os.environ)
        assert processes.pid("one") == pid
        (processes.run / "one.pid").write_text(f"{pid} 1")  # another process has the pid now
        assert processes.pid("one") is None
        os.kill(pid, signal.SIGKILL)

    def test_is_stopped(self, processes: Processes) -> None:
        processes.start("one", SLEEP, os.environ)
        processes.stop("one")
        assert processes.pid("one") is None and processes.names() == []
        processes.stop("one")

    def test_that_will_not_stop_is_killed(self, processes: Processes) -> None:
        processes.start("deaf", STUBBORN, os.environ)
        processes.wait("deaf", lambda: "deaf" in (processes.log / "deaf.log").read_text(), 20)
        processes.stop("deaf", patience=0.2)
        assert processes.pid("deaf") is None

    def test_that_fails_is_told_with_the_end_of_its_log(self, processes: Processes) -> None:
        processes.start("bad", (sys.executable, "-c", "raise SystemExit('no such port')"), os.environ)
        with pytest.raises(LabFailure, match=r"(?s)bad has ended.*no such port"):
            processes.wait("bad", lambda: False, 20)

    def test_that_takes_too_long_is_told(self, processes: Processes) -> None:
        processes.start("slow", SLEEP, os.environ)
        with pytest.raises(LabFailure, match="slow is not ready after 0 s"):
            processes.wait("slow", lambda: False, 0)
        processes.stop("slow")


def test_the_command_says_what_does_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPENSTACK_LAB_FOLDER", str(tmp_path))
    assert main(["status"]) == 1
    assert capsys.readouterr().out.count("DOWN") == 16
    assert main(["start", "no-such"]) == 1
    assert "the lab has no service no-such: epmd, mariadb" in capsys.readouterr().err
