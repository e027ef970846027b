"""Processes that outlive the command that started them, known by files with pid and start time."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

LOG_LINES = 25
"""How much of a log is shown when a service fails."""


class LabFailure(Exception):
    """The lab is not as it should be; the text says which service and shows the end of its log."""


@dataclass(frozen=True, slots=True)
class Processes:
    """The processes of one lab.

    Args:
        run: folder of the pid files.
        log: folder of the logs, one for each process.
    """

    run: Path
    log: Path

    def pid(self, name: str) -> int | None:
        """The pid of the process, None when it does not run. A pid that another process has now does not count."""
        try:
            pid, started = (self.run / f"{name}.pid").read_text().split()
        except (OSError, ValueError):
            return None
        return int(pid) if _start_time(int(pid)) == started else None

    def names(self) -> list[str]:
        """All that were started and not stopped, running or not."""
        return sorted(file.stem for file in self.run.glob("*.pid"))

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start it in a session of its own, unless it runs. It may end at once: see `check`."""
        if self.pid(name) is not None:
            return
        with (self.log / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=dict(environment),
                start_new_session=True,
            )
        process.returncode = 0  # it is to outlive this object, which would warn of that
        (self.run / f"{name}.pid").write_text(f"{process.pid} {_start_time(process.pid)}")

    def stop(self, name: str, number: signal.Signals = signal.SIGTERM, patience: float = 30.0) -> None:
        """Send the signal, after `patience` seconds SIGKILL, and end what is left of its process group."""
        pid = self.pid(name)
        if pid is not None:
            os.kill(pid, number)
            end = time.monotonic() + patience
            while self.pid(name) is not None and time.monotonic() < end:
                _reap(pid)
                time.sleep(0.05)
            _end_group(pid)
        (self.run / f"{name}.pid").unlink(missing_ok=True)

    def check(self, name: str) -> None:
        """Raises: LabFailure when it does not run."""
        if self.pid(name) is None:
            raise self.failure(name, "has ended")

    def failure(self, name: str, what: str) -> LabFailure:
        """A failure of this process, with the end of its log."""
        return LabFailure(f"{name} {what}; the end of {self.log / name}.log:\n{tail(self.log / f'{name}.log')}")

    def wait(self, name: str, ready: Callable[[], bool], seconds: float) -> None:
        """Until `ready` says so. Raises: LabFailure when the process ends or the time is over."""
        end = time.monotonic() + seconds
        while not ready():
            self.check(name)
            if time.monotonic() > end:
                raise self.failure(name, f"is not ready after {seconds:.0f} s")
            time.sleep(0.2)


def tail(file: Path, lines: int = LOG_LINES) -> str:
    """The last lines of a log, indented."""
    try:
        text = file.read_text(errors="replace")
    except OSError:
        return "  (no log)"
    return "\n".join(f"  {line}" for line in text.splitlines()[-lines:]) or "  (empty)"


def _start_time(pid: int) -> str | None:
    """When the process started, in the kernel's ticks; None when there is none, or only its remains."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]


def _reap(pid: int) -> None:
    """Take the end of a child, where it was started by this very process."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        pass


def _end_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    _reap(pid)
