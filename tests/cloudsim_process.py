"""Starts the simulated cloud as the process it is, for any test that needs a cloud.

cloud = start(tmp_path, latency_factor=0, boot_seconds=0)
openstack.connect(**cloud.connect_args)
cloud.fault({"operation": "server.create"}, {"type": "quota"})
cloud.stop()
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

START_SECONDS = 15


@dataclass
class CloudsimProcess:
    """A running cloudsim. `auth` is what its state file says, `url` the root of its HTTP server."""

    process: subprocess.Popen[str]
    data_dir: Path
    auth: dict[str, Any]

    @property
    def url(self) -> str:
        """``http://127.0.0.1:PORT``."""
        return str(self.auth["auth_url"]).removesuffix("/identity/v3")

    @property
    def connect_args(self) -> dict[str, Any]:
        """Keyword arguments for ``openstack.connect`` as the first (admin) user."""
        return {**{k: v for k, v in self.auth.items() if k != "pid"}, "region_name": "RegionOne"}

    @property
    def environment(self) -> dict[str, str]:
        """``OS_*`` variables for the ``openstack`` command."""
        return {
            "OS_AUTH_URL": self.auth["auth_url"],
            "OS_USERNAME": self.auth["username"],
            "OS_PASSWORD": self.auth["password"],
            "OS_PROJECT_NAME": self.auth["project_name"],
            "OS_USER_DOMAIN_NAME": self.auth["user_domain_name"],
            "OS_PROJECT_DOMAIN_NAME": self.auth["project_domain_name"],
            "OS_REGION_NAME": "RegionOne",
            "OS_IDENTITY_API_VERSION": "3",
        }

    def sim(self, method: str, path: str, body: Any = None) -> Any:
        """Call one of the simulator's own endpoints, for example ``sim("GET", "/sim/objects")``."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def fault(self, match: Mapping[str, Any], action: Mapping[str, Any], **more: Any) -> str:
        """Add a fault rule; returns its id."""
        rule = {"match": dict(match), "action": dict(action), **more}
        return cast(str, self.sim("POST", "/sim/faults", rule)["fault"]["id"])

    def clear_faults(self) -> None:
        """Remove all fault rules."""
        self.sim("DELETE", "/sim/faults")

    def settings(self, **values: Any) -> None:
        """Change settings at run time."""
        self.sim("PUT", "/sim/settings", values)

    def advance(self, subject: str) -> bool:
        """Do the next step of what is under way with this object; whether there was one."""
        return cast(bool, self.sim("POST", "/sim/advance", {"subject": subject})["advanced"])

    def requests(self, operation: str | None = None, since: int = 0) -> list[dict[str, Any]]:
        """The request log."""
        query = f"?since={since}" + (f"&operation={operation}" if operation else "")
        return cast("list[dict[str, Any]]", self.sim("GET", f"/sim/requests{query}")["requests"])

    def objects(self) -> dict[str, Any]:
        """Counts and names of all objects."""
        return cast("dict[str, Any]", self.sim("GET", "/sim/objects")["objects"])

    def kill(self) -> None:
        """``kill -9``, and wait for the end."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """SIGTERM, and wait for the end; the exit status."""
        return self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        status = self.process.wait(timeout=START_SECONDS)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return status


def command(data_dir: Path, **options: Any) -> list[str]:
    """The command line; ``latency_factor=0`` becomes ``--latency-factor 0``, True and False become flags."""
    words = [sys.executable, "-m", "openesc.cloudsim", "--data-dir", str(data_dir)]
    for name, value in options.items():
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{flag}" if value else f"--no-{flag}")
        else:
            words += [f"--{flag}", str(value)]
    return words


def start(data_dir: Path, **options: Any) -> CloudsimProcess:
    """Start a cloud in a session of its own and wait until it listens; raises `RuntimeError` if it does not."""
    source = str(Path(__file__).resolve().parents[1] / "src")
    path = os.pathsep.join(filter(None, [source, os.environ.get("PYTHONPATH")]))
    process = subprocess.Popen(
        command(data_dir, **options),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"cloudsim did not start: exit status {process.wait(timeout=START_SECONDS)}")
    return CloudsimProcess(process, data_dir, json.loads(line))
