"""`openesc user`: who may log in."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from openesc.cli.common import Columns, DataDir, Format, ask, say
from openesc.cli.problems import Problem, UsageProblem

app = typer.Typer(help="Users: who may log in, and see what.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The user's name.")]
PasswordStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from the first line of stdin.")
]


@app.command("add")
def add(
    name: Name,
    group: Annotated[str, typer.Option("--group", help="admin, operator or read-only.")],
    tenant: Annotated[
        list[str] | None, typer.Option("--tenant", help="Limit to this tenant; may be repeated; default: all.")
    ] = None,
    password_stdin: PasswordStdin = False,
    data_dir: DataDir = None,
) -> None:
    """Add a user. Without a password only keys let it in (`openesc user key`)."""
    password = _password() if password_stdin else None
    ask(data_dir, "user.add", name=name, group=group, tenants=tenant or None, password=password)
    hint = "" if password else f"; give it a key: openesc user key {name} FILE"
    say(f"User {name} added{hint}")


@app.command("password")
def password(name: Name, password_stdin: PasswordStdin = False, data_dir: DataDir = None) -> None:
    """Give a user another password."""
    if not password_stdin:
        raise UsageProblem("a password is read from stdin only", hint="add --password-stdin")
    ask(data_dir, "user.password", name=name, password=_password())
    say(f"Password of {name} changed")


@app.command("key")
def key(
    name: Name,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="OpenSSH public key.")],
    data_dir: DataDir = None,
) -> None:
    """Let a user in with a public key too."""
    added = ask(data_dir, "user.key", name=name, key=_key(file))
    say(f"Key {added['fingerprint']} added to {name}")


@app.command("list")
def list_users(form: Format = "table", columns: Columns = None, data_dir: DataDir = None) -> None:
    """List the users."""
    from openesc.cli.output import show_rows

    rows = ask(data_dir, "user.list")
    show_rows(rows, ["name", "group", "tenants", "password", "keys", "created_at"], form, columns)


@app.command("delete")
def delete(name: Name, data_dir: DataDir = None) -> None:
    """Delete a user and its keys. Sessions that are open stay open."""
    ask(data_dir, "user.delete", name=name)
    say(f"User {name} deleted")


def _password() -> str:
    line = sys.stdin.readline().rstrip("\n")
    if not line:
        raise UsageProblem("there is no password on stdin", "its first line is empty")
    return line


def _key(file: Path) -> str:
    try:
        text = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Problem(f"{file} cannot be read", str(error)) from None
    if "PRIVATE KEY" in text:
        raise UsageProblem(f"{file} is a private key", "the server needs the public half", f"try {file}.pub")
    return text
