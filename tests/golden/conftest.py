"""The schema under test, and an independent validator."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path

import pytest
from lxml import etree
from yangson import DataModel
from yangson.enumerations import ContentType
from yangson.exceptions import YangsonException

from openesc.yang import Schema

YANG = Path(__file__).parents[2] / "yang"
BASE = "urn:ietf:params:xml:ns:netconf:base:1.0"

Oracle = Callable[[etree._Element, str], str | None]


@pytest.fixture(scope="session")
def schema() -> Schema:
    return Schema.load([YANG], ["esc"])


def _revision(file: Path) -> str:
    found = re.search(r'revision "?(\d{4}-\d\d-\d\d)', file.read_text())
    assert found is not None, file
    return found.group(1)


def _module(name: str) -> dict[str, object]:
    namespace = re.search(r'namespace\s+"([^"]+)"', (YANG / f"{name}.yang").read_text())
    assert namespace is not None, name
    return {
        "name": name,
        "revision": _revision(YANG / f"{name}.yang"),
        "namespace": namespace.group(1),
        "conformance-type": "implement" if name == "esc" else "import",
    }


@pytest.fixture(scope="session")
def oracle() -> Oracle:
    """Yangson's verdict on a top-level element: None, or what it finds wrong first."""
    modules = [_module(name) for name in ("esc", "ietf-inet-types", "ietf-yang-types")]
    modules[0]["submodule"] = [{"name": file.stem, "revision": _revision(file)} for file in YANG.glob("esc_*.yang")]
    library = {"ietf-yang-library:modules-state": {"module-set-id": "esc", "module": modules}}
    model = DataModel(json.dumps(library), [str(YANG)])

    def verdict(element: etree._Element, content: str = "config") -> str | None:
        wrapper = ElementTree.Element(f"{{{BASE}}}config")
        wrapper.append(ElementTree.fromstring(etree.tostring(element)))
        try:
            model.from_xml(wrapper).validate(ctype=ContentType[content])
        except YangsonException as error:
            return f"{type(error).__name__}: {error}"
        return None

    return verdict
