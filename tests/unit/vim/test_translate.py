"""Every class of exception the SDK, keystoneauth and requests raise has its row."""

from __future__ import annotations

import json
from typing import Any

import keystoneauth1.exceptions as ks
import pytest
import requests
from openstack import exceptions as sdk

from openesc.vim import errors
from openesc.vim.translate import translate


def response(status: int, body: dict[str, Any], request_id: str = "req-1") -> requests.Response:
    """An answer of a service."""
    answer = requests.Response()
    answer.status_code = status
    answer._content = json.dumps(body).encode()
    answer.headers.update({"Content-Type": "application/json", "x-openstack-request-id": request_id})
    answer.url = "http://cloud/servers"
    answer.request = requests.Request("POST", answer.url).prepare()
    return answer


def raised(answer: requests.Response) -> Exception:
    """What the SDK makes of it."""
    with pytest.raises(sdk.HttpException) as caught:
        sdk.raise_from_response(answer)
    return caught.value


NOVA = {
    400: ("badRequest", "Flavor no-such could not be found.", errors.VimBadRequest),
    401: ("unauthorized", "The request you have made requires authentication.", errors.VimAuthError),
    403: (
        "forbidden",
        "Policy doesn't allow os_compute_api:os-migrate-server:migrate_live to be performed.",
        errors.VimForbidden,
    ),
    404: ("itemNotFound", "Instance ID could not be found.", errors.VimNotFound),
    409: (
        "conflictingRequest",
        "Cannot 'stop' instance ID while it is in vm_state stopped",
        errors.VimConflict,
    ),
    413: (
        "overLimit",
        "VolumeLimitExceeded: Maximum number of volumes allowed (0) exceeded for quota 'volumes'.",
        errors.VimQuotaExceeded,
    ),
    415: ("unsupported", "Unsupported Media Type", errors.VimBadRequest),
    429: ("overLimit", "Slow down", errors.VimConflict),
    500: ("computeFault", "Unexpected API Error.", errors.VimServerError),
    502: ("fault", "Bad Gateway", errors.VimUnreachable),
    503: ("fault", "The Keystone service is temporarily unavailable.", errors.VimUnreachable),
    504: ("fault", "Gateway Timeout", errors.VimUnreachable),
}


@pytest.mark.parametrize("status", NOVA)
def test_status_decides(status: int) -> None:
    word, text, kind = NOVA[status]
    error = translate(raised(response(status, {word: {"code": status, "message": text}})))
    assert type(error) is kind
    assert (error.message, error.status, error.request_id) == (text, status, "req-1")
    assert str(error) == f"{text} (req-1)"


@pytest.mark.parametrize(
    "status, body",
    [
        (
            403,
            {
                "forbidden": {
                    "code": 403,
                    "message": "Quota exceeded for cores: Requested 1, but already used 2 of 2 cores",
                }
            },
        ),
        (403, {"forbidden": {"code": 403, "message": "Maximum number of ports exceeded"}}),
        (
            409,
            {
                "NeutronError": {
                    "type": "OverQuota",
                    "message": "Quota exceeded for resources: ['port'].",
                    "detail": "",
                }
            },
        ),
    ],
)
def test_quota_is_told_from_policy_and_conflict(status: int, body: dict[str, Any]) -> None:
    error = translate(raised(response(status, body)))
    assert type(error) is errors.VimQuotaExceeded
    assert error.status == status


def test_a_get_that_says_not_found_for_a_503_is_unreachable() -> None:
    answer = response(503, {"fault": {"message": "down for maintenance"}})
    with pytest.raises(sdk.HttpException) as caught:
        sdk.raise_from_response(answer, error_message="No Server found for abc")
    assert isinstance(translate(caught.value), errors.VimUnreachable)


def wrapped(outer: Exception, cause: Exception, *, named: bool) -> Exception:
    """As the SDK wraps: with `from`, or just in an except clause."""
    try:
        try:
            raise cause
        except Exception:  # noqa: BLE001
            if named:
                raise outer from cause
            raise outer  # noqa: B904 - the SDK does
    except Exception as error:  # noqa: BLE001
        return error


ROWS: list[tuple[Exception, type[errors.VimError]]] = [
    (ks.ConnectFailure("Unable to establish connection to URL"), errors.VimUnreachable),
    (ks.ConnectTimeout("Request to URL timed out"), errors.VimTimeout),
    (ks.SSLError("certificate verify failed"), errors.VimUnreachable),
    (ks.UnknownConnectionError("odd", ValueError()), errors.VimUnreachable),
    (ks.DiscoveryFailure("no versions"), errors.VimUnreachable),
    (ks.Unauthorized("The request you have made requires authentication."), errors.VimAuthError),
    (ks.ServiceUnavailable("later"), errors.VimUnreachable),
    (ks.NotFound("no such thing"), errors.VimNotFound),
    (ks.EndpointNotFound("no volume service"), errors.VimBadRequest),
    (ks.EmptyCatalog("empty"), errors.VimBadRequest),
    (ks.MissingAuthPlugin("none"), errors.VimAuthError),
    (ks.AuthorizationFailure("no"), errors.VimAuthError),
    (sdk.ConfigException("Cloud no-such was not found."), errors.VimAuthError),
    (sdk.ServiceDiscoveryException("no endpoint"), errors.VimUnreachable),
    (sdk.ServiceDisabledException("disabled"), errors.VimBadRequest),
    (sdk.ResourceFailure("Server:ID transitioned to failure state ERROR"), errors.VimFault),
    (sdk.ResourceTimeout("too long"), errors.WaitTimedOut),
    (sdk.DuplicateResource("two"), errors.VimConflict),
    (sdk.NotSupported("too old"), errors.VimBadRequest),
    (sdk.ValidationException("bad"), errors.VimBadRequest),
    (sdk.InvalidResponse("odd"), errors.VimServerError),
    (sdk.SDKException("something"), errors.VimServerError),
    (requests.exceptions.ReadTimeout("slow"), errors.VimTimeout),
    (requests.exceptions.ChunkedEncodingError("cut"), errors.VimUnreachable),
    (requests.exceptions.ConnectionError("cut"), errors.VimUnreachable),
    (ConnectionResetError("reset"), errors.VimUnreachable),
    (KeyError("id"), errors.VimError),
    (errors.VimFault("as it is"), errors.VimFault),
]


@pytest.mark.parametrize("raised_, kind", ROWS, ids=lambda value: getattr(value, "__name__", repr(value)))
def test_each_class_has_its_row(raised_: Exception, kind: type[errors.VimError]) -> None:
    assert type(translate(raised_)) is kind


@pytest.mark.parametrize("named", [True, False])
def test_the_cause_of_a_bare_sdk_exception_decides(named: bool) -> None:
    cause = ks.Unauthorized("The request you have made requires authentication.", request_id="req-9", http_status=401)
    error = translate(wrapped(sdk.SDKException("(HTTP 401) (Request-ID: req-9)"), cause, named=named))
    assert type(error) is errors.VimAuthError
    words = "The request you have made requires authentication."
    assert (error.message, error.status, error.request_id) == (words, 401, "req-9")


def test_words_carry_no_addresses_of_objects() -> None:
    error = translate(ks.ConnectFailure("HTTPConnection(<urllib3.connection.HTTPConnection object at 0x7f00deadbeef>)"))
    assert "0x" not in error.message
