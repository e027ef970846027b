"""The data directory: private, and of one process at a time."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from openesc.cli.problems import ConflictProblem, Problem

LOCK = "lock"
ENDPOINTS = "endpoints.json"
CONTROL = "control.sock"


@contextmanager
def locked(data_dir: Path) -> Iterator[None]:
    """Make the directory if need be (0700) and hold its lock.

    The lock is the kernel's (flock), so it ends with the process however it ends. Children do not inherit it.
    Raises: ConflictProblem naming the pid of its holder; Problem when the directory cannot be used.
    """
    descriptor = _open_lock(data_dir)
    try:
        _take(descriptor, data_dir)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _open_lock(data_dir: Path) -> int:
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        return os.open(data_dir / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Problem(
            f"the data directory {data_dir} cannot be used",
            f"{error.filename}: {error.strerror}",
            "name another one with --data-dir",
        ) from None


def _take(descriptor: int, data_dir: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pid = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
        raise ConflictProblem(
            f"the data directory {data_dir} is in use by the process with pid {pid}",
            "one process at a time may own a data directory",
            f"stop it (kill {pid}) or name another one with --data-dir",
        ) from None


def write_private(path: Path, text: str) -> None:
    """Write a file 0600 so that readers see the old content or the new, never half of it."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(scratch, path)


def write_endpoints(data_dir: Path, endpoints: Mapping[str, Any]) -> None:
    """Publish where the server listens: from now on clients find it."""
    write_private(data_dir / ENDPOINTS, json.dumps(endpoints, indent=2) + "\n")


def remove_endpoints(data_dir: Path) -> None:
    """Take the publication back."""
    (data_dir / ENDPOINTS).unlink(missing_ok=True)


def read_endpoints(data_dir: Path) -> dict[str, Any] | None:
    """What the running server published, or None. It may be what a killed server left behind."""
    try:
        content = json.loads((data_dir / ENDPOINTS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None
