"""What all commands share: their options, the settings behind them, and asking the server."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from openesc.config import Settings

DataDir = Annotated[Path | None, typer.Option("--data-dir", help="The server's data directory.", show_default=False)]
ConfigFile = Annotated[Path | None, typer.Option("--config", help="Settings file (TOML); default: $OPENESC_CONFIG.")]
Format = Annotated[str, typer.Option("--format", "-f", help="table, json, yaml or value.")]
Columns = Annotated[list[str] | None, typer.Option("--column", "-c", help="Show this column only; may be repeated.")]


def load_settings(config: Path | None, data_dir: Path | None, **flags: Any) -> Settings:
    """The settings of this command; `flags` maps ``section__key`` to a value or None."""
    from openesc.config import Settings

    named = os.environ.get("OPENESC_CONFIG")
    file = config or (Path(named) if named else None)
    given = {name.replace("__", "."): value for name, value in flags.items()}
    return Settings.load(file, None, {"store.data_dir": data_dir, **given})


def ask(data_dir: Path | None, command: str, **arguments: Any) -> Any:
    """Have `command` done by the running server, or here when none runs. Raises: Problem."""
    import asyncio

    from openesc.cli.offline import perform

    return asyncio.run(perform(load_settings(None, data_dir), command, arguments))


def say(text: str) -> None:
    """Tell the person something; data goes to stdout by itself."""
    typer.echo(text, err=True)
