"""One blocking call of the SDK as a coroutine that raises nothing but `VimError`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from openesc.vim.errors import VimAuthError, VimError
from openesc.vim.logins import Logins
from openesc.vim.pool import CallPool
from openesc.vim.port import Project
from openesc.vim.services import Services
from openesc.vim.session import http_session
from openesc.vim.settings import VimSettings
from openesc.vim.translate import translate

T = TypeVar("T")

Refusal = Callable[[Project, VimAuthError], Awaitable[VimError]]


class Calls:
    """The way to one VIM's threads, and its log-ins."""

    def __init__(self, settings: VimSettings) -> None:
        self.settings = settings
        self.http = http_session(settings)
        self.logins = Logins(settings, self.http)
        self.pool = CallPool(f"vim-{settings.vim_id}", settings.threads)

    async def ask(self, what: str, work: Callable[[], T]) -> T:
        """Run `work` in a thread for at most `http_timeout`; once more where its credentials were refused and there are
        others by now. Raises: VimError.
        """
        limit, generation = self.settings.http_timeout, self.logins.generation
        try:
            return await self._run(what, work, limit)
        except VimAuthError:
            if not await self._run("read_credentials", lambda: self.logins.renewed(generation), limit):
                raise
        return await self._run(what, work, limit)

    async def transfer(self, what: str, work: Callable[[], T]) -> T:
        """Run `work` in a thread for as long as bytes flow. Raises: VimError."""
        return await self._run(what, work, None)

    def close(self) -> None:
        """Let go of threads and connections. Calls under way end with their time-out."""
        self.pool.close()
        self.logins.close()
        self.http.close()

    async def _run(self, what: str, work: Callable[[], T], limit: float | None) -> T:
        try:
            return await self.pool.run(work, what=what, limit=limit)
        except Exception as error:
            raise translate(error) from error


class ProjectCalls:
    """What the parts of a project's cloud have in common.

    Args:
        calls: the VIM's threads.
        project: the project seen from.
        services: the cloud's services, logged into that project.
        refusal: says why credentials were refused there.
    """

    def __init__(self, calls: Calls, project: Project, services: Services, refusal: Refusal) -> None:
        self._calls = calls
        self._project = project
        self._services = services
        self._refusal = refusal

    @property
    def project(self) -> Project:
        """The project this cloud is seen from."""
        return self._project

    async def _ask(self, what: str, work: Callable[[Services], T]) -> T:
        try:
            return await self._calls.ask(what, lambda: work(self._services))
        except VimAuthError as error:
            raise await self._refusal(self._project, error) from error
