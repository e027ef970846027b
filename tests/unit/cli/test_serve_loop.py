"""The life of the server around its services: publication, failure of an essential task, bounded stop."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from openesc.cli import control
from openesc.cli.control import Handler
from openesc.cli.runtime import close_within
from openesc.cli.serve import serve
from openesc.cli.supervisor import Supervisor
from openesc.config import Settings


@dataclass
class Nothing:
    """Services that serve nothing; `clouds` keeps what they were opened with."""

    supervisor: Supervisor
    netconf: tuple[str, int] = ("127.0.0.1", 1)
    rest: tuple[str, int] | None = ("127.0.0.1", 2)
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    async def close(self) -> None:
        self.closed.set()


class Opener:
    """Stands for the wiring: services that do nothing, and one essential task that dies when told."""

    def __init__(self) -> None:
        self.opened: asyncio.Future[Nothing] = asyncio.get_running_loop().create_future()
        self.die = asyncio.Event()

    async def __call__(
        self, settings: Settings, supervisor: Supervisor, *, cloud: Mapping[str, Any] | None, serving: bool = True
    ) -> Nothing:
        assert cloud is None  # a real cloud needs no simulator
        supervisor.spawn("watcher", self._watch())
        self.opened.set_result(Nothing(supervisor))
        return self.opened.result()

    async def _watch(self) -> None:
        await self.die.wait()
        raise RuntimeError("lost")


def handlers(services: Nothing) -> Mapping[str, Handler]:
    async def stop(_arguments: dict[str, Any]) -> None:
        services.supervisor.stop()

    return {"stop": stop}


def settings(data_dir: Path) -> Settings:
    return Settings.load(None, {}, {"store.data_dir": data_dir, "vim.kind": "openstack"})


async def published(data_dir: Path) -> dict[str, Any]:
    while not (data_dir / "endpoints.json").exists():  # noqa: ASYNC110  # a file's coming is no event
        await asyncio.sleep(0.01)
    content: dict[str, Any] = json.loads((data_dir / "endpoints.json").read_text())
    return content


async def test_it_publishes_answers_and_stops_when_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    opener = Opener()
    running = asyncio.create_task(serve(settings(tmp_path), opener, handlers))
    endpoints = await asyncio.wait_for(published(tmp_path), 10)
    assert endpoints["rest"] == {"host": "127.0.0.1", "port": 2}
    assert endpoints["cloudsim"] is None
    await control.call(tmp_path, "stop", {})
    assert await asyncio.wait_for(running, 10) == 0
    assert opener.opened.result().closed.is_set()
    assert not (tmp_path / "endpoints.json").exists()
    assert "REST    http://127.0.0.1:2" in capsys.readouterr().err


async def test_an_essential_task_that_dies_ends_it_with_1(tmp_path: Path) -> None:
    opener = Opener()
    running = asyncio.create_task(serve(settings(tmp_path), opener, handlers))
    await asyncio.wait_for(published(tmp_path), 10)
    opener.die.set()
    assert await asyncio.wait_for(running, 10) == 1
    services = opener.opened.result()
    assert services.supervisor.failure == "watcher ended: RuntimeError: lost"
    assert services.closed.is_set()
    assert not (tmp_path / "endpoints.json").exists()


async def test_a_stop_that_hangs_is_left_to_the_next_start() -> None:
    class Stuck(Nothing):
        async def close(self) -> None:
            await asyncio.Event().wait()

    await asyncio.wait_for(close_within(Stuck(Supervisor()), 0.05), 5)
