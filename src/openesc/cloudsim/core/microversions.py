"""Microversions as Nova, Cinder and Placement negotiate them (API-SIG guideline "Microversion Specification")."""

from __future__ import annotations

from openesc.cloudsim.core.call import Call
from openesc.cloudsim.core.faults import ApiError, bad_request

RANGES: dict[str, tuple[tuple[int, int], tuple[int, int]]] = {
    "compute": ((2, 1), (2, 103)),
    "volume": ((3, 0), (3, 71)),
    "placement": ((1, 0), (1, 39)),
}
_KINDS = {"block-storage": "volume"}
_OLD_HEADERS = {"compute": "x-openstack-nova-api-version"}
_ID_HEADERS = {"compute": "x-compute-request-id"}


def _wanted(call: Call) -> str | None:
    for entry in call.request.headers.get("openstack-api-version", "").split(","):
        kind, _, version = entry.strip().partition(" ")
        if _KINDS.get(kind, kind) == call.route.service:
            return version.strip()
    return call.request.headers.get(_OLD_HEADERS.get(call.route.service, ""))


def negotiate(call: Call) -> None:
    """Set the call's microversion; raises a 406 outside the range and a 400 for nonsense."""
    limits = RANGES.get(call.route.service)
    if limits is None:
        return
    wanted = _wanted(call)
    if wanted == "latest":
        call.microversion = limits[1]
        return
    call.microversion = limits[0] if wanted is None else _parsed(wanted)
    if not limits[0] <= call.microversion <= limits[1]:
        low, high = (".".join(map(str, limit)) for limit in limits)
        raise ApiError(406, f"Version {wanted} is not supported by the API. Minimum is {low} and maximum is {high}.")


def _parsed(text: str) -> tuple[int, int]:
    major, _, minor = text.partition(".")
    if not (major.isdigit() and minor.isdigit()):
        raise bad_request(f"API Version String {text} is of invalid format. Must be of format MajorNum.MinorNum.")
    return int(major), int(minor)


def version_headers(call: Call) -> dict[str, str]:
    """Request id and microversion headers of an answer."""
    service = call.route.service
    headers = {"x-openstack-request-id": call.request_id}
    if service in _ID_HEADERS:
        headers[_ID_HEADERS[service]] = call.request_id
    if service in RANGES:
        version = ".".join(map(str, call.microversion))
        headers["OpenStack-API-Version"] = f"{service} {version}"
        headers["Vary"] = "OpenStack-API-Version"
        if service in _OLD_HEADERS:
            headers["X-OpenStack-Nova-API-Version"] = version
    return headers
