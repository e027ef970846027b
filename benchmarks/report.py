"""Results as tables that read well in a terminal and are Markdown at the same time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass
class Table:
    """One benchmark's result. `notes` say what a reader must know to trust the figures."""

    title: str
    columns: Sequence[str]
    rows: list[Sequence[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        widths = [max(len(row[at]) for row in [self.columns, *self.rows]) for at in range(len(self.columns))]
        lines = [_line(row, widths) for row in [self.columns, ["-" * width for width in widths], *self.rows]]
        return "\n".join([f"### {self.title}", "", *lines, "", *(f"- {note}" for note in self.notes), ""])


@dataclass(frozen=True)
class Tables:
    """A benchmark's results where one table does not hold them."""

    tables: Sequence[Table]

    def __str__(self) -> str:
        return "\n".join(map(str, self.tables))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"
