"""Neutron's lists: any attribute filters, tags too; sorting, pages, chosen fields."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from openesc.cloudsim.core.call import Call
from openesc.cloudsim.core.http import Response

_CONTROL = frozenset(
    {
        "limit",
        "marker",
        "page_reverse",
        "fields",
        "sort_key",
        "sort_dir",
        "tags",
        "tags-any",
        "not-tags",
        "not-tags-any",
    }
)
_SAME = {"tenant_id": "project_id"}


def listed(call: Call, key: str, rows: Iterable[Any], view: Callable[[Any, bool], dict[str, Any]]) -> Response:
    """The answer to a list: rows as `view` shows them (the flag says whether for an admin), after all filters."""
    wanted = {_SAME.get(name, name): values for name, values in call.request.query.items() if name not in _CONTROL}
    shown = [view(row, call.is_admin) for row in rows if _tags_match(call, row)]
    shown = [entry for entry in shown if all(_matches(entry, name, values) for name, values in wanted.items())]
    _sort(call, shown)
    page = _page(call, shown)
    document: dict[str, Any] = {key: [_fields(call, entry) for entry in page]}
    if page and len(page) < len(shown) and page[-1] is not shown[-1]:
        document[f"{key}_links"] = [{"rel": "next", "href": _next_link(call, page[-1]["id"])}]
    return call.answer(document)


def _matches(entry: dict[str, Any], name: str, values: list[str]) -> bool:
    if name == "fixed_ips":
        return all(any(_has_ip(fixed, value) for fixed in entry.get("fixed_ips", [])) for value in values)
    if name not in entry:
        return True
    actual = entry[name]
    texts = [str(item) for item in actual] if isinstance(actual, list) else [_text(actual)]
    return any(
        value in texts or (not isinstance(actual, list) and value.lower() == texts[0].lower()) for value in values
    )


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _has_ip(fixed: dict[str, str], condition: str) -> bool:
    name, _, value = condition.partition("=")
    if name == "ip_address_substr":
        return value in fixed["ip_address"]
    return fixed.get(name) == value


def _tags_match(call: Call, row: Any) -> bool:
    if not call.request.query:
        return True
    tags = set(row.tags)
    every, some = _split(call, "tags"), _split(call, "tags-any")
    no_every, no_some = _split(call, "not-tags"), _split(call, "not-tags-any")
    return (
        (not every or every <= tags)
        and (not some or bool(some & tags))
        and (not no_every or not no_every <= tags)
        and (not no_some or not no_some & tags)
    )


def _split(call: Call, name: str) -> set[str]:
    return {tag for value in call.args(name) for tag in value.split(",") if tag}


def _sort(call: Call, shown: list[dict[str, Any]]) -> None:
    keys = call.args("sort_key")
    directions = [*call.args("sort_dir"), *["asc"] * len(keys)]
    for key, direction in reversed(list(zip(keys, directions, strict=False))):
        shown.sort(key=lambda entry: str(entry.get(key, "")), reverse=direction == "desc")


def _page(call: Call, shown: list[dict[str, Any]]) -> list[dict[str, Any]]:
    marker, limit = call.arg("marker"), call.arg("limit")
    start = 0
    if marker is not None:
        start = next((i + 1 for i, entry in enumerate(shown) if entry["id"] == marker), len(shown))
    return shown[start : start + int(limit)] if limit and limit.isdigit() and int(limit) else shown[start:]


def _next_link(call: Call, marker: str) -> str:
    limit = call.arg("limit")
    return f"{call.request.base_url}{call.request.path}?limit={limit}&marker={marker}"


def _fields(call: Call, entry: dict[str, Any]) -> dict[str, Any]:
    fields = set(call.args("fields"))
    return {name: value for name, value in entry.items() if name in fields} if fields else entry
