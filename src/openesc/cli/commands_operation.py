"""`openesc operation`: what the server does and did."""

from __future__ import annotations

from typing import Annotated

import typer

from openesc.cli.common import Columns, DataDir, Format, ask, say

app = typer.Typer(help="Operations: what the server does and did.", no_args_is_help=True)

Id = Annotated[str, typer.Argument(metavar="ID", help="The operation's id.")]
COLUMNS = ["id", "kind", "subject", "state", "started_at", "ended_at", "failure"]
STEP_COLUMNS = ["step", "state", "at"]
"""What the table tells of a step; JSON and YAML have its result too."""


@app.command("list")
def list_operations(
    state: Annotated[str | None, typer.Option("--state", help="Only those in this state.")] = None,
    limit: Annotated[int, typer.Option("--limit", help="At most so many, newest first.")] = 100,
    form: Format = "table",
    columns: Columns = None,
    data_dir: DataDir = None,
) -> None:
    """List operations, newest first."""
    from openesc.cli.output import show_rows

    show_rows(ask(data_dir, "operation.list", state=state, limit=limit), COLUMNS, form, columns)


@app.command("show")
def show(id: Id, form: Format = "table", columns: Columns = None, data_dir: DataDir = None) -> None:
    """Show one operation with its steps."""
    from openesc.cli.output import show_row, show_rows

    operation = ask(data_dir, "operation.show", id=id)
    steps = operation.pop("steps") if form == "table" and not columns else []
    show_row(operation, form, columns)
    if steps:
        show_rows(steps, STEP_COLUMNS, form)


@app.command("cancel")
def cancel(
    id: Id,
    reason: Annotated[str, typer.Option("--reason", help="Why; it is told in the event.")] = "",
    data_dir: DataDir = None,
) -> None:
    """Cancel an operation that waits or runs; what it has begun is undone as its flow says."""
    done = ask(data_dir, "operation.cancel", id=id, reason=reason or "cancelled by an operator")
    say(f"Operation {id}: {done['state']}")


@app.command("retry")
def retry(id: Id, data_dir: DataDir = None) -> None:
    """Run a failed operation again; what is done already is not repeated."""
    done = ask(data_dir, "operation.retry", id=id)
    say(f"Operation {done['id']}: {done['state']}")
