"""VIM connectors and file servers: the connector of the settings, and what ``esc_system_config`` has."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog

from openesc.config import Settings
from openesc.datastore.running import Change, Running
from openesc.lifecycle.steps.day_zero import FileServer
from openesc.northbound.system import connectors, file_servers, system_unit
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
        self._default_auth = {word: str(cloud[word]) for word in AUTH_WORDS} if cloud else {}
        self._probe_url = f"{_base(self._default_auth['auth_url'])}/sim/ping" if cloud else None
        self._auth: dict[str, dict[str, str]] = {}
        self._old: list[Vim] = []
        self._vims: dict[str, OpenStackVim] = {}
        """Those that running configures."""
        self.file_servers: dict[str, FileServer] = {}
        self.registry = Registry(
            [OpenStackVim(self._vim_settings(settings.vim.default_id, None))], settings.vim.default_id
        )

    def attach(self, running: Running) -> None:
        """Take over what running configures; show the connector of the settings where it configures none."""
        if self._default_auth:
            running.provide(system_unit(running.tree, self._settings.vim.default_id, self._default_auth))
        for unit in running.select(None):
            if unit.id.kind.name == SYSTEM:
                self._configure(unit.document)

    def on_changes(self, tx: Tx, changes: Sequence[Change]) -> None:
        """Part of an edit: once it is durable, connectors are made, changed and forgotten with it."""
        for change in changes:
            if change.id.kind.name == SYSTEM and change.before != change.after:
                tx.on_commit.append(lambda document=change.after: self._configure(document))  # type: ignore[misc]

    @property
    def ids(self) -> set[str]:
        """The connectors there are."""
        return {self._settings.vim.default_id, *self._auth}

    async def close(self) -> None:
        """Let go of every cloud."""
        for vim_id in self.ids:
            vim = self.registry.remove(vim_id)
            if vim is not None:
                self._old.append(vim)
        for vim in self._old:
            await vim.close()

    def _configure(self, document: bytes | None) -> None:
        wanted = connectors(document) if document is not None else {}
        self.file_servers.clear()
        self.file_servers.update(file_servers(document) if document is not None else {})
        default = self._settings.vim.default_id
        if wanted.get(default) == self._default_auth:
            del wanted[default]
        for vim_id in self._auth.keys() - wanted.keys() - {default}:
            self._vims.pop(vim_id, None)
            self._replaced(self.registry.remove(vim_id))
        for vim_id, auth in wanted.items():
            if self._auth.get(vim_id) != auth:
                self._take(self._vim_settings(vim_id, auth))
                log.info("VIM connector configured", vim_id=vim_id, auth_url=auth.get("auth_url"))
        self._auth = wanted

    def _take(self, settings: VimSettings) -> None:
        """Other credentials of the same cloud are for the operations under way too; another cloud is not."""
        known = self._vims.get(settings.vim_id)
        if known is None or not known.use(settings):
            vim = self._vims[settings.vim_id] = OpenStackVim(settings)
            self._replaced(self.registry.add(vim))

    def _replaced(self, vim: Vim | None) -> None:
        """A connector that is no longer meant ends with the server: operations may still use it."""
        if vim is not None:
            self._old.append(vim)

    def _vim_settings(self, vim_id: str, auth: Mapping[str, str] | None) -> VimSettings:
        vim = self._settings.vim
        return VimSettings(
            vim_id=vim_id,
            auth=dict(self._default_auth if auth is None else auth),
            cloud=vim.cloud if auth is None else None,
            http_timeout=vim.http_timeout_s,
            poll_interval=vim.poll_interval_s,
            volume_interval=self._volume_interval,
            threads=vim.threads,
            probe_url=self._probe_url,
            image_folders=tuple(map(str, vim.file_folders)),
        )


def _base(auth_url: str) -> str:
    """Scheme, host and port of the simulator."""
    return "/".join(auth_url.split("/")[:3])
