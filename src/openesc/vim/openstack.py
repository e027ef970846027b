"""The one adapter of `openesc.vim.port`: openstacksdk, against a real OpenStack and against a simulated one alike.

The SDK blocks, so every call runs in one of the VIM's threads (`pool`); waiting holds none (`watcher`).
Exceptions become `VimError` (`translate`), answers become the port's dataclasses (`convert`).
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeVar

import structlog

from openesc.vim import convert, rest
from openesc.vim.calls import Calls, Refusal
from openesc.vim.errors import VimAuthError, VimError, VimForbidden, VimNotFound
from openesc.vim.images import Images
from openesc.vim.logins import same_project
from openesc.vim.networking import Networking
from openesc.vim.operations import Operations
from openesc.vim.port import SHARED_PROJECT, Project, Server, Vim, Volume
from openesc.vim.probe import Probe
from openesc.vim.servers import Servers, ServerSource
from openesc.vim.services import Services
from openesc.vim.settings import VimSettings
from openesc.vim.volumes import Volumes, VolumeSource
from openesc.vim.watcher import Pace, Watcher

T = TypeVar("T")

log = structlog.get_logger(__name__)

NAMES_LAST = 60.0
"""Seconds that a project's name is taken to mean the same project without asking again."""

OURS = "made by openesc"
"""The description of projects that were made here. In those, and in no others, the connector may give
itself its role.
"""


class OpenStackCloud(Networking, Images, Volumes, Servers, Operations):
    """`openesc.vim.port.Cloud` on openstacksdk."""

    def __init__(
        self,
        calls: Calls,
        project: Project,
        services: Services,
        refusal: Refusal,
        servers: Watcher[Server],
        volumes: Watcher[Volume],
    ) -> None:
        super().__init__(calls, project, services, refusal)
        self._servers = servers
        self._volumes = volumes


@dataclass(frozen=True, slots=True)
class _Identity:
    """Who the connector is, from its own token."""

    project: Project
    domain_id: str | None
    user_id: str
    roles: frozenset[str]


