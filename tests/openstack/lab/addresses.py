"""The network whose addresses answer pings while their guest runs: all of it ends on this machine.

The hypervisor puts a running guest's address on the loopback interface. What is sent to an address without a guest
is led there too, and dropped without a word, as in any network.
"""

from __future__ import annotations

import ipaddress
import json
import subprocess

from tests.openstack.lab.settings import Settings


def claim(settings: Settings) -> bool:
    """Lead the network to this machine; False where that is not allowed: then no guest answers."""
    return _ip("route", "replace", settings.guests, "dev", "lo").returncode == 0


def release(settings: Settings) -> None:
    """Take the network, and the guests that answered, from this machine."""
    network = ipaddress.ip_network(settings.guests)
    for one in _on_loopback():
        if ipaddress.ip_address(one) in network:
            silence(one)
    _ip("route", "del", settings.guests, "dev", "lo")


def silence(address: str) -> None:
    """From now on the guest with this address does not answer, until it is started or rebooted."""
    _ip("address", "del", f"{address}/{ipaddress.ip_address(address).max_prefixlen}", "dev", "lo")


def _on_loopback() -> list[str]:
    listed = json.loads(_ip("-json", "address", "show", "dev", "lo").stdout or b"[]")
    return [one["local"] for info in listed for one in info.get("addr_info", ())]


def _ip(*words: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(("ip", *words), capture_output=True, check=False)
