"""The OpenAPI document as a page for people: plain HTML made here, a style sheet of our own, no script."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any

from openesc.rest.answers import Answer, Page
from openesc.rest.call import Call
from openesc.rest.openapi import document

METHODS = ("get", "post", "put", "delete")
Operation = Mapping[str, Any]


async def page(call: Call) -> Answer:
    """GET /docs."""
    return Page("text/html", _page())


async def style(call: Call) -> Answer:
    """GET /docs.css."""
    return Page("text/css", _style())


@cache
def _style() -> bytes:
    return files(__package__).joinpath("docs.css").read_bytes()


@cache
def _page() -> bytes:
    return "".join(_html(document())).encode()


def _html(api: Mapping[str, Any]) -> Iterator[str]:
    info = api["info"]
    yield '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    yield f"<title>{escape(info['title'])}</title>"
    yield '<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="/docs.css"></head><body>'
    yield f"<h1>{escape(info['title'])} <small>{escape(info['version'])}</small></h1>"
    for paragraph in [info["summary"], *info["description"].split("\n\n")]:
        yield f"<p>{_text(paragraph)}</p>"
    yield '<p><a href="/openapi.json">openapi.json</a></p><nav><ul>'
    for tag in api["tags"]:
        yield f'<li><a href="#{escape(tag["name"])}">{escape(tag["name"])}</a></li>'
    yield "</ul></nav>"
    for tag in api["tags"]:
        yield f'<section id="{escape(tag["name"])}"><h2>{escape(tag["name"])}</h2><p>{_text(tag["description"])}</p>'
        for path, method, operation in _of_tag(api, tag["name"]):
            yield from _operation(api, path, method, operation)
        yield "</section>"
    yield "</body></html>"


def _of_tag(api: Mapping[str, Any], tag: str) -> Iterator[tuple[str, str, Operation]]:
    for path, item in api["paths"].items():
        for method in METHODS:
            if tag in item.get(method, {}).get("tags", ()):
                shared = item.get("parameters", [])
                yield path, method, {**item[method], "parameters": [*shared, *item[method].get("parameters", [])]}


def _operation(api: Mapping[str, Any], path: str, method: str, operation: Operation) -> Iterator[str]:
    yield f'<article id="{operation["operationId"]}"><h3><code class="{method}">{method.upper()}</code> '
    yield f"<code>{escape(path)}</code></h3><p>{_text(operation['summary'])}.</p>"
    if "description" in operation:
        yield f"<p>{_text(operation['description'])}</p>"
    yield from _parameters(api, operation)
    body = _resolved(api, operation.get("requestBody", {}))
    for media, content in body.get("content", {}).items():
        if "example" in content:
            yield f"<pre>{escape(_curl(method, path, media, content['example']))}</pre>"
    yield "<ul>"
    for status, reference in sorted(operation["responses"].items()):
        yield f"<li><b>{status}</b> {_text(_resolved(api, reference)['description'])}</li>"
    yield "</ul></article>"


def _parameters(api: Mapping[str, Any], operation: Operation) -> Iterator[str]:
    found = [_resolved(api, parameter) for parameter in operation["parameters"]]
    if not found:
        return
    yield "<table><tr><th>parameter</th><th>in</th><th>meaning</th></tr>"
    for one in found:
        yield f"<tr><td><code>{escape(one['name'])}</code></td><td>{one['in']}</td>"
        yield f"<td>{_text(one.get('description', ''))}{_values(one['schema'])}</td></tr>"
    yield "</table>"


def _values(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return escape(f" One of {', '.join(schema['enum'])}.")
    return escape(f" {schema['default']} by default.") if "default" in schema else ""


def _curl(method: str, path: str, media: str, example: Any) -> str:
    """A command to copy; what stands in braces is to be filled in."""
    data = example if isinstance(example, str) else json.dumps(example)
    return (
        f"curl -X {method.upper()} 'http://localhost:8080{path}' \\\n  -H 'Content-Type: {media}' \\\n"
        f"  --data-raw '{data}'"
    )


def _resolved(api: Mapping[str, Any], value: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in value:
        return value
    found: Any = api
    for step in value["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return _resolved(api, found)


def _text(text: str) -> str:
    """Escaped; what stands between backquotes is code."""
    parts = escape(text.strip()).split("`")
    return "".join(f"<code>{part}</code>" if place % 2 else part for place, part in enumerate(parts))