class OpenStackVim:
    """One VIM connector (`openesc.vim.port.Vim`). Making it asks nothing of the cloud and reads no file.

    A member's credentials are enough for the connector's own project; making projects and seeing into
    others needs more, and VimForbidden says so.
    """

    def __init__(self, settings: VimSettings) -> None:
        self._settings = settings
        self._calls = Calls(settings)
        self._own = Services(self._calls.logins.connection)
        self._by_id: dict[str, OpenStackCloud] = {}
        self._by_name: dict[str, tuple[float, OpenStackCloud]] = {}
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._narrowed: VimForbidden | None = None
        """Why projects that others have a role in were not looked through."""
        self._ping = _pinger(settings)
        pace, name = Pace(interval=settings.poll_interval), settings.vim_id
        self._servers = Watcher(name, ServerSource(self), pace, all_scopes=settings.all_projects)
        self._volumes = Watcher(
            name, VolumeSource(self), pace, all_scopes=settings.all_projects, interval=settings.volume_interval
        )

    @property
    def vim_id(self) -> str:
        """The connector's id."""
        return self._settings.vim_id

    @property
    def http_timeout(self) -> float:
        """Seconds after which an unanswered call may be taken as over."""
        return self._settings.http_timeout

    def use(self, settings: VimSettings) -> bool:
        """Take other credentials or another way to the same cloud, if these settings are of the same project; whether
        they are.

        Operations and waits go on with them. May be called from any thread.
        """
        if not (settings.auth and self._settings.auth and same_project(settings.auth, self._settings.auth)):
            return False
        self._settings = settings
        self._calls.logins.use(settings)
        return True

    async def authenticate(self) -> None:
        """Log in anew, whatever token there is. Raises: VimUnreachable, VimAuthError."""

        def log_in(services: Services) -> None:
            services.session.auth.invalidate()
            services.session.get_token()

        await self._ask("authenticate", log_in)

    async def find_project(self, name: str) -> Project | None:
        """The project of that name in the connector's domain; ``SystemAdminTenantId`` is the connector's own.

        Without the right to list projects only those the connector has a role in are found.
        """
        identity = await self._identity()
        if name in (SHARED_PROJECT, identity.project.name):
            return identity.project
        found = await self._find_project(name, identity)
        return None if found is None else convert.project(found)

    def unseen(self, name: str, advice: str = "") -> VimNotFound:
        """See `openesc.vim.port.Vim.unseen`."""
        words = f"VIM {self.vim_id} has no project named {name} that its credentials can see{advice}"
        if self._narrowed is None:
            return VimNotFound(words, status=404)
        words += f"; the cloud: {self._narrowed.message}"
        return VimNotFound(words, status=404, request_id=self._narrowed.request_id)

    async def create_project(self, name: str) -> Project:
        """Make a project in the connector's domain and give the connector's user the role ``admin`` there if it has it,
        else ``member``.

        Raises: VimConflict (exists), VimForbidden (the connector may not make projects).
        """
        identity = await self._identity()

        def create(conn: Services) -> Project:
            made = conn.identity.create_project(
                name=name, domain_id=identity.domain_id, description=OURS, is_enabled=True
            )
            _give_role(conn, made.id, identity)
            return convert.project(made)

        return await self._ask("create_project", create)

    async def delete_project(self, project_id: str) -> None:
        """Delete; what is in it is not looked at."""
        await self._ask("delete_project", lambda conn: conn.identity.delete_project(project_id))
        self._by_id.pop(project_id, None)
        self._forget(project_id)

    def _forget(self, project_id: str) -> None:
        """The next who names the project looks for it again."""
        self._by_name = {name: kept for name, kept in self._by_name.items() if kept[1].project.id != project_id}

    async def is_admin(self) -> bool:
        """Whether the connector's user has the role ``admin`` in its own project: by OpenStack's default policies it
        reads and deletes what is in any project.
        """
        return "admin" in (await self._identity()).roles

    async def cloud(self, project: str) -> OpenStackCloud:
        """The cloud seen from the project of this name (``SystemAdminTenantId``: the connector's own).

        Raises: VimNotFound (no such project), VimForbidden (no role in it), VimUnreachable, VimAuthError.
        """
        async with self._locks[project]:
            until, kept = self._by_name.get(project, (0.0, None))
            if kept is not None and time.monotonic() < until:
                return kept
            found = await self._open(project)
            self._by_name[project] = (time.monotonic() + NAMES_LAST, found)
            return found

    def by_project(self, project_id: str | None) -> OpenStackCloud:
        """The cloud of a project that was opened before (None: the connector's own). Raises: VimNotFound."""
        if project_id is None and SHARED_PROJECT in self._by_id:
            return self._by_id[SHARED_PROJECT]
        if project_id not in self._by_id:
            raise VimNotFound(f"project {project_id} is not open on VIM {self.vim_id}")
        return self._by_id[project_id]

    async def alive(self, server: Server, ip_address: str, timeout: float) -> bool:
        """One ICMP echo to `ip_address`; a simulated cloud (`probe_url`) answers for its guests.

        Raises: VimForbidden (no right to ICMP), VimUnreachable (the simulated cloud does not answer: nothing is known).
        """
        return await self._ping.alive(ip_address, timeout)

    async def close(self) -> None:
        """Stop watching and let go of connections and threads. Calls under way end with their time-out."""
        await asyncio.gather(self._servers.close(), self._volumes.close())
        self._calls.close()

    async def _ask(self, what: str, work: Callable[[Services], T]) -> T:
        return await self._calls.ask(what, lambda: work(self._own))

    async def _identity(self) -> _Identity:
        return await self._ask("log_in", _identity)

    async def _find_project(self, name: str, identity: _Identity) -> Any:
        def find(conn: Services) -> Any:
            listed = conn.identity.projects(**_in_domain(name, identity))
            return next((one for one in listed if one.name == name), None)

        def find_own(conn: Services) -> Any:
            body, _ = rest.get(conn.identity, "/auth/projects")
            found = (one for one in body["projects"] if one["name"] == name)
            return next((conn.identity.get_project(one["id"]) for one in found), None)

        try:
            found = await self._ask("find_project", find)
        except VimForbidden as error:
            self._narrowed = error
            return await self._ask("find_own_project", find_own)
        self._narrowed = None
        return found

    async def _open(self, name: str) -> OpenStackCloud:
        identity = await self._identity()
        own = self._enter(identity.project, self._own)
        self._by_id[SHARED_PROJECT] = own
        if name in (SHARED_PROJECT, identity.project.name):
            return own
        found = await self._find_project(name, identity)
        if found is None:
            raise self.unseen(name)
        if found.id in self._by_id:
            return self._by_id[found.id]
        services = Services(partial(self._calls.logins.connection, found.id))
        await self._log_into(services, found, identity)
        return self._enter(convert.project(found), services)

    def _enter(self, project: Project, services: Services) -> OpenStackCloud:
        if project.id not in self._by_id:
            watchers = (self._servers, self._volumes)
            self._by_id[project.id] = OpenStackCloud(self._calls, project, services, self._refused, *watchers)
        return self._by_id[project.id]

    async def _refused(self, project: Project, error: VimAuthError) -> VimError:
        """Keystone refuses who logs into a project that is gone as it refuses a wrong password."""
        try:
            found = await self.find_project(project.name)
        except VimError:
            return error
        if found is not None and found.id == project.id:
            return error
        self._forget(project.id)
        gone = f"project {project.name} [{project.id}] is not there any more, or not for this user: {error.message}"
        return VimForbidden(gone, status=403, request_id=error.request_id)

    async def _log_into(self, services: Services, project: Any, identity: _Identity) -> None:
        """Log into another project. The credentials have just shown that they are good: 401 means no role there."""
        try:
            await self._calls.ask("log_into_project", lambda: _enter_project(services, project))
        except VimAuthError as error:
            if await self._ask("log_in", _is_bound):
                raise _bound(project.name) from error
            if project.description != OURS:
                raise _no_role(project.name, error) from error
            # made here, and interrupted before the role was given
            await self._ask("give_role", lambda conn: _give_role(conn, project.id, identity))
            await self._calls.ask("log_into_project", lambda: _enter_project(services, project))


