"""``python -m tests.openstack.lab up|down|install|status|start NAME|stop NAME [SIGNAL]``."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable

from tests.openstack.lab.lab import Lab
from tests.openstack.lab.process import LabFailure
from tests.openstack.lab.settings import Settings


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m tests.openstack.lab", description=__doc__)
    commands = made.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="install and start what is missing, wait until the cloud is healthy")
    commands.add_parser("install", help="install only")
    down = commands.add_parser("down", help="stop everything; what the cloud holds stays")
    down.add_argument("--wipe", action="store_true", help="remove that too, but for what was installed")
    commands.add_parser("status", help="pid of each service")
    commands.add_parser("start", help="start one service").add_argument("name")
    stop = commands.add_parser("stop", help="stop one service")
    stop.add_argument("name")
    stop.add_argument("signal", nargs="?", default="TERM", help="TERM or KILL")
    return made


def main(words: list[str] | None = None) -> int:
    """Run a command; 1 when the lab is not as it should be, with the reason on standard error."""
    given = parser().parse_args(words)
    lab = Lab(Settings.from_environment(), _print)
    try:
        return run(lab, given)
    except LabFailure as failure:
        sys.stderr.write(f"{failure}\n")
        return 1


def run(lab: Lab, given: argparse.Namespace) -> int:
    """The command that was given. Raises: LabFailure."""
    if given.command == "status":
        found = lab.status()
        for name, pid in found.items():
            _print(f"{name:24} {pid or 'DOWN'}")
        return 0 if all(found.values()) else 1
    commands: dict[str, Callable[[], None]] = {
        "up": lab.up,
        "install": lab.install,
        "down": lambda: lab.down(given.wipe),
        "start": lambda: lab.start(given.name),
        "stop": lambda: lab.stop(given.name, signal.Signals[f"SIG{given.signal}"]),
    }
    commands[given.command]()
    return 0


if __name__ == "__main__":
    sys.exit(main())
