"""`openesc callback`: what is told to the receivers that REST clients name."""

from __future__ import annotations

from typing import Annotated

import typer

from openesc.cli.common import Columns, DataDir, Format, ask, say

app = typer.Typer(help="Callbacks: what REST clients are told.", no_args_is_help=True)

COLUMNS = ["id", "event_type", "url", "deployment_id", "state", "tries", "due_at", "failure"]


@app.command("list")
def list_callbacks(
    state: Annotated[str | None, typer.Option("--state", help="waiting, delivered or dead.")] = None,
    deployment_id: Annotated[str | None, typer.Option("--deployment", help="Only those of this depid.")] = None,
    limit: Annotated[int, typer.Option("--limit", help="At most so many, newest event first.")] = 100,
    form: Format = "table",
    columns: Columns = None,
    data_dir: DataDir = None,
) -> None:
    """List callbacks, those of the newest events first."""
    from openesc.cli.output import show_rows

    rows = ask(data_dir, "callback.list", state=state, deployment_id=deployment_id, limit=limit)
    show_rows(rows, COLUMNS, form, columns)


@app.command("redeliver")
def redeliver(
    id: Annotated[str, typer.Argument(metavar="ID", help="The callback's id.")], data_dir: DataDir = None
) -> None:
    """Send a dead or delivered one again; it comes out of order."""
    done = ask(data_dir, "callback.redeliver", id=id)
    say(f"Callback {id}: {done['state']}")
