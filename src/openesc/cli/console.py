"""The NETCONF console: one session on ncclient, one request, its reply as the server wrote it.

ncclient gives the transport: SSH, framing, hello. Requests and replies are ours, byte for byte, because ncclient's own
operations send prefixed elements and parse what we only want to print.
"""

from __future__ import annotations

import logging
import queue
import shlex
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
from lxml import etree
from ncclient.devices.default import DefaultDeviceHandler
from ncclient.operations.errors import OperationError
from ncclient.transport.errors import AuthenticationError, TransportError
from ncclient.transport.session import SessionListener
from ncclient.transport.ssh import SSHSession

from openesc.cli import datadir, payloads, private_keys
from openesc.cli.esc_errors import error_document
from openesc.cli.payloads import BASE, NOTIFICATION, Request
from openesc.cli.private_keys import SshKey
from openesc.cli.problems import Problem, TimeoutProblem, UnreachableProblem, UsageProblem

CONFD_PORT = 830
KEY_TYPES = ("rsa", "ecdsa", "ed25519")
CONNECT_SECONDS = 30
CLOSE_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Target:
    """A server. `host_key` is its public key in base64 where we know it, and then no other is accepted."""

    host: str
    port: int
    data_dir: Path
    host_key: str | None = None


@dataclass(frozen=True, slots=True)
class Login:
    """How to log in."""

    user: str
    password: str | None
    key_file: Path | None
    key: SshKey | None


def only_one(requests: Sequence[Request], hello: bool) -> Request | None:
    """The request among the options, None where only the hello is wanted. Raises: UsageProblem unless there is one."""
    if len(requests) + hello != 1:
        choices = "--rpc, --edit-config, --get, --get-config, --create-subscription, --hello"
        raise UsageProblem("one request is expected", f"choose one of {choices}", "openesc netconf-console --help")
    return requests[0] if requests else None


def find_target(data_dir: Path, host: str | None, port: int | None) -> Target:
    """The server meant: the one named, or the one that runs on `data_dir`. Raises: UnreachableProblem for none."""
    published = (datadir.read_endpoints(data_dir) or {}).get("netconf")
    if published is None:
        if host is None and port is None:
            raise UnreachableProblem(
                f"no server runs on {data_dir}",
                "it has no endpoints.json",
                "start one (make run, or openesc serve), set OPENESC_DATA_DIR, or name --host and --port",
            )
        return Target(host or "127.0.0.1", port or CONFD_PORT, data_dir)
    here = host in (None, published["host"])
    chosen_port = port or (int(published["port"]) if here else CONFD_PORT)
    ours = here and chosen_port == published["port"]
    chosen_host = host or _reachable(str(published["host"]))
    return Target(chosen_host, chosen_port, data_dir, _host_key(data_dir) if ours else None)


def find_login(target: Target, user: str, password: str | None, key: Path | None, key_type: str | None) -> Login:
    """How to log in: with the key or password given, else with the user's key in the data directory."""
    if key_type is not None and key_type not in KEY_TYPES:
        raise UsageProblem(f"keys of type {key_type} cannot be used", f"the types are {', '.join(KEY_TYPES)}")
    own = target.data_dir / "keys" / user
    if key is None and password is None and own.is_file():
        key = own
    if key is None and password is None:
        hint = "set OPENESC_PASSWORD or name a key with --privKeyFile"
        raise UsageProblem(f"there is neither password nor key to log in as {user}", hint=hint)
    return Login(user, password, key, private_keys.load(key, password) if key is not None else None)


def echo_command(target: Target, login: Login, source: Mapping[str, object], *, to_stdout: bool = False) -> None:
    """Print the command line that does what is about to be done, its password hidden."""
    options: list[tuple[str, object]] = [("--port", target.port), ("--host", target.host), ("--user", login.user)]
    if login.key is not None:
        options += [("--privKeyFile", login.key_file), ("--privKeyType", private_keys.type_of(login.key))]
    elif login.password is not None:
        options.append(("--password", "****"))
    options += source.items()
    line = " ".join(_option(name, value) for name, value in options if value)
    typer.echo(f"openesc netconf-console {line}", err=not to_stdout)


def run(
    target: Target, login: Login, request: Request | None, *, follow: bool, timeout: float, esc_errors: bool = False
) -> int:
    """Send `request` and print the reply; `follow` prints notifications until they end. Returns the exit status.

    `esc_errors`: a refusal is printed in ESC's own form.

    Without a request the server's hello is printed. Raises: UnreachableProblem, TimeoutProblem.
    """
    with _session(target, login) as (session, inbox):
        if request is None:
            typer.echo(pretty(inbox.hello()))
            return 0
        session.send(request.message)
        reply = inbox.reply(request.message_id, timeout)
        refusal = error_document(reply)
        typer.echo(pretty(refusal if refusal is not None and esc_errors else reply))
        if refusal is not None:
            return 1
        if follow:
            _print_notifications(inbox)
        else:
            session.send(payloads.close_session().message)
            inbox.farewell()
        return 0


