"""What is measured with: CPU clocks of other processes, percentiles, the disk's own price of a durable write."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Sequence
from pathlib import Path

CPUCLOCK_SCHED = 2
WAL_BYTES = 16 * 1024
"""About what one edit appends to the database's write-ahead log."""


def cpu_seconds(pid: int) -> float:
    """CPU time that all threads of a process of ours have used, in seconds, exact to the moment of the call.

    The clock of clock_getcpuclockid(3), which Python does not offer; /proc/PID/stat counts ticks of 10 ms. Linux alone.
    """
    return time.clock_gettime((~pid << 3) | CPUCLOCK_SCHED)


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that `percent` of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def median(values: Sequence[float]) -> float:
    """The 50th percentile by nearest rank."""
    return percentile(values, 50)


def reference_seconds() -> float:
    """CPU seconds of a fixed piece of Python, best of five: tells a slow or crowded machine from slow code."""
    return min(_reference() for _ in range(5))


def _reference() -> float:
    began, total = time.process_time(), 0
    for number in range(500_000):
        total += number * number % 7
    return time.process_time() - began


class Disk:
    """Times appends with fdatasync in a file of its own: nothing durable can be faster than that."""

    def __init__(self, folder: Path) -> None:
        self._file = os.open(folder / "fsync", os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        self.seconds: list[float] = []

    def sample(self, times: int) -> None:
        """Append and sync so often; the durations are added to `seconds`."""
        data = bytes(WAL_BYTES)
        for _ in range(times):
            began = time.perf_counter()
            os.write(self._file, data)
            os.fdatasync(self._file)
            self.seconds.append(time.perf_counter() - began)

    def close(self) -> None:
        os.close(self._file)


def ms(seconds: float) -> str:
    """Milliseconds for a table."""
    return f"{seconds * 1000:.2f}"
