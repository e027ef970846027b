"""The OpenAPI document: kept by hand in ``openapi.yaml``, served as JSON with this server's version."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any, Final

import yaml

from openesc import __version__
from openesc.rest.answers import Answer, Page
from openesc.rest.call import Call
from openesc.rest.codec import json_text

FILE: Final = "openapi.yaml"


@cache
def document() -> dict[str, Any]:
    """The document without the pieces that are there to be referred to in YAML."""
    loaded = yaml.load(files(__package__).joinpath(FILE).read_text(), yaml.CSafeLoader)
    loaded["info"]["version"] = __version__
    return {name: value for name, value in loaded.items() if not name.startswith("x-")}


@cache
def _text() -> bytes:
    return json_text(document())


async def served(call: Call) -> Answer:
    """GET /openapi.json."""
    return Page("application/json", _text())
