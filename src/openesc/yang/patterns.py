"""XML Schema regular expressions (RFC 7950 section 9.4.5).

Most patterns are turned into Python's `re`. What the two languages read differently (character class
escapes, class subtraction) is left to libxml2's own XML Schema engine: slower, but the same language.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from lxml import etree

Matcher = Callable[[str], bool]

_NEEDS_XSD = re.compile(r"\\[pPiIcCwW]|-\[")
_ESCAPES = {"s": r" \t\n\r", "S": r"^ \t\n\r"}
_OUTSIDE = {"^": r"\^", "$": r"\$", ".": r"[^\n\r]"}
_INSIDE = frozenset("[&|~")

_ATTRIBUTE = str.maketrans({char: f"&#{ord(char)};" for char in '&<>"\t\n\r'})
_SCHEMA = (
    '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:element name="v"><xs:simpleType>'
    '<xs:restriction base="xs:string"><xs:pattern value="%s"/></xs:restriction>'
    "</xs:simpleType></xs:element></xs:schema>"
)


@lru_cache(maxsize=2048)
def matcher(pattern: str) -> Matcher:
    """A function that says whether a whole string matches. Raises ValueError for a broken pattern."""
    if _NEEDS_XSD.search(pattern) is None:
        try:
            compiled = re.compile(_to_python(pattern))
        except (re.error, IndexError) as error:
            raise ValueError(f"pattern {pattern!r}: {error}") from error
        return lambda value: compiled.fullmatch(value) is not None
    return _xsd_matcher(pattern)


def _to_python(pattern: str) -> str:
    out: list[str] = []
    depth, at = 0, 0
    while at < len(pattern):
        char = pattern[at]
        if char == "\\":
            at += 1
            out.append(_escape(pattern[at], inside=depth > 0))
        elif depth:
            depth += (char == "[") - (char == "]")
            out.append("\\" + char if char in _INSIDE else char)
        else:
            depth = int(char == "[")
            out.append(_OUTSIDE.get(char, char))
        at += 1
    return "".join(out)


def _escape(char: str, *, inside: bool) -> str:
    if char not in _ESCAPES:
        return "\\" + char
    return _ESCAPES["s"] if inside and char == "s" else f"[{_ESCAPES[char]}]"


def _xsd_matcher(pattern: str) -> Matcher:
    try:
        schema = etree.XMLSchema(etree.fromstring(_SCHEMA % pattern.translate(_ATTRIBUTE)))
    except etree.XMLSchemaParseError as error:
        raise ValueError(f"pattern {pattern!r}: {error}") from error

    def matches(value: str) -> bool:
        probe = etree.Element("v")
        probe.text = value
        return schema.validate(probe)

    return matches
