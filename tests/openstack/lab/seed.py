"""What a new lab has to deploy with: the names the simulated cloud has too, so that one test knows both."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from openstack.connection import Connection
from tests.openstack.lab.settings import Settings

IMAGE = "SolTest-Cirros-Image"
FLAVORS = (("SolTest-Cirros-Flavor", 1, 512, 1), ("SolTest-Cirros-Flavor-v2", 2, 1024, 1))
NETWORK = "SolTest-Network"
VOLUME_TYPES: dict[str, dict[str, str]] = {"LVM": {}, "multiattach": {"multiattach": "<is> True"}}
"""Name: extra specs."""


def seed(cloud: Connection, settings: Settings) -> None:
    """Make what is missing. Raises: what openstacksdk raises."""
    for name, vcpus, ram, disk in FLAVORS:
        if cloud.compute.find_flavor(name) is None:
            cloud.compute.create_flavor(name=name, vcpus=vcpus, ram=ram, disk=disk)
    if cloud.image.find_image(IMAGE) is None:
        _image(cloud, settings.under("glance", "seed.qcow2"))
    if cloud.network.find_network(NETWORK) is None:
        _network(cloud)
    for name, specs in VOLUME_TYPES.items():
        if cloud.block_storage.find_type(name) is None:
            cloud.block_storage.create_type(name=name, extra_specs={"volume_backend_name": "lab", **specs})


def _image(cloud: Connection, file: Path) -> None:
    subprocess.run(("qemu-img", "create", "-q", "-f", "qcow2", str(file), "1M"), check=True)
    images: Any = cloud.image
    images.create_image(
        IMAGE, filename=str(file), disk_format="qcow2", container_format="bare", visibility="public", wait=True
    )


def _network(cloud: Connection) -> None:
    network = cloud.network.create_network(name=NETWORK, is_shared=True)
    # guests with an address of this range answer pings: see Settings.guests
    cloud.network.create_subnet(
        name="SolTest-Subnet", network_id=network.id, ip_version=4, cidr="198.18.0.0/16", gateway_ip="198.18.0.1"
    )
