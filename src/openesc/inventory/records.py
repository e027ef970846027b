"""Rows of the inventory as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Deployment:
    """A deployment that was accepted and is not gone yet.

    `alive_at`: when it first became active, in UTC milliseconds.
    """

    id: str
    tenant: str
    name: str
    state: str
    vim_id: str | None
    project: str
    project_id: str | None
    wanted: bytes
    alive_at: int | None
    failure: str | None
    created_at: int


@dataclass(frozen=True, slots=True)
class Vm:
    """A VM, planned or there. `id` is ours and stays; `server_id` is the cloud's UUID once it is known.

    `vim_status`: VERIFY_RESIZE while a resize or cold migration waits for confirm or revert. `declined_flavor`: a
    resize to it was reverted, so it is not tried again before the document wants another one. `monitor`: the mark of
    the kpi_data and rules by which it became alive; None: it never did.
    """

    id: str
    deployment_id: str
    vm_group: str
    ordinal: int
    name: str
    state: str
    server_id: str | None
    host_id: str | None
    hostname: str | None
    image: str | None
    flavor: str | None
    announced: bool
    failure: str | None
    created_at: int
    vim_status: str | None = None
    declined_flavor: str | None = None
    monitor: str | None = None


@dataclass(frozen=True, slots=True)
class Interface:
    """One interface of a VM, with every leaf a client reads without asking whether it is there.

    `asked`: the configured leaves it was made by, which a later document is compared with; None: not known.
    `attached`: its server has the port.
    """

    vm_id: str
    nicid: int
    type: str
    port_id: str
    network_id: str
    subnet_id: str
    ip_address: str
    mac_address: str
    netmask: str | None = None
    gateway: str | None = None
    asked: Mapping[str, Any] | None = None
    attached: bool = True


@dataclass(frozen=True, slots=True)
class Resource:
    """A tenant, network, subnet, image, flavor or volume, or what a VM holds of a pool.

    `owned` False: adopted, never deleted by us.
    """

    id: str
    kind: str
    key: str
    name: str
    tenant: str | None
    deployment_id: str | None
    parent: str | None
    cloud_name: str
    external_id: str | None
    owned: bool
    facts: Mapping[str, Any]
    failure: str | None
    created_at: int


@dataclass(frozen=True, slots=True)
class Leftover:
    """Something of ours that is still in the cloud. `kept`: on purpose."""

    id: str
    kind: str
    external_id: str
    name: str
    vim_id: str | None
    project: str
    tenant: str | None
    deployment: str | None
    deployment_id: str | None
    reason: str
    kept: bool
    created_at: int
