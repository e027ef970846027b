"""Everything the simulated cloud holds: one object that every operation works on."""

from __future__ import annotations

import time
import uuid
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from openesc.cloudsim.core import records as r
from openesc.cloudsim.core.addresses import AddressBook
from openesc.cloudsim.core.hostload import HostLoad
from openesc.cloudsim.core.jobs import Jobs
from openesc.cloudsim.core.settings import Settings
from openesc.cloudsim.core.store import Store, Table


def new_uuid() -> str:
    """An id with dashes."""
    return str(uuid.uuid4())


def new_hex() -> str:
    """An id as Keystone writes it."""
    return uuid.uuid4().hex


def iso(moment: float | None, micros: bool = False) -> str | None:
    """ISO 8601 in UTC; Nova's and Neutron's form ends in Z, Cinder's has microseconds and no zone."""
    if moment is None:
        return None
    stamp = datetime.fromtimestamp(moment, UTC)
    return stamp.strftime("%Y-%m-%dT%H:%M:%S.%f") if micros else stamp.strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_time(text: str) -> float:
    """Seconds since the epoch of an ISO 8601 time (UTC if it names no zone). Raises `ValueError`."""
    stamp = datetime.fromisoformat(text.replace("Z", "+00:00").replace(" ", "+"))
    return (stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC)).timestamp()


class Cloud:
    """Tables, jobs, settings and the durable file, which is opened or made in `data_dir`."""

    def __init__(self, data_dir: Path, settings: Settings | None = None) -> None:
        self.data_dir = data_dir
        self.image_dir = data_dir / "images"
        self.image_dir.mkdir(parents=True, exist_ok=True)
        self.settings = settings or Settings()
        self.store = Store(data_dir / "cloudsim.sqlite3")
        self._initial = asdict(self.settings)
        self.operations: frozenset[str] = frozenset()
        self._open_identity()
        self._open_compute()
        self._open_network()
        self._open_storage()
        self._open_sim()
        self.derive()

    def derive(self) -> None:
        """Build what follows from the tables: addresses in use, the load of hosts, the queue of steps."""
        self.addresses = AddressBook(self.ports)
        self.load = HostLoad(self.servers)
        self.jobs = Jobs(self)

    def _open_identity(self) -> None:
        s = self.store
        self.projects = Table(s, "project", r.Project, name=lambda p: p.name)
        self.users = Table(s, "user", r.User, name=lambda u: u.name)
        self.roles = Table(s, "role", r.Role, name=lambda x: x.name)
        self.assignments = Table(
            s, "assignment", r.Assignment,
            user=lambda a: a.user_id, target=lambda a: a.target_id, pair=lambda a: (a.user_id, a.target_id),
        )  # fmt: skip
        self.tokens = Table(s, "token", r.Token)
        self.app_credentials = Table(s, "app_credential", r.AppCredential, user=lambda a: a.user_id)

    def _open_compute(self) -> None:
        s = self.store
        self.flavors = Table(s, "flavor", r.Flavor, name=lambda f: f.name)
        self.hosts = Table(s, "host", r.Host)
        self.servers = Table(
            s, "server", r.Server,
            name=lambda v: v.name, host=lambda v: v.host, project=lambda v: v.project_id,
        )  # fmt: skip
        self.tombstones = Table(s, "tombstone", r.Server)
        self.actions = Table(s, "action", r.Action, server=lambda a: a.server_id)
        self.migrations = Table(s, "migration", r.Migration, server=lambda m: m.server_id)
        self.keypairs = Table(s, "keypair", r.Keypair, user=lambda k: k.user_id)
        self.server_groups = Table(s, "server_group", r.ServerGroup, project=lambda g: g.project_id)
        self.quotas = Table(s, "quota", r.Quota)

    def _open_network(self) -> None:
        s = self.store
        self.networks = Table(s, "network", r.Network, name=lambda n: n.name, project=lambda n: n.project_id)
        self.subnets = Table(
            s, "subnet", r.Subnet,
            network=lambda n: n.network_id, name=lambda n: n.name, project=lambda n: n.project_id,
        )  # fmt: skip
        self.ports = Table(
            s, "port", r.Port,
            network=lambda p: p.network_id, device=lambda p: p.device_id or None, name=lambda p: p.name,
            mac=lambda p: p.mac_address, project=lambda p: p.project_id,
        )  # fmt: skip
        self.security_groups = Table(
            s, "security_group", r.SecurityGroup, project=lambda g: g.project_id, name=lambda g: g.name
        )

    def _open_storage(self) -> None:
        s = self.store
        self.images = Table(s, "image", r.Image, name=lambda i: i.name)
        self.volume_types = Table(s, "volume_type", r.VolumeType, name=lambda t: t.name)
        self.volumes = Table(s, "volume", r.Volume, name=lambda v: v.name, project=lambda v: v.project_id)
        self.snapshots = Table(
            s, "snapshot", r.Snapshot,
            name=lambda v: v.name, volume=lambda v: v.volume_id, project=lambda v: v.project_id,
        )  # fmt: skip
        self.messages = Table(s, "message", r.Message, project=lambda m: m.project_id)

    def _open_sim(self) -> None:
        self.job_rows = Table(self.store, "job", r.Job, subject=lambda j: j.subject)
        self.rules = Table(self.store, "rule", r.Rule)
        self.logins = Table(self.store, "login", r.Login)
        self.changed_settings = Table(self.store, "setting", r.Setting)
        self.settings.change({row.id: row.value for row in self.changed_settings})

    def wipe(self) -> None:
        """Forget everything, settings changed at run time too."""
        self.store.wipe()
        for value in vars(self).values():
            if isinstance(value, Table):
                value.load()
        for path in self.image_dir.iterdir():
            path.unlink()
        self.settings.change(self._initial)
        self.derive()

    def now(self) -> float:
        """The cloud's clock."""
        return time.time()

    def find_host_up(self, name: str) -> bool:
        """Whether the host exists and its nova-compute answers."""
        host = self.hosts.get(name)
        return host is not None and not host.forced_down and not self.host_fault(name)

    def host_fault(self, name: str) -> bool:
        """Whether a fault rule holds the host down."""
        return any(rule.action["type"] == "host_down" and rule.action.get("host") == name for rule in self.rules)

    def service_down(self, service: str) -> bool:
        """Whether a fault rule holds a whole service (``network``, ``image``, ``volume`` ...) down."""
        return any(
            rule.action["type"] == "service_down" and rule.action.get("service") == service for rule in self.rules
        )
