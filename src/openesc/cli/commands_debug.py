"""`openesc debug`: for tests and support."""

from __future__ import annotations

import typer

from openesc.cli.common import Columns, DataDir, Format

app = typer.Typer(help="For tests and support.", no_args_is_help=True)


@app.command("steps")
def steps(form: Format = "table", columns: Columns = None, data_dir: DataDir = None) -> None:
    """List the steps of every flow: the places where OPENESC_FAILPOINT can stop the process."""
    from openesc.cli import wiring
    from openesc.cli.output import show_rows

    show_rows(wiring.debug_steps(), ["flow", "step"], form, columns)
