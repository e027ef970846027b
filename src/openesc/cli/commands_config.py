"""`openesc config`: what the settings are and where they come from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from openesc.cli.common import Columns, ConfigFile, DataDir, Format, load_settings, say

app = typer.Typer(help="Show and check the settings.", no_args_is_help=True)


@app.command("show")
def show(
    config: ConfigFile = None,
    data_dir: DataDir = None,
    origin: Annotated[bool, typer.Option("--origin", help="Where each setting comes from.")] = False,
    form: Format = "table",
    columns: Columns = None,
) -> None:
    """Show the settings in force, then the vimmanager's properties; secrets are masked."""
    from openesc.cli.commands_vimmanager import in_force
    from openesc.cli.output import show_rows

    settings = load_settings(config, data_dir)
    rows = [
        {"setting": key, "value": shown(settings.value(key)), "origin": str(settings.origin(key))}
        for key in settings.names()
    ]
    rows += [{"setting": key, **found} for key, found in in_force(settings.data_dir).items()]
    show_rows(rows, ["setting", "value", *(["origin"] if origin else [])], form, columns)


@app.command("check")
def check(config: ConfigFile = None, data_dir: DataDir = None) -> None:
    """Check the settings and application.properties; exit status 2 and one line for each problem if they are wrong."""
    from openesc.vimmanager import read

    settings = load_settings(config, data_dir)
    read(settings.data_dir)
    say(f"The settings are good; {len(settings.origins)} of {len(settings.names())} are not defaults.")


@app.command("sample")
def sample(data_dir: DataDir = None) -> None:
    """Print a settings file with every setting, its default and what it means."""
    from openesc.cli.config_text import sample_toml

    typer.echo(sample_toml(), nl=False)


@app.command("reference")
def reference(data_dir: DataDir = None) -> None:
    """Print the reference of all settings (docs/configuration.md)."""
    from openesc.cli.config_text import reference_markdown

    typer.echo(reference_markdown(), nl=False)


def shown(value: Any) -> Any:
    """A setting as it may be printed: secrets masked, paths as text."""
    from pydantic import SecretStr

    if isinstance(value, SecretStr):
        return "****"
    return str(value) if isinstance(value, Path) else value
