"""What flows and steps work with."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from openesc.events.log import EventLog
from openesc.inventory import store as inventory
from openesc.inventory.records import Deployment
from openesc.lifecycle import intent
from openesc.lifecycle.errors import StepFailed
from openesc.lifecycle.operation import Operation
from openesc.lifecycle.polling import Polling
from openesc.lifecycle.queue import Queue
from openesc.lifecycle.steps.calls import persist
from openesc.lifecycle.steps.day_zero import FileServer, Sources
from openesc.monitor.alive import AliveMonitor
from openesc.store import Store, Tx
from openesc.vim.errors import VimError, VimNotFound
from openesc.vim.port import SHARED_PROJECT, Cloud, Vim, VimRegistry

T = TypeVar("T")


RECREATE = "recreate"


@dataclass(frozen=True, slots=True)
class LifecycleSettings:
    """Times in seconds.

    `patience`: how long a step goes on trying while the cloud cannot be reached or answers 5xx. `server_timeout`: for
    a server to become ACTIVE. `delete_timeout`: for a server to be gone. The pollings may change at run time.
    """

    patience: float = 120.0
    server_timeout: float = 600.0
    delete_timeout: float = 120.0
    file_folders: tuple[Path, ...] = ()
    """Local folders that ``file://`` addresses of day-0 data and images may point into."""
    snapshot_create: Polling = field(default_factory=Polling)
    snapshot_delete: Polling = field(default_factory=Polling)
    volume_create: Polling = field(default_factory=Polling)
    recovery_retries: int = 3
    """How often a recovery undeploys and deploys a VM where its group does not say."""
    root_volume: str = RECREATE
    """What becomes of a VM whose boot volume is replaced and not swapped by the cloud: `RECREATE` or ``refuse``."""
    swap_root_volume: bool = False
    """The cloud may be asked to swap root volumes: it exchanges them and copies nothing over the new one."""
    export_folder: Path | None = None
    """Where exports of VMs are written; None: nowhere."""


@dataclass(slots=True)
class Services:
    """The rest of the house, as flows see it."""

    store: Store
    events: EventLog
    vims: VimRegistry
    monitor: AliveMonitor
    settings: LifecycleSettings
    file_servers: Mapping[str, FileServer] = field(default_factory=dict)
    """Those that are configured, by id."""
    queue: Queue | None = None
    """The engine, once it is made: flows may queue further operations."""
    tenant_locks: dict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))
    """Two deployments of a new tenant make it once."""


class Work:
    """One operation on one deployment."""

    def __init__(self, op: Operation, services: Services, record: Deployment) -> None:
        self.op = op
        self.services = services
        self.deployment = record
        self._cloud: Cloud | None = None

    @cached_property
    def intent(self) -> intent.Deployment:
        """What the operation's document wants."""
        return intent.parse(self.op.arguments["document"].encode())

    @property
    def vim(self) -> Vim:
        return self.services.vims.get(self.deployment.vim_id)

    @property
    def settings(self) -> LifecycleSettings:
        return self.services.settings

    @property
    def sources(self) -> Sources:
        """Where day-0 templates may come from."""
        return Sources(self.settings.file_folders, self.services.file_servers)

    async def cloud(self) -> Cloud:
        """The cloud seen from the deployment's project. Raises: StepFailed when it cannot be had."""
        if self._cloud is None:
            opening = persist(self.settings.patience, lambda: self.vim.cloud(self.deployment.project))
            self._cloud = await self.answered(opening)
        return self._cloud

    async def reach_over(self) -> None:
        """See the cloud from the connector's own project from now on (`lifecycle.reach`). Raises: StepFailed."""
        reaching = persist(self.settings.patience, lambda: self.vim.cloud(SHARED_PROJECT))
        self._cloud = await self.answered(reaching)

    async def answered(self, awaitable: Awaitable[T]) -> T:
        """Await the cloud outside a step, interruptibly; its refusal is a StepFailed."""
        try:
            return await self.op.wait(awaitable)
        except VimError as error:
            raise StepFailed(str(error), error.status) from error

    async def found(self, look: Callable[[], Awaitable[T]]) -> T | None:
        """What the cloud has, asked for with patience; None when it is not there. Raises: StepFailed."""

        async def there() -> T | None:
            try:
                return await persist(self.settings.patience, look)
            except VimNotFound:
                return None

        return await self.answered(there())

    async def refresh(self) -> Deployment:
        """Read the deployment's row again."""
        found = await self.services.store.read(lambda c: inventory.deployment(c, self.deployment.id))
        if found is not None:
            self.deployment = found
        return self.deployment

    def tell(self, tx: Tx, event: object) -> None:
        """Append an event of this operation."""
        self.services.events.append(tx, event, self.op.id)  # type: ignore[arg-type]


async def deployment_work(op: Operation, services: Services) -> Work:
    """The work of an operation on a deployment. Raises: RuntimeError when its row is gone."""
    assert op.row.deployment_id is not None
    deployment_id = op.row.deployment_id
    record = await services.store.read(lambda connection: inventory.deployment(connection, deployment_id))
    if record is None:
        raise RuntimeError(f"deployment {deployment_id} of operation {op.id} is not in the inventory")
    return Work(op, services, record)