def pretty(message: str) -> str:
    """A message as ConfD's console prints it: declaration, two blanks a level, otherwise as the server wrote it."""
    parser = etree.XMLParser(remove_blank_text=True, huge_tree=True, resolve_entities=False, no_network=True)
    root = etree.fromstring(message.encode(), parser)
    body = etree.tostring(root, pretty_print=True, encoding="unicode").rstrip("\n")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}'


class Inbox(SessionListener):  # type: ignore[misc]  # ncclient has no types
    """What the server sends, in order. ncclient's session thread fills it, the console reads it."""

    def __init__(self) -> None:
        self._messages: queue.SimpleQueue[tuple[str, Mapping[str, str], str]] = queue.SimpleQueue()
        self._hello = ""

    def callback(self, root: tuple[str, Mapping[str, str]], raw: str) -> None:
        """A message has come (on ncclient's thread)."""
        if root[0] == f"{{{BASE}}}hello":
            self._hello = raw
        else:
            self._messages.put((root[0], root[1], raw))

    def errback(self, ex: Exception) -> None:
        """The session has ended (on ncclient's thread)."""
        self._messages.put(("closed", {}, f"{type(ex).__name__}: {ex}"))

    def hello(self) -> str:
        """The server's hello."""
        return self._hello

    def reply(self, message_id: str, timeout: float) -> str:
        """The reply to `message_id`; one without an id answers what could not be read. Raises: Problem."""
        deadline = time.monotonic() + timeout
        while True:
            tag, attributes, raw = self._next(deadline, timeout)
            if tag == f"{{{BASE}}}rpc-reply" and attributes.get("message-id", message_id) == message_id:
                return raw

    def notifications(self) -> Iterator[tuple[str, str]]:
        """Notifications as they come: the name of the event and the message. Raises: UnreachableProblem at the end."""
        while True:
            tag, _, raw = self._next(None, 0)
            if tag == f"{{{NOTIFICATION}}}notification":
                yield _event_name(raw), raw

    def farewell(self) -> None:
        """Wait a little for the server's last word."""
        try:
            self.reply("2", CLOSE_SECONDS)
        except Problem:
            pass

    def _next(self, deadline: float | None, timeout: float) -> tuple[str, Mapping[str, str], str]:
        try:
            message = self._messages.get(timeout=None if deadline is None else max(deadline - time.monotonic(), 0))
        except queue.Empty:
            raise TimeoutProblem(f"no reply came within {timeout:g} s") from None
        if message[0] == "closed":
            raise UnreachableProblem("the server closed the session", message[2], "see the server's log")
        return message


def _print_notifications(inbox: Inbox) -> None:
    for name, raw in inbox.notifications():
        typer.echo(pretty(raw))
        if name == "notificationComplete":
            return


def _event_name(raw: str) -> str:
    names = [etree.QName(child).localname for child in etree.fromstring(raw.encode()) if isinstance(child.tag, str)]
    return next((name for name in names if name != "eventTime"), "")


@contextmanager
def _session(target: Target, login: Login) -> Iterator[tuple[Any, Inbox]]:
    for name in ("paramiko", "ncclient"):  # they would tell stderr of what we report ourselves
        logging.getLogger(name).addHandler(logging.NullHandler())
    inbox = Inbox()
    session = SSHSession(DefaultDeviceHandler({"name": "default"}))
    session.add_listener(inbox)
    try:
        with nullcontext() if login.key is None else private_keys.readable(login.key) as key:
            _connect(session, target, login, key)
        yield session, inbox
    finally:
        if session._transport is not None:  # else it was never connected, and close() would stumble
            session.close()


def _connect(session: Any, target: Target, login: Login, key: str | None) -> None:
    where = f"{target.host}:{target.port}"
    try:
        session.connect(
            host=target.host,
            port=target.port,
            timeout=CONNECT_SECONDS,
            username=login.user,
            password=login.password if login.key is None else None,  # else it was the key's passphrase
            key_filename=key,
            hostkey_verify=target.host_key is not None,
            hostkey_b64=target.host_key,
            allow_agent=False,
            look_for_keys=False,
        )
    except AuthenticationError as error:
        raise UnreachableProblem(
            f"{where} does not let {login.user} in", str(error), "openesc user list shows who may log in"
        ) from None
    except (TransportError, OperationError, OSError, EOFError) as error:
        hint = "is it running? endpoints.json in its data directory tells where"
        raise UnreachableProblem(f"{where} cannot be reached", str(error) or type(error).__name__, hint) from None


def _reachable(host: str) -> str:
    """An address to connect to for one that was listened on."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)


def _host_key(data_dir: Path) -> str | None:
    try:
        return (data_dir / "keys" / "ssh_host_ed25519_key.pub").read_text(encoding="ascii").split()[1]
    except (OSError, ValueError, IndexError):
        return None


def _option(name: str, value: object) -> str:
    if value is True:
        return name
    return f"{name}={value if value == '****' else shlex.quote(str(value))}"
