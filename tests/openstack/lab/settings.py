"""Where the lab lives and what it is called; every setting has an environment variable ``OPENSTACK_LAB_NAME``."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ADDRESS = "127.0.0.1"
"""What every service listens on."""

REGION = "RegionOne"

WELL_KNOWN = {
    "mariadb": 3306,
    "epmd": 4369,
    "keystone": 5000,
    "rabbitmq": 5672,
    "nova": 8774,
    "cinder": 8776,
    "placement": 8778,
    "glance": 9292,
    "neutron": 9696,
    "memcached": 11211,
    "rabbitmq-nodes": 25672,
}
"""The ports OpenStack uses anywhere; the lab adds its offset."""


@dataclass(frozen=True, slots=True)
class Login:
    """A user of the lab, as `clouds.yaml` has it under ``lab-NAME``, with its roles in its project."""

    name: str
    user: str
    project: str
    roles: tuple[str, ...]


LOGINS = (
    Login("admin", "admin", "admin", ("admin",)),
    Login("member", "vim", "vim", ("member",)),
    Login("manager", "vim-manager", "vim", ("manager", "member")),
    Login("other", "other", "other", ("member",)),
)


def _default_folder() -> str:
    return str(Path(tempfile.gettempdir()) / "openesc-openstack-lab")


@dataclass(frozen=True, slots=True)
class Settings:
    """What can be chosen.

    Args:
        folder: holds everything: virtual environment, databases, logs, pids, clouds.yaml.
        port_offset: is added to each service's well-known port.
        hosts: names of compute hosts, with blanks between; one nova-compute each.
        report_interval: seconds between two signs of life of a service (Nova's own default is 10).
        service_down_time: seconds after which a silent service counts as down (Nova's own default is 60).
        rpc_poll: seconds oslo.messaging sleeps between two looks for an answer (as released: 0.5, for each call).
        shared_storage: 1 when hosts share their disks, which decides what block migration may do.
        guests: the addresses that answer pings while their guest runs, as they are put on the loopback interface.
        password: of every user.
    """

    folder: str = ""
    port_offset: int = 10000
    hosts: str = "Host-22 Host-24"
    report_interval: int = 5
    service_down_time: int = 20
    rpc_poll: float = 0.02
    shared_storage: int = 1
    guests: str = "198.18.0.0/15"
    password: str = "lab-secret"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """The settings with what ``OPENSTACK_LAB_*`` says. Raises: ValueError."""
        given: dict[str, Any] = {"folder": _default_folder()}
        for one in fields(cls):
            text = environment.get(f"OPENSTACK_LAB_{one.name.upper()}")
            if text is not None:
                kind: Any = type(one.default)
                given[one.name] = kind(text)
        return cls(**given)

    def under(self, *parts: str) -> Path:
        """A path in the lab's folder."""
        return Path(self.folder, *parts)

    @property
    def venv(self) -> Path:
        """The virtual environment of the services."""
        return self.under("venv")

    @property
    def etc(self) -> Path:
        """Configuration files."""
        return self.under("etc")

    @property
    def host_names(self) -> list[str]:
        """The compute hosts."""
        return self.hosts.split()

    def program(self, name: str) -> str:
        """The path of a program in the virtual environment."""
        return str(self.venv / "bin" / name)

    def port(self, service: str) -> int:
        """Where a service listens."""
        return WELL_KNOWN[service] + self.port_offset

    def url(self, service: str, path: str = "") -> str:
        """The root of an API, or a path below it."""
        return f"http://{ADDRESS}:{self.port(service)}{path}"

    def database(self, name: str) -> str:
        """The SQLAlchemy URL of a database."""
        return f"mysql+pymysql://lab:{self.password}@{ADDRESS}:{self.port('mariadb')}/{name}?charset=utf8mb4"

    def auth(self, login: str = "admin") -> dict[str, str]:
        """What a user logs in with, in the words of openstacksdk's ``auth``."""
        user = next(one for one in LOGINS if one.name == login)
        return {
            "auth_url": self.url("keystone", "/v3"),
            "username": user.user,
            "password": self.password,
            "project_name": user.project,
            "user_domain_name": "Default",
            "project_domain_name": "Default",
        }
