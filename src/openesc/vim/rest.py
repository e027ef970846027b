"""Requests through the SDK's service proxies, with JSON in and out.

The proxies bring what is hard: log-in, catalogue, discovery, microversions, errors. The SDK's resource classes
are left out wherever a call is frequent: building one takes longer than the request itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from openstack import exceptions as sdk
from openstack import utils

from openesc.vim.errors import VimConflict

T = TypeVar("T")

Json = Mapping[str, Any]


def microversion(adapter: Any, newest: str | None) -> str | None:
    """The highest microversion both sides know, up to `newest`; None where the service has none."""
    return utils.maximum_supported_microversion(adapter, newest) if newest else None


def given(**attributes: Any) -> dict[str, Any]:
    """The attributes that are not None: services refuse null for what is not given."""
    return {name: value for name, value in attributes.items() if value is not None}


def get(adapter: Any, url: str, newest: str | None = None, **query: Any) -> tuple[Any, Mapping[str, str]]:
    """GET: body and headers. Raises: openstack.exceptions.HttpException."""
    response = adapter.get(url, params=given(**query), microversion=microversion(adapter, newest))
    sdk.raise_from_response(response)
    return response.json(), response.headers


def get_all(
    adapter: Any, url: str, key: str, newest: str | None = None, **query: Any
) -> tuple[list[dict[str, Any]], Mapping[str, str]]:
    """GET a list with all its pages: the items, and the headers of the first page."""
    body, headers = get(adapter, url, newest, **query)
    items: list[dict[str, Any]] = list(body[key])
    while body[key] and _has_next(body, key):
        body, _ = get(adapter, url, newest, **(query | {"marker": items[-1]["id"]}))
        items += body[key]
    return items, headers


def _has_next(body: Json, key: str) -> bool:
    """Glance names the next page, the others link to it."""
    return bool(body.get("next")) or any(link.get("rel") == "next" for link in body.get(f"{key}_links") or ())


def post(adapter: Any, url: str, body: Json, newest: str | None = None) -> Any:
    """POST: the response. Raises: openstack.exceptions.HttpException."""
    response = adapter.post(url, json=body, microversion=microversion(adapter, newest))
    sdk.raise_from_response(response)
    return response


def put(adapter: Any, url: str, body: Json) -> None:
    """PUT. Raises: openstack.exceptions.HttpException."""
    sdk.raise_from_response(adapter.put(url, json=body))


def delete(adapter: Any, url: str, newest: str | None = None) -> None:
    """DELETE; that it is gone already is success. Raises: openstack.exceptions.HttpException."""
    response = adapter.delete(url, microversion=microversion(adapter, newest))
    if response.status_code != 404:
        sdk.raise_from_response(response)


def unless_missing(fetch: Callable[[], T]) -> T | None:
    """What `fetch` returns, or None on 404."""
    try:
        return fetch()
    except sdk.NotFoundException:
        return None


def looks_like_id(name_or_id: str) -> bool:
    """Whether it may be a UUID; a name may look like one too, so a miss by id is followed by a look by name."""
    stripped = name_or_id.replace("-", "")
    return len(stripped) == 32 and all(digit in "0123456789abcdefABCDEF" for digit in stripped)


def only_one(kind: str, name: str, found: Iterable[Json], project_id: str, owner: str = "project_id") -> Json | None:
    """The one of that very name: the project's own before what others share with it; None when there is none.

    Raises: VimConflict when the name means several; their ids are in the message.
    """
    named = [one for one in found if one.get("name") == name]
    choice = [one for one in named if one.get(owner) == project_id] or named
    if len(choice) > 1:
        ids = ", ".join(one["id"] for one in choice)
        raise VimConflict(f"{len(choice)} {kind}s are named {name}: {ids}. Name the one you mean by its id.")
    return choice[0] if choice else None
