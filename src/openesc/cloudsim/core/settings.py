"""What can be set: at start by options, at run time by ``PUT /sim/settings``; run-time values last over restarts."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass
class Settings:
    """All settings. `latency_factor` multiplies the duration of every transition; `boot_seconds` is plain.

    `host_vcpus`, `host_memory_mb` and `host_disk_gb` bound one server; `overcommit` times that bounds a host.
    `shared_storage` decides which block_migration live migrations take.
    `auto_confirm` makes resizes and cold migrations confirm themselves, as clouds with
    ``resize_confirm_window`` do; `same_host_resize` is Nova's ``allow_resize_to_same_host``; with
    `root_volume_swap` an admin may swap a root volume, which real Nova refuses. Without `port_tags_at_birth`
    Neutron lacks ``tag-ports-during-bulk-creation`` and drops the tags of ports that are made.
    """

    latency_factor: float = 0.25
    boot_seconds: float = 1.0
    token_seconds: float = 3600.0
    page_limit: int = 1000
    request_log_limit: int = 200_000
    tombstone_seconds: float = 3600.0
    host_vcpus: int = 64
    host_memory_mb: int = 262_144
    host_disk_gb: int = 4_000
    overcommit: float = 1_000.0
    volume_backend_gb: int = 2_000
    shared_storage: bool = True
    auto_confirm: bool = False
    same_host_resize: bool = False
    root_volume_swap: bool = False
    port_tags_at_birth: bool = True

    def change(self, values: dict[str, Any]) -> None:
        """Set several; raises `ValueError` that names the unknown or ill-typed one, and then changes none."""
        self.__dict__.update({name: self._checked(name, value) for name, value in values.items()})

    def _checked(self, name: str, value: Any) -> Any:
        current = asdict(self).get(name)
        if current is None:
            raise ValueError(f"unknown setting {name!r}; known: {', '.join(f.name for f in fields(self))}")
        wanted = type(current)
        if wanted is float and type(value) is int:
            value = float(value)
        if type(value) is not wanted or (wanted is not bool and value < 0):
            raise ValueError(f"setting {name!r} must be a {wanted.__name__} of at least 0, not {value!r}")
        return value
