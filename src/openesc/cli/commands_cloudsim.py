"""`openesc cloudsim`: the simulator's process and its faults."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from openesc.cli.common import Columns, ConfigFile, DataDir, Format, load_settings, say
from openesc.cli.problems import UsageProblem

app = typer.Typer(help="The embedded cloud simulator.", no_args_is_help=True)
fault = typer.Typer(help="What goes wrong in the simulator, and when.", no_args_is_help=True)
app.add_typer(fault, name="fault")


@app.command("start")
def start(config: ConfigFile = None, data_dir: DataDir = None) -> None:
    """Start the simulator if it does not run, and show how to reach it."""
    from openesc.cli import simulator
    from openesc.cli.output import show_row

    facts = simulator.find_or_start(load_settings(config, data_dir))
    show_row(simulator.published(facts), "table")


@app.command("stop")
def stop(data_dir: DataDir = None) -> None:
    """Stop the simulator; its cloud is kept on disk."""
    from openesc.cli import simulator

    ended = simulator.stop(_folder(data_dir))
    say("cloudsim stopped" if ended else "cloudsim does not run")


@fault.command("add")
def add(
    type: Annotated[str, typer.Argument(metavar="TYPE", help="http, quota, delay, hang, lost_reply, error ...")],
    operation: Annotated[str | None, typer.Option(help="Calls of this name, as server.create; * and ? match.")] = None,
    service: Annotated[str | None, typer.Option(help="Calls to this service: compute, network ...")] = None,
    method: Annotated[str | None, typer.Option(help="Calls with this HTTP method.")] = None,
    path: Annotated[str | None, typer.Option(help="Calls of this path; * and ? match.")] = None,
    name: Annotated[str | None, typer.Option(help="Calls about an object of this name; * and ? match.")] = None,
    server: Annotated[str | None, typer.Option(help="Calls about this VM or its parts; * and ? match.")] = None,
    nth: Annotated[int | None, typer.Option(min=1, help="Only from the n-th matching call on.")] = None,
    count: Annotated[int, typer.Option(min=0, help="So many times; 0: always.")] = 1,
    set: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="More, as status=500.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Add a fault rule, and print its id."""
    match = {
        "operation": operation, "service": service, "method": method,
        "path": path, "name": name, "server": server,
    }  # fmt: skip
    rule: dict[str, Any] = {
        "match": {key: value for key, value in match.items() if value is not None},
        "action": {"type": type, **_values(set or [])},
        "count": count or None,
    }
    made = _request(data_dir, "POST", "/sim/faults", rule | ({"nth": nth} if nth else {}))
    typer.echo(made["fault"]["id"])


@fault.command("list")
def list_faults(form: Format = "table", columns: Columns = None, data_dir: DataDir = None) -> None:
    """List the fault rules and how often each fired."""
    from openesc.cli.output import show_rows

    rules = _request(data_dir, "GET", "/sim/faults")["faults"]
    show_rows(rules, ["id", "match", "action", "after", "count", "seen", "fired"], form, columns)


@fault.command("clear")
def clear(
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Only these.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Remove fault rules: those named, or all."""
    for path in [f"/sim/faults/{id}" for id in ids or []] or ["/sim/faults"]:
        _request(data_dir, "DELETE", path)
    say("Fault rules removed")


def _values(pairs: list[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise UsageProblem(f"--set {pair}", "it is not of the form KEY=VALUE")
        try:
            values[key] = json.loads(value)
        except ValueError:
            values[key] = value
    return values


def _folder(data_dir: Path | None) -> Path:
    return load_settings(None, data_dir).data_dir


def _request(data_dir: Path | None, method: str, path: str, document: Any = None) -> Any:
    from openesc.cli import simulator

    return simulator.request(_folder(data_dir), method, path, document)
