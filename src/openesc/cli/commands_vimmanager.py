"""`openesc vimmanager`, which is `escadm vimmanager`: the polling properties, shown and set as ESC does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from openesc.cli.common import DataDir, load_settings, say

if TYPE_CHECKING:
    from openesc.cli.vimmanager_handlers import Shown

app = typer.Typer(help="Polling properties, as escadm shows and sets them.", no_args_is_help=True)


@app.command("show")
def show(data_dir: DataDir = None) -> None:
    """Show the properties in force; without a server, those of the file."""
    import json

    values = in_force(load_settings(None, data_dir).data_dir)
    typer.echo("VimManager System Configurations.")
    typer.echo(json.dumps({key: value["value"] for key, value in values.items()}, indent=2))


@app.command("set")
def put(
    config: Annotated[list[str], typer.Option("--config", metavar="KEY=VALUE", help="What to set.")],
    more: Annotated[list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="What else to set.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Put values in force until the next restart; operations under way take them too."""
    from openesc.vimmanager import FILE

    values = _pairs([*config, *(more or ())])
    folder = load_settings(None, data_dir).data_dir
    _running(folder, "vimmanager.set", values=values)
    for key, value in values.items():
        typer.echo(f"VimManager configuration [{key}] has updated to [{value}].")
    say(f"This lasts until the vimmanager or the server is restarted; to keep it, write it into {folder / FILE}")


@app.command("restart")
def restart(data_dir: DataDir = None) -> None:
    """Read the file again and forget what was set; a wrong file changes nothing."""
    _running(load_settings(None, data_dir).data_dir, "vimmanager.restart")
    typer.echo("Stopping vimmanager service: [OK]")
    typer.echo("Starting vimmanager service: [OK]")


def in_force(data_dir: Path) -> Shown:
    """The properties of the running server or, where none runs, of the file. Raises: ConfigError, Problem."""
    import asyncio

    from openesc.cli import control
    from openesc.cli.vimmanager_handlers import shown
    from openesc.vimmanager import read

    try:
        values: Shown = asyncio.run(control.call(data_dir, "vimmanager.show", {}))
    except control.NoServer:
        return shown(read(data_dir))
    return values


def _running(data_dir: Path, command: str, **arguments: Any) -> None:
    """Have the server do it. Raises: UnreachableProblem when none runs, the Problem it answers with."""
    import asyncio

    from openesc.cli import control
    from openesc.cli.problems import UnreachableProblem
    from openesc.vimmanager import FILE

    try:
        asyncio.run(control.call(data_dir, command, arguments))
    except control.NoServer:
        hint = f"start one, or name its directory with --data-dir; at its start it reads {data_dir / FILE}"
        raise UnreachableProblem(f"no server runs on {data_dir}", "there is no vimmanager to change", hint) from None


def _pairs(words: list[str]) -> dict[str, str]:
    """Raises: UsageProblem for a word that is no KEY=VALUE, and for a key that is given twice."""
    from openesc.cli.problems import UsageProblem

    values: dict[str, str] = {}
    for word in words:
        key, equals, value = (part.strip() for part in word.partition("="))
        if not (key and equals):
            raise UsageProblem(f"{word} is not KEY=VALUE", hint="escadm vimmanager show lists the keys")
        if key in values:
            raise UsageProblem(f"{key} is given twice")
        values[key] = value
    return values
