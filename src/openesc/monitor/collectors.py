"""How KPIs are measured: collectors by the names documents call them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from openesc.vim.errors import VimError
from openesc.vim.port import Server, VimRegistry


@dataclass(frozen=True, slots=True)
class Target:
    """What is measured: one address of one server, with the properties of the KPI's collector."""

    vim_id: str | None
    server_id: str
    ip_address: str
    timeout: float = 2.0
    """Seconds one measurement may take."""
    properties: Mapping[str, str] = field(default_factory=dict)


class CollectorFailed(OSError):
    """The measurement itself failed: nothing is known of the target, so the poll counts neither as true
    nor as false.
    """


class Collector(Protocol):
    """Measures one kind of value."""

    async def collect(self, target: Target) -> float:
        """The value now. Raises: CollectorFailed when it cannot be known."""
        ...


class UnknownCollector(LookupError):
    """No collector of that name; the message names those there are."""


class CollectorRegistry:
    """Collectors by type name, read without regard to case (ICMPPing, ICMPPING).

    Args:
        collectors: by the names documents call them.
    """

    def __init__(self, collectors: Mapping[str, Collector] | None = None) -> None:
        self._collectors: dict[str, tuple[str, Collector]] = {}
        for name, collector in (collectors or {}).items():
            self.register(name, collector)

    def register(self, name: str, collector: Collector) -> None:
        """Add a collector, in place of one of the same name."""
        self._collectors[name.casefold()] = (name, collector)

    @property
    def names(self) -> list[str]:
        """The names there are, as they are usually written."""
        return sorted(name for name, _ in self._collectors.values())

    def get(self, name: str) -> Collector:
        """The collector of that type. Raises: UnknownCollector."""
        try:
            return self._collectors[name.casefold()][1]
        except KeyError:
            known = ", ".join(self.names) or "none"
            raise UnknownCollector(f"no collector measures {name!r}; there are: {known}") from None


class IcmpPing:
    """ICMPPing: 1 when the address answers one echo request, else 0.

    Args:
        vims: the connectors; a simulated one answers for its guests.
    """

    def __init__(self, vims: VimRegistry) -> None:
        self._vims = vims

    async def collect(self, target: Target) -> int:
        """Ping once. Raises: CollectorFailed (no right to ICMP, no such VIM, a simulated cloud that does
        not answer).
        """
        try:
            vim = self._vims.get(target.vim_id)
        except KeyError:
            raise CollectorFailed(f"there is no VIM {target.vim_id!r} to ping {target.ip_address} in") from None
        server = Server(id=target.server_id, name="", status="UNKNOWN")
        try:
            return int(await vim.alive(server, target.ip_address, target.timeout))
        except VimError as error:
            raise CollectorFailed(f"{target.ip_address} could not be pinged: {error}") from error


def standard_collectors(vims: VimRegistry) -> CollectorRegistry:
    """The collectors openesc brings."""
    return CollectorRegistry({"ICMPPing": IcmpPing(vims)})
