"""Message framing of RFC 6242 section 4: end-of-message (`]]>]]>`) and chunked."""

from __future__ import annotations

import enum
import re

EOM = b"]]>]]>"
END_OF_CHUNKS = b"\n##\n"
_HEADER = re.compile(rb"\n#([1-9][0-9]{0,9})\n")
_HEADER_SO_FAR = re.compile(rb"\n(#([1-9][0-9]{0,9}|#)?)?\Z")
_LINE_ENDS = frozenset({b"\n\n", b"\n\r", b"\r\n", b"\r\r"})
_LARGEST_CHUNK = 4294967295
_STEPS = 10_000  # of tiny chunks at once; so many take about ten milliseconds


class Framing(enum.Enum):
    """How messages are told apart on the byte stream."""

    UNDECIDED = "undecided"  # before the peer's first message
    EOM = "end-of-message"  # base:1.0
    CHUNKED = "chunked"  # base:1.1


class FramingError(Exception):
    """The byte stream cannot be cut into messages; the session must end (RFC 6242 section 4.2)."""


class MessageTooBigError(FramingError):
    """The peer's message passes the limit."""


class Deframer:
    """Cuts a byte stream into messages, in time linear in its length.

    The framing of the first message is found from its first bytes (some clients send their hello chunked already);
    after that `switch` says what holds. `limit` is the largest message in bytes.
    """

    def __init__(self, limit: int) -> None:
        self.framing = Framing.UNDECIDED
        self._limit = limit
        self._buffer = bytearray()
        self._searched = 0  # bytes at the front of the buffer known to start no delimiter
        self._message = bytearray()
        self._chunk_left = 0
        self.unfinished = False  # `next` has stopped for the sake of others: call it again

    def feed(self, data: bytes) -> None:
        """Take bytes from the peer."""
        self._buffer += data

    def switch(self, framing: Framing) -> None:
        """Read what follows the message just taken with `framing`."""
        self.framing = framing
        self._searched = 0

    @property
    def buffered(self) -> int:
        """Bytes taken that belong to no message yet handed out."""
        return len(self._buffer) + len(self._message)

    def next(self) -> bytes | None:
        """The next complete message; None when more bytes are needed, or while `unfinished`.

        Raises FramingError; the stream is of no use after that.
        """
        if self.framing is Framing.UNDECIDED and not self._decide():
            return None
        return self._next_eom() if self.framing is Framing.EOM else self._next_chunked()

    def _decide(self) -> bool:
        start = bytes(self._buffer[:2])
        if start in (b"", b"\n"):
            return False
        self.framing = Framing.CHUNKED if start == b"\n#" else Framing.EOM
        return True

    def _next_eom(self) -> bytes | None:
        end = self._buffer.find(EOM, self._searched)
        size = end if end >= 0 else len(self._buffer) - len(EOM)
        if size > self._limit:
            raise MessageTooBigError(f"a message is larger than the {self._limit} bytes allowed")
        if end < 0:
            self._searched = max(0, len(self._buffer) - len(EOM) + 1)
            return None
        message = bytes(self._buffer[:end])
        del self._buffer[: end + len(EOM)]
        self._searched = 0
        return message

    def _next_chunked(self) -> bytes | None:
        self.unfinished = False
        for _ in range(_STEPS):
            if not self._buffer:
                return None
            if self._chunk_left:
                self._take_chunk_data()
            elif self._buffer.startswith(END_OF_CHUNKS):
                return self._end_message()
            elif not self._take_header():
                return None
        self.unfinished = True
        return None

    def _take_chunk_data(self) -> None:
        taken = self._buffer[: self._chunk_left]
        self._message += taken
        self._chunk_left -= len(taken)
        del self._buffer[: len(taken)]

    def _take_header(self) -> bool:
        if not self._message:
            self._skip_line_ends()
        header = _HEADER.match(self._buffer, 0, 13)
        if header is None:
            if not _HEADER_SO_FAR.match(self._buffer):
                raise FramingError(f"not a chunk header: {bytes(self._buffer[:16])!r}")
            return False
        size = int(header[1])
        if size > _LARGEST_CHUNK:
            raise FramingError(f"a chunk of {size} bytes is beyond RFC 6242's {_LARGEST_CHUNK}")
        if len(self._message) + size > self._limit:
            raise MessageTooBigError(f"a message is larger than the {self._limit} bytes allowed")
        self._chunk_left = size
        del self._buffer[: header.end()]
        return True

    def _skip_line_ends(self) -> None:
        """Clients driven by a shell leave a line end behind a message: harmless between messages."""
        skipped = 0
        while bytes(self._buffer[skipped : skipped + 2]) in _LINE_ENDS:
            skipped += 1
        del self._buffer[:skipped]

    def _end_message(self) -> bytes:
        if not self._message:
            raise FramingError("a message without any chunk")
        message = bytes(self._message)
        self._message = bytearray()
        del self._buffer[: len(END_OF_CHUNKS)]
        return message


def frame(message: bytes, framing: Framing) -> bytes:
    """`message` as it goes on the wire."""
    if framing is Framing.CHUNKED:
        return b"\n#%d\n%b%b" % (len(message), message, END_OF_CHUNKS)
    if EOM in message:  # only a comment or processing instruction can hold it; text has `>` escaped
        message = message.replace(EOM, b"]]>]] >")
    return message + EOM
