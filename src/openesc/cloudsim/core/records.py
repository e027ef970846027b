"""What the cloud remembers. Every record is plain JSON inside: it is written to the file as it stands.

Times are seconds since the epoch, sizes in the unit the API uses (MiB of memory, GiB of disk).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass
class Project:
    """A Keystone project."""

    id: str
    name: str
    domain_id: str = "default"
    description: str = ""
    enabled: bool = True
    tags: list[str] = field(default_factory=list)
    options: Json = field(default_factory=dict)


@dataclass
class User:
    """A Keystone user; `secret` is salt and scrypt of the password."""

    id: str
    name: str
    secret: str = ""
    domain_id: str = "default"
    description: str = ""
    email: str | None = None
    enabled: bool = True
    default_project_id: str | None = None


@dataclass
class Role:
    """A Keystone role."""

    id: str
    name: str
    description: str = ""


@dataclass
class Assignment:
    """A user's role on a project or domain; the id is ``user:target:role``."""

    id: str
    user_id: str
    target_id: str
    target_type: str
    role_id: str


@dataclass
class Token:
    """An issued token."""

    id: str
    user_id: str
    project_id: str | None
    domain_id: str | None
    methods: list[str]
    roles: list[str]
    issued: float
    expires: float
    audit_id: str
    application_credential: str | None = None


@dataclass
class AppCredential:
    """An application credential."""

    id: str
    name: str
    user_id: str
    project_id: str
    secret: str
    roles: list[str]
    description: str = ""
    expires_at: float | None = None


@dataclass
class Flavor:
    """A Nova flavor."""

    id: str
    name: str
    vcpus: int
    ram: int
    disk: int
    ephemeral: int = 0
    swap: int = 0
    rxtx_factor: float = 1.0
    is_public: bool = True
    description: str | None = None
    extra_specs: dict[str, str] = field(default_factory=dict)
    projects: list[str] = field(default_factory=list)


@dataclass
class Host:
    """A compute host and its nova-compute service."""

    id: str
    number: int
    uuid: str
    service_uuid: str
    zone: str = "nova"
    enabled: bool = True
    disabled_reason: str | None = None
    forced_down: bool = False


@dataclass
class Server:
    """A Nova server. What `status` shows follows from `vm_state` and `task_state`."""

    id: str
    name: str
    project_id: str
    user_id: str
    created: float
    updated: float
    flavor: Json
    image_id: str = ""
    metadata: dict[str, str] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    description: str | None = None
    key_name: str | None = None
    user_data: str | None = None
    config_drive: bool = False
    personality: list[Json] = field(default_factory=list)
    zone: str = ""
    wanted_zone: str | None = None
    wanted_host: str | None = None
    host: str | None = None
    vm_state: str = "building"
    task_state: str | None = "scheduling"
    power_state: int = 0
    power_on_at: float | None = None
    launched: float | None = None
    terminated: float | None = None
    fault: Json | None = None
    locked_by: str | None = None
    locked_reason: str | None = None
    security_groups: list[str] = field(default_factory=list)
    networks: list[Json] = field(default_factory=list)
    addresses: dict[str, list[Json]] = field(default_factory=dict)
    devices: list[Json] = field(default_factory=list)
    root_device: str = "/dev/vda"
    group_id: str | None = None
    hints: Json = field(default_factory=dict)
    old: Json | None = None
    progress: int = 0
    request_id: str = ""


@dataclass
class Action:
    """One entry of a server's action list, with its events; the id is ``server:request``."""

    id: str
    server_id: str
    request_id: str
    action: str
    user_id: str
    project_id: str
    start: float
    updated: float
    message: str | None = None
    events: list[Json] = field(default_factory=list)


@dataclass
class Migration:
    """A Nova migration record."""

    id: str
    uuid: str
    server_id: str
    project_id: str
    user_id: str
    kind: str
    source: str
    dest: str | None
    status: str
    created: float
    updated: float
    old_flavor: str = ""
    new_flavor: str = ""


@dataclass
class Keypair:
    """A Nova keypair; the id is ``user:name``."""

    id: str
    name: str
    user_id: str
    public_key: str
    fingerprint: str
    created: float
    kind: str = "ssh"


@dataclass
class ServerGroup:
    """A Nova server group."""

    id: str
    name: str
    project_id: str
    user_id: str
    policy: str
    rules: Json = field(default_factory=dict)
    members: list[str] = field(default_factory=list)


@dataclass
class Quota:
    """Limits set for a project in one service; the id is ``service:project``."""

    id: str
    limits: dict[str, int] = field(default_factory=dict)


