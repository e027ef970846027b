"""RFC 6242 section 4, over every way a byte stream can be cut."""

from __future__ import annotations

import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.rawclient import chunked

from openesc.netconf.framing import EOM, Deframer, Framing, FramingError, MessageTooBigError, frame

LIMIT = 1024 * 1024
DOCUMENTS = st.binary(min_size=1, max_size=200).map(lambda tail: b"<a>" + tail.replace(b"]", b"") + b"</a>")


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    """`data` in pieces."""
    places = sorted({place % (len(data) + 1) for place in cuts} | {0, len(data)})
    return [data[start:end] for start, end in itertools.pairwise(places)]


def drain(deframer: Deframer, pieces: list[bytes]) -> list[bytes]:
    messages = []
    for piece in pieces:
        deframer.feed(piece)
        while (message := deframer.next()) is not None:
            messages.append(message)
    return messages


@given(st.lists(DOCUMENTS, min_size=1, max_size=5), st.lists(st.integers(0, 5000), max_size=30))
def test_end_of_message_framing_survives_any_split(documents: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(frame(document, Framing.EOM) for document in documents)
    assert drain(Deframer(LIMIT), cut(stream, cuts)) == documents


@given(
    st.lists(DOCUMENTS, min_size=1, max_size=5),
    st.integers(1, 300),
    st.lists(st.integers(0, 5000), max_size=30),
)
def test_chunked_framing_survives_any_split_and_chunk_size(documents: list[bytes], size: int, cuts: list[int]) -> None:
    stream = b"".join(chunked(document, size) for document in documents)
    assert drain(Deframer(LIMIT), cut(stream, cuts)) == documents


@given(DOCUMENTS, DOCUMENTS, st.lists(st.integers(0, 500), max_size=10))
def test_the_framing_changes_after_the_hello_wherever_the_bytes_are_cut(
    first: bytes, second: bytes, cuts: list[int]
) -> None:
    deframer = Deframer(LIMIT)
    messages = []
    for piece in cut(frame(first, Framing.EOM) + frame(second, Framing.CHUNKED), cuts):
        deframer.feed(piece)
        while (message := deframer.next()) is not None:
            messages.append(message)
            deframer.switch(Framing.CHUNKED)
    assert messages == [first, second]


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=10))
def test_any_bytes_give_messages_or_a_framing_error(noise: bytes, cuts: list[int]) -> None:
    deframer = Deframer(LIMIT)
    deframer.switch(Framing.CHUNKED)
    try:
        messages = drain(deframer, cut(noise, cuts))
    except FramingError:
        return
    assert sum(len(message) for message in messages) <= len(noise)


@pytest.mark.parametrize(
    "stream",
    [
        b"<rpc/>",
        b"\n#0\n",
        b"\n#01\n",
        b"\n#-1\n",
        b"\n# 4\n",
        b"\n#4 \n",
        b"\n#4x\n",
        b"\n#\n",
        b"\n##\n",
        b"\n#99999999999\n",
        b"\n#4294967296\n",
        b"\n#12345678901234567890",
        b"\n#3\n<a/>\n##\n",
    ],
)
def test_what_is_no_chunk_is_refused(stream: bytes) -> None:
    deframer = Deframer(2**40)
    deframer.switch(Framing.CHUNKED)
    deframer.feed(stream)
    with pytest.raises(FramingError):
        deframer.next()


def test_a_line_end_behind_a_message_is_forgiven() -> None:
    deframer = Deframer(LIMIT)
    assert drain(deframer, [chunked(b"<a/>") + b"\n" + chunked(b"<b/>") + b"\r\n" + chunked(b"<c/>")]) == [
        b"<a/>",
        b"<b/>",
        b"<c/>",
    ]


def test_a_giant_chunk_is_refused_at_its_header() -> None:
    deframer = Deframer(LIMIT)
    deframer.switch(Framing.CHUNKED)
    deframer.feed(b"\n#4000000000\n")
    with pytest.raises(MessageTooBigError):
        deframer.next()


def test_many_chunks_cannot_pass_the_limit_together() -> None:
    deframer = Deframer(1000)
    deframer.switch(Framing.CHUNKED)
    with pytest.raises(MessageTooBigError):
        drain(deframer, [b"\n#400\n" + b"x" * 400] * 3)


def test_a_message_without_end_is_refused_at_the_limit() -> None:
    deframer = Deframer(1000)
    deframer.feed(b"<a>" + b"x" * 900)
    assert deframer.next() is None
    deframer.feed(b"x" * 200)
    with pytest.raises(MessageTooBigError):
        deframer.next()


@pytest.mark.parametrize("framing", [Framing.EOM, Framing.CHUNKED])
def test_the_cost_of_a_message_is_linear_in_its_size(framing: Framing) -> None:
    def seconds(size: int) -> float:
        deframer = Deframer(10**9)
        deframer.switch(framing)
        stream = frame(b"x" * size, framing)
        pieces = [stream[start : start + 1000] for start in range(0, len(stream), 1000)]
        started = time.process_time()
        assert len(drain(deframer, pieces)) == 1
        return time.process_time() - started

    seconds(100_000)
    small, large = min(seconds(500_000) for _ in range(3)), min(seconds(8_000_000) for _ in range(3))
    assert large < 16 * small * 4  # quadratic would be 256 times


def test_a_message_in_tiny_chunks_is_read_in_turns() -> None:
    deframer = Deframer(LIMIT)
    deframer.switch(Framing.CHUNKED)
    deframer.feed(chunked(b"x" * 50_000, 1) + chunked(b"<next/>"))
    turns = 1
    while (message := deframer.next()) is None:
        assert deframer.unfinished
        turns += 1
    assert message == b"x" * 50_000
    assert turns > 5
    assert deframer.next() == b"<next/>"
    assert deframer.next() is None
    assert not deframer.unfinished


def test_the_delimiter_inside_a_comment_does_not_end_the_message() -> None:
    wire = frame(b"<a><!-- ]]>]]> --></a>", Framing.EOM)
    assert wire.count(EOM) == 1
    assert wire.endswith(EOM)
