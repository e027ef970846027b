"""The OpenAPI document says what there is, and the page says what the document says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

from openesc.rest import docs
from openesc.rest.gate import PUBLIC
from openesc.rest.openapi import document
from openesc.rest.routes import ROUTES

METHODS = {"get", "post", "put", "delete"}


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every operation: method, path, itself with the parameters of its path."""
    for path, item in document()["paths"].items():
        for method in METHODS & set(item):
            shared = item.get("parameters", [])
            operation = item[method]
            yield method.upper(), path, {**operation, "parameters": [*shared, *operation.get("parameters", [])]}


def resolved(value: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in value:
        return value
    found: Any = document()
    for step in value["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return resolved(found)


def test_every_route_is_in_the_document_and_nothing_else_is() -> None:
    assert {(method, path) for method, path, _ in operations()} == {(method, path) for method, path, _ in ROUTES}
    assert len(ROUTES) == len({(method, path) for method, path, _ in ROUTES})


def test_every_path_declares_its_parameters() -> None:
    for method, path, operation in operations():
        declared = {one["name"] for one in map(resolved, operation["parameters"]) if one["in"] == "path"}
        assert declared == set(re.findall(r"\{(\w+)\}", path)), (method, path)


def test_operations_have_ids_of_their_own_and_tags_that_are_there() -> None:
    ids = [operation["operationId"] for _, _, operation in operations()]
    assert len(ids) == len(set(ids))
    tags = {tag["name"] for tag in document()["tags"]}
    assert {tag for _, _, operation in operations() for tag in operation["tags"]} == tags


def test_every_reference_leads_somewhere() -> None:
    def walk(value: Any) -> Iterator[dict[str, Any]]:
        if isinstance(value, dict):
            yield value
        for child in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            yield from walk(child)

    references = [value for value in walk(document()) if "$ref" in value]
    assert references
    assert all(resolved(value) for value in references)


def test_what_needs_no_credentials_says_so() -> None:
    public = {path for _, path, operation in operations() if operation.get("security") == [{}]}
    assert public == PUBLIC


class Links(HTMLParser):
    """What a page refers to and contains."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.found += [value or "" for name, value in attrs if name in ("href", "src")]


def test_the_page_shows_every_operation_and_needs_nobody_else() -> None:
    page = docs._page().decode()
    for _, path, operation in operations():
        assert f'id="{operation["operationId"]}"' in page
        assert path in page
    links = Links()
    links.feed(page)
    assert all(link.startswith(("/", "#")) for link in links.found), links.found
    assert "script" not in links.tags
    assert "url(" not in docs._style().decode()
