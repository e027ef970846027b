"""How the SDK is set up: one HTTP connection pool per VIM, time-outs that hold, no hidden repetition of
what changes the cloud.

One SDK `Connection` per project, shared by all threads of the VIM's pool. That is safe for what is used
here: the requests session sends through urllib3's connection pool, which locks; keystoneauth fetches a
token under the lock of its auth plugin, so that many threads whose token has expired ask for one new token;
resources are made per call and never shared. Two threads that touch a service first at the same moment may
both discover it; the second result replaces the equal first.
"""

from __future__ import annotations

import functools
import os
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.request import getproxies

import requests
from keystoneauth1.plugin import BaseAuthPlugin
from keystoneauth1.session import Session, TCPKeepAliveAdapter
from openstack.config import OpenStackConfig
from openstack.connection import Connection

from openesc import metrics
from openesc.vim.errors import VimAuthError
from openesc.vim.pool import CallAbandoned, CallOverdue, remaining
from openesc.vim.services import service_in_use
from openesc.vim.settings import VimSettings
from openesc.vim.tls import explained

CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")

IDEMPOTENT = frozenset({"GET", "HEAD"})


class PacedAdapter(TCPKeepAliveAdapter):
    """Sends with what is left of the call's time, and not at all when nobody waits for the call any more.

    A GET whose connection was cut is sent once more: a server that closes an idle connection just then is
    no failure. Nothing else is ever sent twice: whether a POST with a lost answer took effect is found out
    by looking.
    """

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: dict[str, str] | None = None,
    ) -> requests.Response:
        """As requests has it. Raises: requests.Timeout, also when the call has no time left; TlsFailed."""
        _sent.token = request.headers.get("X-Auth-Token")
        once = _counted(functools.partial(super().send, request, stream, verify=verify, cert=cert, proxies=proxies))
        try:
            return once(timeout=_allowed(request, timeout))
        except requests.Timeout:
            raise
        except requests.exceptions.SSLError as error:
            raise explained(error, request.url or "", verify) from error
        except requests.ConnectionError:
            if request.method not in IDEMPOTENT:
                raise
            return once(timeout=_allowed(request, timeout))


def _counted(send: Callable[..., requests.Response]) -> Callable[..., requests.Response]:
    """`send`, told to the metrics; a log-in within another service's call is that of identity."""

    def once(timeout: float | None) -> requests.Response:
        began, response = time.monotonic(), None
        try:
            response = send(timeout=timeout)
            return response
        finally:
            login = response is not None and response.url.endswith("/auth/tokens")
            code = response.status_code if response is not None else None
            metrics.vim_called("identity" if login else service_in_use(), code, time.monotonic() - began)

    return once


_sent = threading.local()


class RenewingSession(Session):
    """Logs in anew after a 401, also when several threads get theirs at the same moment.

    keystoneauth takes a token that another thread has just dropped for one that cannot be renewed, and reports the 401;
    and it drops a token that another thread has just fetched.
    """

    def invalidate(self, auth: BaseAuthPlugin | None = None) -> bool:
        """Drop the token this thread sent last, unless it is replaced already; always worth another attempt."""
        plugin: Any = auth or self.auth
        current = getattr(plugin, "auth_ref", None)
        if current is not None and current.auth_token == getattr(_sent, "token", None):
            super().invalidate(auth)
        return True


def _allowed(request: requests.PreparedRequest, timeout: float | None) -> float | None:
    try:
        left = remaining()
    except (CallOverdue, CallAbandoned) as error:
        raise requests.Timeout(f"not sent, the call's time is over: {request.method} {request.url}") from error
    if left is None or timeout is None:
        return left if timeout is None else timeout
    return min(left, timeout)


def http_session(settings: VimSettings) -> requests.Session:
    """The VIM's pool of HTTP connections, as wide as its pool of threads."""
    session = requests.Session()
    # to look for proxies, CA bundles and .netrc in the environment at every request takes a tenth of its time
    session.trust_env = bool(getproxies()) or any(name in os.environ for name in CA_VARIABLES)
    adapter = PacedAdapter(pool_connections=16, pool_maxsize=settings.threads)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def connect(settings: VimSettings, http: requests.Session) -> Connection:
    """The cloud as the connector's own project sees it. Reads files and environment, asks nothing of the cloud.

    Raises: openstack.exceptions.ConfigException, keystoneauth1 exceptions on missing options.
    """
    own = bool(settings.auth)
    config = OpenStackConfig(
        load_yaml_config=not own,
        load_envvars=not own,
        session_constructor=functools.partial(RenewingSession, session=http),  # type: ignore[arg-type]  # any callable will do
        app_name="openesc",
    )
    # SDK 4.22 takes its own table of Nones for an InfluxDB to report to, and warns of its coming end at each connection
    config._influxdb_config = {}
    return _connection(config.get_one(cloud=settings.cloud, **_options(settings)))


def connect_as_project(base: Connection, project_id: str) -> Connection:
    """The cloud as another project sees it, with the same credentials. Asks nothing of the cloud."""
    return _connection(base.connect_as(project_id=project_id).config)


def _connection(config: Any) -> Connection:
    # strict: a service that cannot be discovered right now must not be remembered as one without microversions
    return Connection(config=config, strict_proxies=True)


def _options(settings: VimSettings) -> dict[str, Any]:
    options: dict[str, Any] = {
        "api_timeout": settings.http_timeout,
        # the SDK would send a POST again after a cut connection, and an image call five times after 503
        "connect_retries": 0,
        "status_code_retries": 0,
        "image_status_code_retries": 0,
    }
    if not settings.verify:
        options["verify"] = False
    if settings.cacert:
        options["cacert"] = settings.cacert
    if settings.region:
        options["region_name"] = settings.region
    if settings.interface:
        options["interface"] = settings.interface
    return options | _auth(settings)


def _auth(settings: VimSettings) -> dict[str, Any]:
    if not settings.auth:
        return {}
    kind = "v3applicationcredential" if "application_credential_secret" in settings.auth else "password"
    missing = [words for words in NEEDED[kind] if not any(settings.auth.get(word) for word in words)]
    if missing:  # keystoneauth notices some of these late, and with an exception of no class
        lacks = ", ".join(" or ".join(words) for words in missing)
        raise VimAuthError(f"the credentials of VIM {settings.vim_id} lack {lacks}")
    return {
        "auth": {word: settings.auth[word] for word in settings.auth if word not in UNWANTED[kind]},
        "auth_type": kind,
    }


UNWANTED: dict[str, frozenset[str]] = {
    "password": frozenset(),
    # Keystone refuses an application credential that asks for a project, be it its own; and it has no password
    "v3applicationcredential": frozenset(
        {"password", "project_name", "project_id", "project_domain_name", "project_domain_id"}
    ),
}
"""The words each kind of credentials must not send, though a client gave them."""

NEEDED: dict[str, tuple[tuple[str, ...], ...]] = {
    "password": (
        ("auth_url",),
        ("username", "user_id"),
        ("password",),
        ("project_name", "project_id"),
    ),
    "v3applicationcredential": (
        ("auth_url",),
        ("application_credential_id", "application_credential_name"),
        ("application_credential_secret",),
    ),
}
"""The words each kind of credentials must have, one of each row."""
