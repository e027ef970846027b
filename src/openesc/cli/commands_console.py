"""`openesc netconf-console`: ConfD's console, on ncclient."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from openesc.cli.common import DataDir, load_settings


def netconf_console(
    host: Annotated[str | None, typer.Option(help="The server; default: the one of the data directory.")] = None,
    port: Annotated[int | None, typer.Option(help="Its port; default: what the server published, else 830.")] = None,
    user: Annotated[str, typer.Option("--user", "-u", help="Log in as this user.")] = "esc-nc-admin",
    password: Annotated[str | None, typer.Option("--password", "-p", help="Better: $OPENESC_PASSWORD.")] = None,
    private_key: Annotated[Path | None, typer.Option("--privKeyFile", help="Log in with this private key.")] = None,
    key_type: Annotated[str | None, typer.Option("--privKeyType", help="rsa, ecdsa or ed25519.")] = None,
    rpc: Annotated[Path | None, typer.Option("--rpc", help="Send the content of this file as an rpc.")] = None,
    edit_config: Annotated[Path | None, typer.Option("--edit-config", help="Send this file's configuration.")] = None,
    get: Annotated[bool, typer.Option("--get", help="Read configuration and state.")] = False,
    get_config: Annotated[bool, typer.Option("--get-config", help="Read the configuration.")] = False,
    xpath: Annotated[str | None, typer.Option("--xpath", "-x", help="Only what this XPath selects.")] = None,
    database: Annotated[str, typer.Option("--db", help="The datastore to read or edit.")] = "running",
    operation: Annotated[str | None, typer.Option("--default-operation", help="merge, replace or none.")] = None,
    stream: Annotated[str | None, typer.Option("--create-subscription", help="Print this stream's events.")] = None,
    start_time: Annotated[str | None, typer.Option("--start-time", help="Replay from this time (RFC 3339).")] = None,
    stop_time: Annotated[str | None, typer.Option("--stop-time", help="End the events at this time.")] = None,
    xml: Annotated[Path | None, typer.Option("--xml", help="Put this document into the rpc, as its xml.")] = None,
    hello: Annotated[bool, typer.Option("--hello", help="Print the server's hello.")] = False,
    timeout: Annotated[float, typer.Option("--timeout", help="Seconds to wait for a reply.")] = 120,
    esc_errors: Annotated[bool, typer.Option("--esc-errors", help="Print a refusal as ESC's error document.")] = False,
    echo: Annotated[str | None, typer.Option("--echo", help="Print the command on stderr or stdout.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Send one request to a NETCONF server and print its reply as it came, indented.

    Exit status: 0 for a reply without error, 1 for an rpc-error, 5 when the server cannot be reached or refuses the
    login, 6 when no reply comes in time.
    """
    from openesc.cli import console, payloads

    requests = [
        payloads.rpc_file(rpc, xml) if rpc else None,
        payloads.edit_config_file(edit_config, database, operation) if edit_config else None,
        payloads.get(xpath) if get else None,
        payloads.get_config(database, xpath) if get_config else None,
        payloads.create_subscription(stream, start_time, stop_time) if stream else None,
    ]
    request = console.only_one([one for one in requests if one is not None], hello)
    target = console.find_target(load_settings(None, data_dir).data_dir, host, port)
    login = console.find_login(target, user, password or os.environ.get("OPENESC_PASSWORD"), private_key, key_type)
    if echo:
        source = {
            "--rpc": rpc,
            "--xml": xml,
            "--edit-config": edit_config,
            "--get": get,
            "--get-config": get_config,
            "--xpath": xpath,
            "--create-subscription": stream,
            "--start-time": start_time,
            "--stop-time": stop_time,
        }
        console.echo_command(target, login, source, to_stdout=echo == "stdout")
    status = console.run(target, login, request, follow=bool(stream), timeout=timeout, esc_errors=esc_errors)
    raise typer.Exit(status)