def _enter_project(services: Services, project: Any) -> None:
    services.session.get_token()
    # a cloud may ignore the project it is asked for, as old ones do of an application credential
    if services.session.get_project_id() != project.id:
        raise _bound(project.name)


def _is_bound(services: Services) -> bool:
    """Whether the connector logs in by an application credential, which is good for its own project alone."""
    access: Any = services.session.auth.get_access(services.session)
    return access.application_credential_id is not None


def _bound(project: str) -> VimForbidden:
    return VimForbidden(f"the connector's credential is bound to another project than {project}")


def _no_role(project: str, error: VimAuthError) -> VimForbidden:
    words = f"the connector's user has no role in project {project}; give it one there: {error.message}"
    return VimForbidden(words, status=error.status, request_id=error.request_id)


def _identity(conn: Services) -> _Identity:
    access: Any = conn.session.auth.get_access(conn.session)
    if not access.project_id:
        raise VimAuthError("the credentials name no project; give project_name (and its domain)")
    return _Identity(
        project=Project(access.project_id, access.project_name),
        domain_id=access.project_domain_id,
        user_id=access.user_id,
        roles=frozenset(access.role_names),
    )


def _in_domain(name: str, identity: _Identity) -> dict[str, str]:
    query = {"name": name}
    return query | {"domain_id": identity.domain_id} if identity.domain_id else query


def _give_role(conn: Services, project_id: str, identity: _Identity) -> None:
    wanted = "admin" if "admin" in identity.roles else "member"
    role = next((one for one in conn.identity.roles(name=wanted) if one.name == wanted), None)
    if role is None:
        raise VimForbidden(f"the cloud has no role named {wanted} that the connector could give itself")
    conn.identity.assign_project_role_to_user(project_id, identity.user_id, role.id)


class _Pings(Protocol):
    async def alive(self, address: str, timeout: float) -> bool: ...


def _pinger(settings: VimSettings) -> _Pings:
    if settings.probe_url:
        return Probe(settings.probe_url)
    from openesc.vim.icmp import Pinger  # the sockets' library is of no use beside a simulated cloud

    return Pinger()


class Registry:
    """All connectors by id (`openesc.vim.port.VimRegistry`).

    Args:
        vims: the connectors.
        default_id: the one that is meant where none is named.
    """

    def __init__(self, vims: Iterable[Vim], default_id: str) -> None:
        self._vims = {vim.vim_id: vim for vim in vims}
        self._default_id = default_id

    @property
    def default_id(self) -> str:
        """The id of the connector that is meant where none is named."""
        return self._default_id

    def get(self, vim_id: str | None) -> Vim:
        """The connector of that id (None: the default). Raises: KeyError."""
        return self._vims[self._default_id if vim_id is None else vim_id]

    def add(self, vim: Vim) -> Vim | None:
        """Take in a connector; the one it replaces is returned, to be closed when its calls have ended."""
        replaced = self._vims.get(vim.vim_id)
        self._vims[vim.vim_id] = vim
        return replaced

    def remove(self, vim_id: str) -> Vim | None:
        """Forget a connector and return it, to be closed when its calls have ended."""
        return self._vims.pop(vim_id, None)

    async def close(self) -> None:
        """Close all connectors."""
        await asyncio.gather(*(vim.close() for vim in self._vims.values()))
