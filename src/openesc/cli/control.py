"""How commands talk to the running server: JSON lines over a 0600 UNIX socket in the data directory.

One request a line, ``{"command": ..., "arguments": {...}}``; one answer a line, ``{"result": ...}`` or
``{"error": {"status", "what", "why", "hint"}}``. Who can open the socket owns the data, so there is no other
authentication.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import structlog

from openesc.cli.datadir import CONTROL
from openesc.cli.problems import NotFoundProblem, Problem, TimeoutProblem, from_json, of_exception

Arguments = dict[str, Any]
Handler = Callable[[Arguments], Awaitable[Any]]
LINE_LIMIT = 4 * 1024 * 1024
"""Bytes of one request or answer."""

log = structlog.get_logger()


class NoServer(Exception):
    """Nobody listens on the control socket of this data directory."""


class ControlServer:
    """Answers commands with `handlers`, by name. A handler's exception is its answer."""

    def __init__(self, handlers: Mapping[str, Handler], path: Path) -> None:
        self._handlers = handlers
        self._path = path
        self._server: asyncio.Server | None = None
        self._peers: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen. A killed server's socket is replaced: the caller holds the directory's lock."""
        self._path.unlink(missing_ok=True)
        listener = _bind_private(self._path)
        self._server = await asyncio.start_unix_server(self._accept, sock=listener, limit=LINE_LIMIT)

    async def stop(self) -> None:
        """Stop listening and end the connections; a command under way gets no answer."""
        if self._server is not None:
            self._server.close()
        for peer in list(self._peers):
            peer.cancel()
        await asyncio.gather(*self._peers, return_exceptions=True)
        self._path.unlink(missing_ok=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = asyncio.create_task(self._serve(reader, writer), name="control-peer")
        self._peers.add(peer)
        peer.add_done_callback(self._peers.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                writer.write(json.dumps(await self._answer(line)).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError):  # gone, or a line over the limit
            pass
        finally:
            writer.close()

    async def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            request = json.loads(line)
            return {"result": await self.handle(request["command"], request.get("arguments") or {})}
        except (ValueError, KeyError, TypeError) as error:
            log.warning("control: bad request", reason=repr(error))
            return {"error": Problem("the command failed", repr(error), "see the server's log").as_json()}
        except Exception as error:  # noqa: BLE001  # whatever it is, the command's user must learn of it
            return {"error": of_exception(error).as_json()}

    async def handle(self, command: str, arguments: Arguments) -> Any:
        """Run one command. Raises: NotFoundProblem for an unknown one, and whatever its handler raises."""
        return await dispatch(self._handlers, command, arguments)


async def dispatch(handlers: Mapping[str, Handler], command: str, arguments: Arguments) -> Any:
    """Run one command's handler. Raises: NotFoundProblem when there is none of that name."""
    handler = handlers.get(command)
    if handler is None:
        raise NotFoundProblem(f"the server knows no command {command}", hint="is it of an older version?")
    return await handler(arguments)


async def call(data_dir: Path, command: str, arguments: Arguments, timeout_s: float = 120) -> Any:
    """Ask the server of `data_dir` and return its answer's result.

    Raises: NoServer when none runs; the Problem it answered with; TimeoutProblem after `timeout_s` seconds.
    """
    reader, writer = await _connect(data_dir / CONTROL)
    try:
        writer.write(json.dumps({"command": command, "arguments": arguments}).encode() + b"\n")
        answer = json.loads(await asyncio.wait_for(reader.readline(), timeout_s) or b"{}")
    except TimeoutError:
        raise TimeoutProblem(f"{command} was not answered within {timeout_s:g} s") from None
    finally:
        writer.close()
        await writer.wait_closed()
    return _result(answer, command)


def _result(answer: dict[str, Any], command: str) -> Any:
    if "error" in answer:
        raise from_json(answer["error"])
    if "result" not in answer:
        raise Problem(f"{command} was not answered", "the server closed the connection", "see its log")
    return answer["result"]


async def _connect(path: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _short(path) as address:
            connection.connect(address)
        connection.setblocking(False)
        return await asyncio.open_unix_connection(sock=connection, limit=LINE_LIMIT)
    except OSError:
        connection.close()
        raise NoServer(str(path)) from None


def _bind_private(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    old_mask = os.umask(0o177)
    try:
        with _short(path) as address:
            listener.bind(address)
    except OSError:
        listener.close()
        raise
    finally:
        os.umask(old_mask)
    listener.setblocking(False)
    return listener


@contextmanager
def _short(path: Path) -> Iterator[str]:
    """A name the kernel takes: a socket's address has room for 107 bytes only, paths may be longer."""
    if len(os.fsencode(path)) < 100:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
