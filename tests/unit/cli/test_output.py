"""What commands print: tables for people, JSON, YAML and values for programs, problems on stderr."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from typer.main import get_command

from openesc.cli.commands_config import shown
from openesc.cli.main import app, run
from openesc.cli.output import show_row, show_rows
from openesc.cli.problems import (
    ConflictProblem,
    NotFoundProblem,
    Problem,
    UsageProblem,
    from_json,
    of_exception,
)
from openesc.errors import AccessDenied, InvalidRequest, NotFound, OperationRefused

ROWS: list[dict[str, Any]] = [
    {"name": "a", "tenants": ["t", "u"], "keys": 2, "why": None},
    {"name": "[b]", "tenants": None, "keys": 0, "why": "x"},
]
COLUMNS = ["name", "tenants", "keys"]


def test_a_table_has_no_colour_and_is_never_cut_off_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    show_rows([*ROWS, {"name": "c" * 300, "tenants": None, "keys": 1}], COLUMNS, "table")
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "c" * 300 in out
    assert "| a " in out and "| t, u " in out and "| [b]" in out


def test_json_has_every_field_and_values_the_tables_columns(capsys: pytest.CaptureFixture[str]) -> None:
    show_rows(ROWS, COLUMNS, "json")
    assert json.loads(capsys.readouterr().out) == ROWS
    show_rows(ROWS, COLUMNS, "value")
    assert capsys.readouterr().out == "a t, u 2\n[b]  0\n"
    show_rows(ROWS, COLUMNS, "yaml", ["name", "keys"])
    assert capsys.readouterr().out == "- name: a\n  keys: 2\n- name: '[b]'\n  keys: 0\n"


def test_an_object_is_shown_a_line_a_field(capsys: pytest.CaptureFixture[str]) -> None:
    show_row(ROWS[0], "value")
    assert capsys.readouterr().out == "a\nt, u\n2\n\n"
    show_row(ROWS[0], "json", ["keys"])
    assert json.loads(capsys.readouterr().out) == {"keys": 2}


def test_an_empty_list_is_printed_as_one(capsys: pytest.CaptureFixture[str]) -> None:
    show_rows([], COLUMNS, "json")
    assert capsys.readouterr().out == "[]\n"


@pytest.mark.parametrize(("form", "columns"), [("xml", None), ("table", ["nose"])])
def test_a_format_or_column_that_is_not_there_is_a_usage_problem(form: str, columns: list[str] | None) -> None:
    with pytest.raises(UsageProblem, match=f"there is no (format {form}|column nose)"):
        show_rows(ROWS, COLUMNS, form, columns)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (NotFound("x"), NotFoundProblem),
        (OperationRefused("x"), ConflictProblem),
        (InvalidRequest("x"), UsageProblem),
        (RuntimeError("x"), Problem),
    ],
)
def test_an_error_becomes_a_problem_of_its_kind_also_over_the_socket(error: Exception, kind: type[Problem]) -> None:
    problem = of_exception(error)
    assert (type(problem), problem.what) == (kind, "x")
    assert type(from_json(problem.as_json())) is kind
    assert of_exception(AccessDenied("x")).status == 5


def test_a_problem_is_one_line_what_one_why_one_what_next() -> None:
    assert Problem("what", "why", "next").lines() == ["Error: what", "  why", "  Next: next"]
    assert Problem("what").lines() == ["Error: what"]


def test_secrets_are_masked() -> None:
    from pydantic import SecretStr

    assert shown(SecretStr("x")) == "****"
    assert shown(5) == 5


def test_a_wrong_setting_ends_any_command_with_2_and_no_traceback(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENESC_NETCONF__PROT", "1")
    assert run(["config", "check"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines()[:2] == [
        "Error: the settings cannot be used",
        "  OPENESC_NETCONF__PROT: no such setting; did you mean OPENESC_NETCONF__PORT?",
    ]


def test_config_show_tells_value_and_origin(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENESC_NETCONF__PORT", "830")
    assert run(["config", "show", "--origin", "-f", "json"]) == 0
    rows = {row["setting"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["netconf.port"] == {"setting": "netconf.port", "value": 830, "origin": "env (OPENESC_NETCONF__PORT)"}
    assert rows["netconf.host"]["origin"] == "default"


def _commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


def test_every_command_takes_the_data_directory() -> None:
    """Also those that do not need it: a script gives it to all of them."""
    commands = dict(_commands(get_command(app)))
    assert {
        "serve",
        "user add",
        "operation retry",
        "callback redeliver",
        "leftover clean",
        "cloudsim fault add",
        "debug steps",
    } <= set(commands)
    options = {name: {flag for found in command.params for flag in found.opts} for name, command in commands.items()}
    assert [name for name, flags in options.items() if "--data-dir" not in flags] == []


def test_a_server_without_rest_does_not_import_it() -> None:
    heavy = ("starlette", "uvicorn", "httptools", "httpx")
    code = f"import sys, openesc.cli.wiring; print([name for name in {heavy} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"


def test_help_waits_for_no_library_it_does_not_need() -> None:
    heavy = ("pydantic", "rich", "asyncssh", "sqlalchemy", "lxml", "ncclient", "structlog", "asyncio")
    code = f"import sys, openesc.cli.main; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


@pytest.mark.parametrize("arguments", [["no-such-command"], ["user", "add"], ["serve", "--netconf-port", "many"]])
def test_wrong_usage_exits_2(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert run(arguments) == 2
    assert capsys.readouterr().out == ""
