"""Which addresses are given out: no address of a subnet is ever given twice, and finding a free one costs no search."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from openesc.cloudsim.core.records import Port, Subnet


class AddressBook:
    """Addresses in use per subnet, kept in memory from the ports' records."""

    def __init__(self, ports: Iterable[Port]) -> None:
        self._used: dict[str, dict[str, str]] = {}
        self._cursor: dict[str, int] = {}
        for port in ports:
            self.take_all(port)

    def take_all(self, port: Port) -> None:
        """All addresses of a port are in use."""
        for fixed in port.fixed_ips:
            self._used.setdefault(fixed["subnet_id"], {})[fixed["ip_address"]] = port.id

    def release_all(self, port: Port) -> None:
        """All addresses of a port are free again."""
        for fixed in port.fixed_ips:
            self._used.get(fixed["subnet_id"], {}).pop(fixed["ip_address"], None)

    def owner(self, subnet_id: str, address: str) -> str | None:
        """The port that has an address."""
        return self._used.get(subnet_id, {}).get(address)

    def used(self, subnet_id: str) -> int:
        """How many addresses of a subnet are in use."""
        return len(self._used.get(subnet_id, {}))

    def next_free(self, subnet: Subnet) -> str | None:
        """A free address of the subnet's pools, or None; freed ones come round again last."""
        pools = [(_number(p["start"]), _number(p["end"])) for p in subnet.pools]
        last = self._cursor.get(subnet.id, -1)
        used = self._used.get(subnet.id, {})
        for low, high in _from(pools, last):
            for number in range(low, high + 1):
                address = str(_address(number, subnet.ip_version))
                if address not in used:
                    self._cursor[subnet.id] = number
                    return address
        return None


def _from(pools: list[tuple[int, int]], last: int) -> list[tuple[int, int]]:
    after = [(max(low, last + 1), high) for low, high in pools if high > last]
    before = [(low, min(high, last)) for low, high in pools if low <= last]
    return [*after, *before]


def _number(address: str) -> int:
    return int(ipaddress.ip_address(address))


def _address(number: int, version: int) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    return ipaddress.IPv4Address(number) if version == 4 else ipaddress.IPv6Address(number)
