"""The unmodified `openstack` command, many times for the price of one start of a process.

with OpenstackCommand(cloud.environment) as openstack:
    openstack("server start vm1")
    server = openstack.settled("server show vm1", status="ACTIVE")
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any, Self

RUNNER = """
import contextlib, io, json, sys, warnings
warnings.simplefilter("ignore")
from openstackclient import shell
for line in sys.stdin:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = shell.main(json.loads(line))
    print(json.dumps([status, out.getvalue(), err.getvalue()]), flush=True)
"""
"""`shell.main` is what the script `openstack` calls with the words of its command line."""

PRINTS = {"add", "create", "list", "show"}
"""A command with one of these words prints an object or a list; it is asked for JSON."""


class Refused(AssertionError):
    """The command's exit status was not 0; what it wrote to stderr."""


class OpenstackCommand:
    """A process of python-openstackclient that runs one command line after the other."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", RUNNER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._process:
            if self._process.stdin is not None:
                self._process.stdin.close()

    def __call__(self, line: str) -> Any:
        """Run it; what it prints, read from JSON, or None. Raises: Refused."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        words = shlex.split(line)
        json.dump([*words, *(["-f", "json"] if PRINTS.intersection(words) else [])], self._process.stdin)
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        status, out, err = json.loads(self._process.stdout.readline())
        if status:
            raise Refused(f"openstack {line}: {err}")
        return json.loads(out) if out.strip() else None

    def settled(self, line: str, **wanted: Any) -> Any:
        """What a ``show`` prints once it has these fields; asks again until then, at most 15 seconds."""
        end = time.monotonic() + 15
        while True:
            shown = self(line)
            if {name: shown[name] for name in wanted} == wanted:
                return shown
            assert time.monotonic() < end, f"openstack {line}: {shown}"
