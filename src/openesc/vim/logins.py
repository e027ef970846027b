"""The log-ins of one VIM connector, one for each project; made anew when the credentials change."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import requests
import structlog
from openstack.connection import Connection

from openesc.vim.session import connect, connect_as_project
from openesc.vim.settings import VimSettings

log = structlog.get_logger(__name__)

CREDENTIALS = frozenset(
    {
        *("username", "user_id", "user_domain_name", "user_domain_id", "password"),
        *("application_credential_id", "application_credential_name", "application_credential_secret"),
    }
)
"""The words of an ``auth`` section that may change while a connector is used; the others say which cloud it is."""

PROJECT = ("project_name", "project_id", "project_domain_name", "project_domain_id")


def same_cloud(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two ``auth`` sections differ in their credentials at most."""
    return _place(one) == _place(other)


def same_project(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two ``auth`` sections are of one project; only who wrote them knows whether of one cloud."""
    return all(one.get(word) == other.get(word) for word in PROJECT)


def _place(auth: Mapping[str, Any]) -> dict[str, Any]:
    return {word: value for word, value in auth.items() if word not in CREDENTIALS}


class Logins:
    """The SDK's connections, for the threads of a connector.

    Args:
        settings: of the connector.
        http: its pool of HTTP connections.
    """

    def __init__(self, settings: VimSettings, http: requests.Session) -> None:
        self._settings = settings
        self._http = http
        self._lock = threading.RLock()
        self._connections: dict[str | None, Connection] = {}
        self.generation = 0
        """Grows with each change of the credentials."""

    def connection(self, project_id: str | None = None) -> Connection:
        """The connection to a project (None: the connector's own). Asks nothing of the cloud; the first one reads
        clouds.yaml.

        Raises: openstack.exceptions.ConfigException, keystoneauth1 exceptions on missing options.
        """
        with self._lock:
            if project_id not in self._connections:
                self._connections[project_id] = self._made(project_id)
            return self._connections[project_id]

    def _made(self, project_id: str | None) -> Connection:
        if project_id is None:
            return connect(self._settings, self._http)
        return connect_as_project(self.connection(), project_id)

    def use(self, settings: VimSettings) -> None:
        """From now on these credentials; calls under way end with the old ones."""
        with self._lock:
            self._settings = settings
            self._forget({})

    def renewed(self, generation: int) -> bool:
        """Whether there are other credentials than those of `generation`, which the cloud refused.

        Those of clouds.yaml are read again; another cloud or project in it counts from the next start on.
        """
        with self._lock:
            if self.generation == generation and not self._settings.auth:
                try:
                    self._read_again()
                except Exception as error:  # noqa: BLE001 - whatever is wrong with the file: it gives no other credentials
                    log.warning("vim_credentials_not_read", vim=self._settings.vim_id, reason=str(error))
            return self.generation != generation

    def _read_again(self) -> None:
        known, fresh = _auth(self.connection()), connect(self._settings, self._http)
        if _auth(fresh) != known and same_cloud(_auth(fresh), known):
            log.info("vim_credentials_read_again", vim=self._settings.vim_id)
            self._forget({None: fresh})

    def _forget(self, instead: dict[str | None, Connection]) -> None:
        self._connections = instead
        self.generation += 1

    def close(self) -> None:
        """Let go of all connections."""
        with self._lock:
            for connection in self._connections.values():
                connection.close()


def _auth(connection: Connection) -> dict[str, Any]:
    return dict(connection.config.config["auth"])
