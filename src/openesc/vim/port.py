"""The words flows speak to a cloud. One adapter stands behind them: `openesc.vim.openstack`.

All methods are coroutines that may be cancelled at any await: a call already sent may still take effect in the cloud
(look up by name or tag before repeating it). All of them raise subclasses of `openesc.vim.errors.VimError` and nothing
else. ``find_*`` return None when nothing matches; ``delete_*`` of what is gone is success. Times are in seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from openesc.vim.errors import VimNotFound
from openesc.vim.port_operations import ServerOperations

SHARED_PROJECT = "SystemAdminTenantId"
"""ESC's name for the connector's own (admin) project."""


@dataclass(frozen=True, slots=True)
class Project:
    """A tenant as the cloud has it."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Network:
    """A network of the cloud."""

    id: str
    name: str
    status: str = "ACTIVE"
    shared: bool = False
    admin_state: bool = True
    provider_network_type: str | None = None
    description: str = ""


@dataclass(frozen=True, slots=True)
class NetworkSpec:
    """What to ask for. `tag` and `description` find it again after a lost answer; the latter is there at birth."""

    name: str
    shared: bool = False
    admin_state: bool = True
    provider_network_type: str | None = None
    provider_physical_network: str | None = None
    provider_segmentation_id: int | None = None
    tag: str | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Subnet:
    """A subnet of the cloud; `netmask` in dotted form for IPv4, prefix length for IPv6."""

    id: str
    name: str
    network_id: str
    cidr: str
    gateway: str | None = None
    dhcp: bool = True
    ip_version: int = 4

    @property
    def netmask(self) -> str:
        import ipaddress

        network = ipaddress.ip_network(self.cidr, strict=False)
        return str(network.netmask) if network.version == 4 else str(network.prefixlen)


@dataclass(frozen=True, slots=True)
class SubnetSpec:
    """What to ask for. `gateway` None lets the cloud choose; `no_gateway` asks for none."""

    name: str
    network_id: str
    cidr: str
    ip_version: int = 4
    gateway: str | None = None
    no_gateway: bool = False
    dhcp: bool = True
    tag: str | None = None


@dataclass(frozen=True, slots=True)
class FixedIp:
    """One address of a port."""

    subnet_id: str
    ip_address: str


@dataclass(frozen=True, slots=True)
class Port:
    """A port of the cloud."""

    id: str
    name: str
    network_id: str
    mac_address: str
    fixed_ips: tuple[FixedIp, ...] = ()
    device_id: str = ""
    status: str = "DOWN"
    tags: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    """By id."""
    allowed_addresses: tuple[str, ...] = ()
    """The addresses and ranges of its allowed address pairs."""


@dataclass(frozen=True, slots=True)
class PortSpec:
    """What to ask for; `allowed_address_pairs` are (ip_address, mac_address or None), `security_groups` names or ids.

    `vnic_type` is ``direct`` for SR-IOV, None for the cloud's default. `tags` are given only where Neutron
    takes them with the creation; `description` is there at birth everywhere.
    """

    name: str
    network_id: str
    subnet_id: str | None = None
    ip_address: str | None = None
    mac_address: str | None = None
    allowed_address_pairs: tuple[tuple[str, str | None], ...] = ()
    security_groups: tuple[str, ...] | None = None
    vnic_type: str | None = None
    tags: tuple[str, ...] = ()
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Image:
    """An image of the cloud; `status` in Glance's words (queued, saving, active, ...).

    `disk_format` is empty where nobody said it. `properties` are its extra properties, without Glance's own fields.
    """

    id: str
    name: str
    status: str = "active"
    public: bool = False
    disk_format: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ImageSpec:
    """What to ask for; `properties` are Glance's extra properties as strings. `size` caps nothing: a hint in bytes."""

    name: str
    disk_format: str
    container_format: str
    public: bool = False
    properties: Mapping[str, str] = field(default_factory=dict)
    tag: str | None = None


@dataclass(frozen=True, slots=True)
class Flavor:
    """A flavor of the cloud; memory in MiB, disks in GiB, swap in MiB."""

    id: str
    name: str
    vcpus: int
    memory_mb: int
    root_disk_gb: int
    public: bool = True


