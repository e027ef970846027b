"""The bare script (`benchmarks.bare`) as a process of its own, spoken to a line at a time."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from benchmarks import bare


class Script:
    """The script, which is logged in and waits for words."""

    agent = bare.AGENT
    who = "bare script"

    def __init__(self, process: Process) -> None:
        self._process = process

    async def make(self, name: str, count: int) -> tuple[float, float]:
        """Servers that are ACTIVE: seconds, and CPU seconds of the script."""
        return await self._ask(f"make {name} {count}")

    async def remove(self, name: str) -> tuple[float, float]:
        """They are gone: seconds, and CPU seconds of the script."""
        return await self._ask(f"remove {name}")

    async def _ask(self, line: str) -> tuple[float, float]:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n".encode())
        facts = await self.heard()
        return facts["seconds"], facts["cpu"]

    async def heard(self) -> dict[str, Any]:
        """Its next line. Raises: RuntimeError when it has ended; it says why on standard error, which is ours."""
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            raise RuntimeError("the bare script ended early")
        facts: dict[str, Any] = json.loads(line)
        return facts


@asynccontextmanager
async def script(environment: Mapping[str, str], flavor: str, image: str, network: str) -> AsyncIterator[Script]:
    """The script, ready; it ends with the block."""
    words = (sys.executable, "-m", bare.__name__, flavor, image, network)
    process = await asyncio.create_subprocess_exec(*words, stdin=PIPE, stdout=PIPE, env={**os.environ, **environment})
    try:
        made = Script(process)
        await made.heard()
        yield made
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
