"""Every exception of openstacksdk, keystoneauth1 and requests as the right `VimError`.

Classes and statuses decide, never texts: the SDK words the same failure differently from call to call (a
GET says "No Server found" for a 503 too). There is one exception, `_is_quota`, where the cloud offers
nothing else.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import keystoneauth1.exceptions as ks
import requests
import structlog
import urllib3.exceptions
from openstack import exceptions as sdk

from openesc.vim import errors
from openesc.vim.pool import CallAbandoned, CallOverdue
from openesc.vim.tls import TlsFailed

log = structlog.get_logger(__name__)

STATUSES: dict[int, type[errors.VimError]] = {
    401: errors.VimAuthError,
    403: errors.VimForbidden,
    404: errors.VimNotFound,
    408: errors.VimTimeout,
    409: errors.VimConflict,
    410: errors.VimNotFound,
    413: errors.VimQuotaExceeded,
    423: errors.VimConflict,
    429: errors.VimConflict,
    502: errors.VimUnreachable,
    503: errors.VimUnreachable,
    504: errors.VimUnreachable,
}
"""Statuses with a meaning of their own; other 4xx are VimBadRequest, other 5xx VimServerError."""

OVERQUOTA_TYPES = frozenset({"OverQuota", "QuotaExceeded"})
"""What Neutron writes into ``NeutronError.type`` (409)."""


def translate(error: BaseException) -> errors.VimError:
    """The `VimError` for whatever a call raised; a VimError is returned as it is.

    The SDK wraps exceptions with and without saying so: the first one in the chain of causes that has a row decides.
    """
    for one in _chain(error):
        for known, make in ROWS:
            if isinstance(one, known):
                return make(one)
    # as text: a renderer that shows local variables would show the password among them
    log.error("vim_call_failed_unexpectedly", trace="".join(traceback.format_exception(error)))
    return errors.VimError(f"unexpected {type(error).__name__}: {error}")


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and what caused it, nearest first; a bare wrapper of the SDK says less than its cause, so
    it comes last.
    """
    seen = _causes(error)
    yield from (one for one in seen if not _is_wrapper(one))
    yield from (one for one in seen if _is_wrapper(one))


def _causes(error: BaseException) -> list[BaseException]:
    seen: list[BaseException] = []
    one: BaseException | None = error
    while one is not None and one not in seen:
        seen.append(one)
        one = one.__cause__ or one.__context__
    return seen


def _is_wrapper(error: BaseException) -> bool:
    return type(error) in (sdk.SDKException, sdk.ServiceDiscoveryException, ks.DiscoveryFailure)


def by_status(
    status: int | None, message: str, request_id: str | None = None, *, quota: bool = False
) -> errors.VimError:
    """The error for an HTTP status; `quota` when the answer is known to mean a quota."""
    kind = errors.VimQuotaExceeded if quota else _class_of(status)
    return kind(message, status=status, request_id=request_id)


def _class_of(status: int | None) -> type[errors.VimError]:
    if status is None:
        return errors.VimServerError
    usual = errors.VimBadRequest if 400 <= status < 500 else errors.VimServerError
    return STATUSES.get(status, usual)


def _from_sdk_http(error: Any) -> errors.VimError:
    details = str(error.details or error.message).strip()
    quota = _is_quota(error.status_code, details, error.response)
    return by_status(error.status_code, details, error.request_id, quota=quota)


def _from_keystone_http(error: Any) -> errors.VimError:
    # keystoneauth writes status and request id behind the cloud's own words
    words = str(error.message or error.details or error)
    words = words.removesuffix(f" (Request-ID: {error.request_id})")
    words = words.removesuffix(f" (HTTP {error.http_status})").strip()
    return by_status(error.http_status, words, error.request_id)


