"""The `openesc` command. This module only says which commands there are; each imports what it needs when it runs."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated

import typer

from openesc.cli import (
    commands_callback,
    commands_cloudsim,
    commands_config,
    commands_console,
    commands_debug,
    commands_leftover,
    commands_operation,
    commands_serve,
    commands_user,
    commands_vimmanager,
)
from openesc.cli.problems import Problem, of_exception

app = typer.Typer(
    name="openesc",
    help="An open, drop-in replacement for the northbound of the Elastic Services Controller.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command("serve")(commands_serve.serve)
app.add_typer(commands_config.app, name="config")
app.add_typer(commands_user.app, name="user")
app.add_typer(commands_operation.app, name="operation")
app.add_typer(commands_callback.app, name="callback")
app.add_typer(commands_leftover.app, name="leftover")
app.add_typer(commands_vimmanager.app, name="vimmanager")
app.add_typer(commands_cloudsim.app, name="cloudsim")
app.command("netconf-console")(commands_console.netconf_console)
app.add_typer(commands_debug.app, name="debug")


@app.callback(invoke_without_command=True)
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
) -> None:
    """An open, drop-in replacement for the northbound of the Elastic Services Controller."""
    if debug:
        os.environ["OPENESC_DEBUG"] = "1"
    if version:
        from openesc import __version__

        typer.echo(__version__)
        raise typer.Exit


def main() -> None:
    """Run the command line and exit with its status."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit status; see `openesc.cli.problems` for what the statuses mean."""
    try:
        app(list(arguments), prog_name="openesc")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # noqa: BLE001  # the last place where a failure can be put into words
        return _report(error)
    return 0


def _report(error: Exception) -> int:
    if os.environ.get("OPENESC_DEBUG"):
        traceback.print_exception(error)
    problem = _problem(error)
    for line in problem.lines():
        typer.echo(line, err=True)
    return problem.status


def _problem(error: Exception) -> Problem:
    from openesc.config_sources import ConfigError

    if isinstance(error, Problem):
        return error
    if isinstance(error, ConfigError):
        return _settings_problem(error.problems)
    known = hasattr(error, "error_message") or isinstance(error, OSError)
    kind = "" if known else f"{type(error).__name__}: "
    problem = of_exception(error)
    problem.what = f"{kind}{problem.what}"
    problem.hint = problem.hint or ("" if known else "openesc --debug ... shows where it happened")
    return problem


def _settings_problem(problems: tuple[str, ...]) -> Problem:
    from openesc.cli.problems import UsageProblem

    return UsageProblem("the settings cannot be used", "\n  ".join(problems), "openesc config check")


if __name__ == "__main__":
    main()
