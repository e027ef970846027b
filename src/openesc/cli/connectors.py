"""VIM connectors and file servers: the connector of the settings, and what ``esc_system_config`` has."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog

from openesc.cli.datadir import write_private
from openesc.config import Settings
from openesc.datastore.running import Change, Running
from openesc.lifecycle.steps.day_zero import FileServer
from openesc.northbound.connectors import PEM, Connector, connectors
from openesc.northbound.system import file_servers, system_unit
from openesc.store import Tx
from openesc.vim.openstack import OpenStackVim, Registry
from openesc.vim.port import Vim
from openesc.vim.settings import VimSettings

log = structlog.get_logger()

AUTH_WORDS = ("auth_url", "username", "password", "project_name", "user_domain_name", "project_domain_name")
SYSTEM = "system"


class Connectors:
    """Keeps the registry of clouds in step with the settings and with running."""

    def __init__(
        self, settings: Settings, cloud: Mapping[str, Any] | None, volume_interval: Callable[[], float]
    ) -> None:
        self._settings = settings
        self._volume_interval = volume_interval
        self._default = Connector({word: str(cloud[word]) for word in AUTH_WORDS} if cloud else {})
        self._probe_url = f"{_base(self._default.auth['auth_url'])}/sim/ping" if cloud else None
        self._configured: dict[str, Connector] = {}
        self._vims = {self._default_id: OpenStackVim(self._vim_settings(self._default_id, None))}
        self._old: list[Vim] = []
        self.file_servers: dict[str, FileServer] = {}
        self.registry = Registry(self._vims.values(), self._default_id)

    def attach(self, running: Running) -> None:
        """Take over what running configures; show the connector of the settings where it configures none."""
        if self._default.auth:
            running.provide(system_unit(running.tree, self._default_id, self._default.auth))
        for unit in running.select(None):
            if unit.id.kind.name == SYSTEM:
                self._configure(unit.document)

    def on_changes(self, tx: Tx, changes: Sequence[Change]) -> None:
        """Part of an edit: once it is durable, connectors are made, changed and forgotten with it."""
        for change in changes:
            if change.id.kind.name == SYSTEM and change.before != change.after:
                tx.on_commit.append(lambda document=change.after: self._configure(document))  # type: ignore[misc]

    @property
    def regions(self) -> dict[str, str | None]:
        """The connectors there are, each with its region where running says it."""
        return {vim_id: self._configured.get(vim_id, self._default).region for vim_id in self._vims}

    async def close(self) -> None:
        """Let go of every cloud."""
        for vim in (*self._vims.values(), *self._old):
            await vim.close()

    @property
    def _default_id(self) -> str:
        return self._settings.vim.default_id

    def _configure(self, document: bytes | None) -> None:
        wanted = connectors(document) if document is not None else {}
        self.file_servers.clear()
        self.file_servers.update(file_servers(document) if document is not None else {})
        if wanted.get(self._default_id) == self._default:
            del wanted[self._default_id]
        for vim_id in self._configured.keys() - wanted.keys():
            self._forget(vim_id)
        for vim_id, connector in wanted.items():
            if self._configured.get(vim_id) != connector:
                self._apply(vim_id, connector)
        self._configured = wanted

    def _apply(self, vim_id: str, connector: Connector) -> None:
        """A new connector, or other credentials or another way to the cloud of one there is: operations under way go on
        with them, unless the project is another.
        """
        settings = self._vim_settings(vim_id, connector)
        if vim_id not in self._vims or not self._vims[vim_id].use(settings):
            self._add(OpenStackVim(settings))
        log.info("VIM connector configured", vim_id=vim_id, auth_url=connector.auth.get("auth_url"))

    def _add(self, vim: OpenStackVim) -> None:
        """One that is replaced ends with the server: operations may still use it."""
        replaced = self.registry.add(vim)
        if replaced is not None:
            self._old.append(replaced)
        self._vims[vim.vim_id] = vim

    def _forget(self, vim_id: str) -> None:
        """The default connector is that of the settings again; another one is no more, and ends with the server: a call
        may be under way.
        """
        if vim_id == self._default_id:
            self._add(OpenStackVim(self._vim_settings(vim_id, None)))
        else:
            self.registry.remove(vim_id)
            self._old.append(self._vims.pop(vim_id))
        log.info("VIM connector no longer configured", vim_id=vim_id)

    def _vim_settings(self, vim_id: str, connector: Connector | None) -> VimSettings:
        vim = self._settings.vim
        found = connector or self._default
        return VimSettings(
            vim_id=vim_id,
            auth=found.auth,
            cloud=vim.cloud if connector is None else None,
            region=found.region,
            interface=found.interface,
            verify=not found.insecure,
            cacert=self._ca_file(found.cacert),
            http_timeout=vim.http_timeout_s,
            poll_interval=vim.poll_interval_s,
            volume_interval=self._volume_interval,
            threads=vim.threads,
            probe_url=self._probe_url,
            image_folders=tuple(map(str, vim.file_folders)),
        )

    def _ca_file(self, given: str | None) -> str | None:
        """The file of a connector's CA certificates; certificates that came with the document are put into one."""
        if given is None or PEM not in given:
            return given
        folder = self._settings.data_dir / "ca"
        folder.mkdir(exist_ok=True)
        file = folder / f"{hashlib.sha256(given.encode()).hexdigest()[:32]}.pem"
        if not file.exists():
            write_private(file, given)
        return str(file)


def _base(auth_url: str) -> str:
    """Scheme, host and port of the simulator."""
    return "/".join(auth_url.split("/")[:3])
