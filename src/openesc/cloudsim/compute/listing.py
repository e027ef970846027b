"""``GET /servers``: filters, ``changes-since``, order, pages."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from typing import Any
from urllib.parse import urlencode

from openesc.cloudsim.compute.states import status_of
from openesc.cloudsim.compute.views import server_summary, server_view
from openesc.cloudsim.core.call import Call
from openesc.cloudsim.core.cloud import parse_time
from openesc.cloudsim.core.faults import bad_request
from openesc.cloudsim.core.http import Response
from openesc.cloudsim.core.records import Server
from openesc.cloudsim.core.routing import Routes

routes = Routes("compute", "/compute/v2.1")
Test = Callable[[Server], bool]
_EXACT = re.compile(r"\^([\w-]+)\$")
_ALL_PROJECTS = "os_compute_api:servers:{}:get_all_tenants"


@routes.add("GET", "/servers", "server.list")
def list_servers(call: Call) -> Response:
    """Ids and names."""
    return _answer(call, server_summary, "index")


@routes.add("GET", "/servers/detail", "server.list")
def list_details(call: Call) -> Response:
    """Servers in full."""
    return _answer(call, server_view, "detail")


def _answer(call: Call, view: Callable[[Call, Server], dict[str, Any]], kind: str) -> Response:
    every = (
        call.flag("all_tenants")
        or call.flag("all_projects")
        or ("all_tenants" in call.request.query and call.arg("all_tenants") == "")
    )
    if every:
        call.require("admin", _ALL_PROJECTS.format(kind))
    tests = [*_tests(call), *([] if every else [_of_project(call)])]
    found = (server for server in _ordered(call) if all(test(server) for test in tests))
    limit = _limit(call)
    page = list(islice(_after_marker(call, found), limit + 1))
    document: dict[str, Any] = {"servers": [view(call, server) for server in page[:limit]]}
    if len(page) > limit or (call.arg("limit") and len(page) == limit):
        document["servers_links"] = [{"rel": "next", "href": _next(call, page[limit - 1].id)}]
    return call.answer(document)


def _of_project(call: Call) -> Test:
    project = call.project_id
    return lambda server: server.project_id == project


def _limit(call: Call) -> int:
    text = call.arg("limit")
    if text is None:
        return call.cloud.settings.page_limit
    if not text.isdigit():
        raise bad_request(f"Invalid input for query parameters limit. Value: {text}.")
    return min(int(text) or call.cloud.settings.page_limit, call.cloud.settings.page_limit)


def _next(call: Call, marker: str) -> str:
    query = {key: value for key, value in call.request.query.items() if key != "marker"}
    return f"{call.request.base_url}{call.request.path}?{urlencode({**query, 'marker': marker}, doseq=True)}"


def _after_marker(call: Call, found: Iterator[Server]) -> Iterator[Server]:
    marker = call.arg("marker")
    if marker is None:
        return found
    if marker not in call.cloud.servers and marker not in call.cloud.tombstones:
        raise bad_request(f"marker [{marker}] not found")
    for server in found:
        if server.id == marker:
            break
    return found


def _ordered(call: Call) -> Iterable[Server]:
    rows = _candidates(call)
    keys = call.args("sort_key")
    directions = [*call.args("sort_dir"), *["desc"] * len(keys)]
    if keys:
        listed = list(rows)
        for key, direction in reversed(list(zip(keys, directions, strict=False))):
            attribute = _SORT.get(key, key)
            listed.sort(key=lambda server: str(getattr(server, attribute, "") or ""), reverse=direction == "desc")
        return listed
    return rows


_SORT = {"display_name": "name", "created_at": "created", "updated_at": "updated", "uuid": "id"}


def _candidates(call: Call) -> Iterable[Server]:
    cloud, since = call.cloud, call.arg("changes-since")
    if since is not None:
        moment = _moment(since)
        rows = [*cloud.servers.changed_since(moment), *cloud.tombstones.changed_since(moment)]
        return sorted(rows, key=lambda server: server.created, reverse=True)
    exact = _EXACT.fullmatch(call.arg("name") or "")
    if exact is not None:
        return reversed(cloud.servers.by("name", exact[1]))
    if call.is_admin and call.arg("host"):
        return reversed(cloud.servers.by("host", call.arg("host")))
    if call.is_admin and (call.flag("deleted") or (call.arg("status") or "").upper() == "DELETED"):
        return chain(cloud.servers.newest_first(), cloud.tombstones.newest_first())
    return cloud.servers.newest_first()


def _moment(text: str) -> float:
    try:
        return float(int(parse_time(text)))
    except ValueError:
        raise bad_request(f"Invalid input for query parameters changes-since. Value: {text}.") from None


def _tests(call: Call) -> list[Test]:
    chosen = [make(call.arg(name) or "") for name, make in _FILTERS.items() if call.arg(name) is not None]
    if call.is_admin:
        chosen += [make(call.arg(name) or "") for name, make in _ADMIN_FILTERS.items() if call.arg(name)]
    if call.arg("tags"):
        wanted = set((call.arg("tags") or "").split(","))
        chosen.append(lambda server: wanted <= set(server.tags))
    if call.arg("tags-any"):
        some = set((call.arg("tags-any") or "").split(","))
        chosen.append(lambda server: bool(some & set(server.tags)))
    return chosen


def _by_name(pattern: str) -> Test:
    try:
        compiled = re.compile(pattern, re.IGNORECASE)
    except re.error:
        raise bad_request(f"Invalid input for query parameters name. Value: {pattern}.") from None
    return lambda server: compiled.search(server.name) is not None


def _by_address(pattern: str) -> Test:
    compiled = re.compile(pattern)
    return lambda server: any(compiled.search(e["addr"]) for rows in server.addresses.values() for e in rows)


def _equals(attribute: str) -> Callable[[str], Test]:
    return lambda wanted: lambda server: str(getattr(server, attribute) or "") == wanted


def _before(text: str) -> Test:
    limit = parse_time(text)
    return lambda server: int(server.updated) <= limit


_FILTERS: dict[str, Callable[[str], Test]] = {
    "name": _by_name,
    "ip": _by_address,
    "ip6": _by_address,
    "status": lambda wanted: lambda server: status_of(server) == wanted.upper(),
    "flavor": lambda wanted: lambda server: server.flavor["id"] == wanted.rsplit("/", 1)[-1],
    "image": lambda wanted: lambda server: server.image_id == wanted.rsplit("/", 1)[-1],
    "locked": lambda wanted: lambda server: (server.locked_by is not None) == (wanted.lower() == "true"),
    "uuid": _equals("id"),
    "user_id": _equals("user_id"),
    "key_name": _equals("key_name"),
    "description": _equals("description"),
    "changes-before": _before,
}

_ADMIN_FILTERS: dict[str, Callable[[str], Test]] = {
    "host": _equals("host"),
    "node": _equals("host"),
    "vm_state": _equals("vm_state"),
    "task_state": _equals("task_state"),
    "power_state": _equals("power_state"),
    "project_id": _equals("project_id"),
    "tenant_id": _equals("project_id"),
    "availability_zone": _equals("zone"),
}
