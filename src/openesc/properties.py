"""Java's properties files, as java.util.Properties.load reads them: the form ESC's services are configured in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

BLANKS = " \t\f"
_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}
_LINE_END = re.compile(r"\r\n|\r|\n")
_SEPARATOR = re.compile(r"[ \t\f]*[=:]?[ \t\f]*")
_KEY = re.compile(r"(?:\\.|[^\\=: \t\f])*")
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)")


@dataclass(frozen=True, slots=True)
class Property:
    """A key and its value, and the line it begins at (the first is 1)."""

    key: str
    value: str
    line: int


class Malformed(Exception):
    r"""A line that Java does not read: ``\u`` without four hexadecimal digits. `line` is where it begins."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line


def parse(text: str) -> list[Property]:
    """The properties of a file, in order; of a key that is given twice both. Raises: Malformed."""
    return [_property(line, number) for number, line in _logical_lines(text)]


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines with their continuations, without blank lines and comments; neither can interrupt a continuation."""
    begun: str | None = None
    number = 0
    for here, natural in enumerate(_LINE_END.split(text), 1):
        line = natural.lstrip(BLANKS)
        if begun is None:
            if not line or line[0] in "#!":
                continue
            begun, number = "", here
        continues = _continues(line)
        begun += line[:-1] if continues else line
        if not continues:
            yield number, begun
            begun = None
    if begun:
        yield number, begun


def _continues(line: str) -> bool:
    """An even number of backslashes at the end stands for half as many of them."""
    return (len(line) - len(line.rstrip("\\"))) % 2 == 1


def _property(line: str, number: int) -> Property:
    key = _KEY.match(line)
    assert key is not None, "the pattern matches nothing, too"
    separator = _SEPARATOR.match(line, key.end())
    assert separator is not None, "the pattern matches nothing, too"
    return Property(_unescaped(key[0], number), _unescaped(line[separator.end() :], number), number)


def _unescaped(text: str, number: int) -> str:
    def character(found: re.Match[str]) -> str:
        escape = found[1]
        if len(escape) == 5:
            return chr(int(escape[1:], 16))
        if escape == "u":
            raise Malformed(number, "\\u wants four hexadecimal digits")
        return _ESCAPES.get(escape, escape)

    return _ESCAPE.sub(character, text)
