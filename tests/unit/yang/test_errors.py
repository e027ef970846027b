"""Errors cross process borders whole: big documents are validated in a worker."""

from __future__ import annotations

import pickle

from openesc.yang import SchemaError, YangError, YangErrors


def test_errors_survive_pickling() -> None:
    error = YangError(
        "data-missing",
        "gone",
        error_path="/a:b",
        error_app_tag="instance-required",
        error_type="protocol",
        error_info={"bad-element": "b"},
        namespaces={"a": "urn:a"},
    )

    (again,) = pickle.loads(pickle.dumps(YangErrors([error]))).errors

    assert type(again) is YangError and vars(again) == vars(error) and str(again) == str(error)
    assert str(again) == "/a:b: data-missing: gone"


def test_schema_errors_survive_pickling() -> None:
    again = pickle.loads(pickle.dumps(SchemaError(["x.yang:1: wrong", "y.yang:2: wrong"])))

    assert again.errors == ["x.yang:1: wrong", "y.yang:2: wrong"]
