"""The settings: one frozen model a section, units in the names, defaults that work with nothing but Python.

Strength grows from default over file (one TOML) and environment (``OPENESC_SECTION__KEY``) to flag. A key
nobody knows is an error, in the file and in the environment alike: a setting that silently does nothing is
worse than a server that does not start.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PrivateAttr, ValidationError

from openesc import config_sources as sources
from openesc.config_sources import ConfigError, Origin

__all__ = ["ConfigError", "Origin", "Settings", "default_data_dir"]

Port = Annotated[int, Field(ge=0, le=65535)]
Seconds = Annotated[float, Field(gt=0)]
Network = Annotated[str, AfterValidator(lambda text: str(ipaddress.ip_network(text)))]
"""A CIDR block."""


def default_data_dir() -> Path:
    """``$XDG_DATA_HOME/openesc``, by default ``~/.local/share/openesc``."""
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "openesc"


class Section(BaseModel):
    """A section of the settings: immutable, strict about its keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Netconf(Section):
    """The NETCONF server (RFC 6241 over SSH, RFC 6242)."""

    host: str = Field(default="127.0.0.1", description="address to listen on; 0.0.0.0 or :: for every interface")
    port: Port = Field(default=2022, description="TCP port; 0 picks a free one; ESC's 830 needs privileges")
    login_timeout_s: Seconds = Field(default=30, description="seconds a peer has to log in")
    hello_timeout_s: Seconds = Field(default=60, description="seconds a peer has to send its hello after the login")
    idle_timeout_s: float = Field(
        default=0,
        ge=0,
        description="seconds an unsubscribed session may be silent before it is closed; 0: for ever",
    )
    keepalive_interval_s: float = Field(
        default=30, ge=0, description="seconds between SSH keepalives to a silent peer; 0: none"
    )
    max_sessions: int = Field(default=1000, ge=1, description="sessions open at once")
    max_sessions_per_user: int = Field(default=500, ge=1, description="sessions of one user open at once")
    max_connections_before_login: int = Field(
        default=100, ge=1, description="connections that have not logged in yet, at once"
    )
    max_message_bytes: int = Field(
        default=64 * 1024 * 1024, ge=4096, description="bytes of one message; a bigger one ends its session"
    )
    max_depth: int = Field(default=64, ge=16, description="levels of nesting in one message")
    max_read_ahead_bytes: int = Field(
        default=1024 * 1024, ge=4096, description="bytes of pipelined requests that wait for the running one"
    )
    stall_timeout_s: Seconds = Field(
        default=30, description="seconds a peer may leave what waits for it unread before it is cut off"
    )


class Rest(Section):
    """The REST server (ESCManager)."""

    host: str = Field(default="127.0.0.1", description="address to listen on; others than loopback need TLS")
    port: Port | None = Field(default=None, description="TCP port; unset: no REST; 0 picks a free one; ESC has 8080")
    tls_cert: Path | None = Field(default=None, description="certificate chain (PEM); with tls_key: HTTPS")
    tls_key: Path | None = Field(default=None, description="private key (PEM) of tls_cert")
    local_admin: bool = Field(
        default=True, description="over plain HTTP a caller without credentials acts as an administrator"
    )
    require_callback: bool = Field(
        default=False, description="refuse requests that start an operation and have no header Callback, as ESC 2.0"
    )
    hosts: tuple[str, ...] = Field(
        default=(), description="further names that the Host of a plain request may have, besides localhost"
    )
    max_body_bytes: int = Field(default=16 * 1024 * 1024, ge=4096, description="bytes of the body of one request")
    max_depth: int = Field(default=64, ge=16, description="levels of nesting in one body")
    header_timeout_s: Seconds = Field(default=10, description="seconds a peer has to send the head of a request")
    body_timeout_s: Seconds = Field(default=30, description="seconds a peer has to send the body of a request")
    idle_timeout_s: Seconds = Field(
        default=60, description="seconds a connection may be silent between two requests, or its peer read nothing"
    )
    max_connections: int = Field(default=500, ge=1, description="connections open at once")


class StoreSettings(Section):
    """Where everything durable lives."""

    data_dir: Path = Field(
        default_factory=default_data_dir,
        description="directory of database, keys, logs and the control socket; one server at a time",
    )


