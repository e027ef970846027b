"""When a measured value means an event (user guide, KPIs and rules). Pure: nothing here measures, waits or tells.

A poll is true or false: the measured value compared with the threshold. An event is raised when so many
polls in a row said the same (`metric_occurrences_true`, `metric_occurrences_false`), once per change of
mind, or again and again where `continuous_alarm` is set.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

CONDITIONS: dict[str, Callable[[Any, Any], bool]] = {
    "GT": operator.gt,
    "LT": operator.lt,
    "EQ": operator.eq,
    "GE": operator.ge,
    "LE": operator.le,
}
"""`metric_cond`: how the measured value (left) compares with the threshold (right)."""

BITS = {"INT8": 8, "INT16": 16, "INT32": 32, "UINT8": 8, "UINT16": 16, "UINT32": 32}
"""The integer metric types. FLOAT and DOUBLE compare as floats, STRING as text."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """What a measured value is compared with.

    Args:
        condition: `metric_cond`, GT, LT, EQ, GE or LE.
        metric_type: `metric_type`, such as UINT32.
        value: `metric_value` as the document has it.

    Raises: ValueError naming the leaf when a value does not fit.
    """

    condition: str
    metric_type: str
    value: str

    def __post_init__(self) -> None:
        if self.condition not in CONDITIONS:
            raise ValueError(f"metric_cond {self.condition!r} is none of {', '.join(CONDITIONS)}")
        as_metric(self.value, self.metric_type)

    def holds(self, measured: float | int | str) -> bool:
        """Whether `measured` fulfils the condition. Raises: ValueError when it is no value of the metric's type."""
        left = as_metric(measured, self.metric_type)
        return CONDITIONS[self.condition](left, as_metric(self.value, self.metric_type))


def as_metric(value: float | int | str, metric_type: str) -> float | int | str:
    """`value` as its `metric_type`. Raises: ValueError (unknown type, not a number, out of the type's range)."""
    if metric_type == "STRING":
        return str(value)
    number = float(value)
    if metric_type in ("FLOAT", "DOUBLE"):
        return number
    if metric_type not in BITS:
        raise ValueError(f"metric_type {metric_type!r} is none of {', '.join(BITS)}, FLOAT, DOUBLE, STRING")
    if not number.is_integer() or not _fits(int(number), metric_type):
        raise ValueError(f"{value!r} is no {metric_type}")
    return int(number)


def _fits(number: int, metric_type: str) -> bool:
    signed = not metric_type.startswith("U")
    reach = 1 << (BITS[metric_type] - signed)
    return (-reach if signed else 0) <= number < reach


@dataclass(frozen=True, slots=True)
class Alarm:
    """When a row of equal polls becomes an event."""

    occurrences_true: int = 1
    occurrences_false: int = 1
    continuous: bool = False
    """`continuous_alarm`: raise again each time the row is as long again."""

    def needed(self, outcome: bool) -> int:
        """How many polls in a row it takes."""
        return self.occurrences_true if outcome else self.occurrences_false


@dataclass(frozen=True, slots=True)
class Streak:
    """The polls so far: how many of the same outcome in a row, and the outcome last raised as an event."""

    outcome: bool | None = None
    length: int = 0
    raised: bool | None = None


def advance(streak: Streak, outcome: bool, alarm: Alarm) -> tuple[Streak, bool | None]:
    """Count one more poll: the new row, and the outcome to be raised as an event now (None: none).

    A poll that gave no value must not be counted: leave it out.
    """
    length = streak.length + 1 if outcome is streak.outcome else 1
    needed = alarm.needed(outcome)
    due = length == needed if not alarm.continuous else length % needed == 0
    if not due or (streak.raised is outcome and not alarm.continuous):
        return Streak(outcome, length, streak.raised), None
    return Streak(outcome, length, outcome), outcome
