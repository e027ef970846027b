"""A real openesc server as a process of its own: started on free ports, stopped by pid, killed if need be."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

START_SECONDS = 180.0
"""How long a start may take on a machine that does much else."""


@dataclass
class ServerProcess:
    """`openesc serve` on `data_dir`. Its cloudsim lives on over `kill` and `stop`, and ends with `close`."""

    data_dir: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    def start(self, **environment: str) -> ServerProcess:
        """Start it and wait until endpoints.json is there."""
        self.spawn(**environment)
        self.wait_ready()
        return self

    def spawn(self, **environment: str) -> None:
        """Start it and return at once."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        settings = {
            "OPENESC_CLOUDSIM__LATENCY_FACTOR": "0.05",
            "OPENESC_VIM__POLL_INTERVAL_S": "0.2",
            "OPENESC_VIM__HTTP_TIMEOUT_S": "5",
            "OPENESC_ENGINE__CANCEL_GRACE_S": "1",
        }
        with (self.data_dir / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "openesc.cli",
                    "--debug",
                    "serve",
                    "--data-dir",
                    str(self.data_dir),
                    "--netconf-port",
                    "0",
                ],
                env={**os.environ, **settings, **self.environment, **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def wait_ready(self) -> None:
        """Wait until the server has published where it listens. Raises: RuntimeError with its log when it ended."""
        assert self.process is not None
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            endpoints = self.endpoints_or_none()
            if endpoints is not None and endpoints["pid"] == self.process.pid:
                return
            if self.process.poll() is not None:
                raise RuntimeError(f"server ended with {self.process.returncode}:\n{self.log}")
            time.sleep(0.02)
        raise RuntimeError(f"server not ready after {START_SECONDS} s:\n{self.log}")

    def endpoints_or_none(self) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = json.loads((self.data_dir / "endpoints.json").read_text())
        except (OSError, ValueError):
            return None
        return found

    @property
    def endpoints(self) -> dict[str, Any]:
        found = self.endpoints_or_none()
        assert found is not None, "the server has not published its endpoints"
        return found

    @property
    def netconf_port(self) -> int:
        return int(self.endpoints["netconf"]["port"])

    @property
    def key_file(self) -> Path:
        """The private key of esc-nc-admin."""
        return self.data_dir / "keys" / "esc-nc-admin"

    @property
    def cloud_url(self) -> str:
        """Scheme, host and port of the simulator."""
        auth_url: str = self.cloud_facts["auth_url"]
        return "/".join(auth_url.split("/")[:3])

    @property
    def cloud_facts(self) -> dict[str, Any]:
        """What the simulator says of itself; there also while the server is not."""
        facts: dict[str, Any] = json.loads((self.data_dir / "cloudsim" / "cloudsim.json").read_text())
        return facts

    @property
    def log(self) -> str:
        return (self.data_dir / "server.log").read_text(errors="replace")

    def kill(self) -> None:
        """SIGKILL, as a crash."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
        self.wait_end()

    def wait_end(self, seconds: float = 40.0) -> int:
        """Wait for its end; returns the exit status."""
        assert self.process is not None
        return self.process.wait(seconds)

    def stop(self) -> int:
        """SIGTERM; returns the exit status."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.wait_end()

    def close(self) -> None:
        """End the server and its cloudsim."""
        if self.process is not None:
            self.kill()
        try:
            os.kill(int(self.cloud_facts["pid"]), signal.SIGKILL)
        except (OSError, ValueError):
            pass