@dataclass
class Image:
    """A Glance image; its bytes are a file named by the id."""

    id: str
    name: str | None
    owner: str
    created: float
    updated: float
    status: str = "queued"
    disk_format: str | None = None
    container_format: str | None = None
    min_disk: int = 0
    min_ram: int = 0
    protected: bool = False
    hidden: bool = False
    visibility: str = "shared"
    size: int | None = None
    virtual_size: int | None = None
    checksum: str | None = None
    hash_value: str | None = None
    tags: list[str] = field(default_factory=list)
    properties: dict[str, Any] = field(default_factory=dict)


@dataclass
class Network:
    """A Neutron network."""

    id: str
    name: str
    project_id: str
    created: float
    updated: float
    admin_state_up: bool = True
    shared: bool = False
    external: bool = False
    mtu: int = 1450
    port_security_enabled: bool = True
    description: str = ""
    network_type: str = "vxlan"
    physical_network: str | None = None
    segmentation_id: int | None = None
    tags: list[str] = field(default_factory=list)


@dataclass
class Subnet:
    """A Neutron subnet."""

    id: str
    name: str
    project_id: str
    network_id: str
    cidr: str
    ip_version: int
    created: float
    updated: float
    gateway_ip: str | None = None
    enable_dhcp: bool = True
    pools: list[Json] = field(default_factory=list)
    dns_nameservers: list[str] = field(default_factory=list)
    host_routes: list[Json] = field(default_factory=list)
    ipv6_address_mode: str | None = None
    ipv6_ra_mode: str | None = None
    description: str = ""
    tags: list[str] = field(default_factory=list)


@dataclass
class Port:
    """A Neutron port."""

    id: str
    name: str
    project_id: str
    network_id: str
    mac_address: str
    created: float
    updated: float
    fixed_ips: list[Json] = field(default_factory=list)
    device_id: str = ""
    device_owner: str = ""
    status: str = "DOWN"
    admin_state_up: bool = True
    security_groups: list[str] = field(default_factory=list)
    allowed_address_pairs: list[Json] = field(default_factory=list)
    port_security_enabled: bool = True
    vnic_type: str = "normal"
    host: str = ""
    profile: Json = field(default_factory=dict)
    description: str = ""
    extra_dhcp_opts: list[Json] = field(default_factory=list)
    made_by_nova: bool = False
    tags: list[str] = field(default_factory=list)


@dataclass
class SecurityGroup:
    """A Neutron security group with its rules."""

    id: str
    name: str
    project_id: str
    created: float
    updated: float
    description: str = ""
    rules: list[Json] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)


@dataclass
class VolumeType:
    """A Cinder volume type."""

    id: str
    name: str
    description: str | None = None
    is_public: bool = True
    extra_specs: dict[str, str] = field(default_factory=dict)


@dataclass
class Volume:
    """A Cinder volume."""

    id: str
    name: str | None
    project_id: str
    user_id: str
    size: int
    created: float
    updated: float
    status: str = "creating"
    description: str | None = None
    volume_type: str = "LVM"
    bootable: bool = False
    multiattach: bool = False
    metadata: dict[str, str] = field(default_factory=dict)
    image_id: str | None = None
    image_metadata: dict[str, Any] = field(default_factory=dict)
    snapshot_id: str | None = None
    source_volume_id: str | None = None
    zone: str = "nova"
    attachments: list[Json] = field(default_factory=list)


@dataclass
class Snapshot:
    """A Cinder volume snapshot."""

    id: str
    name: str | None
    project_id: str
    user_id: str
    volume_id: str
    size: int
    created: float
    updated: float
    status: str = "creating"
    description: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass
class Message:
    """A Cinder user message."""

    id: str
    project_id: str
    resource_type: str
    resource_id: str
    event_id: str
    text: str
    created: float


@dataclass
class Job:
    """Work that goes on after an answer: `step` is done at `due`. `plan` is the fault rule's action, if one applies.

    `frozen` names the rule that holds the job still.
    """

    id: str
    step: str
    subject: str
    due: float
    args: Json = field(default_factory=dict)
    plan: Json | None = None
    frozen: str | None = None


@dataclass
class Rule:
    """A fault rule: `match` says when, `action` what; `seen` and `fired` count."""

    id: str
    match: Json
    action: Json
    skip: int = 0
    count: int | None = 1
    seen: int = 0
    fired: int = 0
    created: float = 0.0


@dataclass
class Setting:
    """One setting changed at run time."""

    id: str
    value: Any


@dataclass
class Login:
    """The first user's login and the last port, kept so that a restart comes up the same; the one id is ``login``."""

    id: str
    username: str
    password: str
    port: int = 0