class Vim(Section):
    """The cloud (VIM) behind the default connector."""

    default_id: str = Field(
        default="default_openstack_vim", min_length=1, description="vim_id of the default connector"
    )
    kind: Literal["cloudsim", "openstack"] = Field(
        default="cloudsim", description="cloudsim: the embedded simulator; openstack: a real cloud"
    )
    cloud: str | None = Field(
        default=None, description="name in clouds.yaml, for kind openstack; unset: the OS_* variables"
    )
    http_timeout_s: Seconds = Field(default=60, description="seconds one call to the cloud may take")
    poll_interval_s: Seconds = Field(
        default=1,
        description="seconds between two looks at what changes in the cloud, at most: what is new is looked at sooner; "
        "one look serves all who wait",
    )
    threads: int = Field(default=16, ge=1, le=256, description="calls to the cloud at once")
    file_folders: tuple[Path, ...] = Field(
        default=(), description="local folders that file:// sources of images and day-0 data may lie in"
    )


class Engine(Section):
    """Durable operations."""

    cancel_grace_s: Seconds = Field(
        default=2,
        description="seconds a cancelled operation has to end by itself before its wait is broken off",
    )
    stop_grace_s: Seconds = Field(default=25, le=29, description="seconds running steps have to end at a stop")
    max_parallel: int = Field(default=2000, ge=1, description="operations that run at once; the others wait")
    replays: int = Field(
        default=3,
        ge=1,
        description="crashed replays after which an operation is parked as failed with its reason",
    )
    cloud_patience_s: Seconds = Field(
        default=120, description="seconds a step goes on trying while the cloud cannot be reached or answers 5xx"
    )
    server_boot_timeout_s: Seconds = Field(default=600, description="seconds a server may build")
    accept_wait_s: Seconds = Field(
        default=10,
        description="seconds a request waits for the cloud to take or refuse it; then it is answered as taken",
    )
    pending_resize_poll_s: Seconds = Field(
        default=15,
        description="seconds between two looks at VMs in VERIFY_RESIZE, which the cloud may confirm by itself",
    )
    min_active_check: bool = Field(
        default=False,
        description="refuse to stop or reboot a VM, without force, where its group would fall below min_active",
    )
    server_delete_timeout_s: Seconds = Field(default=300, description="seconds a server may take to vanish")
    recovery_retries_max: int = Field(
        default=3, ge=0, description="redeployments a recovery tries where the recovery_policy has no max_retries"
    )
    export_dir: Path | None = Field(
        default=None, description="folder for exports of VMs; unset: the folder exports in the data directory"
    )


class Restore(Section):
    """Restore of VMs that boot from a volume."""

    root_volume: Literal["recreate", "refuse"] = Field(
        default="recreate",
        description="when a boot volume is replaced and the cloud does not swap it: make the server anew on its ports "
        "and addresses (its UUID changes), or refuse the update",
    )
    swap_root_volume: bool | None = Field(
        default=None,
        description="ask the cloud to swap the volumes first; unset: the simulator only. Nova's libvirt driver copies "
        "the old content over the new volume: set it only for a cloud that really exchanges them",
    )


class Events(Section):
    """The event log and its readers."""

    log_block: bool = Field(default=True, description="write ESC's SEND NOTIFICATION block for every event")
    log_block_file: str = Field(
        default="escmanager.log",
        min_length=1,
        description="file of these blocks, relative to the data directory",
    )
    retention_days: int = Field(default=90, ge=1, description="days an event can be replayed")


class Callbacks(Section):
    """REST callbacks: where they may go and how long they are tried."""

    allowed_networks: tuple[Network, ...] = Field(
        default=("127.0.0.0/8", "::1/128"), description="CIDR blocks that receivers' addresses must lie in"
    )
    timeout_s: Seconds = Field(default=10, description="seconds a receiver has to answer one callback")
    parallel_per_receiver: int = Field(
        default=8, ge=1, le=64, description="callbacks under way at once to one scheme, host and port"
    )
    retry_first_s: Seconds = Field(
        default=1, description="seconds until the second try; each further pause is twice as long, with jitter"
    )
    retry_max_s: Seconds = Field(default=300, description="longest pause between two tries, in seconds")
    max_tries: int = Field(default=400, ge=1, description="tries after which a callback is a dead letter")
    give_up_after_s: Seconds = Field(
        default=86400, description="seconds after its event a callback that fails is a dead letter"
    )


