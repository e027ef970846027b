"""Failpoints: kill the process at a step boundary, for crash tests.

A failpoint is ``flow/step:before|after[:n]``: at the n-th time (default the first) that a step whose path matches is
about to act (its intent is durable) or has acted (its result is not durable yet), the process kills itself (SIGKILL).
``step`` may hold ``*``. It is armed by ``OPENESC_FAILPOINT``, which holds

- a failpoint: once the file ``OPENESC_FAILPOINT_ONCE`` exists, which firing makes, it is ignored, so that a restarted
  server goes on;
- or ``@FILE``, a file of failpoints, one a line, read at every boundary: the first line is the one that is armed, and
  firing takes it off. So a running server is armed by writing the file, and dies again in its next life when there
  is another line.
"""

from __future__ import annotations

import fnmatch
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

BEFORE = "before"
AFTER = "after"


@dataclass(frozen=True, slots=True)
class Failpoint:
    """One boundary to die at."""

    pattern: str
    moment: str
    nth: int = 1

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises: ValueError when `text` is not ``flow/step:before|after[:n]``."""
        # names of networks and tenants are part of a path, and may hold colons
        found, _, last = text.rpartition(":")
        count = last if last.isdigit() else "1"
        pattern, _, moment = found.rpartition(":") if last.isdigit() else (found, "", last)
        if moment not in (BEFORE, AFTER) or "/" not in pattern or int(count) < 1:
            raise ValueError(f"failpoint {text!r}: it takes flow/step:before|after[:n]")
        return cls(pattern, moment, int(count))

    def matches(self, path: str, moment: str) -> bool:
        return moment == self.moment and fnmatch.fnmatchcase(path, self.pattern)


@dataclass(slots=True)
class Failpoints:
    """The failpoint that is armed, or none: `point` until `once` exists, or the first line of `file`."""

    point: Failpoint | None = None
    once: Path | None = None
    file: Path | None = None
    _counted: Failpoint | None = field(default=None, init=False)
    _seen: int = field(default=0, init=False)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Failpoints:
        """Raises: ValueError when ``OPENESC_FAILPOINT`` is not of the form above."""
        text, once = environment.get("OPENESC_FAILPOINT"), environment.get("OPENESC_FAILPOINT_ONCE")
        if not text:
            return cls()
        if text.startswith("@"):
            return cls(file=Path(text[1:]))
        return cls(point=Failpoint.parse(text), once=Path(once) if once else None)

    def reach(self, path: str, moment: str) -> None:
        """Called at every step boundary; `path` is ``flow/step``."""
        if self.point is None and self.file is None:
            return
        armed = self._armed()
        if armed is None or not armed.matches(path, moment):
            return
        self._seen = 1 if armed != self._counted else self._seen + 1
        self._counted = armed
        if self._seen == armed.nth:
            self._disarm()
            os.kill(os.getpid(), signal.SIGKILL)

    def _armed(self) -> Failpoint | None:
        if self.file is not None:
            lines = self._lines()
            return Failpoint.parse(lines[0]) if lines else None
        return None if self.once is not None and self.once.exists() else self.point

    def _lines(self) -> list[str]:
        assert self.file is not None
        try:
            return self.file.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []

    def _disarm(self) -> None:
        """Let the next life of the process go on."""
        if self.file is not None:
            left = self.file.with_name(f"{self.file.name}.left")
            left.write_text("".join(f"{line}\n" for line in self._lines()[1:]), encoding="utf-8")
            left.replace(self.file)
        elif self.once is not None:
            self.once.touch()
