"""Where callbacks may go: checked and resolved once, when the receiver is named; the address is pinned from then on."""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import SplitResult, urlsplit

from openesc.errors import InvalidRequest

LOOPBACK = ("127.0.0.0/8", "::1/128")
MAX_URL = 2048
"""Characters of an address."""
RESOLVE_SECONDS = 5.0
_PORTS = {"http": 80, "https": 443}
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Target:
    """A receiver: its `url`, and the addresses its host had when it was named, in the order they are tried."""

    url: str
    addresses: tuple[str, ...]

    @property
    def origin(self) -> str:
        """Scheme, host and port: what shares a receiver's slots."""
        parts = urlsplit(self.url)
        host = f"[{parts.hostname}]" if ":" in str(parts.hostname) else parts.hostname
        return f"{parts.scheme}://{host}:{parts.port or _PORTS[parts.scheme]}"

    def to_fields(self) -> dict[str, Any]:
        """The stored form."""
        return {"url": self.url, "addresses": list(self.addresses)}

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> Self:
        """The inverse of `to_fields`."""
        return cls(fields["url"], tuple(fields["addresses"]))


async def check_url(url: str, networks: Sequence[str] = LOOPBACK, *, header: str = "Callback") -> Target:
    """Check the address of a receiver and pin it.

    Args:
        url: the value of a request's `header`; http or https, without user information.
        networks: CIDR blocks its addresses must lie in (setting ``callbacks.allowed_networks``).
        header: its name, for the message.
    Raises: InvalidRequest naming the header and what is wrong with it.
    """
    parts = _parts(url, header)
    allowed = [ipaddress.ip_network(network) for network in networks]
    found = await _resolve(parts, header)
    addresses = [address for address in found if any(address in network for network in allowed)]
    if not addresses:
        raise InvalidRequest(
            f"{header}: {parts.hostname} is {', '.join(map(str, found))}, outside the networks that callbacks may go "
            f"to ({', '.join(networks)}); callbacks.allowed_networks names them"
        )
    return Target(url, tuple(map(str, addresses)))


def _parts(url: str, header: str) -> SplitResult:
    if len(url) > MAX_URL or not re.fullmatch(r"[!-~]+", url):
        raise InvalidRequest(f"{header}: an address of at most {MAX_URL} printable ASCII characters without blanks")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InvalidRequest(f"{header}: {url} is not an address: {error}") from None
    if parts.scheme not in _PORTS or not parts.hostname or port == 0:
        raise InvalidRequest(f"{header}: {url} is not an address of the form http://HOST[:PORT]/PATH or https://...")
    if "@" in parts.netloc:
        raise InvalidRequest(f"{header}: user information in an address is not taken")
    return parts


async def _resolve(parts: SplitResult, header: str) -> list[_Address]:
    """Every address of the host, in the resolver's order."""
    loop = asyncio.get_running_loop()
    port = parts.port or _PORTS[parts.scheme]
    try:
        async with asyncio.timeout(RESOLVE_SECONDS):
            found = await loop.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, TimeoutError) as error:
        reason = str(error) or "no answer in time"
        raise InvalidRequest(f"{header}: {parts.hostname} cannot be resolved: {reason}") from None
    return list(dict.fromkeys(_plain(str(info[4][0])) for info in found))


def _plain(text: str) -> _Address:
    """An IPv4 address also where it comes in IPv6's clothes."""
    address = ipaddress.ip_address(text)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
