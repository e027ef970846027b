"""Java's properties files, as java.util.Properties.load reads them."""

from __future__ import annotations

import pytest

from openesc.properties import Malformed, parse


def read(text: str) -> list[tuple[str, str, int]]:
    return [(one.key, one.value, one.line) for one in parse(text)]


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("a=b", "a", "b"),
        ("a:b", "a", "b"),
        ("a b", "a", "b"),
        ("a\tb", "a", "b"),
        ("  a \t= \f b  ", "a", "b  "),  # blanks at the end belong to the value
        ("a = = b", "a", "= b"),
        ("a :b=c", "a", "b=c"),
        ("a", "a", ""),
        ("a=", "a", ""),
        ("=b", "", "b"),
        ("a\\ b\\=\\:c = d", "a b=:c", "d"),
        ("a=\\ b", "a", " b"),
        ("a=\\t\\n\\r\\f\\q\\\\", "a", "\t\n\r\fq\\"),
        ("a=\\u0041\\u00e9", "a", "Aé"),
        ("\\u0061=b", "a", "b"),
        ("a=b # no comment", "a", "b # no comment"),
        ("\\#a=b", "#a", "b"),
        ("a=b\\", "a", "b"),
    ],
)
def test_a_line(text: str, key: str, value: str) -> None:
    assert read(text) == [(key, value, 1)]


def test_blank_lines_and_comments_are_no_properties() -> None:
    assert read("\n# a=b\n ! c=d \\\n \t\f\ne=f\n") == [("e", "f", 5)]


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_every_line_end(end: str) -> None:
    assert read(end.join(["a=1", "", "b=2", ""])) == [("a", "1", 1), ("b", "2", 3)]


def test_a_continued_line_is_one_and_counts_from_its_first() -> None:
    assert read("a=b,\\\n   c,\\\n\t d\ne=f") == [("a", "b,c,d", 1), ("e", "f", 4)]
    assert read("ke\\\n  y = v") == [("key", "v", 1)]


def test_only_an_odd_number_of_backslashes_continues() -> None:
    assert read("a=b\\\\\nc=d\\\\\\\ne") == [("a", "b\\", 1), ("c", "d\\e", 2)]


def test_neither_comment_nor_blank_line_stands_in_a_continuation() -> None:
    assert read("a=b\\\n# c\nd=e") == [("a", "b# c", 1), ("d", "e", 3)]
    assert read("a=b\\\n\nd=e") == [("a", "b", 1), ("d", "e", 3)]
    assert read("\\\n#a=b") == [("#a", "b", 1)]
    assert read("\\\n\n") == [("", "", 1)]


def test_a_key_given_twice_is_there_twice() -> None:
    assert read("a=1\na=2") == [("a", "1", 1), ("a", "2", 2)]


@pytest.mark.parametrize("text", ["\na=\\u12", "\na=\\uzzzz", "\na\\u=b"])
def test_a_broken_escape_names_its_line(text: str) -> None:
    with pytest.raises(Malformed, match="four hexadecimal digits") as caught:
        parse(text)
    assert caught.value.line == 2
