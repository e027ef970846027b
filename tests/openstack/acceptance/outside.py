"""The cloud as its administrator sees it from outside, with openstacksdk: what openesc made, and what it left."""

from __future__ import annotations

import json
import re
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tests.integration.main_job.house import until
from tests.openstack.lab import addresses
from tests.openstack.lab.access import connect
from tests.openstack.lab.lab import Lab
from tests.openstack.lab.settings import ADDRESS, Settings

SECONDS = 120.0
"""How long the cloud may take to come to rest."""


class Outside:
    """The lab's cloud and the lab itself.

    Args:
        settings: of the lab.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.cloud: Any = connect(settings)  # the SDK types what its two API versions have in common
        self.lab = Lab(settings)

    def close(self) -> None:
        self.cloud.close()

    def server(self, name: str) -> Any:
        """The one server of this name, in any project."""
        found = [one for one in self.cloud.compute.servers(all_projects=True) if one.name == name]
        assert len(found) == 1, f"{len(found)} servers are named {name}"
        return found[0]

    def settled(self, name: str, **wanted: str | None) -> Any:
        """The server once these of its attributes are so, and nothing is under way."""

        def look() -> Any:
            server = self.server(name)
            right = all(getattr(server, key) == value for key, value in wanted.items())
            return server if right and server.task_state is None else None

        return until(look, f"server {name} with {wanted}", SECONDS)

    def host(self, name: str) -> str:
        """The compute host the server is on."""
        return str(self.server(name).compute_host)

    def elsewhere(self, name: str) -> str:
        """The host it is not on."""
        (other,) = set(self.settings.host_names) - {self.host(name)}
        return other

    def flavor(self, name: str) -> str:
        """The name of the server's flavor."""
        return str(self.server(name).flavor["original_name"])

    def addresses(self, name: str) -> list[str]:
        """The addresses of the server."""
        return [one["addr"] for many in self.server(name).addresses.values() for one in many]

    def drive(self, name: str) -> Mapping[str, str]:
        """The files of the server's config drive, by path."""
        server = self.server(name)
        folder = self.settings.under("nova", server.compute_host, server.id, "config-drive")
        files = (file for file in folder.rglob("*") if file.is_file())
        return {str(file.relative_to(folder)): file.read_text() for file in files}

    def described(self, name: str) -> Any:
        """The metadata on the server's config drive."""
        return json.loads(self.drive(name)["openstack/latest/meta_data.json"])

    def ports(self, start: str) -> list[Any]:
        """The ports whose names begin so."""
        return [port for port in self.cloud.network.ports() if port.name.startswith(start)]

    def silence(self, name: str) -> None:
        """The server's guest answers no ping until it is started anew."""
        for address in self.addresses(name):
            addresses.silence(address)

    def answers(self, address: str) -> bool:
        """Whether a guest with this address runs."""
        shown = subprocess.run(("ip", "address", "show", "dev", "lo"), capture_output=True, text=True, check=True)
        return f" {address}/" in shown.stdout

    @contextmanager
    def short_tokens(self, seconds: int) -> Iterator[None]:
        """Tokens that Keystone issues meanwhile last so long."""
        file = self.settings.etc / "keystone" / "keystone.conf"
        usual = file.read_text()
        file.write_text(re.sub(r"(?m)^expiration = .*$", f"expiration = {seconds}", usual))
        self._restart("keystone")
        try:
            yield
        finally:
            file.write_text(usual)
            self._restart("keystone")

    def _restart(self, service: str) -> None:
        self.lab.stop(service)
        self.lab.start(service)

    def named(self, start: str) -> dict[str, list[str]]:
        """Names of everything whose name begins so, by kind; kinds of which there is nothing are left out."""
        cloud = self.cloud
        found = {
            # a deleted one is listed for a moment more
            "servers": [one for one in cloud.compute.servers(all_projects=True) if one.status != "DELETED"],
            "ports": cloud.network.ports(),
            "networks": cloud.network.networks(),
            "volumes": cloud.block_storage.volumes(all_projects=True),
            "volume snapshots": cloud.block_storage.snapshots(all_projects=True),
            "images": cloud.image.images(),
            "server groups": cloud.compute.server_groups(all_projects=True),
        }
        names = {kind: sorted(one.name for one in many if one.name.startswith(start)) for kind, many in found.items()}
        return {kind: many for kind, many in names.items() if many}

    def is_empty(self, start: str) -> bool:
        """Nothing of that name is left; what is being deleted may take its time."""
        return bool(until(lambda: not self.named(start), f"nothing named {start}* in the cloud", SECONDS))

    def metadata(self, name: str) -> Mapping[str, str]:
        """The server's metadata."""
        found: Mapping[str, str] = self.server(name).metadata
        return found

    def forget_tokens(self) -> None:
        """Services remember for minutes which tokens were good; now they ask Keystone again."""
        with socket.create_connection((ADDRESS, self.settings.port("memcached"))) as memcached:
            memcached.sendall(b"flush_all\r\n")
            assert memcached.recv(16) == b"OK\r\n"

    def sweep(self, start: str) -> None:
        """Take away what a failed test may have left."""
        cloud = self.cloud
        for server in cloud.compute.servers(all_projects=True):
            if server.name.startswith(start):
                cloud.compute.delete_server(server)
        for image in cloud.image.images():
            if image.name.startswith(start):
                cloud.image.delete_image(image)
