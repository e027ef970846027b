"""The lab's cloud through openstacksdk, as anybody sees it from outside."""

from __future__ import annotations

from typing import Any

from openstack.config import OpenStackConfig
from openstack.connection import Connection
from tests.openstack.lab.settings import REGION, Settings


def connect(settings: Settings, login: str = "admin") -> Connection:
    """A connection as one of the lab's users. Asks nothing of the cloud."""
    config = OpenStackConfig(load_yaml_config=False, load_envvars=False)
    region: Any = config.get_one(auth=settings.auth(login), region_name=REGION, interface="public")
    return Connection(config=region)
