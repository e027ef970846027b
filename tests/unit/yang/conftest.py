"""A schema of test modules, and an oracle: every document checked here is judged by yangson too."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from xml.etree import ElementTree

import pytest
from lxml import etree
from lxml.etree import _Element
from yangson import DataModel
from yangson.enumerations import ContentType, ValidationScope
from yangson.exceptions import YangsonException

from openesc.yang import Schema, YangError, parse_xml, validate

MODULES = Path(__file__).parent / "modules"
Check = Callable[..., list[YangError]]


def oracle_model(schema: Schema) -> DataModel:
    """yangson's model of the same modules."""
    modules = [
        {
            "name": module.name,
            "revision": module.revision or "",
            "namespace": module.namespace,
            "feature": list(module.features),
            "conformance-type": module.conformance,
            "submodule": [{"name": sub.name, "revision": sub.revision or ""} for sub in module.submodules],
        }
        for module in schema.modules.values()
    ]
    library = {"ietf-yang-library:modules-state": {"module-set-id": "x", "module": modules}}
    directories = {str(module.path.parent) for module in schema.modules.values()}
    return DataModel(json.dumps(library), tuple(sorted(directories)))


def oracle_verdict(model: DataModel, roots: Sequence[_Element], *, state: bool = False) -> str | None:
    """What yangson has against a document; None if it is valid.

    yangson validates without defaults; asked to put them in, it puts in some whose when is false, and then
    refuses its own work: that one complaint is not counted.
    """
    wrapper = etree.Element("data")
    wrapper.extend(roots)
    content = ContentType.all if state else ContentType.config
    try:
        instance = model.from_xml(ElementTree.fromstring(etree.tostring(wrapper)))
        instance.validate(ValidationScope.all, content)
    except (YangsonException, KeyError, TypeError) as error:  # the latter two: a list entry without a key
        return f"{type(error).__name__}: {error}"
    try:
        instance.add_defaults().validate(ValidationScope.all, content)
    except YangsonException as error:
        return None if "member-not-allowed" in str(error) else f"{type(error).__name__}: {error}"
    return None


@lru_cache(maxsize=1)
def lab_schema() -> Schema:
    return Schema.load([MODULES], ["lab", "lab-more"])


@pytest.fixture(scope="session")
def lab() -> Schema:
    """The schema of modules/lab.yang and modules/lab-more.yang."""
    return lab_schema()


@pytest.fixture(scope="session")
def lab_oracle(lab: Schema) -> DataModel:
    return oracle_model(lab)


@pytest.fixture(scope="session")
def check(lab: Schema, lab_oracle: DataModel) -> Check:
    """Validates top-level elements given as text without namespace declarations (they are of lab), and
    asserts that yangson comes to the same verdict; `oracle=False` where yangson is known to be wrong."""

    def judge(text: str, *, oracle: bool = True) -> list[YangError]:
        document = parse_xml(
            f'<data xmlns="urn:lab" xmlns:lab="urn:lab" xmlns:more="urn:lab-more">{text}</data>'.encode()
        )
        errors = validate(lab, list(document))
        if not oracle:
            return errors
        told = oracle_verdict(lab_oracle, list(document))
        assert (told is None) == (not errors), f"ours: {errors}\nyangson: {told}"
        return errors

    return judge


@pytest.fixture(scope="session")
def oracle() -> Callable[[Schema, Sequence[_Element]], str | None]:
    """yangson's verdict on top-level elements of any schema: what is wrong, or None."""
    models: dict[str, DataModel] = {}

    def judge(schema: Schema, roots: Sequence[_Element]) -> str | None:
        if schema.content_id not in models:
            models[schema.content_id] = oracle_model(schema)
        return oracle_verdict(models[schema.content_id], [deepcopy(root) for root in roots])

    return judge