@dataclass(frozen=True, slots=True)
class FlavorSpec:
    """What to ask for; units as in `Flavor`."""

    name: str
    vcpus: int
    memory_mb: int
    root_disk_gb: int = 0
    ephemeral_disk_gb: int = 0
    swap_disk_mb: int = 0
    description: str | None = None
    properties: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Volume:
    """A volume of the cloud; `size` in GiB, `status` in Cinder's words."""

    id: str
    name: str
    size: int
    status: str
    bootable: bool = False
    volume_type: str | None = None
    attached_to: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class VolumeType:
    """A volume type of the cloud; `multiattach`: its volumes can be attached to several servers at once."""

    id: str
    name: str
    multiattach: bool = False


@dataclass(frozen=True, slots=True)
class VolumeSpec:
    """What to ask for; `size` in GiB; `image_id` makes it bootable, as does the `snapshot_id` of a bootable volume."""

    name: str
    size: int
    volume_type: str | None = None
    image_id: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    snapshot_id: str | None = None


@dataclass(frozen=True, slots=True)
class Server:
    """A server as the cloud reports it. `hostname` needs admin rights, else None; `host_id` is a hash."""

    id: str
    name: str
    status: str
    task_state: str | None = None
    power_state: int = 0
    host_id: str = ""
    hostname: str | None = None
    flavor: str = ""
    """The flavor's name (microversion >= 2.47)."""
    image_id: str | None = None
    fault: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    volume_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BlockDevice:
    """A volume given to a server at boot, in the order of `boot_index` (-1: not bootable)."""

    volume_id: str
    boot_index: int = -1
    disk_bus: str | None = None
    delete_on_termination: bool = False


@dataclass(frozen=True, slots=True)
class ServerSpec:
    """What to ask for. Ports are made first: two servers cannot share one, so a double ends in ERROR.

    `files` (path -> bytes) travel as personality (Nova takes a few small ones and puts them on the config drive);
    `user_data` are the raw bytes the guest sees.
    """

    name: str
    flavor_id: str
    image_id: str | None
    port_ids: tuple[str, ...]
    metadata: Mapping[str, str] = field(default_factory=dict)
    user_data: bytes | None = None
    config_drive: bool = False
    block_devices: tuple[BlockDevice, ...] = ()
    availability_zone: str | None = None
    host: str | None = None
    server_group_id: str | None = None
    files: Mapping[str, bytes] = field(default_factory=dict)


