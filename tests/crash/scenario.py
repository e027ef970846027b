"""What is crashed: an operation, what is there before it, and every boundary it has."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.crash.requests import Request

MOMENTS = ("before", "after")
EFFECTS = re.compile(
    r"server|reboot|image|volume|bootable|export|temporary|doubles|strays"
    r"|(.*/)?(server|port/\d|stop|start|resize|confirm|revert|migrate|delete|volume/[^/]+|subnet/[^/]+)"
    r"|(tenant|image|flavor|network|placement|vm)/[^/]+"
)
"""Steps that change something in the cloud. (`*/lookup`, `*/found` and the like only ask; the others write.)"""


@dataclass(frozen=True)
class Scenario:
    """An operation of kind `flow` that `request` asks for, after `before` were done.

    `steps` are patterns of its journal, one a boundary (held by the test of the table). `refused` are the cloud's
    faults while it runs (in a `name` of theirs, {suffix} is that of the names), `cloud` the settings of the simulator.
    `sample` are steps that come one after the other and change something in the cloud; unless it is given, all that do.
    `failing` are those the cloud refuses: they have not acted, and no boundary after it.
    """

    name: str
    flow: str
    request: Request
    steps: Sequence[str]
    before: Sequence[Request] = ()
    refused: Sequence[Mapping[str, Any]] = field(default=())
    state: str = "succeeded"
    cloud: Mapping[str, Any] = field(default_factory=dict)
    sample: Sequence[str] = ()
    failing: Sequence[str] = ()

    def boundaries(self) -> Iterator[str]:
        """Every failpoint of it, in the order of the steps."""
        for step in self.steps:
            for moment in MOMENTS[:1] if step in self.failing else MOMENTS:
                yield f"{self.flow}/{step}:{moment}"

    def effects(self) -> list[str]:
        """The failpoints at which the cloud has done something and nobody has written it down yet."""
        steps = self.sample or [step for step in self.steps if EFFECTS.fullmatch(step)]
        return [f"{self.flow}/{step}:after" for step in steps]
