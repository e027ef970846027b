"""Every error as an answer: its status, its form, its words."""

from __future__ import annotations

import json

import pytest
from lxml import etree

from openesc.errors import (
    AccessDenied,
    EscError,
    EscErrors,
    InUse,
    InvalidRequest,
    NotFound,
    OperationRefused,
    RefusedByCloud,
    ResourceDenied,
)
from openesc.netconf import RpcError
from openesc.rest.accept import JSON, XML
from openesc.rest.codec import BASE
from openesc.rest.errors import TooLarge, Unauthenticated, UnsupportedMedia, error_answer
from openesc.store import StoreError
from openesc.yang import TargetError, YangError, YangErrors

ESC_PATH = "/ESCManager/v0/x"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InvalidRequest("m"), 400),
        (Unauthenticated("m"), 401),
        (AccessDenied("m"), 403),
        (NotFound("m"), 404),
        (OperationRefused("m"), 409),
        (InUse("m"), 409),
        (TooLarge("m"), 413),
        (UnsupportedMedia("m"), 415),
        (EscError("m"), 500),
        (RefusedByCloud("m"), 500),
        (ResourceDenied("m"), 503),
        (StoreError("m"), 503),
        (RpcError("in-use", "m"), 409),
        (RpcError("operation-not-supported", "m"), 501),
        (YangErrors([YangError("invalid-value", "m")]), 400),
        (YangErrors([YangError("data-exists", "m")]), 409),
        (YangErrors([TargetError("data-missing", "m")]), 409),
        (YangErrors([YangError("data-missing", "m")]), 400),
        (YangErrors([YangError("operation-failed", "m", error_app_tag="must-violation")]), 400),
        (EscErrors([OperationRefused("m"), InvalidRequest("n")]), 409),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_status(error: Exception, status: int) -> None:
    answer = error_answer(error, ESC_PATH, XML)
    root = etree.fromstring(bytes(answer.body))
    assert answer.status_code == status
    assert root.findtext(f"{{{BASE}}}error_code") == str(status)
    assert (root.findtext(f"{{{BASE}}}error_message") or "").startswith("m")


def test_several_faults_are_told_together_each_with_its_element() -> None:
    faults = [YangError("invalid-value", "no number", error_path="/a/b"), YangError("unknown-element", "what is x")]
    answer = error_answer(YangErrors(faults), ESC_PATH, JSON)
    assert answer.media_type == JSON
    assert json.loads(bytes(answer.body)) == {
        "error": {"error_code": 400, "error_message": "/a/b: no number; what is x"}
    }


def test_a_problem_elsewhere() -> None:
    answer = error_answer(NotFound("nothing", path="/a"), "/openesc/v1/x", XML, {"Allow": "GET"})
    assert (answer.status_code, answer.media_type) == (404, "application/problem+json")
    assert answer.headers["allow"] == "GET"
    assert json.loads(bytes(answer.body)) == {
        "type": "about:blank",
        "status": 404,
        "detail": "/a: nothing",
        "errors": [{"path": "/a", "message": "/a: nothing"}],
    }


def test_a_defect_tells_a_reference_and_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    answer = error_answer(KeyError("secret"), ESC_PATH, XML)
    text = bytes(answer.body).decode()
    assert answer.status_code == 500
    assert "secret" not in text
    (record,) = caplog.records
    assert str(record.args[0] if isinstance(record.args, tuple) else "") in text
    assert record.exc_info is not None
