"""The HTTP parser: any cut of the bytes gives the same requests; nonsense is refused."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openesc.cloudsim.core.http import BadHttp, Parser, Request, Response

STREAM = (
    b"GET /a%20b/?x=1&x=2&y= HTTP/1.1\r\nHost: here:1\r\nX-Auth-Token: t\r\n\r\n"
    b"POST /p HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello"
    b"PUT /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\n\r\n"
    b"DELETE / HTTP/1.1\r\n\r\n"
)


def parsed(pieces: list[bytes]) -> list[Request]:
    parser, found = Parser(), []
    for piece in pieces:
        parser.feed(piece)
        while (request := parser.next_request()) is not None:
            found.append(request)
    return found


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_every_cut_gives_the_same_requests(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(STREAM)]
    found = parsed([STREAM[a:b] for a, b in itertools.pairwise(edges)])
    assert [(r.method, r.path, r.body) for r in found] == [
        ("GET", "/a b", b""), ("POST", "/p", b"hello"), ("PUT", "/c", b"abcdefg"), ("DELETE", "/", b""),
    ]  # fmt: skip
    assert found[0].query == {"x": ["1", "2"], "y": [""]}
    assert found[0].headers["x-auth-token"] == "t"
    assert found[0].base_url == "http://here:1"


@pytest.mark.parametrize(
    "data",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: many\r\n\r\n",
        b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /" + b"x" * 70_000,
    ],
)
def test_nonsense_is_refused(data: bytes) -> None:
    with pytest.raises(BadHttp):
        parsed([data])


def test_an_answer_on_the_wire() -> None:
    assert Response.json({"a": 1}, 201, {"X-Y": "z"}).encode() == (
        b'HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 8\r\nX-Y: z\r\n\r\n{"a": 1}'
    )
    assert b"Content-Length" not in Response(204).encode()