class Cloud(ServerOperations, Protocol):
    """The cloud seen from inside one project."""

    @property
    def project(self) -> Project: ...

    # networking
    async def find_network(self, name_or_id: str) -> Network | None: ...
    async def networks_named(self, name: str) -> Sequence[Network]: ...
    async def create_network(self, spec: NetworkSpec) -> Network: ...
    async def delete_network(self, network_id: str) -> None: ...
    async def subnets(self, network_id: str) -> Sequence[Subnet]: ...
    async def find_subnet(self, name_or_id: str, network_id: str | None = None) -> Subnet | None: ...
    async def create_subnet(self, spec: SubnetSpec) -> Subnet: ...
    async def delete_subnet(self, subnet_id: str) -> None: ...
    async def get_port(self, port_id: str) -> Port: ...
    async def find_port(self, name: str) -> Port | None: ...
    async def ports_marked(self, mark: str) -> Sequence[Port]:
        """Ports with this tag; where tags come after birth, those with this description too."""
        ...

    async def create_port(self, spec: PortSpec) -> Port: ...
    async def update_port(
        self,
        port_id: str,
        *,
        allowed_address_pairs: Sequence[tuple[str, str | None]],
        security_groups: Sequence[str] | None,
    ) -> Port:
        """Set both, as in `PortSpec`; `security_groups` None: the project's default one."""
        ...

    async def delete_port(self, port_id: str) -> None: ...

    # images and flavors
    async def find_image(self, name_or_id: str) -> Image | None: ...
    async def create_image(self, spec: ImageSpec, source: str) -> Image:
        """Make the record and upload from `source` (``http(s)://`` or ``file://``); returns it active."""
        ...

    async def get_image(self, image_id: str) -> Image: ...
    async def images_named(self, name: str) -> Sequence[Image]:
        """All of the project's own images of exactly this name, in any status: names need not be unique."""
        ...

    async def download_image(self, image_id: str, target: Path) -> int:
        """Write the image's bytes to the file `target`, checked against Glance's hash; returns their number.

        Raises: VimFault when hash or number differ, VimBadRequest when it has no bytes or `target` cannot be written.
        """
        ...

    async def delete_image(self, image_id: str) -> None: ...
    async def find_flavor(self, name_or_id: str) -> Flavor | None: ...
    async def create_flavor(self, spec: FlavorSpec) -> Flavor: ...
    async def set_flavor_properties(self, flavor_id: str, properties: Mapping[str, str]) -> None: ...
    async def delete_flavor(self, flavor_id: str) -> None: ...

    # volumes
    async def get_volume(self, volume_id: str) -> Volume: ...
    async def find_volume(self, name_or_id: str) -> Volume | None: ...
    async def volumes_named(self, name: str) -> Sequence[Volume]: ...
    async def create_volume(self, spec: VolumeSpec) -> Volume: ...
    async def delete_volume(self, volume_id: str) -> None:
        """Ask for deletion; again is without effect. VimBadRequest while it is in use or has snapshots."""
        ...

    async def set_volume_bootable(self, volume_id: str, bootable: bool) -> None:
        """Say whether a server can boot from it; again is without effect."""
        ...

    async def volume_types(self) -> Sequence[VolumeType]:
        """The types that volumes of this project can have."""
        ...

    async def default_volume_type(self) -> VolumeType | None:
        """The type of a volume that asks for none."""
        ...

    async def wait_volume(self, volume_id: str, status: str, timeout: float) -> Volume:
        """Wait for `status` (or for absence, where `status` is ``deleted``); VimFault on ``error*``."""
        ...

    # servers
    async def get_server(self, server_id: str) -> Server: ...
    async def find_server(self, name: str) -> Server | None: ...
    async def servers_named(self, name: str) -> Sequence[Server]: ...
    async def create_server(self, spec: ServerSpec) -> Server: ...
    async def delete_server(self, server_id: str) -> None: ...
    async def wait_server(
        self, server_id: str, done: Callable[[Server], bool], timeout: float, *, fault_on_error: bool = True
    ) -> Server:
        """Wait, without holding a thread, until `done` says so of a fresh reading.

        Raises: VimFault when the server rests in ERROR (unless `fault_on_error` is False), VimNotFound when it is
        gone, WaitTimedOut after `timeout`.
        """
        ...

    async def wait_server_gone(self, server_id: str, timeout: float) -> None:
        """Wait until the server is DELETED or 404. Raises: WaitTimedOut."""
        ...


class Vim(Protocol):
    """One VIM connector: a cloud with credentials."""

    @property
    def vim_id(self) -> str: ...

    @property
    def http_timeout(self) -> float:
        """After this long an unanswered call may be taken as over; a look-up by name then tells its effect."""
        ...

    async def authenticate(self) -> None:
        """Reach the cloud and log in. Raises: VimUnreachable, VimAuthError."""
        ...

    async def find_project(self, name: str) -> Project | None:
        """The project of that name; ``SystemAdminTenantId`` is the connector's own."""
        ...

    def unseen(self, name: str, advice: str = "") -> VimNotFound:
        """The error for a project that `find_project` has just not found. Where the cloud did not let the connector see
        projects of others, it may be there all the same: then the error has the cloud's words.

        Args:
            name: of the project.
            advice: what follows from that it is not found, and what to do; begins with a comma.
        """
        ...

    async def is_admin(self) -> bool:
        """Whether the connector may, by default policies, reach into every project."""
        ...

    async def create_project(self, name: str) -> Project:
        """Make a project and give the connector's user a role in it. An existing one of that name is VimConflict."""
        ...

    async def delete_project(self, project_id: str) -> None: ...

    async def cloud(self, project: str) -> Cloud:
        """The cloud seen from the project of this name (``SystemAdminTenantId``: the connector's own).

        Raises: VimNotFound when there is no such project, VimForbidden when the connector has no role in it.
        """
        ...

    async def alive(self, server: Server, ip_address: str, timeout: float) -> bool:
        """One ICMP echo to `ip_address` of `server`; a simulated cloud answers for its guests."""
        ...

    async def close(self) -> None: ...


class VimRegistry(Protocol):
    """All connectors by id."""

    @property
    def default_id(self) -> str: ...

    def get(self, vim_id: str | None) -> Vim:
        """The connector of that id (None: the default). Raises: KeyError."""
        ...