class Cloudsim(Section):
    """The embedded simulator, for kind cloudsim."""

    port: Port = Field(default=0, description="TCP port; 0 picks a free one, and the same again at the next start")
    latency_factor: float | None = Field(
        default=None,
        ge=0,
        description="scales its transition times; unset: its own; 0: as fast as it can",
    )
    boot_seconds: float | None = Field(
        default=None, ge=0, description="seconds its guests take to answer a ping; unset: its own"
    )
    stop_with_server: bool = Field(
        default=False,
        description="end it at a clean stop of the server; by default it lives on, as a cloud would",
    )


class Log(Section):
    """The server's own log, on stderr."""

    level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="least severity shown")
    format: Literal["console", "json"] = Field(default="console", description="console for people, json for collectors")


class Settings(BaseModel):
    """All settings. Made by `load`; `origins` says where each came from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    netconf: Netconf = Field(default_factory=Netconf)
    rest: Rest = Field(default_factory=Rest)
    store: StoreSettings = Field(default_factory=StoreSettings)
    vim: Vim = Field(default_factory=Vim)
    engine: Engine = Field(default_factory=Engine)
    restore: Restore = Field(default_factory=Restore)
    events: Events = Field(default_factory=Events)
    callbacks: Callbacks = Field(default_factory=Callbacks)
    cloudsim: Cloudsim = Field(default_factory=Cloudsim)
    log: Log = Field(default_factory=Log)

    _origins: dict[str, Origin] = PrivateAttr(default_factory=dict)

    @classmethod
    def load(
        cls,
        config_file: Path | None = None,
        env: Mapping[str, str] | None = None,
        flags: Mapping[str, Any] | None = None,
    ) -> Settings:
        """Read the settings from their sources.

        `env` defaults to the process's environment; `flags` maps ``section.key`` to a value or, not given,
        to None.
        Raises: ConfigError with every problem found, each naming file and line, variable or flag.
        """
        known = {key: cls._field(key) for key in cls.names()}
        found = sources.gather(known, config_file, os.environ if env is None else env, flags or {})
        try:
            settings = cls.model_validate(found.tree())
        except ValidationError as error:
            raise ConfigError([*found.problems, *found.explain(error)]) from None
        if found.problems:
            raise ConfigError(found.problems)
        settings._origins.update(found.origins())
        return settings

    @classmethod
    def names(cls) -> list[str]:
        """Every setting as ``section.key``, in order."""
        return [f"{name}.{key}" for name, section in cls.sections().items() for key in section.model_fields]

    @classmethod
    def sections(cls) -> dict[str, type[Section]]:
        """Every section's model by its name, in order."""
        return {name: field.annotation for name, field in cls.model_fields.items()}  # type: ignore[misc]

    @classmethod
    def _field(cls, key: str) -> sources.Known:
        section, name = key.split(".")
        field = cls.sections()[section].model_fields[name]
        of = getattr(field.annotation, "__args__", ())
        many = getattr(field.annotation, "__origin__", None) is tuple
        separator = os.pathsep if Path in of else ","  # folders as in PATH; an IPv6 network holds colons
        return sources.Known(key, nullable=type(None) in of, separator=separator if many else None)

    @property
    def origins(self) -> Mapping[str, Origin]:
        """Where each ``section.key`` came from; what is absent is a default."""
        return self._origins

    def origin(self, key: str) -> Origin:
        """Where ``section.key`` came from."""
        return self._origins.get(key, sources.DEFAULT)

    @property
    def swaps_root_volumes(self) -> bool:
        """Whether the cloud is asked to swap a root volume."""
        chosen = self.restore.swap_root_volume
        return self.vim.kind == "cloudsim" if chosen is None else chosen

    def value(self, key: str) -> Any:
        """The value of ``section.key``."""
        section, name = key.split(".")
        return getattr(getattr(self, section), name)

    @property
    def data_dir(self) -> Path:
        """The data directory, absolute."""
        return self.store.data_dir.expanduser().absolute()
