"""Puts the house together: every room with what it needs, in the order of their dependence."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from openesc.cli.callback_handlers import callback_handlers
from openesc.cli.connectors import Connectors
from openesc.cli.control import Handler
from openesc.cli.gauges import watch_states
from openesc.cli.leftover_handlers import leftover_handlers
from openesc.cli.offline import DATABASE
from openesc.cli.operation_handlers import operation_handlers
from openesc.cli.retention import keep_retention
from openesc.cli.runtime import Address
from openesc.cli.supervisor import Supervisor
from openesc.cli.user_handlers import user_handlers
from openesc.cli.vimmanager_handlers import vimmanager_handlers
from openesc.config import Settings
from openesc.datastore.running import Running
from openesc.datastore.secrets import Vault
from openesc.events.block import BlockLog
from openesc.events.callbacks.outbox import Outbox
from openesc.events.callbacks.receiver import CallbackSettings
from openesc.events.log import EventLog
from openesc.lifecycle.context import RECREATE, LifecycleSettings
from openesc.lifecycle.context import Services as LifecycleServices
from openesc.lifecycle.engine import Engine, EngineSettings
from openesc.lifecycle.failpoints import Failpoints
from openesc.lifecycle.flavors import FlavorQuestion
from openesc.lifecycle.flows.registry import flows
from openesc.lifecycle.pending_resizes import watch_pending_resizes
from openesc.lifecycle.planner import Planner
from openesc.lifecycle.polling import Polling
from openesc.lifecycle.subnets import SubnetQuestion
from openesc.lifecycle.volume_types import VolumeTypeQuestion
from openesc.monitor.alive import AliveMonitor
from openesc.monitor.collectors import standard_collectors
from openesc.netconf import Limits, NetconfServer
from openesc.northbound.actions import Rules, action_handlers
from openesc.northbound.addresses import AddressLookup
from openesc.northbound.backend import EscBackend
from openesc.northbound.checks import Checks
from openesc.northbound.deliveries import Deliveries
from openesc.northbound.dependencies import NetworkLookup
from openesc.northbound.edits import Edits, Lookup
from openesc.northbound.first_start import first_start
from openesc.northbound.flavors import FlavorLookup
from openesc.northbound.invocations import Invocations
from openesc.northbound.model import SECRET_KINDS, load_schema, unit_tree
from openesc.northbound.operations import Operations
from openesc.northbound.snapshot_actions import snapshot_handlers
from openesc.northbound.snapshot_volumes import SnapshotVolumes
from openesc.northbound.users import Users
from openesc.store import Store
from openesc.vim.errors import VimError
from openesc.vimmanager import VimManager

if TYPE_CHECKING:
    from openesc.rest.server import RestServer

log = structlog.get_logger()


@dataclass
class Services:
    """Everything that runs, and where it listens. `engine` does not run in commands without a server."""

    settings: Settings
    store: Store
    users: Users
    events: EventLog
    running: Running
    connectors: Connectors
    engine: Engine
    planner: Planner
    lifecycle: LifecycleServices
    vimmanager: VimManager
    outbox: Outbox
    server: NetconfServer | None = None
    rest_server: RestServer | None = None
    netconf: Address = ("", 0)
    rest: Address | None = None

    async def log_out(self, user: str) -> None:
        """End the sessions of a user who is no more."""
        if self.server is not None:
            await self.server.disconnect_user(user, f"user {user} was deleted")

    async def close(self) -> None:
        """Stop accepting, let steps end, close the store."""
        if self.rest_server is not None:
            await self.rest_server.stop()
        if self.server is not None:
            await self.server.stop(grace=2.0)
        await self.engine.stop(self.settings.engine.stop_grace_s)
        await self.outbox.stop(1.0)
        await self.connectors.close()
        self.store.close()


async def open_services(
    settings: Settings, supervisor: Supervisor, *, cloud: Mapping[str, Any] | None, serving: bool = True
) -> Services:
    """Open the store and what stands on it; with `serving` also run: engine, log block, listeners."""
    services = _build(settings, VimManager(settings.data_dir), cloud)
    if serving:
        await _run(services, supervisor)
    return services


def control_handlers(services: Services) -> Mapping[str, Handler]:
    """The commands of the control socket, by name."""
    return {
        **user_handlers(services.users, services.log_out),
        **operation_handlers(Operations(services.store, services.engine, services.planner)),
        **callback_handlers(Deliveries(services.store)),
        **leftover_handlers(services.lifecycle),
        **vimmanager_handlers(services.vimmanager),
    }


def debug_steps() -> list[dict[str, str]]:
    """Every step of every flow, where a failpoint can stop the process."""
    from openesc.events.callbacks.outbox import POINTS
    from openesc.lifecycle.flows.steps_table import STEPS

    flows = {**STEPS, "callbacks": POINTS}
    return [{"flow": flow, "step": step} for flow, steps in flows.items() for step in steps]


def _build(settings: Settings, vimmanager: VimManager, cloud: Mapping[str, Any] | None) -> Services:
    store = Store(settings.data_dir / DATABASE)
    tree = unit_tree(load_schema(settings.data_dir / "cache"))
    running = Running(store, tree, Vault(settings.data_dir / "keys" / "secrets.key", SECRET_KINDS))
    lifecycle_settings = _lifecycle_settings(settings, vimmanager)
    connectors = Connectors(settings, cloud, lambda: lifecycle_settings.volume_create.interval)
    connectors.attach(running)
    events = EventLog(store)
    lifecycle = LifecycleServices(
        store=store,
        events=events,
        vims=connectors.registry,
        monitor=AliveMonitor(standard_collectors(connectors.registry)),
        settings=lifecycle_settings,
        file_servers=connectors.file_servers,
    )
    failpoints = Failpoints.from_environment(os.environ)
    engine = Engine(
        store,
        flows(lifecycle),
        _engine_settings(settings),
        answers=(VimError,),
        failpoints=failpoints,
    )
    lifecycle.queue = engine
    restores = settings.restore.root_volume == RECREATE or settings.swaps_root_volumes
    planner = Planner(engine, settings.vim.default_id, restores=restores)
    outbox = Outbox(store, events, _callback_settings(settings), failpoints.reach)
    return Services(
        settings, store, Users(store), events, running, connectors, engine, planner, lifecycle, vimmanager, outbox
    )


def _callback_settings(settings: Settings) -> CallbackSettings:
    callbacks = settings.callbacks
    return CallbackSettings(
        timeout=callbacks.timeout_s,
        parallel=callbacks.parallel_per_receiver,
        first=callbacks.retry_first_s,
        longest=callbacks.retry_max_s,
        max_tries=callbacks.max_tries,
        give_up=callbacks.give_up_after_s,
    )


def _lifecycle_settings(settings: Settings, vimmanager: VimManager) -> LifecycleSettings:
    engine = settings.engine
    return LifecycleSettings(
        patience=engine.cloud_patience_s,
        server_timeout=engine.server_boot_timeout_s,
        delete_timeout=engine.server_delete_timeout_s,
        file_folders=tuple(settings.vim.file_folders),
        snapshot_create=_polling(vimmanager, "snapshot.create"),
        snapshot_delete=_polling(vimmanager, "snapshot.delete"),
        volume_create=_polling(vimmanager, "volume.create"),
        recovery_retries=engine.recovery_retries_max,
        root_volume=settings.restore.root_volume,
        swap_root_volume=settings.swaps_root_volumes,
        export_folder=engine.export_dir or settings.data_dir / "exports",
    )


def _polling(vimmanager: VimManager, of: str) -> Polling:
    """What the properties say of it, now and whenever they change."""
    polling = Polling()
    vimmanager.on_change(lambda: polling.change(*vimmanager.polling(of)))
    return polling


def _engine_settings(settings: Settings) -> EngineSettings:
    engine = settings.engine
    return EngineSettings(
        grace=engine.cancel_grace_s,
        doubt_wait=settings.vim.http_timeout_s,
        replays=engine.replays,
        max_parallel=engine.max_parallel,
    )


async def _run(services: Services, supervisor: Supervisor) -> None:
    settings = services.settings
    host_key = await first_start(settings.data_dir, services.store)
    if settings.events.log_block:
        file = settings.data_dir / settings.events.log_block_file
        supervisor.spawn("log block", BlockLog(services.store, services.events, file).run())
    supervisor.spawn("callbacks", services.outbox.run())
    pending = watch_pending_resizes(services.lifecycle, settings.engine.pending_resize_poll_s)
    supervisor.spawn("pending resizes", pending)
    supervisor.spawn("event retention", keep_retention(services.store, services.events, settings.events.retention_days))
    resumed = await services.engine.start()
    if resumed:
        log.info("recovery done", resumed=len(resumed))
    edits, invocations = _edits(services), _invocations(services)
    backend = EscBackend(services.store, services.running, edits, services.events, invocations)
    services.server = _server(services, backend, str(host_key))
    await services.server.start()
    services.netconf = (settings.netconf.host, services.server.port)
    watch_states(services.store, lambda: len(services.server.sessions) if services.server is not None else 0)
    if settings.rest.port is not None:
        from openesc.cli.rest_wiring import rest_server

        services.rest_server = rest_server(services, edits, invocations, _volumes(services))
        await services.rest_server.start()
        services.rest = (settings.rest.host, services.rest_server.port)


def _edits(services: Services) -> Edits:
    settings = services.settings
    checks = Checks(
        standard_collectors(services.connectors.registry), lambda: services.connectors.regions, settings.vim.default_id
    )
    return Edits(
        services.store,
        services.running,
        services.planner,
        checks,
        services.connectors.on_changes,
        _lookups(services),
    )


def _server(services: Services, backend: EscBackend, host_key: str) -> NetconfServer:
    settings = services.settings
    return NetconfServer(
        backend,
        services.users,
        [host_key],
        host=settings.netconf.host,
        port=settings.netconf.port,
        limits=_limits(settings),
    )


def _lookups(services: Services) -> list[Lookup]:
    vims, wait = services.connectors.registry, services.settings.engine.accept_wait_s
    return [
        FlavorLookup(services.store, services.running, FlavorQuestion(vims, wait)),
        AddressLookup(services.running, SubnetQuestion(vims, wait)),
        NetworkLookup(services.running, SubnetQuestion(vims, wait)),
    ]


def _invocations(services: Services) -> Invocations:
    rules = _rules(services.settings)
    handlers = {
        **action_handlers(services.store, services.engine, rules),
        **snapshot_handlers(services.store, services.engine, services.events, rules),
    }
    return Invocations(services.running.schema, handlers)


def _volumes(services: Services) -> SnapshotVolumes:
    rules = _rules(services.settings)
    question = VolumeTypeQuestion(services.connectors.registry, rules.accept_wait)
    return SnapshotVolumes(services.store, services.engine, rules, question)


def _rules(settings: Settings) -> Rules:
    engine = settings.engine
    return Rules(accept_wait=engine.accept_wait_s, min_active_check=engine.min_active_check)


def _limits(settings: Settings) -> Limits:
    netconf = settings.netconf
    return Limits(
        message_size=netconf.max_message_bytes,
        depth=netconf.max_depth,
        read_ahead=netconf.max_read_ahead_bytes,
        sessions=netconf.max_sessions,
        sessions_per_user=netconf.max_sessions_per_user,
        connections_before_login=netconf.max_connections_before_login,
        login_time=netconf.login_timeout_s,
        hello_time=netconf.hello_timeout_s,
        idle_time=netconf.idle_timeout_s or None,
        keepalive_interval=netconf.keepalive_interval_s,
        stall_time=netconf.stall_timeout_s,
    )
