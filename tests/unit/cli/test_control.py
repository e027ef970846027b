"""The control socket: private, answers by name, hands failures on in words."""

from __future__ import annotations

import asyncio
import json
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from openesc.cli import control
from openesc.cli.control import ControlServer, NoServer
from openesc.cli.problems import ConflictProblem, NotFoundProblem, Problem, TimeoutProblem
from openesc.errors import NotFound, OperationRefused


async def echo(arguments: dict[str, Any]) -> Any:
    return arguments


async def missing(_arguments: dict[str, Any]) -> Any:
    raise NotFound("there is no operation 7")


async def refused(_arguments: dict[str, Any]) -> Any:
    raise OperationRefused("it has ended")


async def slow(_arguments: dict[str, Any]) -> Any:
    await asyncio.Event().wait()


async def broken(_arguments: dict[str, Any]) -> Any:
    raise RuntimeError("a wheel came off")


HANDLERS = {"echo": echo, "missing": missing, "refused": refused, "slow": slow, "broken": broken}


@pytest.fixture
async def data_dir(tmp_path: Path) -> AsyncIterator[Path]:
    server = ControlServer(HANDLERS, tmp_path / "control.sock")
    await server.start()
    yield tmp_path
    await server.stop()


async def test_a_command_gets_its_arguments_and_its_result_comes_back(data_dir: Path) -> None:
    arguments = {"text": "é\n\u2028", "list": [1, None, {"a": True}]}
    assert await control.call(data_dir, "echo", arguments) == arguments


async def test_the_socket_is_private(data_dir: Path) -> None:
    assert stat.S_IMODE((data_dir / "control.sock").stat().st_mode) == 0o600


async def test_errors_keep_their_kind(data_dir: Path) -> None:
    with pytest.raises(NotFoundProblem, match="there is no operation 7"):
        await control.call(data_dir, "missing", {})
    with pytest.raises(ConflictProblem, match="it has ended"):
        await control.call(data_dir, "refused", {})
    with pytest.raises(Problem, match="a wheel came off"):
        await control.call(data_dir, "broken", {})
    with pytest.raises(NotFoundProblem, match="knows no command dance"):
        await control.call(data_dir, "dance", {})


async def test_a_slow_answer_is_waited_for_a_bounded_time_and_delays_nobody(data_dir: Path) -> None:
    waiting = asyncio.create_task(control.call(data_dir, "slow", {}, timeout_s=0.2))
    assert await control.call(data_dir, "echo", {}) == {}
    with pytest.raises(TimeoutProblem, match="slow was not answered within"):
        await waiting


@pytest.mark.parametrize(
    "line", [b"not json\n", b"[]\n", b'{"arguments": {}}\n', b'{"command": "echo", "arguments": 3}\n']
)
async def test_a_malformed_request_is_answered_and_harms_nobody(data_dir: Path, line: bytes) -> None:
    reader, writer = await asyncio.open_unix_connection(data_dir / "control.sock")
    writer.write(line)
    answer = json.loads(await reader.readline())
    assert ("error" in answer) != (answer == {"result": 3})
    writer.write(b'{"command": "echo", "arguments": {"still": "there"}}\n')
    assert json.loads(await reader.readline()) == {"result": {"still": "there"}}
    writer.close()
    await writer.wait_closed()


async def test_without_a_server_the_caller_is_told(tmp_path: Path) -> None:
    with pytest.raises(NoServer):
        await control.call(tmp_path, "echo", {})
    (tmp_path / "control.sock").touch()  # not even a socket
    with pytest.raises(NoServer):
        await control.call(tmp_path, "echo", {})


async def test_a_killed_servers_socket_is_replaced_and_a_stopped_ones_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    path.touch()
    server = ControlServer(HANDLERS, path)
    await server.start()
    assert await control.call(tmp_path, "echo", {"a": 1}) == {"a": 1}
    await server.stop()
    assert not path.exists()


async def test_the_path_may_be_longer_than_a_sockets_address(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 90) / ("e" * 90)
    deep.mkdir(parents=True)
    server = ControlServer(HANDLERS, deep / "control.sock")
    await server.start()
    assert await control.call(deep, "echo", {"a": 1}) == {"a": 1}
    await server.stop()
