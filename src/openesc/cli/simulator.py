"""Finds or starts cloudsim: a process and a session of its own, as a cloud would be.

It survives the server's end, however that comes, and is found again by the file it keeps. `openesc cloudsim stop`
ends it, and so does a clean stop of the server where the setting ``cloudsim.stop_with_server`` says so (`make run`).
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import sys
import time
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from openesc.cli.problems import NotFoundProblem, Problem, UnreachableProblem, UsageProblem
from openesc.config import Settings

FACTS = "cloudsim.json"
CREDENTIALS = ("auth_url", "username", "password", "project_name", "user_domain_name", "project_domain_name")
START_SECONDS = 30.0
STOP_SECONDS = 10.0
UNREACHABLE = (OSError, http.client.HTTPException)


def find(data_dir: Path) -> dict[str, Any] | None:
    """The facts of the simulator that runs on `data_dir`: its pid and `CREDENTIALS`; None when none answers."""
    try:
        facts = json.loads((data_dir / "cloudsim" / FACTS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return facts if isinstance(facts, dict) and _alive(facts) else None


def find_or_start(settings: Settings) -> dict[str, Any]:
    """The facts of the running simulator, started if none runs. Blocks up to `START_SECONDS`. Raises: Problem."""
    data_dir = settings.data_dir
    return find(data_dir) or _start(data_dir / "cloudsim", _options(settings))


def stop(data_dir: Path) -> bool:
    """End the simulator of `data_dir`; False when none runs. Its cloud is kept on disk. Raises: Problem."""
    facts = find(data_dir)
    if facts is None:
        return False
    pid = int(facts["pid"])
    os.kill(pid, signal.SIGTERM)
    if not _wait(lambda: _ended(pid), STOP_SECONDS):
        raise Problem(f"cloudsim (pid {pid}) did not end within {STOP_SECONDS:g} s", hint=f"kill -9 {pid}")
    return True


def published(facts: dict[str, Any]) -> dict[str, Any]:
    """What endpoints.json tells of the simulator."""
    return {key: facts[key] for key in ("pid", *CREDENTIALS)}


def request(data_dir: Path, method: str, path: str, document: Any = None) -> Any:
    """Call the simulator's own interface (``/sim/...``) and return its JSON, None for none.

    Raises: UnreachableProblem when no simulator runs; UsageProblem when it refuses, with its words.
    """
    facts = find(data_dir)
    if facts is None:
        hint = "openesc cloudsim start"
        raise UnreachableProblem(f"no simulator runs on {data_dir}", hint=f"start it: {hint}, or the server")
    status, body = _http(str(facts["auth_url"]), method, path, document)
    if status == 404:
        raise NotFoundProblem(f"cloudsim: {method} {path}", _message(body))
    if status >= 400:
        raise UsageProblem(f"cloudsim refused {method} {path} ({status})", _message(body))
    return json.loads(body) if body else None


def _message(body: bytes) -> str:
    try:
        return str(json.loads(body)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return body.decode(errors="replace")


def _http(url: str, method: str, path: str, document: Any = None) -> tuple[int, bytes]:
    address = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=10)
    body = None if document is None else json.dumps(document)
    try:
        connection.request(method, path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def _options(settings: Settings) -> list[str]:
    chosen = settings.cloudsim
    options = {
        "--port": chosen.port,
        "--latency-factor": chosen.latency_factor,
        "--boot-seconds": chosen.boot_seconds,
    }
    return [f"{name}={value}" for name, value in options.items() if value is not None]


def _start(folder: Path, options: list[str]) -> dict[str, Any]:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    log = folder / "cloudsim.log"
    pid = _spawn([sys.executable, "-m", "openesc.cloudsim", "--data-dir", str(folder), *options], log)
    found: list[dict[str, Any]] = []

    def ready() -> bool:
        facts = find(folder.parent)
        if facts is not None:
            found.append(facts)
        return facts is not None or _ended(pid)

    _wait(ready, START_SECONDS)
    if not found:
        raise Problem("cloudsim did not start", _last_line(log), f"see {log}")
    return found[0]


def _spawn(command: list[str], log: Path) -> int:
    """Start a process in a session of its own: our terminal's Ctrl-C and our process group are not its."""
    write = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    environment = {name: value for name, value in os.environ.items() if name != "NOTIFY_SOCKET"}
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(log), write, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    return os.posix_spawn(command[0], command, environment, file_actions=actions, setsid=True)


def _alive(facts: dict[str, Any]) -> bool:
    """Whether the process is there and its identity service answers; a recycled pid alone does not count."""
    try:
        os.kill(int(facts["pid"]), 0)
        url = str(facts["auth_url"])
        return _http(url, "GET", urllib.parse.urlsplit(url).path or "/")[0] < 500
    except (KeyError, ValueError, *UNREACHABLE):
        return False


def _ended(pid: int) -> bool:
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid  # our child, and a zombie until we look
    except ChildProcessError:
        return not Path(f"/proc/{pid}").exists()


def _wait(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _last_line(log: Path) -> str:
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1] if lines else "it said nothing"
