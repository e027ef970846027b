"""date-and-time of RFC 3339 and RFC 6991."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_SHAPE = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(\.\d+)?([Zz]|[+-]\d\d:\d\d)\Z",
    re.ASCII,
)


def parse_time(text: str) -> datetime:
    """A moment with its offset, kept to microseconds. Raises ValueError when it is not RFC 3339."""
    shape = _SHAPE.match(text)
    if shape is None:
        raise ValueError(f'"{text}" is not a date and time such as 2026-01-31T12:00:00Z')
    day, clock, fraction, offset = shape.groups()
    offset = "+00:00" if offset in "Zz" else offset
    return datetime.fromisoformat(f"{day}T{clock}{(fraction or '.0')[:7]}{offset}")


def format_time(moment: datetime) -> str:
    """A moment in UTC with milliseconds and the offset `+00:00`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")


def now() -> datetime:
    """This moment, in UTC."""
    return datetime.now(UTC)
