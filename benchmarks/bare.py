"""What openesc is measured against on a real cloud: a script on openstacksdk that makes as many servers at once, a
thread each, and waits for each as the SDK waits.

`python -m benchmarks.bare FLAVOR IMAGE NETWORK`: one line of JSON for each line on standard input, ``make NAME COUNT``
or ``remove``.
"""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from openstack.config import OpenStackConfig
from openstack.connection import Connection

AGENT = "bare-script"
PATIENCE_SECONDS = 900
"""How long a server may take."""


class Script:
    """Logged in, and every service discovered, as a server that has been running is.

    Args:
        flavor, image, network: the names that each server is made from.
    """

    def __init__(self, flavor: str, image: str, network: str) -> None:
        config = OpenStackConfig(app_name=AGENT)
        config._influxdb_config = {}  # the SDK takes a table of Nones for an InfluxDB to report to, and warns of it
        self._cloud: Any = Connection(config=config.get_one())
        self._names = (flavor, image, network)
        self._made: list[tuple[Any, Any]] = []
        self._look_up()

    def make(self, name: str, count: int) -> None:
        """`count` servers that are ACTIVE, each with a port of its own."""
        facts = self._look_up()
        names = [f"{name}-{number}" for number in range(count)]
        with ThreadPoolExecutor(count) as pool:
            self._made = list(pool.map(lambda one: self._one(one, *facts), names))

    def remove(self) -> None:
        """The servers are gone, and their ports."""
        with ThreadPoolExecutor(len(self._made)) as pool:
            list(pool.map(lambda one: self._remove(*one), self._made))
        self._made = []

    def _look_up(self) -> list[str]:
        flavor, image, network = self._names
        found = (
            self._cloud.compute.find_flavor(flavor, ignore_missing=False),
            self._cloud.image.find_image(image, ignore_missing=False),
            self._cloud.network.find_network(network, ignore_missing=False),
        )
        return [one.id for one in found]

    def _one(self, name: str, flavor: str, image: str, network: str) -> tuple[Any, Any]:
        port = self._cloud.network.create_port(name=name, network_id=network)
        server = self._cloud.compute.create_server(
            name=name, flavor_id=flavor, image_id=image, networks=[{"port": port.id}]
        )
        return self._cloud.compute.wait_for_server(server, wait=PATIENCE_SECONDS), port

    def _remove(self, server: Any, port: Any) -> None:
        self._cloud.compute.delete_server(server)
        self._cloud.compute.wait_for_delete(server, wait=PATIENCE_SECONDS)
        self._cloud.network.delete_port(port)


def main() -> None:
    """Serve until the end of standard input."""
    script = Script(*sys.argv[1:4])
    _say(ready=True)
    for line in sys.stdin:
        verb, *words = line.split()
        began, used = time.perf_counter(), time.process_time()
        if verb == "make":
            script.make(words[0], int(words[1]))
        else:
            script.remove()
        _say(seconds=time.perf_counter() - began, cpu=time.process_time() - used)


def _say(**facts: object) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
