"""Data on stdout: as a table for people, as JSON, YAML or bare values for programs."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import typer

from openesc.cli.problems import UsageProblem

Row = Mapping[str, Any]
PIPE_WIDTH = 100_000
"""Columns of a table nobody's terminal limits."""


def show_rows(rows: Sequence[Row], columns: Sequence[str], form: str, chosen: Sequence[str] | None = None) -> None:
    """Print a list. `columns` are those of the table; JSON and YAML have every field unless `chosen` narrows it.

    Raises: UsageProblem for a format or column that is not there.
    """
    writer = _writer(form)
    picked = _pick(columns, rows, chosen)
    if form in ("table", "value"):
        writer([{name: row.get(name) for name in picked} for row in rows], picked)
    else:
        writer([_narrow(row, chosen) for row in rows], picked)


def show_row(row: Row, form: str, chosen: Sequence[str] | None = None) -> None:
    """Print one object, a line a field. Raises: UsageProblem as `show_rows`."""
    writer = _writer(form)
    narrowed = _narrow(row, _pick(list(row), [row], chosen) if chosen else None)
    if form == "table":
        writer([{"field": key, "value": value} for key, value in narrowed.items()], ["field", "value"])
    elif form == "value":
        writer([{"value": value} for value in narrowed.values()], ["value"])
    else:
        writer(narrowed, list(narrowed))


def _pick(columns: Sequence[str], rows: Sequence[Row], chosen: Sequence[str] | None) -> list[str]:
    if not chosen:
        return list(columns)
    known = dict.fromkeys([*columns, *(key for row in rows for key in row)])
    for name in chosen:
        if name not in known:
            raise UsageProblem(f"there is no column {name}", f"the columns are {', '.join(known)}")
    return list(chosen)


def _narrow(row: Row, chosen: Sequence[str] | None) -> dict[str, Any]:
    return {key: value for key, value in row.items() if not chosen or key in chosen}


def _writer(form: str) -> Callable[[Any, Sequence[str]], None]:
    if form not in _WRITERS:
        raise UsageProblem(f"there is no format {form}", f"the formats are {', '.join(_WRITERS)}")
    return _WRITERS[form]


def _table(rows: Any, columns: Sequence[str]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.ASCII2, header_style="bold")
    for name in columns:
        table.add_column(name.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(row[name])) for name in columns))
    terminal = sys.stdout.isatty()
    plain = not terminal or os.environ.get("TERM") == "dumb"
    Console(width=None if terminal else PIPE_WIDTH, no_color=plain or None, highlight=False).print(table)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return ", ".join(value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict | bool) else str(value)


def _json(data: Any, _columns: Sequence[str]) -> None:
    typer.echo(json.dumps(data, indent=2, ensure_ascii=False))


def _yaml(data: Any, _columns: Sequence[str]) -> None:
    import yaml

    typer.echo(yaml.safe_dump(data, sort_keys=False, allow_unicode=True), nl=False)


def _value(rows: Any, columns: Sequence[str]) -> None:
    for row in rows:
        typer.echo(" ".join(_cell(row[name]) for name in columns))


_WRITERS: dict[str, Callable[[Any, Sequence[str]], None]] = {
    "table": _table,
    "json": _json,
    "yaml": _yaml,
    "value": _value,
}
