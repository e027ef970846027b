"""Small readers of ESC's XML, so that the intent reads as the model does."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from lxml import etree

ESC = "http://www.cisco.com/esc/esc"


def first(element: etree._Element, path: str) -> etree._Element | None:
    """The first descendant at ``a/b/c``, names in ESC's namespace."""
    return element.find(_qualified(path))


def each(element: etree._Element, path: str) -> Iterator[etree._Element]:
    """All descendants at ``a/b/c``."""
    return iter(element.findall(_qualified(path)))


def text(element: etree._Element, path: str) -> str | None:
    """The text of the first descendant at `path`; None when absent or empty."""
    found = first(element, path)
    return (found.text or None) if found is not None else None


def required(element: etree._Element, path: str) -> str:
    """The text of a leaf that the YANG makes mandatory."""
    value = text(element, path)
    assert value is not None, path
    return value


def texts(element: etree._Element, path: str) -> tuple[str, ...]:
    """The texts of a leaf-list."""
    return tuple(found.text or "" for found in each(element, path))


def integer(element: etree._Element, path: str, default: int) -> int:
    value = text(element, path)
    return int(value) if value is not None else default


def truth(element: etree._Element, path: str, default: bool) -> bool:
    value = text(element, path)
    return value == "true" if value is not None else default


@cache
def _qualified(path: str) -> str:
    return "/".join(f"{{{ESC}}}{name}" for name in path.split("/"))
