"""ICMP echo through raw sockets that all pings of the process share."""

from __future__ import annotations

import ipaddress

import structlog
from gufo.ping import Ping
from gufo.ping.socket import SelectionPolicy

from openesc.vim.errors import VimBadRequest, VimForbidden

log = structlog.get_logger(__name__)

NEEDS = (
    "ICMP needs the capability CAP_NET_RAW (setcap cap_net_raw+ep on the interpreter, "
    "or AmbientCapabilities of the unit) or the process's group in net.ipv4.ping_group_range"
)


class Pinger:
    """Sends echo requests; one socket per address family and time-out, made when first needed."""

    def __init__(self) -> None:
        self._pings: dict[float, Ping] = {}
        self._told = False

    async def alive(self, address: str, timeout: float) -> bool:
        """Whether `address` answers one echo request within `timeout` seconds.

        Raises: VimBadRequest (no address), VimForbidden (no right to ICMP; said in the log once).
        """
        try:
            plain = str(ipaddress.ip_address(address))
        except ValueError:
            raise VimBadRequest(f"{address!r} is no IP address to ping") from None
        try:
            return await self._ping(timeout).ping(plain) is not None
        except PermissionError as error:
            self._tell()
            raise VimForbidden(f"{error.strerror}: {NEEDS}") from error
        except OSError:  # no route and the like: nobody answers there
            return False

    def _tell(self) -> None:
        if not self._told:
            self._told = True
            log.error("icmp_not_permitted", needs=NEEDS)

    def _ping(self, timeout: float) -> Ping:
        if timeout not in self._pings:
            self._pings[timeout] = Ping(policy=SelectionPolicy.RAW_DGRAM, timeout=timeout)
        return self._pings[timeout]
