"""A simulated cloud for the adapter's tests, with connectors to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests import cloudsim_process
from tests.cloudsim_process import CloudsimProcess

from openesc.vim.settings import VimSettings

QUICK = {"latency_factor": 0.05, "boot_seconds": 0.05}
"""A cloud whose transitions take hundredths of seconds."""


class Simulator:
    """A cloudsim process on a folder of its own, which can be killed and started again.

    Args:
        folder: where it keeps its state.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.process: CloudsimProcess

    def start(self) -> None:
        """Start it, or start it again; back when it answers."""
        self.process = cloudsim_process.start(self._folder, **QUICK)

    def settings(self, vim_id: str = "sim", **changes: Any) -> VimSettings:
        """What a connector to it needs."""
        words = {key: value for key, value in self.process.auth.items() if key.endswith(("url", "name", "word"))}
        defaults: dict[str, Any] = {"auth": words, "http_timeout": 10.0, "poll_interval": 0.5}
        return VimSettings(vim_id, **(defaults | {"probe_url": f"{self.process.url}/sim/ping"} | changes))

    def fault(self, action: dict[str, Any], match: dict[str, Any] | None = None, **more: Any) -> str:
        """Add a fault rule; its id."""
        return self.process.fault(match or {}, action, **more)

    def remove_fault(self, rule: str) -> None:
        """Remove one fault rule."""
        self.process.sim("DELETE", f"/sim/faults/{rule}")

    def last_request(self) -> int:
        """The number of the newest request."""
        return int(self.process.sim("GET", "/sim/requests")["last"])

    def requests_since(self, number: int, operation: str) -> list[dict[str, Any]]:
        """The requests of one kind after that number."""
        return self.process.requests(operation, number)

    def guest(self, server_id: str) -> dict[str, Any]:
        """What the guest finds: user data, config drive, files."""
        found: dict[str, Any] = self.process.sim("GET", f"/sim/servers/{server_id}/guest")
        return found


@contextmanager
def running(folder: Path) -> Iterator[Simulator]:
    """A simulated cloud for as long as the block lasts."""
    simulator = Simulator(folder)
    simulator.start()
    try:
        yield simulator
    finally:
        simulator.process.stop()