def _is_quota(status: int | None, details: str, response: requests.Response | None) -> bool:
    """Whether a 403 or 409 means a quota.

    Neutron says so in the error's ``type``. Nova's 403 for a quota and its 403 for a policy have the same
    body but for the words: all its quota messages say "exceed", no policy message does. This is the one
    place where words are read.
    """
    if status == 403:
        return "exceed" in details.lower()
    return status == 409 and _neutron_type(response) in OVERQUOTA_TYPES


def _neutron_type(response: requests.Response | None) -> str | None:
    try:
        body = response.json() if response is not None else None
    except ValueError:
        return None
    error = body.get("NeutronError") if isinstance(body, dict) else None
    return str(error.get("type")) if isinstance(error, dict) else None


def _as(kind: type[errors.VimError]) -> Callable[[BaseException], errors.VimError]:
    def make(error: BaseException) -> errors.VimError:
        return kind(_words(error))

    return make


def _words(error: BaseException) -> str:
    """The error's words; of a failed connection, where it led and what the system said of it."""
    words = str(error).strip() or type(error).__name__
    said = next((one.strerror for one in _causes(error) if isinstance(one, OSError) and one.strerror), None)
    where = re.split(r":? ?[(]?HTTPS?Connection", words)[0]
    return f"{where}: {said}" if said and where else _ADDRESS.sub("", words)


_ADDRESS = re.compile(r" object at 0x[0-9a-f]+")


def _no_service(error: BaseException) -> errors.VimError:
    return errors.VimBadRequest(
        f"the cloud's catalogue lacks the service (or the region or interface is wrong): {error}"
    )


def _tls(error: BaseException) -> errors.VimError:
    said = next((one for one in _causes(error) if isinstance(one, TlsFailed)), error)
    return errors.VimUnreachable(_words(error) if said is error else str(said))


def _itself(error: Any) -> errors.VimError:
    assert isinstance(error, errors.VimError)
    return error


ROWS: tuple[tuple[tuple[type[BaseException], ...], Callable[[Any], errors.VimError]], ...] = (
    ((errors.VimError,), _itself),
    ((CallOverdue, CallAbandoned), _as(errors.VimTimeout)),
    ((sdk.HttpException,), _from_sdk_http),
    ((ks.HttpError,), _from_keystone_http),
    ((ks.ConnectTimeout, requests.Timeout, TimeoutError), _as(errors.VimTimeout)),
    ((ks.SSLError, requests.exceptions.SSLError), _tls),
    ((ks.EndpointNotFound, sdk.EndpointNotFound, sdk.ServiceDisabledException), _no_service),
    ((ks.ConnectionError, ks.DiscoveryFailure, requests.ConnectionError), _as(errors.VimUnreachable)),
    ((sdk.ConfigException, ks.AuthPluginException), _as(errors.VimAuthError)),
    ((ks.AuthorizationFailure, ks.MissingAuthMethods), _as(errors.VimAuthError)),
    ((sdk.ResourceFailure,), _as(errors.VimFault)),
    ((sdk.ResourceTimeout,), _as(errors.WaitTimedOut)),
    ((sdk.DuplicateResource,), _as(errors.VimConflict)),
    ((sdk.NotSupported, sdk.MethodNotSupported, sdk.InvalidRequest), _as(errors.VimBadRequest)),
    ((sdk.ValidationException, sdk.InvalidResourceQuery), _as(errors.VimBadRequest)),
    ((sdk.InvalidResponse, ks.InvalidResponse, requests.JSONDecodeError), _as(errors.VimServerError)),
    ((requests.exceptions.InvalidURL, requests.exceptions.MissingSchema), _as(errors.VimBadRequest)),
    ((urllib3.exceptions.ProtocolError, requests.RequestException), _as(errors.VimUnreachable)),
    ((ks.ClientException,), _as(errors.VimServerError)),
    ((OSError,), _as(errors.VimUnreachable)),
    ((sdk.ServiceDiscoveryException,), _as(errors.VimUnreachable)),
    ((sdk.SDKException,), _as(errors.VimServerError)),
)
"""Which exception is what, more special ones before more general ones (HttpException is a requests exception too)."""
