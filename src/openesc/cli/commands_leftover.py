"""`openesc leftover`: what could not be removed from the cloud."""

from __future__ import annotations

from typing import Annotated

import typer

from openesc.cli.common import Columns, DataDir, Format, ask
from openesc.cli.problems import Problem

app = typer.Typer(help="Leftovers: what could not be removed from the cloud.", no_args_is_help=True)

COLUMNS = ["id", "kind", "name", "external_id", "project", "tenant", "deployment", "kept", "reason"]


@app.command("list")
def list_leftovers(form: Format = "table", columns: Columns = None, data_dir: DataDir = None) -> None:
    """List what is left in the cloud, and why."""
    from openesc.cli.output import show_rows

    show_rows(ask(data_dir, "leftover.list"), COLUMNS, form, columns)


@app.command("clean")
def clean(
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Only these.")] = None,
    form: Format = "table",
    columns: Columns = None,
    data_dir: DataDir = None,
) -> None:
    """Try again to remove leftovers; those kept on purpose only when named."""
    from openesc.cli.output import show_rows

    rows = ask(data_dir, "leftover.clean", ids=ids or [])
    show_rows(rows, ["id", "kind", "name", "result", "reason"], form, columns)
    failed = [row for row in rows if row["result"] == "failed"]
    if failed:
        raise Problem(f"{len(failed)} of {len(rows)} leftovers could not be removed", str(failed[0]["reason"]))
