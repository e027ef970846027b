"""Whatever is sent, the answer is one that the OpenAPI document announces: no undocumented 5xx, bodies as described."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from tests.integration.rest.client import Rest

from openesc.rest.openapi import document

CHECKS = [status_code_conformance, content_type_conformance, response_schema_conformance]
SCHEMA: Any = schemathesis.openapi.from_dict(document())
OPERATIONS = [found.ok() for found in SCHEMA.get_all_operations()]
EXAMPLES = 10
"""Requests for each operation; the seed is fixed."""


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.label)
def test_answers_are_those_of_the_document(operation: Any, rest: Rest) -> None:
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def check(case: Any) -> None:
        if "wait" in (case.query or {}):
            case.query["wait"] = 0  # or the test waits for news that do not come
        response = case.call(base_url=rest.url, session=rest.session)
        case.validate_response(response, checks=CHECKS)

    check()


def test_every_operation_is_tried() -> None:
    methods = ("get", "post", "put", "delete")
    assert len(OPERATIONS) == sum(method in item for item in document()["paths"].values() for method in methods)
